"""What a pair's primary tells its backup of its sessions.

A session that opens, closes or subscribes is told in the turn of it; how far each was sent, twice
a second, as the revision that all have and those that are behind it. Knows no link: it gives
messages.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

from confwire.messages import MirroredSession, ObjectId, SessionsMirrored, Subscription
from confwire.objects import OBJECTS, ObjectType
from proxyapp.engine.commands import Again
from proxyapp.engine.notifying.subscriptions import Spec
from proxyapp.engine.serving import Serving

CURSORS_EVERY = 0.5
"""Seconds between two messages about cursors."""
_SESSIONS_A_TURN = 250
_CONDITIONS_A_MESSAGE = 20_000
"""Types, folders, objects and so on in the subscriptions of one message: well below its limit."""


class Mirror:
    """The primary's side."""

    def __init__(self, serving: Serving, send: Callable[[SessionsMirrored], None]) -> None:
        self._serving = serving
        self._send = send
        self._told: dict[int, str] = {}
        """Sessions that the backup knows: connection -> id."""
        self._beginning = 0
        """Grows with each: what the one before had put off ends by itself."""
        self._number = 0
        """Of the message that was sent last."""
        self._looked_at = 0.0
        self._level = ("", 0)
        self._behind: list[tuple[str, int]] = []

    @property
    def active(self) -> bool:
        """Whether a backup is told."""
        return self._serving.roster.touched is not None

    def begin(self) -> None:
        """Tell of all sessions, over some turns, and then of each change."""
        self._beginning += 1
        self._told.clear()
        roster = self._serving.roster
        roster.touched = dict.fromkeys(session.connection for session in roster)
        self._tell([], [], whole=True)
        self._go_on()

    def stop(self) -> None:
        """Nobody is to be told."""
        self._beginning += 1
        self._serving.roster.touched = None
        self._told.clear()

    def flush(self) -> None:
        """Tell of what has changed in this turn."""
        roster = self._serving.roster
        touched = roster.touched
        if not touched:
            return
        chosen = [touched.popitem()[0] for _ in range(min(len(touched), _SESSIONS_A_TURN))]
        opened, closed = [], []
        for connection in chosen:
            session = roster.get(connection)
            known = self._told.pop(connection, "")
            if session is not None and session.role == "client":
                self._told[connection] = session.id
                opened.append(mirrored(session))
            if known and (session is None or session.id != known):
                closed.append(known)
        if opened or closed:
            self._tell(opened, closed)

    def flush_all(self) -> None:
        """Tell of everything now: this server is about to hand over."""
        while self._serving.roster.touched:
            self.flush()
        if self.active:
            self._tell_cursors()

    def tick(self, now: float) -> None:
        """Tell how far the sessions are, if it is time and there is news."""
        if not self.active or now - self._looked_at < CURSORS_EVERY:
            return
        self._looked_at = now
        serving = self._serving
        if (serving.epoch, serving.revision) != self._level or self._behind:
            self._tell_cursors()

    def _go_on(self) -> None:
        if self._serving.roster.touched:
            self._serving.out.append(Again(self._rest(self._beginning)))

    def _rest(self, beginning: int) -> Iterator[None]:
        """Tell what the first turn left over."""
        while self._beginning == beginning and self._serving.roster.touched:
            self.flush()
            yield

    def _tell(self, opened: list[MirroredSession], closed: list[str], whole: bool = False) -> None:
        if len(opened) > 1 and sum(map(_weight, opened)) > _CONDITIONS_A_MESSAGE:
            half = len(opened) // 2
            self._tell(opened[:half], closed, whole)
            self._tell(opened[half:], [])
            return
        self._send(self._next(whole=whole, sessions=opened, closed=closed))

    def _tell_cursors(self) -> None:
        serving = self._serving
        self._level = (serving.epoch, serving.revision)
        self._behind = list(_those_behind(serving.roster, serving.revision))
        self._send(self._next(behind=self._behind))

    def _next(self, **told: Any) -> SessionsMirrored:
        serving = self._serving
        self._number += 1
        return SessionsMirrored(
            epoch=serving.epoch,
            revision=serving.revision,
            run=serving.settings.run,
            number=self._number,
            **told,
        )


def _weight(session: MirroredSession) -> int:
    return sum(map(conditions_of, session.subscriptions))


def conditions_of(subscription: Subscription) -> int:
    """Return how many things a subscription names."""
    return (
        1
        + len(subscription.types)
        + len(subscription.tenants)
        + len(subscription.folders)
        + len(subscription.objects)
        + len(subscription.filter)
    )


def _those_behind(sessions: Iterable[Any], revision: int) -> Iterator[tuple[str, int]]:
    for session in sessions:
        if session.follower.behind and session.cursor < revision:
            yield session.id, session.cursor


def mirrored(session: Any) -> MirroredSession:
    """Return what a backup needs to go on with a session."""
    told = [wire_form(name, spec) for name, spec in session.follower.specs.items()]
    if sum(map(conditions_of, told)) > _CONDITIONS_A_MESSAGE:
        told = []  # too large for a message: its client brings them along
    return MirroredSession(
        session=session.id,
        application=session.name,
        application_dbid=session.application,
        application_type=session.application_type,
        user=session.user,
        person_dbid=session.person,
        peer=session.peer,
        port=session.port,
        subscriptions=told,
    )


def wire_form(name: str, spec: Spec) -> Subscription:
    """Return a subscription as a client would ask for it."""
    return Subscription(
        name=name,
        types=[OBJECTS[ObjectType(type_)].name for type_ in sorted(spec.types)],
        tenants=sorted(spec.tenants),
        folders=sorted(spec.folders),
        objects=[
            ObjectId(OBJECTS[ObjectType(type_)].name, dbid) for type_, dbid in sorted(spec.objects)
        ],
        filter=dict(spec.filter),
        mode=spec.mode,
    )
