"""What the journal's memory undoes: objects as they were at a revision, the first ones in order.

However much has changed, only so many objects are held at a time. Knows no rights.
"""

from __future__ import annotations

from collections.abc import Generator
from itertools import islice

from confwire.errors import Compacted, HistoryExpired
from proxyapp.engine.data.journal import Change
from proxyapp.engine.data.rights import Key
from proxyapp.engine.data.rows import Row
from proxyapp.engine.serving import Serving
from proxyapp.engine.sessions.past import Place

_CHANGES_A_TURN = 500
_ENTRIES_AT_ONCE = 200


class Undoing:
    """One walk from a revision up to the present, over many turns."""

    __slots__ = ("_after", "_key", "_most", "_reached", "_resets", "_serving", "_steps", "_type",
                 "_until", "bound", "former", "later", "places")  # fmt: skip

    def __init__(
        self,
        serving: Serving,
        begin: int,
        until: int | None = None,
        *,
        wanted: Key = (0, 0),
        after: Key = (0, 0),
        most: int,
    ) -> None:
        """Choose what is looked for.

        Args:
            until: only what was changed up to this revision; None for all.
            wanted: type and DBID, 0 for all.
            after: only what comes behind this in order.
            most: objects that are looked for; up to twice as many are held.
        """
        self._serving = serving
        self._reached = begin
        self._until = until
        self._type, self._key = wanted[0], wanted if wanted[1] else None
        self._after = after
        self._most = most
        self._resets = serving.journal.resets
        self._steps = 0
        self.former: dict[Key, Row | None] = {}
        """What was changed, as it was before."""
        self.later: dict[Key, Row | None] = {}
        """Of that, what was changed again behind `until`, as it was then."""
        self.places: dict[Key, Place] = {}
        """Where the deleted lay last."""
        self.bound: Key | None = None
        """Behind this there is more than was looked for; None: there is not."""

    def walk(self) -> Generator[list[bytes], None, None]:
        """Take in all up to the turn that ends it; done once more, what has come since.

        Raises HistoryExpired: memory does not reach back so far any more.
        """
        journal = self._serving.journal
        while True:
            try:
                entries = list(islice(journal.since(self._reached), _ENTRIES_AT_ONCE))
            except Compacted:
                raise expired(self._serving) from None
            if journal.resets != self._resets:
                raise expired(self._serving)
            if not entries:
                return
            for entry in entries:
                for change in entry.changes:
                    self._take(entry.revision, change)
                    self._steps += 1
                    if self._steps % _CHANGES_A_TURN == 0:
                        yield []
                self._reached = entry.revision

    def state(self, key: Key) -> Row | None:
        """Return what was changed as it was at `until`."""
        return self.later[key] if key in self.later else self._serving.store.get(*key)

    def _take(self, revision: int, change: Change) -> None:
        key = (change.type, change.dbid)
        if not self._is_wanted(key):
            return
        if self._until is None or revision <= self._until:
            self.former.setdefault(key, change.old)
        elif key in self.former:
            self.later.setdefault(key, change.old)
        else:
            return
        if change.new is None and change.old is not None:
            self.places[key] = (change.old.folder, change.old.acl or ())
        if len(self.former) > 2 * self._most:
            self._cut()

    def _is_wanted(self, key: Key) -> bool:
        if (self._type and key[0] != self._type) or key <= self._after:
            return False
        if self._key is not None and key != self._key:
            return False
        return self.bound is None or key <= self.bound

    def _cut(self) -> None:
        """Keep the first ones; what lies behind them is for another page."""
        kept = sorted(self.former)[: self._most]
        self.bound = kept[-1]
        self.former = {key: self.former[key] for key in kept}
        self.places = {key: place for key, place in self.places.items() if key in self.former}


def expired(serving: Serving) -> HistoryExpired:
    """Return the refusal of what memory does not reach back to."""
    begin = serving.journal.compacted
    return HistoryExpired(
        f"History Log has expired: this server's memory begins with revision {begin};"
        " the master may know what was before",
        oldest=begin,
    )
