"""A master, a proxy, their clients, and everything that can go wrong between them, at random."""

from __future__ import annotations

from random import Random

from confwire.messages import Record
from proxyapp.engine.data.journal import tree_text
from tests.proxyapp.engine.bench import Bench, Proxy, master, tree_of
from tests.proxyapp.engine.world import PERSONS, Copy, Key, World


class Fleet:
    """One random run; every step is followed by checks of all that must hold at any time."""

    def __init__(self, seed: int, journal_capacity: int = 50_000, large: int = 2_000) -> None:
        self.random = random = Random(seed)
        self.world = World(random)
        capacity = {"journal_capacity": journal_capacity, "large_transaction": large}
        secret = b"of the masters"
        self.master = master(list(self.world.records.values()), token_secret=secret, **capacity)
        self.trees: dict[str, str] = {}
        """Change hash -> tree hash."""
        self.restored = False
        self.pasts: dict[tuple[str, int], dict[Key, Record]] = {}
        self.note()
        self.proxy = Proxy(self.master, **capacity)
        self.proxy.start()
        self.copies = [
            Copy(bench, random.choice(list(PERSONS)), self.world.some_specs())
            for bench in (self.master, self.proxy, self.proxy)
        ]

    def note(self) -> None:
        """Remember how the data stands at this revision."""
        database = self.master.database
        self.trees[database.hash] = tree_text(database.tree)
        self.pasts[database.epoch, database.revision] = dict(database.records)

    def step(self) -> None:
        """Let something happen."""
        steps = (
            self.commit, self.commit, self.commit, self.commit, self.block_or_drain,
            self.block_or_drain_line, self.hold_or_release, self.break_or_mend, self.turn,
            self.turn, self.pump, self.pump, self.prune, self.restart,
        )  # fmt: skip
        self.random.choice(steps)()
        self.check()

    def commit(self) -> None:
        self.master.commit(*self.world.transaction())
        self.note()

    def block_or_drain(self) -> None:
        copy = self.random.choice(self.copies)
        copy.blocked = not copy.blocked
        if copy.blocked:
            copy.take()
            copy.client.block()
        else:
            copy.client.drain()

    def block_or_drain_line(self) -> None:
        line = self.proxy.line
        if line is not None:
            self.random.choice((line.block, line.drain))()

    def hold_or_release(self) -> None:
        bench: Bench = self.random.choice((self.master, self.proxy))
        bench.hold_again = not bench.hold_again
        self.proxy.hold_wire = self.random.random() < 0.5

    def break_or_mend(self) -> None:
        if self.proxy.line is None:
            self.proxy.dial()
        else:
            self.proxy.sever()

    def turn(self) -> None:
        self.random.choice((self.master, self.proxy)).turn()

    def pump(self) -> None:
        self.proxy.pump(self.random.randrange(1, 4))

    def prune(self) -> None:
        """Let the journal table forget its older half."""
        database = self.master.database
        database.transactions = database.transactions[len(database.transactions) // 2 :]
        oldest = database.transactions[0].revision if database.transactions else database.revision
        database.first = oldest - 1

    def restart(self) -> None:
        """Let the master die and start again on its database."""
        self.proxy.sever()
        self.master.restart()
        for index, copy in enumerate(self.copies):
            if copy.client.bench is self.master:
                name = next(name for name, dbid in PERSONS.items() if dbid == copy.person)
                self.copies[index] = Copy(self.master, name, copy.specs)

    def restore(self) -> None:
        """Let the master start on an older state of its database, which then goes on anew."""
        (_, revision), records = self.random.choice(list(self.pasts.items()))
        self.world.records = dict(records)
        self.master.database.restored(list(records.values()), revision)
        self.restored = True
        self.restart()
        self.note()

    def check(self) -> None:
        _, revision, tree = tree_of(self.proxy)
        if revision:
            known = self.proxy.node.serving.journal.hash_at(revision)
            assert self.trees[known] == tree, "equal data at every revision"
        for copy in self.copies:
            assert not (copy.blocked and copy.client.inbox), "a blocked reader is sent nothing"
            copy.take()
            if not copy.lost and copy.revision and not self.restored:
                past = self.world.past(self.pasts[copy.epoch, copy.revision])
                assert copy.objects == past.view(copy.person, copy.specs), repr(copy.client)

    def settle(self) -> None:
        """Let everything that is under way come to its end."""
        self.proxy.hold_wire = False
        for copy in self.copies:
            copy.blocked = False
            copy.client.drain()
        for _ in range(10):
            if self.proxy.line is None:
                self.proxy.dial()
            if self.proxy.line is not None:
                self.proxy.line.drain()
            self.master.settle()
            self.proxy.settle()
            self.proxy.pump()
        self.master.tick(3.0)
        assert tree_of(self.proxy) == tree_of(self.master)
        assert self.proxy.link == "live"
        taken = self.master.log.taken.get(self.proxy.log.store, [])
        assert taken == self.proxy.log.entries, "every entry arrives once"
        for copy in self.copies:
            copy.take()
            if copy.lost:
                copy.subscribe()
            assert copy.objects == self.world.view(copy.person, copy.specs)
