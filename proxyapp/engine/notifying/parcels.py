"""The notification of a large transaction: worked out once for a view, a slice a turn.

Sessions of one view share a parcel and go through it at their own pace; who is slow holds up
nobody, and costs nothing but its place in it. Knows no sessions.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator
from weakref import WeakValueDictionary

from proxyapp.engine.data.access import Profile
from proxyapp.engine.data.journal import Change, Entry
from proxyapp.engine.data.store import Store
from proxyapp.engine.notifying.fanout import packets, piece
from proxyapp.engine.notifying.subscriptions import Spec, View

_CHANGES_A_TURN = 500


class Parcel:
    """What one view gets of one large transaction."""

    def __init__(self, epoch: str, entry: Entry, view: View, store: Store, size: int) -> None:
        self._messages: list[bytes] = []
        self._work = self._pack(epoch, entry, view, store, size)
        self._done = False

    def messages(self) -> Iterator[bytes]:
        """Yield the messages in order, and nothing in turns that were spent on working."""
        index = 0
        while index < len(self._messages) or not self._done:
            if index < len(self._messages):
                yield self._messages[index]
                index += 1
            else:
                self._done = next(self._work, True)
                yield b""

    def _pack(
        self, epoch: str, entry: Entry, view: View, store: Store, size: int
    ) -> Generator[bool, None, None]:
        ready: list[bytes] = []
        weight = 0
        for count, change in enumerate(entry.changes, 1):
            item = piece_for(view, change, store)
            if item:
                if weight and weight + len(item) > size:
                    self._messages += packets(epoch, entry.revision, ready, size, last=False)
                    ready, weight = [], 0
                ready.append(item)
                weight += len(item)
            if count % _CHANGES_A_TURN == 0:
                yield False
        if ready:
            self._messages += packets(epoch, entry.revision, ready, size)


class Parcels:
    """The parcels under way, each for as long as somebody goes through it."""

    def __init__(self) -> None:
        self._known: WeakValueDictionary[tuple[int, Profile, frozenset[Spec]], Parcel] = (
            WeakValueDictionary()
        )

    def of(self, epoch: str, entry: Entry, view: View, store: Store, size: int) -> Parcel:
        """Return the parcel of a view, made on first use."""
        key = (id(entry), view.profile, view.specs)
        parcel = self._known.get(key)
        if parcel is None:
            parcel = self._known[key] = Parcel(epoch, entry, view, store, size)
        return parcel


def piece_for(view: View, change: Change, store: Store) -> bytes:
    """Return what a view gets of a change by its rights of now."""
    was = change.old is not None and view.sees(change.old, store)
    now = change.new is not None and view.sees(change.new, store)
    row = change.new or change.old
    assert row is not None
    return piece(change, was, now, view.mode_of(row, store) or "log")
