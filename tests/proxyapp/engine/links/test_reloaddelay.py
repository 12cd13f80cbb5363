from __future__ import annotations

import pytest

from tests.proxyapp.engine.bench import Bench, gone, master
from tests.proxyapp.engine.links.test_masters import options, pair, proxy_of


@pytest.fixture
def bench() -> Bench:
    return master(pair())


def test_a_load_that_is_needed_waits_and_the_old_data_is_served_meanwhile(bench):
    bench.commit(options(delay_reload=30))
    proxy = proxy_of(bench)
    bob = proxy.login("bob")
    bob.watch(types=["skill"])
    proxy.sever()
    bench.database.restored([*pair(), options(delay_reload=30)][:-3], 9)
    bench.database.new_epoch()
    bench.load("epoch")
    proxy.dial()
    assert proxy.link == "resuming"
    assert bob.read("skill") == [601, 602]
    assert proxy.node.status(proxy.now)["authority"]["reloadIn"] == 30
    proxy.tick(29)
    assert proxy.node.status(proxy.now)["loads"] == 1
    proxy.tick(2)
    proxy.pump()
    bench.tick(3)
    proxy.pump()
    assert proxy.link == "live"
    assert proxy.node.status(proxy.now)["loads"] == 2


def test_a_resume_and_the_first_load_never_wait(bench):
    bench.commit(options(delay_reload=30))
    proxy = proxy_of(bench)
    assert proxy.link == "live"
    proxy.sever()
    bench.commit(gone("skill", 601))
    proxy.dial()
    assert proxy.link == "live"
    assert proxy.node.status(proxy.now)["loads"] == 1
