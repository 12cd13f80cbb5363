"""Gathering rows: a search over many turns that shows one revision.

Rows are looked at and kept by the batch, so that no list grows with what is found. What changed
while it went on is mended from the journal at its end. Knows neither filters nor rights but as
what a search selects.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Collection, Container, Generator, Iterator
from itertools import chain, groupby
from typing import Any

from msgspec import Struct

from confwire.errors import Compacted, ReadInterrupted
from proxyapp.engine.data.journal import Journal
from proxyapp.engine.data.rights import Key
from proxyapp.engine.data.rows import Row

ROWS_A_TURN = 1_000
SCANS_AT_ONCE = 16
"""Searches of several turns that go on at the same time; each holds what it has found."""
_ATTEMPTS = 5
"""Searches that a read makes while others' writes keep spoiling them."""
_TURNS_AT_ONCE = 20
"""Of those, how many the last search may take in one."""

Order = Callable[[Row], Any]
"""What rows are sorted by; no two rows that are found are equal in it."""


def by_dbid(row: Row) -> Key:
    """The order of types, and of DBIDs within one."""
    return row.type, row.dbid


def by_name(row: Row) -> tuple[str, int]:
    """The order of names, and of DBIDs among equal ones."""
    return row.name.casefold(), row.dbid


class Search(Struct):
    """What is looked for."""

    batches: Iterator[list[Row]]
    """The candidates."""
    select: Callable[[list[Row]], list[Row]]
    """Keeps those that fulfil the whole condition."""
    prepare: Iterator[None] = iter(())
    """What must be gone through before, a turn's work between two yields."""
    limit: int = 0
    """At most this many, the first ones in order; 0 for all."""
    looks_at: Container[int] = ()
    """Types whose objects the condition asks about, beside the rows that it selects."""
    order: Order = by_dbid
    after: Any = None
    """Only rows that come after this in the order; None for all."""
    in_order: bool = True
    """The candidates come in the order, and only those after `after`; else all are looked at."""


class Found:
    """Rows as of one revision, in batches that are in order."""

    __slots__ = ("batches", "epoch", "revision", "total")

    def __init__(self, epoch: str = "", revision: int = 0) -> None:
        self.epoch = epoch
        self.revision = revision
        self.batches: list[list[Row]] = []
        self.total = 0

    def __iter__(self) -> Iterator[Row]:
        return chain.from_iterable(self.batches)

    def take(self) -> Iterator[list[Row]]:
        """Yield the batches, each of one type, and let go of them; the total stays."""
        self.batches.reverse()
        while self.batches:
            batch = self.batches.pop()
            if batch[0].type == batch[-1].type:
                yield batch
            else:
                for _, rows in groupby(batch, lambda row: row.type):
                    yield list(rows)

    def add(self, rows: list[Row]) -> None:
        if rows:
            self.batches.append(rows)
            self.total += len(rows)

    def replace(self, rows: list[Row]) -> None:
        """Hold these rows instead."""
        self.batches, self.total = [], 0
        self.add(rows)

    def cut(self, limit: int) -> None:
        """Keep no more than the first rows."""
        while self.total > limit:
            surplus = self.total - limit
            last = self.batches.pop()
            self.total -= len(last)
            self.add(last[:-surplus])

    def exchange(self, gone: Collection[Key], fresh: list[Row], order: Order) -> None:
        """Drop the rows of these keys, and put others, whose keys are among them, in order."""
        if order is not by_dbid or not self.batches:
            # Where a row was found by its name it tells no more; such lists are short.
            kept = (row for row in self if by_dbid(row) not in gone)
            self.replace(sorted([*kept, *fresh], key=order))
            return
        starts = [by_dbid(batch[0]) for batch in self.batches]
        edited: dict[int, list[Row]] = {}
        for key in gone:
            edited[max(bisect_right(starts, key) - 1, 0)] = []
        for row in fresh:
            edited[max(bisect_right(starts, by_dbid(row)) - 1, 0)].append(row)
        for index, rows in edited.items():
            rows += (row for row in self.batches[index] if by_dbid(row) not in gone)
            rows.sort(key=by_dbid)
        for index in sorted(edited, reverse=True):
            self.batches[index : index + 1] = _cut(edited[index])
        self.total = sum(map(len, self.batches))


def _cut(rows: list[Row]) -> list[list[Row]]:
    """Return the rows in batches that are not too long."""
    return [rows[start : start + ROWS_A_TURN] for start in range(0, len(rows), ROWS_A_TURN)]


