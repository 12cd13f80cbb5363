"""The master's side of a server link: the whole data, then every transaction.

A full load walks the live store while transactions overtake it; both carry whole records, so
what arrives twice is the same. The tree hash at the end proves that the other side has it all.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice

from confwire import codec
from confwire.errors import Compacted
from confwire.messages import (
    Cursor,
    Record,
    ReplicationLoaded,
    ReplicationRecords,
    ReplicationResumed,
    ReplicationStarted,
    Transaction,
)
from proxyapp.engine.journal import GONE, Entry, tree_text
from proxyapp.engine.requests import BYTES_A_TURN, ROWS_A_TURN, Task
from proxyapp.engine.rows import Row
from proxyapp.engine.serving import Serving

_ENTRIES_A_TURN = 50


class Replication:
    """One server link: live, loading, or behind with a cursor."""

    __slots__ = ("_ref", "_serving", "behind", "cursor", "live")

    def __init__(self, serving: Serving, ref: int | str) -> None:
        self._serving = serving
        self._ref = ref
        self.live = False
        """Transactions are sent to it in the turn that applies them."""
        self.behind = False
        self.cursor = 0

    def start(self, since: Cursor | None) -> Task:
        """Resume from the other server's cursor where it proves a shared history, else load."""
        while True:
            try:
                yield from self._attempt(since)
                return
            except Compacted:  # a line so slow that the journal left it behind
                since = None

    def _attempt(self, since: Cursor | None) -> Task:
        serving = self._serving
        if since is None:
            yield from self._load("first")
        elif since.epoch != serving.epoch or since.revision > serving.revision:
            yield from self._load("epoch")
        elif (known := serving.journal.hash_at(since.revision)) is None:
            yield from self._load("compacted")
        elif known != since.hash:
            yield from self._load("diverged")
        else:
            resumed = ReplicationResumed(
                ref=self._ref, epoch=serving.epoch, revision=serving.revision
            )
            yield [codec.encode(resumed)]
            self.behind, self.cursor = True, since.revision
            yield from self._follow()

    def fall_behind(self, revision: int) -> None:
        """Send nothing more for now; all up to `revision` was sent."""
        if self.live:
            self.live = False
            self.behind, self.cursor = True, revision

    def catch_up(self) -> Task:
        """Send the transactions after the cursor, then go live; load anew if they are gone."""
        try:
            yield from self._follow()
        except Compacted:
            yield from self.start(None)

    def _follow(self) -> Task:
        serving = self._serving
        while self.behind and self.cursor < serving.revision:
            entries = list(islice(serving.journal.since(self.cursor), _ENTRIES_A_TURN))
            self.cursor = entries[-1].revision
            yield [part for entry in entries for part in transaction_parts(serving.epoch, entry)]
        if self.behind:
            self.behind, self.live = False, True

    def _load(self, reason: str) -> Task:
        serving = self._serving
        store, epoch = serving.store, serving.epoch
        self.behind, self.live = False, True
        started = ReplicationStarted(
            ref=self._ref,
            epoch=epoch,
            revision=serving.revision,
            reason=reason,  # type: ignore[arg-type]
            total=store.count,
        )
        yield [codec.encode(started)]
        for records in _batches(row for table in store.tables.values() for row in table.rows()):
            yield from self._overtake()  # no record may be older than a transaction before it
            packet = ReplicationRecords(
                ref=self._ref, epoch=epoch, revision=serving.revision, records=records
            )
            yield [codec.encode(packet)]
        yield from self._overtake()
        loaded = ReplicationLoaded(
            ref=self._ref,
            epoch=epoch,
            revision=serving.revision,
            tree=tree_text(store.tree),
            hash=serving.journal.hash_at(serving.revision) or "",
        )
        yield [codec.encode(loaded)]

    def _overtake(self) -> Task:
        """Send, in one turn, the transactions that a blocked line has missed."""
        if self.behind:
            self.behind, self.live = False, True
            yield [
                part
                for entry in self._serving.journal.since(self.cursor)
                for part in transaction_parts(self._serving.epoch, entry)
            ]


def _batches(rows: Iterator[Row]) -> Iterator[list[Record]]:
    batch: list[Record] = []
    weight = 0
    for row in rows:
        batch.append(row.record())
        weight += len(row.body)
        if weight > BYTES_A_TURN or len(batch) >= ROWS_A_TURN:
            yield batch
            batch, weight = [], 0
    if batch:
        yield batch


def transaction_parts(epoch: str, entry: Entry) -> list[bytes]:
    """Return the messages that carry a transaction over a server link."""
    records = [
        change.new.record() if change.new is not None else Record(change.type, change.dbid, 0, GONE)
        for change in entry.changes
    ]
    parts = _cut(records)
    return [
        codec.encode(
            Transaction(
                epoch=epoch,
                revision=entry.revision,
                at=entry.at,
                by=entry.by,
                records=part,
                last=index == len(parts),
                tree=tree_text(entry.tree) if index == len(parts) else "",
                hash=entry.hash if index == len(parts) else "",
            )
        )
        for index, part in enumerate(parts, 1)
    ]


def _cut(records: Sequence[Record]) -> list[list[Record]]:
    parts: list[list[Record]] = [[]]
    weight = 0
    for record in records:
        size = len(bytes(record.body))
        if parts[-1] and weight + size > BYTES_A_TURN:
            parts.append([])
            weight = 0
        parts[-1].append(record)
        weight += size
    return parts
