"""A switchover that somebody has asked for: who may, and the answer when the other server leads.

Whether the other one takes over, and how it is told to, `pairing` knows.
"""

from __future__ import annotations

from typing import Any, NamedTuple, Protocol

from confwire.errors import NoBackup, NoPermission, RequestError
from confwire.messages import Message, SwitchedOver, SwitchOver
from confwire.objects import ObjectType
from proxyapp.engine.data.rights import CHANGE
from proxyapp.engine.serving import Serving

LIMIT = 5.0
"""Seconds that a backup has to lead when it is asked to."""


class Session(Protocol):
    """What is asked of a session."""

    name: str
    user: str
    peer: str
    profile: Any

    def answer(self, message: Message) -> None:
        """Send a message now."""

    def refuse(self, error: RequestError, ref: int | str | None) -> None:
        """Answer a request with an error now."""


class _Asked(NamedTuple):
    session: Session
    ref: int | str
    until: float


class Switchover:
    """The one that is under way, if there is one."""

    def __init__(self, serving: Serving) -> None:
        self._serving = serving
        self._asked: _Asked | None = None

    def check(self, session: Session) -> None:
        """Raise NoPermission: it may not change the server's own Application."""
        serving = self._serving
        own = serving.store.get(ObjectType.APPLICATION, serving.application["DBID"])
        if own is None or not session.profile.whole.mask(own.node) & CHANGE:
            raise NoPermission(
                "only who may change the Application object of this server lets another one lead",
                right="change",
            )

    def begin(self, session: Session, message: SwitchOver) -> None:
        """Wait until the other server leads.

        Raises NoBackup: it is waited for already.
        """
        if self._asked is not None:
            raise NoBackup("a switchover is under way already: wait for what becomes of it")
        serving = self._serving
        self._asked = _Asked(session, message.ref, serving.now + LIMIT)
        who = session.user or session.name
        serving.log("warning", "switchover asked for", by=who, peer=session.peer)

    def is_late(self) -> bool:
        """Refuse one whose time is over; tell whether there was one."""
        asked = self._asked
        if asked is None or self._serving.now < asked.until:
            return False
        self._asked = None
        error = NoBackup("the backup did not lead in time: see its log")
        asked.session.refuse(error, asked.ref)
        return True

    def end(self, server: str, term: int) -> None:
        """The other server leads: answer who has asked for it."""
        asked, self._asked = self._asked, None
        if asked is not None:
            serving = self._serving
            asked.session.answer(
                SwitchedOver(
                    ref=asked.ref,
                    epoch=serving.epoch,
                    revision=serving.revision,
                    server=server,
                    term=term,
                )
            )