class _Share:
    """One search's share in the work: only so many that take several turns get on at once."""

    __slots__ = ("_counted", "_gatherer")

    def __init__(self, gatherer: Gatherer) -> None:
        self._gatherer = gatherer
        self._counted = False

    def may_go_on(self) -> bool:
        if not self._counted and self._gatherer.scans < SCANS_AT_ONCE:
            self._counted = True
            self._gatherer.scans += 1
        return self._counted

    def end(self) -> None:
        self._gatherer.scans -= self._counted
        self._counted = False


class Gatherer:
    """Carries out searches."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self.epoch = ""
        self.scans = 0
        """Searches of several turns that are under way."""

    def gather(self, begin: Callable[[], Search]) -> Generator[list[bytes], None, Found]:
        """Gather rows over several turns as of one revision, that of the last turn.

        `begin` gives the search; it is asked again when what happened meanwhile cannot be
        mended: rights, folders or an object of the types that the search looks at have changed,
        or the journal no longer tells what did. In the last attempt it all happens in one turn.

        Raises ReadInterrupted when that turn would hold everyone up.
        """
        journal = self._journal
        share = _Share(self)
        try:
            for attempt in range(1, _ATTEMPTS + 1):
                start, resets = journal.revision, journal.resets
                search, found = begin(), Found()
                for turns, _ in enumerate(_fill(found, search), 1):
                    if attempt < _ATTEMPTS:
                        yield []
                        while not share.may_go_on():
                            yield []
                    elif turns == _TURNS_AT_ONCE:
                        raise ReadInterrupted
                mended = yield from self._mend(found, start, search)
                if mended and resets == journal.resets:
                    break
        finally:
            share.end()
        found.epoch, found.revision = self.epoch, journal.revision
        return found

    def _mend(
        self, found: Found, revision: int, search: Search
    ) -> Generator[list[bytes], None, bool]:
        """Take in what changed since a revision, over many turns; tell whether that is possible.

        What changes on the way is taken in, too.
        """
        journal, limit = self._journal, search.limit
        full = bool(limit) and found.total >= limit
        # Behind the last one of a full list others are missing, too.
        bound = search.order(found.batches[-1][-1]) if full else None
        touched: dict[Key, Row | None] = {}
        while revision < journal.revision:
            try:
                entry = next(journal.since(revision))
            except Compacted:
                return False
            if entry.structural or entry.regroups:
                return False
            for change in entry.changes:
                if change.type in search.looks_at:
                    return False
                touched[change.type, change.dbid] = change.new
                if len(touched) == ROWS_A_TURN:
                    _take_in(found, touched, search, bound)
                    touched = {}
                    yield []
            revision = entry.revision
        _take_in(found, touched, search, bound)
        if limit:
            # Where one was lost, the next behind the bound would have to fill its place.
            complete = not full or found.total >= limit
            found.cut(limit)
            return complete
        return True


def _take_in(found: Found, touched: dict[Key, Row | None], search: Search, bound: Any) -> None:
    """Bring what was found up to some changes; nothing new behind the bound, None for none."""
    if not touched:
        return
    order = search.order
    fresh = search.select([row for row in touched.values() if row is not None])
    if search.after is not None:
        fresh = [row for row in fresh if order(row) > search.after]
    if bound is not None:
        fresh = [row for row in fresh if order(row) <= bound]
    found.exchange(touched, fresh, order)


def _fill(found: Found, search: Search) -> Iterator[None]:
    """Go through the candidates, a turn's work between two yields."""
    limit, looked = search.limit, 0
    yield from search.prepare
    for batch in search.batches:
        rows = search.select(batch)
        if search.in_order:
            found.add(rows)
            if limit and found.total >= limit:
                found.cut(limit)
                return
        elif rows:
            _keep_first(found, rows, search)
        looked += len(batch)
        if looked >= ROWS_A_TURN:
            looked = 0
            yield


def _keep_first(found: Found, rows: list[Row], search: Search) -> None:
    """Add rows that came in another order, and keep those that the search wants first."""
    order, limit, after = search.order, search.limit, search.after
    if after is not None:
        rows = [row for row in rows if order(row) > after]
    if limit and found.total >= limit:
        bound = order(found.batches[-1][-1])
        rows = [row for row in rows if order(row) < bound]
    if rows:
        every = sorted([*found, *rows], key=order)
        found.replace(every[: limit or None])
