"""How data comes in: loads beside what is served, and transactions one by one.

The first load becomes the store. A later one is compared with what is there, over many turns,
and only the difference is applied and told, so that clients see changes, not an outage. Every
step is checked against the authority's hashes. Knows no sessions; what must happen after a
transaction is the node's `after`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from msgspec import Raw, Struct

from confwire.errors import RemoteProtocolError
from confwire.messages import Record, Transaction
from confwire.objects import OBJECTS
from proxyapp.engine.commands import Again, Broadcast, Send
from proxyapp.engine.fanout import EVERYTHING, OWN, READERS, Delivery, Reach, packets
from proxyapp.engine.journal import GONE, Change, Entry, chain_hash, tree_text
from proxyapp.engine.requests import ROWS_A_TURN
from proxyapp.engine.rows import Row
from proxyapp.engine.serving import Serving
from proxyapp.engine.staging import Staging
from proxyapp.engine.store import Store

_RECORDS_A_TURN = 250
"""Records of a large transaction that are made ready in one turn."""

Diverged = Callable[[str], None]
After = Callable[[Entry], None]


class Load(Struct):
    """A load under way."""

    store: Store
    epoch: str
    revision: int
    total: int
    reason: str
    hash: str = ""
    taken: int = 0
    comparing: bool = False
    later: list[Transaction] = []
    """What was committed while the difference was worked out."""


class Intake:
    """Takes loads and transactions into the data that a node serves."""

    def __init__(self, serving: Serving, after: After, diverged: Diverged) -> None:
        self._serving = serving
        self._after = after
        self._diverged = diverged
        self.load: Load | None = None
        self._parts: list[Record] = []
        self._applying = False
        """A large transaction is on its way in; what comes after it waits in `_queue`."""
        self._queue: list[Transaction] = []
        self.loads = 0
        """Full loads since the start."""

    def begin(self, epoch: str, revision: int, total: int, reason: str) -> None:
        """A load starts; one that was under way is forgotten."""
        self.load = Load(Store(), epoch, revision, total, reason)
        self._parts = []
        self._queue = []
        self._serving.log("info", "load started", reason=reason, objects=total, epoch=epoch)

    def take(self, records: list[Record]) -> None:
        """Take a batch of records of the load under way."""
        load = self.load
        if load is not None:
            load.taken += len(records)
            for record in records:
                load.store.put(_owned(record))

    def abandon(self) -> None:
        """What was being told will not be finished: forget its first parts.

        What waits behind a large transaction is told again, too.
        """
        self._parts = []
        self._queue = []
        if self.load is not None and not self.load.comparing:
            self.load = None

    def end(self, revision: int, tree: int, hash_: str) -> None:
        """The load is complete: serve it, or find out what differs from what is served."""
        load = self.load
        if load is None:
            return
        if load.store.tree != tree:
            self.load = None
            self._diverged(
                f"the load of revision {revision} has tree hash {tree_text(load.store.tree)},"
                f" the authority {tree_text(tree)}"
            )
            return
        load.revision, load.hash = revision, hash_
        self.loads += 1
        if self._serving.ready:
            load.comparing = True
            if not self._applying:  # else the end of that begins it
                self._serving.out.append(Again(self._compare(load)))
        else:
            self._serving.exchange(load.store)
            self._settle(load, [])

    def commit(self, transaction: Transaction) -> None:
        """Take a transaction, or one part of it; a gap in the revisions is a divergence."""
        load = self.load
        if load is not None and load.comparing:
            load.later.append(transaction)
            return
        if load is None and self._applying:
            self._queue.append(transaction)
            return
        self._parts += map(_owned, transaction.records)
        if not transaction.last:
            return
        records, self._parts = self._parts, []
        if load is not None:
            for record in records:
                load.store.put(record)
            load.revision, load.hash = transaction.revision, transaction.hash
        elif transaction.revision == self._serving.revision + 1:
            if len(records) < self._serving.settings.large_transaction:
                self._apply(transaction, records)
            else:
                self._applying = True
                self._serving.out.append(Again(self._apply_in_turns(transaction, records)))
        elif transaction.revision > self._serving.revision:
            self._diverged(f"revision {transaction.revision} came after {self._serving.revision}")

    def _apply(self, transaction: Transaction, records: list[Record]) -> None:
        """Take in a transaction and tell it, in one turn."""
        serving, fanout = self._serving, self._serving.fanout
        reach = max(map(fanout.reach_of, records), default=OWN)
        deliveries: list[Delivery] | Iterator[Delivery]
        if reach is OWN:
            changes = fanout.apply(records)
            deliveries = fanout.deliver(changes)
        else:
            changes, deliveries = fanout.restructure(records, serving.person_of)
        self._tell(serving.epoch, transaction.revision, deliveries)
        self._append(transaction, changes, reach)

    def _apply_in_turns(self, transaction: Transaction, records: list[Record]) -> Iterator[None]:
        """Make a large transaction ready beside the store, take it in, and let it be told.

        Its readers fall behind at the revision before it and go through it at their own pace.
        """
        serving, fanout = self._serving, self._serving.fanout
        reach = OWN
        for count, record in enumerate(records, 1):
            reach = max(reach, fanout.reach_of(record))
            if count % (4 * _RECORDS_A_TURN) == 0:
                yield
        if reach is EVERYTHING:
            self._apply(transaction, records)
        else:
            staging = Staging(serving.store)
            for count, record in enumerate(records, 1):
                staging.add(record)
                if count % _RECORDS_A_TURN == 0:
                    yield
            before = serving.revision
            changes = staging.flip(fanout.put)
            if reach is READERS:
                serving.access.forget()
            self._append(transaction, changes, reach)
            for session in fanout.readers_of(changes):
                serving.roster.lag(session, before)
        self._applying = False
        if self.load is not None and self.load.comparing:
            serving.out.append(Again(self._compare(self.load)))
        self._take_queued()

    def _take_queued(self) -> None:
        queued, self._queue = self._queue, []
        for transaction in queued:
            self.commit(transaction)

    def _append(self, transaction: Transaction, changes: list[Change], reach: Reach) -> None:
        serving = self._serving
        serving.reader.structure += reach is EVERYTHING
        previous = serving.journal.hash_at(serving.revision) or ""
        large = len(changes) >= serving.settings.large_transaction
        entry = _entry(transaction, serving.store.tree, changes, reach, large)
        serving.journal.append(entry)
        self._after(entry)
        if transaction.hash != chain_hash(previous, transaction.revision, serving.store.tree):
            self._diverged(
                f"after revision {entry.revision} the tree hash is"
                f" {tree_text(serving.store.tree)}, the authority's {transaction.tree};"
                " or the histories before it differ"
            )

    def _tell(
        self, epoch: str, revision: int, deliveries: list[Delivery] | Iterator[Delivery]
    ) -> None:
        size = self._serving.options.number("packet-size")
        for delivery in deliveries:
            if delivery.pieces:
                messages = packets(epoch, revision, delivery.pieces, size)
                self._serving.out.append(Broadcast(delivery.members, messages))

    def _compare(self, load: Load) -> Iterator[None]:
        """Work out over many turns what the load changes, then apply it in one."""
        old, records = self._serving.store, []
        for count, record in enumerate(_differences(old, load.store), 1):
            if record is not None:
                records.append(record)
            if count % ROWS_A_TURN == 0:
                yield
        if self.load is load:  # else another load has begun meanwhile
            self._drop_those_ahead(load.epoch)
            changes, deliveries = self._serving.fanout.restructure(records, self._serving.person_of)
            self._tell(load.epoch, load.revision, deliveries)
            self._settle(load, changes)

    def _drop_those_ahead(self, epoch: str) -> None:
        """End the subscriptions of clients that know more of the old epoch than is known here.

        The difference between two epochs is right only for who has just what this node had.
        """
        serving = self._serving
        for session in serving.roster if epoch != serving.epoch else ():
            if session.follower.ahead > serving.revision and session.follower.specs:
                serving.out.append(Send(session.connection, [session.follower.lose("epoch")]))

    def _settle(self, load: Load, changes: list[Change]) -> None:
        serving = self._serving
        self.load = None
        serving.epoch = load.epoch
        serving.reader.epoch = load.epoch
        serving.reader.structure += 1
        serving.journal.reset(load.revision, load.hash)
        serving.ready = True
        serving.log(
            "info",
            "load ended",
            reason=load.reason,
            epoch=load.epoch,
            revision=load.revision,
            objects=serving.store.count,
            changed=len(changes),
            tree=tree_text(serving.store.tree),
        )
        self._after(Entry(load.revision, 0, "", serving.store.tree, load.hash, changes, True))
        for transaction in load.later:
            self.commit(transaction)


def _entry(
    transaction: Transaction, tree: int, changes: list[Change], reach: Reach, large: bool
) -> Entry:
    return Entry(
        transaction.revision,
        transaction.at,
        transaction.by,
        tree,
        transaction.hash,
        changes,
        structural=reach is EVERYTHING,
        large=large,
        regroups=reach is READERS,
    )


def _owned(record: Record) -> Record:
    """Return the record with bytes of its own: a slice would keep its whole message alive."""
    if record.type not in OBJECTS:
        raise RemoteProtocolError(
            f"objects of type {record.type} are not known to this release: upgrade this server"
        )
    return Record(
        record.type,
        record.dbid,
        record.folder,
        record.body if record.body == GONE else Raw(bytes(record.body)),
        [(kind, subject, mask) for kind, subject, mask in record.acl] if record.acl else None,
        record.verifier,
    )


def _differences(old: Store, new: Store) -> Iterator[Record | None]:
    """Yield a record for each row that differs, None for each that is equal."""
    for type_, table in new.tables.items():
        known = old.tables[type_]
        for row in table.rows():
            yield None if _equal(known.get(row.dbid), row) else row.record()
        for row in known.rows():
            gone = table.get(row.dbid) is None
            yield Record(type_, row.dbid, 0, GONE) if gone else None


def _equal(old: Row | None, new: Row) -> bool:
    return old is not None and (
        old.body == new.body
        and old.folder == new.folder
        and old.acl == new.acl
        and old.verifier == new.verifier
    )
