"""A master knows which proxies and clients have its last transactions, and how long it took."""

from __future__ import annotations

from typing import Any

from confwire import codec
from confwire.messages import SiteProgress
from proxyapp.engine import commands
from proxyapp.engine.links.convergence import Survey, _few
from tests.proxyapp.engine.bench import Bench, Proxy, master, record


def newest(bench: Bench) -> dict[str, Any]:
    found: dict[str, Any] = bench.node.status(bench.now)["convergence"][0]
    return found


def commit(bench: Bench, number: int = 1) -> None:
    bench.commit(record("skill", 600, 502, name=f"name {number}"))


def progress(proxy: Proxy) -> list[SiteProgress]:
    return [
        message
        for command in proxy.of(commands.SendLink)
        for data in command.messages
        if b"siteProgress" in data
        and isinstance(message := codec.decode_client(data), SiteProgress)
    ]


def test_a_transaction_that_all_have_is_complete(bench, proxy):
    bench.login("bob").watch(types=["skill"])
    proxy.login("bob").watch(types=["skill"])
    proxy.login("bob")  # without subscriptions: it waits for nothing
    commit(bench)
    proxy.tick(0.25)
    bench.tick(0.25)
    found = newest(bench)
    assert (found["proxies"], found["proxiesOf"], found["away"]) == (1, 1, 0)
    assert (found["clients"], found["clientsOf"]) == (2, 2)
    assert found["complete"]
    assert found["delay"] <= 0.5


def test_a_slow_client_of_a_proxy_is_told(bench, proxy):
    slow = proxy.login("bob")
    slow.watch(types=["skill"])
    proxy.tick(0.25)
    slow.block()
    commit(bench)
    proxy.tick(0.25)
    bench.tick(3.0)
    found = newest(bench)
    assert (found["clients"], found["clientsOf"], found["complete"]) == (0, 1, False)
    assert found["slowest"] == proxy.node.status(proxy.now)["sessions"][0]["application"]
    assert found["delay"] >= 3.0

    slow.drain()
    proxy.tick(0.25)
    assert newest(bench)["complete"]
    assert newest(bench)["delay"] >= 3.0


def test_a_proxy_that_is_away_is_waited_for_but_not_for_ever(bench, proxy):
    proxy.tick(0.25)
    proxy.sever()
    commit(bench)
    bench.tick(1.0)
    found = newest(bench)
    assert (found["proxies"], found["proxiesOf"], found["away"]) == (0, 1, 1)
    assert (found["complete"], found["slowest"]) == (False, "proxy1")
    bench.tick(3601.0)
    assert (newest(bench)["proxiesOf"], newest(bench)["complete"]) == (0, True)


def test_a_proxy_that_comes_back_completes_what_it_missed(bench, proxy):
    proxy.tick(0.25)
    proxy.sever()
    commit(bench)
    proxy.dial()
    proxy.tick(0.25)
    assert newest(bench)["complete"]


def test_what_clients_have_acknowledged_is_counted(bench, proxy):
    client = proxy.login("bob")
    client.watch(types=["skill"])
    commit(bench)
    proxy.tick(0.25)
    assert newest(bench)["confirmed"] == 0
    client.send(b'{"message":"acknowledge","revision":%d}' % newest(bench)["revision"])
    proxy.tick(10.0)
    assert newest(bench)["confirmed"] == 1


def test_a_quiet_proxy_tells_nothing_again(bench, proxy):
    proxy.tick(0.25)
    count = len(progress(proxy))
    for _ in range(100):
        proxy.tick(0.25)
    assert len(progress(proxy)) == count == 1


def test_only_the_last_transactions_are_looked_at(bench):
    for number in range(60):
        commit(bench, number)
    found = [one["revision"] for one in bench.node.status(bench.now)["convergence"]]
    assert found == list(range(found[0], found[0] - 50, -1))


def test_reports_from_a_client_are_refused(bench):
    client = bench.login("bob")
    client.send(b'{"message":"siteProgress","epoch":"e","revision":1,"clients":9}')
    (answer,) = client.inbox
    assert answer["code"] == "noPermission"


def test_reports_of_another_epoch_do_not_count(bench, proxy):
    report = SiteProgress(epoch="another", revision=99, clients=7)
    bench.node._convergence.heard(1, "proxy9", report)
    commit(bench)
    assert newest(bench)["clientsOf"] == 0


def test_a_master_alone_is_complete_with_its_clients():
    bench = master()
    commit(bench)
    bench.tick(0.25)
    assert newest(bench)["complete"]


def test_many_cursors_are_told_together_at_the_lowest():
    counts = dict.fromkeys(range(100), 1)
    few = _few(counts)
    assert len(few) == 32
    assert few[0] == (0, 69)
    assert few[1:] == [(revision, 1) for revision in range(69, 100)]
    survey = Survey(revision=100, clients=100, behind=few)
    assert survey.having(80) == 20
    assert survey.having(40) <= 60
