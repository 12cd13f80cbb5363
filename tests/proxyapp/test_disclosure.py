"""No message of any kind names an object that its reader may not read, whatever happens."""

from __future__ import annotations

import re
from collections import Counter
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from confwire.messages import Record
from tests.proxyapp.asking import ASKED, NAMES
from tests.proxyapp.disclosing import MarkedWorld, Reader, Truth, transaction
from tests.proxyapp.engine.bench import (
    BOB,
    FOLDER,
    INNER,
    OTHER,
    STEADY,
    Bench,
    Proxy,
    T,
    environment,
    gone,
    master,
    record,
)
from tests.proxyapp.engine.limited import PROXIES, proxy_record


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
    """Two servers whose data differs in nothing that Bob may read, and Bob at each of them.

    What hides is his rights or, where he has all rights, the site limit of the two proxies.
    """

    def __init__(self, random: Random, hides: str) -> None:
        self.random = random
        self.benches = [master(_hidden_by(hides)), master(_hidden_by(hides))]
        self.hidden = [Random(random.random()), Random(random.random())]
        self.servers: list[Bench] = list(self.benches)
        if hides != "rights at a master":
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
                   name=self.random.choice(NAMES))
            for dbid in self.random.sample(range(601, 606), self.random.randrange(3))
        ]  # fmt: skip
        for bench, random in zip(self.benches, self.hidden, strict=True):
            secret = [
                record("skill", dbid, OTHER, name=random.choice(NAMES), tenantDBID=1,
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
        name = self.random.choice(sorted(ASKED))
        fields = ASKED[name](self.random)
        for bob in self.bobs:
            bob.post(name, **fields)

    def compare(self) -> None:
        """Both have got the same, byte for byte but for the hash over all data."""
        one, other = (
            [_HASH.sub(b"", data) for data in bob.raw if b'"challenge"' not in data]
            for bob in self.bobs
        )
        assert one == other


HIDES = ("rights at a master", "rights at a proxy", "site limit")
_HASH = re.compile(rb'"treeHash":"[0-9a-f]*"')


def _hidden_by(hides: str) -> list[Record]:
    """Return an environment of which Bob sees nothing in one folder."""
    if hides != "site limit":
        return environment()
    limited = proxy_record("proxy1", f"folder:{FOLDER}", folder=500)
    others = [item for item in environment() if (item.type, item.dbid) != (T["application"], 110)]
    return [
        *(
            Record(item.type, item.dbid, item.folder, item.body, [(3, BOB, 127)], item.verifier)
            if (item.type, item.dbid) in _ALL_OF
            else item
            for item in others
        ),
        limited,
    ]


_ALL_OF = {(T["tenant"], 1), (T["folder"], FOLDER), (T["folder"], OTHER), (T["application"], 100)}


@pytest.mark.parametrize("hides", HIDES)
@settings(STEADY, max_examples=30)
@given(seed=st.integers(0, 2**32))
def test_what_is_hidden_changes_nothing_of_what_is_told(hides: str, seed: int) -> None:
    twins = Twins(Random(seed), hides)
    for _ in range(20):
        twins.ask()
        twins.change()
        twins.compare()
