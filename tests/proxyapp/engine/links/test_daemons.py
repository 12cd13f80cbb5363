"""One session for a daemon, on whichever of a master and two proxies."""

from __future__ import annotations

import pytest

from confwire.messages import DaemonSession, Open
from proxyapp.engine import commands, events
from tests.proxyapp.engine.bench import VERIFIER, Bench, Client, Proxy, master, record

NONCE = "client-nonce-0123456789ab"


def server(dbid: int, name: str, type_: str) -> object:
    return record("application", dbid, 500, name=name, type=type_, accountDBID=100,
                  verifier=VERIFIER, acl=[(3, 100, 9)])  # fmt: skip


@pytest.fixture
def bench() -> Bench:
    made = master(token_secret=b"the masters' secret")
    made.commit(server(111, "proxy2", "configserver"), server(130, "stat", "statserver"))
    return made


def made(bench: Bench, name: str) -> Proxy:
    proxy = Proxy(bench, application=name)
    proxy.start()
    assert proxy.link == "live"
    return proxy


@pytest.fixture
def first(bench: Bench) -> Proxy:
    return made(bench, "proxy1")


@pytest.fixture
def second(bench: Bench) -> Proxy:
    return made(bench, "proxy2")


def log_in(bench: Bench, **opening: object) -> Client:
    client = bench.connect()
    client.open("", application="stat", **opening)
    return client


def stays(client: Client) -> bool:
    return client.closed is None and client.inbox[-1]["message"] == "opened"


def is_refused(client: Client) -> bool:
    """Whether it was told that another one has the session, and closed."""
    assert client.closed is not None
    return client.closed[0] == 4001 and client.inbox[-1]["code"] == "applicationInUse"


def probes(bench: Bench) -> list[int]:
    return [probe.connection for probe in bench.of(commands.Probe)]


def test_a_second_one_on_another_proxy_is_closed_and_the_first_one_polled(first, second):
    one, other = log_in(first), log_in(second)
    assert stays(one)
    assert is_refused(other)
    assert "'proxy1'" in other.inbox[-1]["text"]
    assert (probes(first), probes(second)) == ([one.connection], [])


def test_it_may_come_once_the_first_one_is_gone(first, second):
    log_in(first).leave()
    assert stays(log_in(second))


def test_the_master_refuses_who_has_a_session_on_a_proxy(bench, first):
    one, other = log_in(first), log_in(bench)
    assert other.inbox[-1]["code"] == "applicationInUse"
    assert other.closed is not None
    assert stays(one)
    assert probes(first) == [one.connection]


def test_a_proxy_closes_who_has_a_session_at_the_master(bench, first):
    one, other = log_in(bench), log_in(first)
    assert stays(one)
    assert is_refused(other)
    assert probes(bench) == [one.connection]


@pytest.mark.parametrize("old", ["bench", "first"])
def test_who_brings_its_token_takes_over_anywhere(request, old, second):
    before = log_in(request.getfixturevalue(old), token="")
    token = before.inbox[-1]["token"]
    after = second.connect()
    after.send(Open(application="stat", user="", token=token, data=NONCE))
    assert after.inbox[0].get("restored")
    assert before.closed is not None
    assert before.closed[0] == 4003
    assert after.closed is None
    assert is_refused(log_in(second))


def test_without_the_master_each_server_knows_its_own_and_the_earlier_one_stays(first, second):
    second.sever()
    one = log_in(second)
    first.now += 10
    second.now += 10
    first.master.now += 10
    other = log_in(first)
    assert stays(one)
    assert stays(other)
    assert log_in(second).inbox[-1]["code"] == "applicationInUse"
    second.dial()
    assert stays(one)
    assert is_refused(other)


def test_who_came_later_is_closed_when_its_proxy_is_back(first, second):
    one = log_in(first)
    second.sever()
    for bench in (first, second, first.master):
        bench.now += 10
    other = log_in(second)
    assert stays(other)
    second.dial()
    assert stays(one)
    assert is_refused(other)


def test_a_proxy_that_is_gone_holds_nobody_back(first, second):
    log_in(first)
    first.sever()
    assert stays(log_in(second))


def test_a_master_that_starts_anew_learns_who_there_is(bench, first, second):
    one = log_in(first)
    for proxy in (first, second):
        proxy.sever()
    bench.restart()
    for proxy in (first, second):
        proxy.dial()
    assert is_refused(log_in(second))
    assert stays(one)


def test_links_of_servers_are_no_sessions_of_daemons(bench, first, second):
    assert repr(bench.node.serving.daemons) == "<Daemons 0 known>"
    log_in(first)
    assert repr(bench.node.serving.daemons) == "<Daemons 1 known>"


def test_only_servers_tell_of_daemons(bench):
    bob = bench.login("bob")
    bob.send(b'{"message":"daemonSession","applicationDBID":130,"session":"x","open":true}')
    assert bob.inbox[-1]["code"] == "noPermission"
    assert repr(bench.node.serving.daemons) == "<Daemons 0 known>"


def test_any_number_of_people_may_use_one_application(first, second):
    for proxy in (first, second):
        assert proxy.login("bob").closed is None


def claims(proxy: Proxy, *applications: int, session: str = "x") -> None:
    """Let a proxy tell its master that it has sessions of daemons."""
    for dbid in applications:
        told = DaemonSession(application_dbid=dbid, session=session, open=True)
        proxy.node.serving.authority.tell_daemon(told)
    proxy.handle(events.Ticked())


def test_what_is_no_daemon_has_nothing_to_claim(bench, first):
    claims(first, 100, 500, 99999, *range(2**40, 2**40 + 1000))
    assert bench.node.status(bench.now)["daemons"]["open"] == 0
    assert first.link == "live"
    claims(first, 130)
    assert bench.node.status(bench.now)["daemons"]["open"] == 1


def test_a_flood_of_claims_polls_the_first_one_once_a_second(first, second):
    one = log_in(first)
    for number in range(100):
        claims(second, 130, session=f"{number}")
    assert probes(first) == [one.connection]
    first.master.now += 1
    claims(second, 130)
    assert probes(first) == [one.connection] * 2
    assert stays(one)


def test_the_masters_status_tells_of_daemons_on_all_servers(bench, first, second):
    log_in(first)
    assert bench.node.status(bench.now)["daemons"] == {
        "open": 1, "servers": {"proxy1": 1}, "refused": 0,
    }  # fmt: skip
    log_in(second)
    log_in(bench)
    assert bench.node.status(bench.now)["daemons"]["refused"] == 2
    assert "daemons" not in first.node.status(first.now)


def test_the_master_tells_of_its_own_daemons_by_its_name(bench):
    log_in(bench)
    name = bench.node.serving.settings.application
    assert bench.node.status(bench.now)["daemons"]["servers"] == {name: 1}
