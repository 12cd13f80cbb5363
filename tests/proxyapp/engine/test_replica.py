from __future__ import annotations

from tests.proxyapp.engine.bench import tree_of


def test_a_proxy_loads_everything_from_its_master(bench, proxy):
    assert tree_of(proxy) == tree_of(bench)
    assert proxy.node.ready()
