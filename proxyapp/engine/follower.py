"""How a session follows the data: live in a view, or behind with a cursor.

Live, it is told of a change in the turn that applies it. Behind, because its reader is slow
or is still being sent a snapshot, it costs nothing but a cursor and catches up from the
journal; what the journal cannot tell any more is said, never skipped.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import islice

from confwire import codec
from confwire.errors import Compacted
from confwire.messages import NotificationsLost
from proxyapp.engine.access import Profile
from proxyapp.engine.fanout import packets, piece
from proxyapp.engine.journal import Change, Entry
from proxyapp.engine.requests import Task
from proxyapp.engine.rights import Key
from proxyapp.engine.serving import Serving
from proxyapp.engine.subscriptions import Spec, View

_ENTRIES_A_TURN = 200


class Follower:
    """The subscriptions of one session."""

    __slots__ = ("_connection", "_serving", "behind", "cursor", "specs", "view")

    def __init__(self, serving: Serving, connection: int) -> None:
        self._serving = serving
        self._connection = connection
        self.specs: dict[str, Spec] = {}
        # Invariant: `view` is set exactly while there are subscriptions and it is not behind.
        self.view: View | None = None
        self.behind = False
        self.cursor = 0
        """The last revision that was sent; counts while `behind`."""

    def change(self, specs: dict[str, Spec], profile: Profile) -> None:
        """Follow by these subscriptions from now on."""
        behind = self.behind
        self.stop()
        self.specs = specs
        if behind:
            self.behind = bool(specs)
        elif specs:
            self._join(profile)

    def fall_behind(self, revision: int) -> None:
        """Send nothing more for now; all up to `revision` was sent."""
        if self.specs and not self.behind:
            self._leave()
            self.behind = True
            self.cursor = revision

    def stop(self) -> None:
        """End all subscriptions."""
        self._leave()
        self.specs = {}
        self.behind = False

    def regroup(self, profile: Profile) -> None:
        """Take over another rights profile."""
        if self.view is not None and self.view.profile is not profile:
            self._leave()
            self._join(profile)

    def lose(self, reason: str) -> bytes:
        """End all subscriptions because continuity is lost; return the message that says so."""
        self.stop()
        serving = self._serving
        lost = NotificationsLost(
            epoch=serving.epoch,
            revision=serving.revision,
            reason="epoch" if reason == "epoch" else "compacted",
        )
        return codec.encode(lost)

    def catch_up(self, profile_of: Callable[[], Profile]) -> Task:
        """Send what the journal holds after the cursor, then go live without a gap."""
        serving = self._serving
        while self.behind and self.cursor < serving.revision:
            try:
                entries = list(islice(serving.journal.since(self.cursor), _ENTRIES_A_TURN))
                if any(entry.structural for entry in entries):
                    raise Compacted
            except Compacted:
                yield [self.lose("compacted")]
                return
            self.cursor = entries[-1].revision
            yield self._replay(entries, profile_of())
        if self.behind:
            self.behind = False
            self._join(profile_of())

    def _replay(self, entries: list[Entry], profile: Profile) -> list[bytes]:
        view = View(profile, frozenset(self.specs.values()))
        if all(spec.mode == "state" for spec in view.specs):
            steps = [(entries[-1].revision, _coalesce(entries))]
        else:
            steps = [(entry.revision, entry.changes) for entry in entries]
        serving = self._serving
        size = serving.options.number("packet-size")
        messages = []
        for revision, changes in steps:
            pieces = [item for change in changes if (item := self._piece(view, change))]
            if pieces:
                messages += packets(serving.epoch, revision, pieces, size)
        return messages

    def _piece(self, view: View, change: Change) -> bytes:
        store = self._serving.store
        was = change.old is not None and view.sees(change.old, store)
        now = change.new is not None and view.sees(change.new, store)
        row = change.new or change.old
        assert row is not None
        return piece(change, was, now, view.mode_of(row, store) or "log")

    def _join(self, profile: Profile) -> None:
        specs = frozenset(self.specs.values())
        self.view = self._serving.subscriptions.join(self._connection, profile, specs)

    def _leave(self) -> None:
        if self.view is not None:
            self._serving.subscriptions.leave(self._connection, self.view)
            self.view = None


def _coalesce(entries: list[Entry]) -> list[Change]:
    """Return one change per object: from its first state to its last."""
    merged: dict[Key, Change] = {}
    for entry in entries:
        for change in entry.changes:
            key = (change.type, change.dbid)
            first = merged.get(key)
            old = change.old if first is None else first.old
            merged[key] = Change(change.type, change.dbid, old, change.new)
    return [change for change in merged.values() if change.old or change.new]
