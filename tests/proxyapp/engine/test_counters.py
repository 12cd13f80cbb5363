"""What sessions have asked of a server is counted."""

from __future__ import annotations

from proxyapp.engine.counters import Counters


def test_everything_that_a_client_asks_is_counted(bench):
    counters = bench.node.serving.counters
    assert counters == Counters()
    client = bench.login("bob")
    client.watch(types=["skill"])
    client.read("skill")
    client.read("skill", dbid=601)
    assert counters == Counters(logins=1, registrations=1, reads=2)


def test_the_status_tells_them(bench):
    bench.login("bob")
    told = bench.node.status(bench.now)["counters"]
    assert {name for name, count in told.items() if count} == {"logins"}
    assert {"resumes", "registrations", "reads", "refusals", "notifications"} <= set(told)


def test_servers_that_log_in_are_no_clients(bench, proxy):
    assert bench.node.serving.counters.logins == 0
