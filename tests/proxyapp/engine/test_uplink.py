from __future__ import annotations

from proxyapp.engine import commands
from tests.proxyapp.engine.bench import Proxy


def test_clients_of_a_proxy_are_told_where_the_master_is(proxy):
    (info,) = proxy.login("bob").ask("readServerInfo")
    assert info["server"]["mode"] == "proxy"
    assert (info["server"]["masterHost"], info["server"]["masterPort"]) == (
        "master.example",
        "2020",
    )
    assert info["link"] == "live"


def test_the_first_thing_a_proxy_does_is_to_connect_to_its_master(bench):
    proxy = Proxy(bench)
    proxy.carry_out(proxy.node.start(proxy.now))
    (command,) = proxy.of(commands.ConnectLink)
    assert (command.host, command.port, command.delay) == ("master.example", 2020, 0.0)
    assert command.keep_alive > 0
    assert not proxy.node.ready()
