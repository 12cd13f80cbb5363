"""What of a proxy's data goes to its local copy, and when: all of it by pages, then each change.

The pages are walked while transactions overtake them, as on a server link; both carry whole
records, so what is written twice is the same. Knows no files: the runtime asks for the pages.
"""

from __future__ import annotations

from collections.abc import Iterator

from proxyapp.engine.commands import BeginCopy, CopyEntry, CopyRows, DateCopy, KeepKeys
from proxyapp.engine.data.journal import Entry, tree_text
from proxyapp.engine.data.rows import Row
from proxyapp.engine.reading.gathering import ROWS_A_TURN
from proxyapp.engine.reading.requests import BYTES_A_TURN
from proxyapp.engine.serving import Serving

_DATE_PERIOD = 5.0
"""Seconds between notes that the data is current."""


class Copying:
    """The engine's side of the local copy of one node."""

    def __init__(self, serving: Serving) -> None:
        self._serving = serving
        self._walk: Iterator[list[Row]] | None = None
        self.reading = False
        """The files of the last run are being taken in: nothing of that is to be written."""
        self._begun = False
        self._dated_at = 0.0

    def begin(self, *, whole: bool) -> None:
        """Write what comes after the present revision; with `whole`, all that is here as well."""
        serving = self._serving
        self._begun = True
        self._walk = _batches(self._rows()) if whole else None
        serving.out.append(
            BeginCopy(
                epoch=serving.epoch,
                revision=serving.revision,
                tree=tree_text(serving.store.tree),
                hash=serving.journal.hash_at(serving.revision) or "",
                count=serving.store.count,
                at=serving.known_at(),
                whole=whole,
            )
        )
        self.keep_keys()

    def keep_keys(self) -> None:
        """Write the keys of resume tokens, so that they outlive the process."""
        ring = self._serving.issuing.ring
        if ring is not None and self._serving.settings.local_copy:
            self._serving.out.append(KeepKeys(ring.given))

    def outgrown(self) -> None:
        """The log has become long, or a failure is over: write everything anew."""
        if self._begun:
            self.begin(whole=True)

    def follow(self, entry: Entry) -> None:
        """A transaction (or the difference of a load) was applied."""
        if self.reading:
            return
        if not entry.at:
            self.begin(whole=True)
        elif self._begun:
            self._serving.out.append(CopyEntry(self._serving.epoch, entry))

    def step(self) -> None:
        """Hand over the next page, or the end, that the runtime has asked for."""
        if self._walk is None:
            return
        serving = self._serving
        rows = next(self._walk, None)
        if rows is not None:
            serving.out.append(CopyRows(rows))
            return
        self._walk = None
        hash_ = serving.journal.hash_at(serving.revision) or ""
        tree = tree_text(serving.store.tree)
        serving.out.append(CopyRows([], serving.revision, tree, hash_))

    def tick(self, now: float) -> None:
        """Some time has passed: note that the data is current, if it is."""
        if self._begun and now - self._dated_at >= _DATE_PERIOD:
            known = self._serving.known_at()
            if now - known < _DATE_PERIOD:
                self._dated_at = now
                self._serving.out.append(DateCopy(known))

    def _rows(self) -> Iterator[list[Row]]:
        for table in self._serving.store.tables.values():
            yield from table.batches()


def _batches(pages: Iterator[list[Row]]) -> Iterator[list[Row]]:
    """Join what lies on pages that are nearly empty."""
    batch: list[Row] = []
    weight = 0
    for page in pages:
        for row in page:
            batch.append(row)
            weight += len(row.body)
            if weight > BYTES_A_TURN or len(batch) >= ROWS_A_TURN:
                yield batch
                batch, weight = [], 0
    if batch:
        yield batch
