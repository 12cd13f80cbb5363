"""How data comes in: loads beside what is served, and transactions one by one.

The first load becomes the store. Of a later one only what differs from the store is kept, and
applied and told when all is there, so that clients see changes, not an outage. Every step is
checked against the authority's hashes. Knows no sessions; what must happen after a transaction
is the node's `after`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import Literal

from msgspec import Struct

from confwire.errors import RemoteProtocolError
from confwire.messages import Record, Transaction
from confwire.objects import OBJECTS, ObjectType
from historylog.entries import Kind
from proxyapp.engine.commands import Again, Broadcast, Send
from proxyapp.engine.data.journal import Change, Entry, chain_hash, tree_text
from proxyapp.engine.data.renewal import Renewal, owned
from proxyapp.engine.data.staging import Staging
from proxyapp.engine.data.store import Store
from proxyapp.engine.notifying.fanout import EVERYTHING, OWN, READERS, Delivery, Reach, packets
from proxyapp.engine.notifying.sights import ROWS_AT_ONCE
from proxyapp.engine.serving import Serving

_STAGED_A_TURN = 25
"""Records of a large transaction that are made ready in one turn; each takes 10 us."""
_RENEWED_A_TURN = 100
"""Tokens that are given out in one turn; each takes 20 us."""
_LOOKED_AT_A_TURN = 500
"""Records whose reach is asked, or rows that are compared with a load: less than 1 us each."""

_FEW = 16
"""Changes that are told in one turn, however many views there are: to let all their sessions
fall behind would take longer."""

Reason = Literal["compacted", "epoch"]
Diverged = Callable[[str], None]
After = Callable[[Entry], None]


class Load(Struct):
    """A load under way."""

    data: Store | Renewal
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
        self._applying: Transaction | None = None
        """A large one that is on its way in; what comes after it waits in `_queue`."""
        self._queue: list[Transaction] = []
        self._freeing = False
        """What the journal has dropped is being freed."""
        self.loads = 0
        """Full loads since the start."""

    @property
    def is_level(self) -> bool:
        """Whether all that came is served."""
        return self.load is None and self._applying is None and not self._parts

    def begin(self, epoch: str, revision: int, total: int, reason: str) -> None:
        """A load starts; what was under way is forgotten, since the load brings it."""
        serving = self._serving
        if serving.ready:
            self._note_overdue()
        data = Renewal(serving.store) if serving.ready else Store(indexed=False)
        self.load = Load(data, epoch, revision, total, reason)
        self._parts = []
        self._queue = []
        self._applying = None
        serving.log("info", "load started", reason=reason, objects=total, epoch=epoch)

    def take(self, records: list[Record]) -> None:
        """Take a batch of records of the load under way."""
        load = self.load
        if load is not None:
            load.taken += len(records)
            for record in records:
                _check(record)
                load.data.put(record)

    def abandon(self) -> None:
        """What was being told will not be finished: forget its first parts.

        What is whole, and waits for something before it, is taken in all the same.
        """
        self._parts = []
        _forget_unfinished(self._queue)
        if self.load is not None:
            _forget_unfinished(self.load.later)
            if not self.load.comparing:
                self.load = None
        self._note_level()

    def differs(self, tree: int) -> str:
        """Tell how the load under way differs from a tree hash; empty if it does not."""
        found = self.load.data.tree if self.load is not None else 0
        if found == tree:
            return ""
        return f"its tree hash is {tree_text(tree)}, that of its records {tree_text(found)}"

    def end(self, revision: int, tree: int, hash_: str) -> None:
        """The load is complete: serve it, or find out what differs from what is served."""
        load = self.load
        if load is None:
            return
        if load.data.tree != tree:
            self.load = None
            self._diverged(
                f"the load of revision {revision} has tree hash {tree_text(load.data.tree)},"
                f" the authority {tree_text(tree)}"
            )
            return
        load.revision, load.hash = revision, hash_
        self.loads += 1
        if isinstance(load.data, Renewal):
            load.comparing = True
            self._serving.out.append(Again(self._compare(load, load.data)))
        else:
            self._serving.exchange(load.data)
            self._settle(load, [])
            self._note_level()
            self._serving.out.append(Again(self._index(load.data)))

    def _index(self, store: Store) -> Iterator[None]:
        """Make the indexes for lists, over many turns; the data is served meanwhile."""
        steps, end = store.index(), object()
        while self._applying or next(steps, end) is not end:
            yield

    def commit(self, transaction: Transaction) -> None:
        """Take a transaction, or one part of it; a gap in the revisions is a divergence."""
        self._note_overdue()
        load = self.load
        if load is not None and load.comparing:
            load.later.append(transaction)
            return
        if load is None and self._applying:
            self._queue.append(transaction)
            return
        for record in transaction.records:
            _check(record)
            self._parts.append(owned(record))
        if not transaction.last:
            return
        records, self._parts = self._parts, []
        if load is not None:
            for record in records:
                load.data.put(record)
            load.revision, load.hash = transaction.revision, transaction.hash
        elif transaction.revision == self._serving.revision + 1:
            if not self._is_large(records):
                self._apply(transaction, records)
            else:
                self._applying = transaction
                self._serving.out.append(Again(self._work_on(transaction, records)))
        elif transaction.revision > self._serving.revision:
            self._diverged(f"revision {transaction.revision} came after {self._serving.revision}")
        self._note_level()

    def _note_overdue(self) -> None:
        """Something came that is not served yet: the data grows older from now on."""
        if self._serving.overdue is None:
            self._serving.overdue = self._serving.now

    def _note_level(self) -> None:
        serving = self._serving
        if self.load or self._parts or self._queue or self._applying:
            return
        since, serving.overdue = serving.overdue, None
        if since is not None and since < serving.now:  # not by the turn in which it came
            serving.freshness.look()

    def _is_large(self, records: list[Record]) -> bool:
        """Whether to take records in over many turns: for their number, or for their readers'."""
        serving, count = self._serving, len(records)
        many = count >= serving.settings.large_transaction or (
            count >= _FEW and count * len(serving.subscriptions) > ROWS_AT_ONCE
        )
        return many or serving.site.turns(records, serving.store)

    def _apply(self, transaction: Transaction, records: list[Record]) -> None:
        """Take in a transaction and tell it, in one turn."""
        serving, fanout = self._serving, self._serving.fanout
        reach = max(map(fanout.reach_of, records), default=OWN)
        if reach is OWN:
            changes = fanout.apply(records)
            self._tell(serving.epoch, transaction.revision, fanout.deliver(changes))
            self._append(transaction, changes, reach)
            return
        done = fanout.restructure(records, serving.person_of)
        self._tell(serving.epoch, transaction.revision, done.deliveries)
        self._append(transaction, done.changes, reach)
        self._lose(done.lost, transaction.revision, "compacted")

    def _work_on(self, transaction: Transaction, records: list[Record]) -> Iterator[None]:
        """Apply a large transaction, unless a load that has it begins on the way."""
        work = self._apply_in_turns(transaction, records)
        while self._applying is transaction:
            next(work, None)
            yield

    def _apply_in_turns(self, transaction: Transaction, records: list[Record]) -> Iterator[None]:
        """Make a large transaction ready beside the store, take it in, and let it be told.

        Its readers fall behind at the revision before it and go through it at their own pace.
        Where it changes rights or places, they must read anew.
        """
        serving, fanout = self._serving, self._serving.fanout
        reach = OWN
        applications: list[Record] = []
        for count, record in enumerate(records, 1):
            reach = max(reach, fanout.reach_of(record))
            if record.type == ObjectType.APPLICATION:
                applications.append(record)
            if count % _LOOKED_AT_A_TURN == 0:
                yield
        yield from self._announce(applications, transaction.revision)
        staging = Staging(serving.store)
        compared = self._to_compare(records)
        yield from _stage(staging, records)
        before = serving.revision
        settle = partial(self._append, transaction, reach=reach, large=True)
        if reach is EVERYTHING:
            epoch = serving.epoch
            self._restructure(staging, compared, epoch, transaction.revision, settle, "compacted")
        else:
            changes = staging.flip(fanout.put)
            if reach is READERS:
                serving.access.forget()
            settle(changes)
            for session in fanout.readers_of(changes):
                serving.roster.lag(session, before)
        self._applying = None
        self._take_queued()
        self._note_level()

    def _announce(self, applications: list[Record], revision: int) -> Iterator[None]:
        """Give all sessions tokens that say what is shown from a revision on, before it is.

        What comes after it on a connection is of that part, and what a token says of the part
        before it counts no more.
        """
        serving = self._serving
        part = serving.site.part_after(applications, serving.store)
        if part == serving.issuing.part:
            return
        serving.issuing.part, serving.issuing.part_since = part, revision
        for count, session in enumerate(list(serving.roster), 1):
            session.renew_token()
            if count % _RENEWED_A_TURN == 0:
                yield

    def _to_compare(self, records: list[Record]) -> list[Record] | None:
        """Return the records if what readers see of them can be compared in one turn."""
        fits = len(records) * len(self._serving.subscriptions) <= ROWS_AT_ONCE
        return list(records) if fits else None

    def _restructure(
        self,
        staging: Staging,
        compared: list[Record] | None,
        epoch: str,
        revision: int,
        settle: Callable[[list[Change]], None],
        reason: Reason,
    ) -> None:
        """Take in what was made ready, rights and places included, and tell it.

        Where not all can be compared, all whom it concerns must read anew.
        """
        serving, fanout = self._serving, self._serving.fanout
        records = staging.waiting() if compared is None else compared
        done = fanout.restructure(records, serving.person_of, partial(staging.flip, fanout.put))
        lost = set(done.lost)
        if compared is None:
            lost.update(fanout.readers_of(done.changes))
        # The sessions of a delivery are of one view: all of them are told, or none.
        told = [item for item in done.deliveries if lost.isdisjoint(item.members)]
        self._tell(epoch, revision, told)
        settle(done.changes)
        self._lose(lost, revision, reason)

    def _take_queued(self) -> None:
        queued, self._queue = self._queue, []
        for transaction in queued:
            self.commit(transaction)

    def _append(
        self,
        transaction: Transaction,
        changes: list[Change],
        reach: Reach,
        *,
        large: bool = False,
    ) -> None:
        serving = self._serving
        serving.reader.structure += reach is EVERYTHING
        previous = serving.journal.hash_at(serving.revision) or ""
        entry = _entry(transaction, serving.store.tree, changes, reach, large)
        serving.journal.append(entry)
        self._free()
        self._after(entry)
        if transaction.hash != chain_hash(previous, transaction.revision, serving.store.tree):
            self._diverged(
                f"after revision {entry.revision} the tree hash is"
                f" {tree_text(serving.store.tree)}, the authority's {transaction.tree};"
                " or the histories before it differ"
            )

    def _tell(self, epoch: str, revision: int, deliveries: Iterable[Delivery]) -> None:
        size = self._serving.options.number("packet-size")
        for delivery in deliveries:
            messages = packets(epoch, revision, delivery.pieces, size)
            self._serving.counters.notifications += len(messages) * len(delivery.members)
            self._serving.out.append(Broadcast(delivery.members, messages))

    def _lose(self, connections: Iterable[int], revision: int, reason: Reason) -> None:
        """Let sessions read anew, whose subscriptions cannot be told what has changed.

        But for those that were told elsewhere what led to this revision.
        """
        serving = self._serving
        for number in connections:
            session = serving.roster.get(number)
            if session is None or session.follower.told >= revision:
                continue
            if session.follower.specs:
                serving.out.append(Send(number, [session.follower.lose(reason)]))

    def _compare(self, load: Load, data: Renewal) -> Iterator[None]:
        """Gather over many turns what the load changes, then take it in and tell it."""
        serving, records, applications = self._serving, [], []
        for count, record in enumerate(data.differences(), 1):
            if record is not None:
                records.append(record)
                if record.type == ObjectType.APPLICATION:
                    applications.append(record)
            if count % _LOOKED_AT_A_TURN == 0:
                yield
        staging, compared = None, self._to_compare(records)
        yield from self._announce(applications, load.revision)
        if self._is_large(records):
            staging = Staging(serving.store)
            yield from _stage(staging, records)
        if self.load is not load:  # another load has begun meanwhile
            return
        self._drop_those_ahead(load)
        reason: Reason = "epoch" if load.epoch != serving.epoch else "compacted"
        settle = partial(self._settle, load)
        if staging is not None:
            self._restructure(staging, compared, load.epoch, load.revision, settle, reason)
        else:
            done = serving.fanout.restructure(records, serving.person_of)
            self._tell(load.epoch, load.revision, done.deliveries)
            settle(done.changes)
            self._lose(done.lost, load.revision, reason)
        for transaction in load.later:
            self.commit(transaction)
        self._note_level()

    def _drop_those_ahead(self, load: Load) -> None:
        """End the subscriptions of clients that know more than is known here.

        The difference that a load makes is right only for who has just what this node had. Who
        knows all of the load and more takes none of it.
        """
        serving = self._serving
        reason: Reason = "epoch" if load.epoch != serving.epoch else "compacted"
        for session in serving.roster:
            follower = session.follower
            is_short = load.revision > follower.ahead or reason == "epoch"
            if follower.specs and follower.ahead > serving.revision and is_short:
                serving.out.append(Send(session.connection, [follower.lose(reason)]))
            if reason == "epoch":
                follower.ahead = follower.told = 0

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
        serving.keep(Kind.LOADED, load.reason)
        self._after(Entry(load.revision, 0, "", serving.store.tree, load.hash, changes, True))
        serving.journal.drop(changes)
        self._free()

    def _free(self) -> None:
        if self._serving.journal.dropped and not self._freeing:
            self._freeing = True
            self._serving.out.append(Again(self._free_in_turns()))

    def _free_in_turns(self) -> Iterator[None]:
        yield from self._serving.journal.free()
        self._freeing = False


def _stage(staging: Staging, records: list[Record]) -> Iterator[None]:
    """Make records ready over many turns; the list is used up, and freed on the way."""
    records.reverse()
    while records:
        for record in records[: -_STAGED_A_TURN - 1 : -1]:
            staging.add(record)
        del records[-_STAGED_A_TURN:]
        yield


def _forget_unfinished(told: list[Transaction]) -> None:
    while told and not told[-1].last:
        told.pop()


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


def _check(record: Record) -> None:
    if record.type not in OBJECTS:
        raise RemoteProtocolError(
            f"objects of type {record.type} are not known to this release: upgrade this server"
        )
