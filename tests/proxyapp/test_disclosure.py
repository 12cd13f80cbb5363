"""No message of any kind names an object that its reader may not read, whatever happens."""

from __future__ import annotations

import re
from collections import Counter
from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.proxyapp.disclosing import MarkedWorld, Reader, Truth, transaction
from tests.proxyapp.engine.bench import (
    BOB,
    FOLDER,
    INNER,
    OTHER,
    STEADY,
    Bench,
    Proxy,
    gone,
    master,
    record,
)
from tests.proxyapp.engine.limited import PROXIES


def play(seed: int, rounds: int = 12, large: int = 2_000) -> Counter[str]:
    """Let readers at a master and at proxies with limits ask at random; count what they got."""
    random = Random(seed)
    world = MarkedWorld(random)
    bench = master(
        list(world.records.values()), large_transaction=large, token_secret=b"the secret"
    )
    proxies = [
        Proxy(bench, application=name, token_secret=b"", large_transaction=large)
        for name in PROXIES
    ]
    for proxy in proxies:
        proxy.start()
    truths = [Truth(world, name) for name in ("confserv", *PROXIES)]
    servers: list[tuple[Bench, Truth]] = list(zip([bench, *proxies], truths, strict=True))
    readers = [Reader(servers, user, random) for user in ("ann", "bob", "cid", "ann")]
    for _ in range(rounds):
        for server, _ in servers:
            server.now += 30
        for reader in readers:
            for _ in range(random.randrange(4)):
                reader.act()
                reader.take()
        changed = transaction(world)
        for truth in truths:
            truth.note()
        bench.commit(*changed)
        for reader in readers:
            reader.take()
    kinds: Counter[str] = Counter()
    for reader in readers:
        kinds.update(reader.kinds)
    return kinds


@settings(STEADY, max_examples=30)
@given(st.integers(0, 2**32), st.sampled_from([1, 2, 2_000]))
def test_no_message_names_what_its_reader_may_not_read(seed: int, large: int) -> None:
    play(seed, large=large)


def test_the_readers_got_messages_of_every_kind() -> None:
    found: Counter[str] = Counter()
    for seed in range(10):
        found += play(seed)
    assert found.keys() >= {
        "opened", "opened again", "objectsRead", "briefInfo", "objectsSent", "objectsChanged",
        "notificationRegistered", "notificationUnregistered", "notificationsLost", "serverInfo",
        "historyLogRead", "permissionsRead", "permissionsRegistered", "permissionsChanged",
        "secretsRead", "error objectNotFound",
        "error noPermission", "error compacted", "error readOnlyServer",
    }  # fmt: skip


# ---------------------------------------------------------------- two worlds that one cannot tell


class Twins:
    """Two servers whose data differs in nothing that Bob may read, and Bob at each of them."""

    def __init__(self, random: Random) -> None:
        self.random = random
        self.benches = [master(), master()]
        self.hidden = [Random(random.random()), Random(random.random())]
        self.servers: list[Bench] = list(self.benches)
        if random.random() < 0.5:
            self.servers = [Proxy(bench) for bench in self.benches]
            for server in self.servers:
                assert isinstance(server, Proxy)
                server.start()
        self.change()
        self.bobs = [server.login("bob") for server in self.servers]

    def change(self) -> None:
        """Commit the same of what Bob may read, and other things of what he may not."""
        seen = [
            record("skill", dbid, self.random.choice((FOLDER, INNER)), tenantDBID=1,
                   name=self.random.choice(_NAMES))
            for dbid in self.random.sample(range(601, 606), self.random.randrange(3))
        ]  # fmt: skip
        for bench, random in zip(self.benches, self.hidden, strict=True):
            secret = [
                record("skill", dbid, OTHER, name=random.choice(_NAMES), tenantDBID=1,
                       state=random.choice(("enabled", "disabled")),
                       userProperties={"s": {"o": str(random.random())}})
                for dbid in random.sample(range(700, 720), random.randrange(1, 9))
            ]  # fmt: skip
            there = [key for key in bench.database.records if key[1] in range(700, 720)]
            doomed = {dbid for _, dbid in there if random.random() < 0.1}
            doomed -= {item.dbid for item in secret}
            changed = list(seen)
            for item in [*secret, *(gone("skill", dbid) for dbid in doomed)]:
                changed.insert(random.randrange(len(changed) + 1), item)
            bench.commit(*changed)

    def ask(self) -> None:
        """Let both ask the same."""
        random = self.random
        filter_ = random.choice((
            {}, {"name": random.choice(_NAMES)}, {"dbid": random.randrange(600, 720)},
            {"folder_dbid": OTHER}, {"state": "enabled"}, {"userprop_section": "s"},
        ))  # fmt: skip
        page = {"limit": random.randrange(4), "after": random.randrange(600, 720)}
        named: dict[str, object] = {"objectType": "skill", "DBID": random.randrange(598, 720)}
        subscription = random.choice(({}, {"types": ["skill"]}, {"folders": [OTHER, FOLDER]}))
        name, fields = random.choice([
            ("readObjects", {"objectType": "skill", "filter": filter_, **page}),
            ("readBrief", {"objectType": "skill", "filter": filter_}),
            ("readObjects", {"objectType": "skill", "order": "name", "limit": 3,
                             "afterName": random.choice(_NAMES), "freshness": True}),
            ("registerNotification", {"subscriptions": [subscription], "snapshot": True}),
            ("historyLog", {"since": {"epoch": "e1", "revision": 1}}),
            ("readPast", {"objectType": "skill", "revision": random.randrange(1, 4), **page}),
            ("readPermissions", {**named, "personDBID": BOB}),
            ("readSecrets", named),
            ("readServerInfo", {}),
        ])  # fmt: skip
        for bob in self.bobs:
            bob.post(name, **fields)

    def compare(self) -> None:
        """Both have got the same, byte for byte but for the hash over all data."""
        one, other = (
            [_HASH.sub(b"", data) for data in bob.raw if b'"challenge"' not in data]
            for bob in self.bobs
        )
        assert one == other


_NAMES = ("French", "Английский", "A", "b")
_HASH = re.compile(rb'"treeHash":"[0-9a-f]*"')


@settings(STEADY, max_examples=30)
@given(st.integers(0, 2**32))
def test_what_is_hidden_changes_nothing_of_what_is_told(seed: int) -> None:
    twins = Twins(Random(seed))
    for _ in range(20):
        twins.ask()
        twins.change()
        twins.compare()
