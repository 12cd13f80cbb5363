"""How readers and servers hear that they miss nothing."""

from __future__ import annotations

from tests.proxyapp.engine.bench import (
    record,
)


def test_readers_hear_from_time_to_time_that_they_miss_nothing(bench):
    watching, other, slow = bench.login("bob"), bench.login("bob"), bench.login("bob")
    watching.watch(types=["skill"])
    slow.watch(types=["skill"])
    slow.block()
    bench.commit(record("skill", 603, 503, name="hidden"))
    for _ in range(31):
        bench.tick(1.0)
    assert [(m["message"], m["revision"]) for m in watching.inbox] == [("progress", 2)] * 3
    assert other.inbox == slow.inbox == []


def test_servers_hear_from_their_master_every_two_seconds(bench, proxy):
    bench.tick(30)
    before = len(proxy.line.raw)
    for _ in range(8):
        bench.tick(0.5)
    assert len(proxy.line.raw) - before == 2
