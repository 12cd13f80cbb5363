"""What a master passes on to servers that are up to date."""

from __future__ import annotations

from confwire import codec
from confwire.errors import CloseCode
from confwire.messages import Draining
from proxyapp.engine import commands
from proxyapp.engine.links.downstream import Downstream
from tests.proxyapp.engine.bench import VERIFIER, Proxy, master, record, skills, tree_of


def linked(count, **more):
    bench = master(**more)
    names = [f"proxy{number}" for number in range(1, count + 1)]
    for dbid, name in enumerate(names[1:], start=111):
        bench.commit(record("application", dbid, 500, name=name, type="configserver",
                            accountDBID=100, acl=[(3, 100, 9)], verifier=VERIFIER))  # fmt: skip
    proxies = [Proxy(bench, application=name) for name in names]
    for proxy in proxies:
        proxy.start()
    bench.commands.clear()
    return bench, proxies


def test_a_transaction_is_encoded_once_for_all():
    bench, proxies = linked(2)
    links = Downstream(bench.node.serving).links()
    bench.commit(record("skill", 603, 503, name="x"))
    (told,) = bench.of(commands.Broadcast)
    assert sorted(told.connections) == sorted(links)
    assert len(links) == 2
    assert [tree_of(proxy) for proxy in proxies] == [tree_of(bench)] * 2


def test_a_message_reaches_those_that_are_up_to_date_and_nobody_else():
    bench, _ = linked(1)
    bench.login("bob")
    downstream = Downstream(bench.node.serving)
    bench.node.serving.out.clear()
    downstream.tell(Draining(retry_after=1))
    (told,) = bench.node.serving.out
    assert told.connections == downstream.links()
    assert told.messages == [codec.encode(Draining(retry_after=1))]


def test_without_servers_nothing_is_sent():
    bench, _ = linked(0)
    bench.node.serving.out.clear()
    Downstream(bench.node.serving).tell(Draining(retry_after=1))
    assert bench.node.serving.out == []


def test_a_large_transaction_is_left_to_each_links_own_pace():
    bench, (proxy,) = linked(1, large_transaction=10)
    bench.commit(*skills(20))
    bench.settle()
    broadcasts = [repr(told.messages) for told in bench.of(commands.Broadcast)]
    assert not [text for text in broadcasts if '"transaction"' in text]
    assert tree_of(proxy) == tree_of(bench)


def test_after_another_load_servers_must_ask_anew():
    bench, (proxy,) = linked(1)
    bench.database.new_epoch()
    bench.load("epoch")
    assert [close.code for close in bench.of(commands.Close)] == [CloseCode.RELOAD]
    assert proxy.link != "live"
