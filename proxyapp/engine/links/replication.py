"""The master's side of a server link: the whole data, then every transaction.

A full load walks the live store while transactions overtake it; both carry whole records, so
what arrives twice is the same. The tree hash at the end proves that the other side has it all.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator
from functools import partial
from itertools import islice
from typing import NoReturn

from confwire import codec
from confwire.epochs import is_earlier
from confwire.errors import Compacted, EpochChanged, NotReady
from confwire.messages import (
    Cursor,
    Progress,
    Record,
    ReplicationLoaded,
    ReplicationRecords,
    ReplicationResumed,
    ReplicationStarted,
    Transaction,
)
from proxyapp.engine.commands import ReadTransactions
from proxyapp.engine.data.journal import GONE, Entry, tree_text
from proxyapp.engine.data.rows import Row
from proxyapp.engine.events import TransactionsRead
from proxyapp.engine.reading.gathering import ROWS_A_TURN
from proxyapp.engine.reading.requests import Task
from proxyapp.engine.serving import Serving

_ENTRIES_A_TURN = 50
PACKET = 16 * 1024
"""Bytes of one message: the other server takes in one a turn while its readers ask."""
_PACKETS_A_TURN = 2


class Replication:
    """One server link: live, loading, or behind with a cursor."""

    __slots__ = ("_connection", "_ref", "_serving", "answer", "behind", "cursor", "live")

    def __init__(self, serving: Serving, connection: int, ref: int | str) -> None:
        self._serving = serving
        self._connection = connection
        self._ref = ref
        self.live = False
        """Transactions are sent to it in the turn that applies them."""
        self.behind = False
        self.cursor = 0
        self.answer: TransactionsRead | None = None
        """What the journal table gave; the node puts it here before it wakes the task."""

    def start(self, since: Cursor | None, *, load: bool = True) -> Task:
        """Resume from the other server's cursor where it proves a shared history, else load.

        Without `load` it raises Compacted or EpochChanged instead.
        """
        serving = self._serving
        reason = "first"
        if since is not None:
            self.cursor = since.revision
            known = serving.journal.hash_at(since.revision)
            if is_earlier(serving.epoch, since.epoch):
                self._doubt(since)
            elif since.epoch != serving.epoch:
                reason = "epoch"
            elif since.revision > serving.revision or known not in (None, since.hash):
                self._doubt(since)
            else:
                reason = "compacted"
                if (yield from self._resume(since)):
                    yield [codec.encode(progress(serving))]
                    return
                if self.answer is not None and self.answer.foreign:
                    self._doubt(since)
        if not load:
            raise EpochChanged if reason == "epoch" else Compacted
        yield from self._load(reason)

    def _doubt(self, since: Cursor) -> NoReturn:
        reason = f"a server has seen another revision {since.revision}"
        self._serving.authority.doubt(reason, since.epoch)
        raise NotReady("the master's data is of another history, and a new epoch begins: ask again")

    def fall_behind(self, revision: int) -> None:
        """Send nothing more for now; all up to `revision` was sent."""
        if self.live:
            self.live = False
            self.behind, self.cursor = True, revision

    def catch_up(self) -> Task:
        """Send the transactions after the cursor, then go live; load anew if they are gone."""
        if (yield from self._follow()):
            yield [codec.encode(progress(self._serving))]
        else:
            yield from self._load("compacted")

    def _resume(self, since: Cursor) -> Generator[list[bytes] | None, None, bool]:
        """Go on after the cursor; tell whether that could be done."""
        serving = self._serving
        if serving.journal.hash_at(since.revision) is None:
            found = yield from self._read_table(since.revision, since.hash)
            if not found.known:
                return False
        resumed = ReplicationResumed(ref=self._ref, epoch=serving.epoch, revision=serving.revision)
        yield [codec.encode(resumed)]
        self.behind, self.live = True, False
        return (yield from self._follow())

    def _follow(self) -> Generator[list[bytes] | None, None, bool]:
        """Send what came after the cursor and go live; tell whether the journal had it all."""
        serving = self._serving
        while self.behind and self.cursor < serving.revision:
            if self.cursor >= serving.journal.compacted:
                yield from self._send_entries()
                continue
            found = yield from self._read_table(self.cursor, "")
            if not found.transactions:
                return False
            for transaction in found.transactions:
                if transaction.revision > serving.revision:
                    break  # the table is ahead; it is sent once it is applied here
                self.cursor = transaction.revision
                yield [codec.encode(transaction)]
        if self.behind:
            self.behind, self.live = False, True
        return True

    def _send_entries(self) -> Task:
        """Send the next transactions of the journal, some packets in each turn."""
        parts: list[bytes] = []
        weight = 0
        for entry in list(islice(self._serving.journal.since(self.cursor), _ENTRIES_A_TURN)):
            for part in transaction_parts(self._serving.epoch, entry):
                parts.append(part)
                weight += len(part)
                if weight > _PACKETS_A_TURN * PACKET:
                    yield parts
                    parts, weight = [], 0
            self.cursor = entry.revision
        yield parts

    def _read_table(
        self, revision: int, hash_: str
    ) -> Generator[list[bytes] | None, None, TransactionsRead]:
        """Read the journal table; what is not kept anywhere is not known."""
        if not self._serving.authority.keeps_journal:
            return TransactionsRead(self._connection, False, [])
        self.answer = None
        self._serving.out.append(ReadTransactions(self._connection, revision, hash_))
        while (answer := self._answered()) is None:
            yield None
        return answer

    def _answered(self) -> TransactionsRead | None:
        return self.answer

    def _load(self, reason: str) -> Task:
        serving = self._serving
        while not serving.loads.enter(self._connection, serving.now, serving.options):
            yield None
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
        batches = _batches(row for table in store.tables.values() for row in table.rows())
        while True:
            # No record may be older than a transaction before it: first what the line has
            # missed, and in the same turn the records as they stand then.
            if self.behind and not (yield from self._follow()):
                yield from self._load("compacted")
                return
            packets = [
                ReplicationRecords(
                    ref=self._ref, epoch=epoch, revision=serving.revision, records=records
                )
                for records in islice(batches, _PACKETS_A_TURN)
            ]
            if not packets:
                break
            yield [codec.encode(packet) for packet in packets]
        loaded = ReplicationLoaded(
            ref=self._ref,
            epoch=epoch,
            revision=serving.revision,
            tree=tree_text(store.tree),
            hash=serving.journal.hash_at(serving.revision) or "",
        )
        serving.loads.leave(self._connection)
        yield [codec.encode(loaded), codec.encode(progress(serving))]


def _batches(rows: Iterator[Row]) -> Iterator[list[Record]]:
    batch: list[Record] = []
    weight = 0
    for row in rows:
        batch.append(row.record())
        weight += len(row.body)
        if weight > PACKET or len(batch) >= ROWS_A_TURN:
            yield batch
            batch, weight = [], 0
    if batch:
        yield batch


def progress(serving: Serving) -> Progress:
    """Say where this server is, and how new its data is known to be.

    A master whose database is away knows of no changes either.
    """
    age = serving.authority.age(serving.now)
    now = serving.now
    return Progress(epoch=serving.epoch, revision=serving.revision, age=age, clock=now)


def transaction_parts(epoch: str, entry: Entry) -> Iterator[bytes]:
    """Yield the messages that carry a transaction over a server link."""
    part = partial(Transaction, epoch=epoch, revision=entry.revision, at=entry.at, by=entry.by)
    records: list[Record] = []
    weight = 0
    for change in entry.changes:
        size = len(change.new.body) if change.new is not None else 0
        if records and weight + size > PACKET:
            yield codec.encode(part(records=records, last=False))
            records, weight = [], 0
        gone = Record(change.type, change.dbid, 0, GONE)
        records.append(change.new.record() if change.new is not None else gone)
        weight += size
    whole = part(records=records, last=True, tree=tree_text(entry.tree), hash=entry.hash)
    yield codec.encode(whole)
