"""What only servers ask of one another."""

from __future__ import annotations

import pytest

from confwire import codec
from confwire.messages import HistoryEntries
from proxyapp.engine import commands

WRITE = {"personDBID": 101, "origin": "x", "objectType": "skill", "DBID": 601, "delta": {}}


@pytest.mark.parametrize(
    ("message", "fields"),
    [
        ("replicate", {}),
        ("accountStates", {"states": []}),
        ("historyEntries", {"store": "s"}),
        ("checkLogin", {"user": "eve", "mechanism": "PLAIN", "data": "x"}),
        ("relayWrite", {"ticket": 1, "requestId": "r", **WRITE}),
        ("siteProgress", {"epoch": "e1", "revision": 1, "clients": 0}),
        ("pairRole", {"running": "primary", "term": 1}),
        ("sessionsMirrored", {"epoch": "e1", "revision": 1, "run": "one", "number": 1}),
        ("askSessions", {}),
        ("handOver", {"run": "one", "said": 1}),
        ("readPeer", {}),
    ],
)
def test_a_client_is_refused_all_of_it(bench, message, fields):
    client = bench.login("bob")
    bench.commands.clear()
    (answer,) = client.ask(message, **fields)
    assert (answer["message"], answer["code"]) == ("error", "noPermission")
    assert bench.of(commands.TakeEntries) == bench.of(commands.Write) == []
    assert not bench.node.serving.servers


def test_entries_of_a_proxy_are_kept_under_the_name_of_its_store(bench, proxy):
    bench.commands.clear()
    proxy.line.send(codec.encode(HistoryEntries(store="site-1")))
    (taken,) = bench.of(commands.TakeEntries)
    assert (taken.store, taken.entries) == ("site-1", [])


@pytest.mark.parametrize("store", ["", "x" * 33, "é", "a\nb"])
def test_a_store_has_a_name_that_every_database_keeps(bench, proxy, store):
    bench.commands.clear()
    proxy.line.send(codec.encode(HistoryEntries(store=store)))
    assert bench.of(commands.TakeEntries) == []
