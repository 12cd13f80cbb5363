"""Draining, shedding and disconnecting: who is told what, who goes when, and who may ask."""

from __future__ import annotations

from itertools import pairwise

import pytest

from confwire.errors import CloseCode
from proxyapp.engine import commands, events
from tests.proxyapp.engine.bench import (
    Bench,
    Client,
    Proxy,
    environment,
    master,
    record,
)


def bench_with_chief(**options: str) -> Bench:
    """Return a master on which "eve" may change the server itself."""
    records = [r for r in environment() if (r.type, r.dbid) != (9, 99)]
    confserv = record(
        "application", 99, 500, [(3, 102, 4)], name="confserv", type="configserver",
        accountDBID=100, portInfos=[{"id": "default", "port": "2020"}],
        options={"csproxy": options}, serverInfo={"hostDBID": 1, "backupServerDBID": 98},
    )  # fmt: skip
    backup = record(
        "application", 98, 500, name="confserv-b", type="configserver", accountDBID=100,
        portInfos=[{"id": "default", "port": "2040"}], serverInfo={"hostDBID": 1},
    )  # fmt: skip
    return master([*records, confserv, backup, record("host", 1, name="backup.example")])


def drain(bench: Bench) -> None:
    bench.handle(events.DrainAsked("signal SIGTERM"))


def notices(clients: list[Client]) -> list[float]:
    """Return when each client is told to go."""
    found = [[m for m in client.inbox if m["message"] == "draining"] for client in clients]
    assert all(len(messages) == 1 for messages in found)
    return [messages[0]["retryAfter"] for messages in found]


def test_a_server_without_clients_ends_at_once() -> None:
    bench = master()
    drain(bench)
    assert bench.of(commands.Listen)[-1] == commands.Listen((), shut=True)
    assert len(bench.of(commands.End)) == 1
    assert [entry.kind for entry in bench.log.entries][-1] == "draining"


def test_clients_are_told_when_and_where_to_go_each_at_another_time() -> None:
    bench = bench_with_chief()
    clients = [bench.login() for _ in range(10)]
    drain(bench)
    assert not bench.node.ready()
    assert notices(clients) == [round(0.01 * number, 2) for number in range(1, 11)]
    assert clients[0].inbox[-1] | {"retryAfter": 0} == {
        "message": "draining", "retryAfter": 0, "host": "backup.example", "port": "2040",
    }  # fmt: skip
    assert clients[0].read("skill") == [601, 602]
    assert not bench.of(commands.End)


def test_who_stays_is_closed_at_its_time_and_then_the_server_ends() -> None:
    bench = bench_with_chief()
    clients = [bench.login() for _ in range(300)]
    drain(bench)
    clients[299].leave()
    for _ in range(16):
        assert not bench.of(commands.End)
        bench.tick(0.25)
    closed = [client.closed for client in clients[:299]]
    assert {code for code, _ in filter(None, closed)} == {CloseCode.DRAINING}
    assert all(closed)
    assert len(bench.of(commands.End)) == 1
    reasons = {e.reason for e in bench.log.entries if e.kind == "sessionClosed"}
    assert reasons == {"the server is about to stop", "gone"}


def test_closes_are_spread_over_no_more_than_the_option_says() -> None:
    bench = bench_with_chief(**{"drain-time": "1"})
    clients = [bench.login() for _ in range(400)]
    drain(bench)
    assert max(notices(clients)) == 1.0
    gone = []
    for _ in range(9):
        bench.tick(0.25)
        gone.append(sum(client.closed is not None for client in clients))
    assert gone[:3] == [0, 0, 0]
    assert gone[7:] == [400, 400]
    assert all(50 < later - former < 150 for former, later in pairwise(gone[3:8]))


def test_nobody_comes_in_while_draining() -> None:
    bench = bench_with_chief()
    stays, opening = bench.login(), bench.connect()
    drain(bench)
    assert opening.closed == (CloseCode.DRAINING, "the server is about to stop")
    late = bench.connect()
    late.open()
    assert (late.inbox[-1]["code"], late.inbox[-1]["permanent"]) == ("notReady", False)
    assert stays.closed is None
    bench.commit(record("application", 99, 500, name="confserv", type="configserver",
                        portInfos=[{"id": "default", "port": "2021"}]))  # fmt: skip
    assert bench.of(commands.Listen)[-1].ports == ()


def test_asked_twice_the_server_ends_at_once() -> None:
    bench = master()
    client = bench.login()
    drain(bench)
    assert not bench.of(commands.End)
    drain(bench)
    assert len(bench.of(commands.End)) == 1
    assert client.closed is None, "it is closed by the end"


def test_links_of_proxies_stay_to_the_end() -> None:
    bench = master()
    proxy = Proxy(bench)
    proxy.start()
    client = bench.login()
    drain(bench)
    client.leave()
    bench.tick(0.25)
    assert len(bench.of(commands.End)) == 1
    assert proxy.line is not None
    assert proxy.link == "live"


