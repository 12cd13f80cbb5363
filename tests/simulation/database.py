"""The configuration database: records, revisions, the journal table; and what a backup holds of it.

Commits are made by others beside the master, as the web process does.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

from msgspec import Raw, json, structs

from confwire import delta
from confwire.epochs import name_at
from confwire.errors import InvalidParameter, ObjectNotFound, RequestError
from confwire.messages import (
    CreateObject,
    DeleteObject,
    Record,
    Transaction,
    UpdateObject,
)
from confwire.objects import BY_NAME
from proxyapp.engine import commands, events
from proxyapp.engine.data.journal import GONE, chain_hash, record_digest, tree_after, tree_text
from tests.simulation.truth import Truth
from tests.simulation.vocabulary import Key, document_of


@dataclass
class Backup:
    """The database as it was."""

    records: dict[Key, Record]
    revision: int
    tree: int
    hash: str
    first: int
    transactions: list[Transaction]
    receipts: dict[tuple[int, str], str]
    notes: Counter[tuple[int, int]]


def note_in(request: CreateObject | UpdateObject | DeleteObject) -> int | None:
    """Return the number of the note that a request writes."""
    if not isinstance(request, UpdateObject):
        return None
    section = request.delta.get("userProperties", {}).get("note")
    return int(section["number"]) if section else None


class Database:
    """The one database of a world."""

    def __init__(
        self, records: dict[Key, Record], truth: Truth, now: Callable[[], float], born: float
    ) -> None:
        self.records = records
        self._truth = truth
        self._now = now
        self._born = born
        """When the simulation begins, in seconds since 1970."""
        self._epochs = 0
        self.epoch = self._next_epoch()
        self.revision = 1
        self.tree = sum(map(record_digest, records.values())) % (1 << 128)
        self.hash = chain_hash("", 1, self.tree)
        self.first = 1
        """The revision before the oldest transaction of the journal table."""
        self.transactions: list[Transaction] = []
        self.receipts: dict[tuple[int, str], str] = {}
        """What was written, by whom and under which name."""
        self.notes: Counter[tuple[int, int]] = Counter()
        """How often each note was written, by its object and number."""
        self.set_back = 0
        """Times that a backup was restored."""
        self.is_away = False
        self.connections = 0
        """Counts the times that all connections ended."""
        self.term = 0
        self.leader = self.instance = ""
        """Application and process of the master that leads."""
        self._lock: tuple[str, float] | None = None
        """Which process holds the lock of the lead, and when it was heard last."""
        self.listeners: list[Callable[[], None]] = []
        """Called after each commit."""
        truth.note((self.epoch, 1), now(), dict(records), [])

    @property
    def position(self) -> tuple[str, int, int, str]:
        return self.epoch, self.revision, self.tree, self.hash

    def commit(self, records: list[Record], by: str = "web") -> int:
        """Commit a transaction that `records` were taken from; return its revision."""
        self.revision += 1
        for item in records:
            key = (item.type, item.dbid)
            before = self._last.get(key)
            old = record_digest(before) if before is not None else 0
            self.tree = tree_after(self.tree, old, record_digest(item))
        self.hash = chain_hash(self.hash, self.revision, self.tree)
        self.transactions.append(
            Transaction(
                epoch=self.epoch,
                revision=self.revision,
                at=self._born + self._now(),
                by=by,
                records=records,
                tree=tree_text(self.tree),
                hash=self.hash,
            )
        )
        self._note([(item.type, item.dbid) for item in records])
        return self.revision

    @property
    def _last(self) -> dict[Key, Record]:
        assert self._truth.present is not None
        return self._truth.present.records

    def _note(self, changed: list[Key]) -> None:
        place = self.epoch, self.revision
        self._truth.note(place, self._now(), dict(self.records), changed)
        for listener in self.listeners:
            listener()

    def write(self, command: commands.Write) -> events.Event:
        """Carry out a client's write."""
        request, ticket = command.request, command.ticket
        receipt = command.person, command.name
        asked = repr(structs.replace(request, ref=0, request_id=""))
        if command.name and receipt in self.receipts:
            if self.receipts[receipt] != asked:
                text = f"requestId {command.name} was given to another write"
                return events.WriteRefused(ticket, InvalidParameter(text))
            return events.Written(ticket, self.revision, getattr(request, "dbid", 0))
        try:
            record = self._written(request)
        except RequestError as error:
            return events.WriteRefused(ticket, error)
        if command.name:
            self.receipts[receipt] = asked
        key = (record.type, record.dbid)
        if (note := note_in(request)) is not None:
            self.notes[record.dbid, note] += 1
        if self.records.get(key) == record:  # a delta that changes nothing makes no revision
            return events.Written(ticket, self.revision, record.dbid)
        if record.body == GONE:
            del self.records[key]
        else:
            self.records[key] = record
        return events.Written(ticket, self.commit([record], "client"), record.dbid)

    def _written(self, request: CreateObject | UpdateObject | DeleteObject) -> Record:
        info = BY_NAME[request.object_type]
        if isinstance(request, CreateObject):
            dbid = 1 + max(dbid for _, dbid in self.records)
            document = delta.canonical(info, {"DBID": dbid, **request.object, "folderDBID": 0})
            return Record(int(info.type), dbid, 0, Raw(json.encode(document)))
        old = self.records.get((int(info.type), request.dbid))
        if old is None:
            raise ObjectNotFound(f"there is no {info.name} {request.dbid}")
        if isinstance(request, DeleteObject):
            return Record(old.type, old.dbid, 0, GONE)
        changed = delta.apply(info, document_of(old), request.delta)
        return structs.replace(old, body=Raw(json.encode(changed)))

    # ------------------------------------------------------------ who leads

    def go_away(self) -> None:
        """Be out of reach: all connections end, and with them the lock."""
        self.is_away = True
        self.connections += 1
        self._lock = None

    def take_lock(self, instance: str, now: float, lease: float) -> bool:
        """Let a process have the lock, if nobody has it that was heard lately."""
        if self._lock is not None and now - self._lock[1] <= lease:
            return self._lock[0] == instance
        self._lock = instance, now
        return True

    def keep_lock(self, instance: str, now: float) -> bool:
        """The holder shows that it lives; tell whether it still has the lock."""
        if self.is_away or self._lock is None or self._lock[0] != instance:
            return False
        self._lock = instance, now
        return True

    def release_lock(self, instance: str) -> None:
        """The connection of a process has ended."""
        if self._lock is not None and self._lock[0] == instance:
            self._lock = None

    def lead(self, application: str, instance: str) -> int:
        """Note who leads from now on; return the term."""
        self.term += 1
        self.leader, self.instance = application, instance
        return self.term

    # ------------------------------------------------------------ the journal table

    def hash_at(self, revision: int) -> str | None:
        if revision == self.revision:
            return self.hash
        return next((t.hash for t in self.transactions if t.revision == revision), None)

    def since(self, revision: int) -> list[Transaction]:
        """Return the transactions after a revision, under the present epoch."""
        return [
            structs.replace(item, epoch=self.epoch)
            for item in self.transactions
            if item.revision > revision
        ]

    def read(self, command: commands.ReadTransactions) -> events.TransactionsRead:
        """Read what came after a cursor."""
        found = self.hash_at(command.revision)
        foreign = bool(command.hash) and found not in (None, command.hash)
        known = found == command.hash if command.hash else command.revision >= self.first
        later = self.since(command.revision) if known else []
        return events.TransactionsRead(command.connection, known, later, foreign)

    def prune(self) -> None:
        """Let the table forget its older half."""
        self.transactions = self.transactions[len(self.transactions) // 2 :]
        oldest = self.transactions[0].revision if self.transactions else self.revision
        self.first = oldest - 1 if self.transactions else self.revision

    # ------------------------------------------------------------ epochs

    def backup(self) -> Backup:
        """Return a copy of the database."""
        return Backup(
            dict(self.records), self.revision, self.tree, self.hash, self.first,
            list(self.transactions), dict(self.receipts), Counter(self.notes),
        )  # fmt: skip

    def restore(self, backup: Backup) -> None:
        """Become what a backup holds, and begin a new epoch."""
        self.records.clear()
        self.records.update(backup.records)
        self.revision, self.tree, self.hash = backup.revision, backup.tree, backup.hash
        self.first, self.transactions = backup.first, list(backup.transactions)
        self.receipts, self.notes = dict(backup.receipts), Counter(backup.notes)
        self.set_back += 1
        self.instance = "that of the backup"
        self.new_epoch()

    def new_epoch(self) -> None:
        """Give the history another name."""
        self.epoch = self._next_epoch()
        self._note([])

    def _next_epoch(self) -> str:
        self._epochs += 1
        began = int((self._born + self._now()) * 1_000) + self._epochs
        return name_at(began, bytes(10))