def test_a_proxy_drains_although_its_master_is_there_again() -> None:
    bench = master()
    proxy = Proxy(bench)
    proxy.start()
    client = proxy.login()
    drain(proxy)
    proxy.sever()
    proxy.dial()
    assert proxy.of(commands.Listen)[-1].ports == ()
    assert client.closed is None
    assert not proxy.node.ready()


# -------------------------------------------------------------------- shedding


def test_a_part_of_the_clients_is_shed_and_each_time_others() -> None:
    bench = bench_with_chief()
    clients, chief = [bench.login() for _ in range(20)], bench.login("eve")
    (answer,) = chief.ask("shed", percent=25)
    assert (answer["message"], answer["count"]) == ("sessionsSentAway", 5)
    first = [c for c in clients if c.inbox]
    assert [clients.index(client) for client in first] == [0, 4, 8, 12, 16]
    assert notices(first) == [0.01, 0.02, 0.03, 0.04, 0.05]
    (answer,) = chief.ask("shed", percent=100)
    assert answer["count"] == 15
    assert len(notices(clients)) == 20
    bench.tick(1.25)
    assert {client.closed and client.closed[0] for client in clients} == {CloseCode.SHED}
    assert chief.closed is None
    assert bench.node.ready()
    kept = [entry for entry in bench.log.entries if entry.kind == "shedding"]
    assert [(e.user, e.reason[:15]) for e in kept] == [
        ("eve", "25 %: 5 clients"), ("eve", "100 %: 15 clien"),
    ]  # fmt: skip


def test_shedding_of_nobody_is_no_fault() -> None:
    bench = bench_with_chief()
    (answer,) = bench.login("eve").ask("shed", percent=50)
    assert answer["count"] == 0


def test_one_session_is_disconnected_and_it_is_kept_who_did_it() -> None:
    bench = bench_with_chief()
    client, chief = bench.login(), bench.login("eve")
    session = bench.node.status(bench.now)["sessions"][0]["session"]
    assert chief.ask("disconnect", session=session)[0]["message"] == "sessionsSentAway"
    assert client.closed == (CloseCode.DISCONNECTED, "disconnected by eve from 10.0.0.1:2")
    (kept,) = [entry for entry in bench.log.entries if entry.kind == "disconnected"]
    assert (kept.user, kept.peer) == ("eve", "10.0.0.1:2")
    assert session in kept.reason


@pytest.mark.parametrize("session", ["nobody", ""])
def test_a_session_that_is_not_there_cannot_be_disconnected(session: str) -> None:
    chief = bench_with_chief().login("eve")
    assert chief.error("disconnect", session=session) == "invalidParameter"


def test_nobody_disconnects_himself() -> None:
    bench = bench_with_chief()
    chief = bench.login("eve")
    session = bench.node.status(bench.now)["sessions"][0]["session"]
    assert chief.error("disconnect", session=session) == "invalidParameter"


@pytest.mark.parametrize(
    ("message", "fields"),
    [("drain", {}), ("shed", {"percent": 10}), ("disconnect", {"session": "x"})],
)
def test_only_who_may_change_the_server_sends_others_away(message: str, fields: dict) -> None:
    bench = bench_with_chief()
    client = bench.login("bob")
    assert client.error(message, **fields) == "noPermission"
    assert bench.node.ready()


def test_a_drain_that_a_session_asks_for_is_answered_and_kept() -> None:
    bench = bench_with_chief()
    chief = bench.login("eve")
    messages = chief.ask("drain")
    assert {m["message"] for m in messages} == {"sessionsSentAway", "draining"}
    assert next(m["count"] for m in messages if m["message"] == "sessionsSentAway") == 1
    kept = [entry for entry in bench.log.entries if entry.kind == "draining"]
    assert [(e.user, e.application) for e in kept] == [("eve", "default")]
    bench.tick(1.25)
    assert chief.closed is not None
    assert len(bench.of(commands.End)) == 1


def test_a_drain_overtakes_a_shed() -> None:
    bench = bench_with_chief()
    clients, chief = [bench.login() for _ in range(3)], bench.login("eve")
    chief.ask("shed", percent=100)
    drain(bench)
    bench.tick(1.25)
    assert {client.closed and client.closed[0] for client in clients} == {CloseCode.DRAINING}


@pytest.mark.parametrize("percent", [0, 101, -1, "all"])
def test_a_part_is_between_1_and_100(percent: object) -> None:
    chief = bench_with_chief().login("eve")
    assert chief.error("shed", percent=percent) == "invalidParameter"


def test_the_status_tells_who_leaves() -> None:
    bench = bench_with_chief()
    for _ in range(100):
        bench.login()
    drain(bench)
    status = bench.node.status(bench.now)
    assert status["departures"] == {"draining": True, "sessions": 100, "within": 2.0}
    assert status["ready"] is False
