from __future__ import annotations

from proxyapp.engine.loads import Loads
from proxyapp.engine.settings import Settings


def options(**values: int) -> Settings:
    return Settings({"system": {name.replace("_", "-"): value for name, value in values.items()}})


def links(*numbers: int) -> dict[int, int]:
    return {number: number for number in numbers}


def test_without_a_limit_all_load_at_once():
    loads = Loads()
    assert all(loads.enter(link, 0.0, options()) for link in range(100))


def test_beyond_the_limit_they_wait_and_go_in_the_order_of_their_coming():
    loads, most, woken = Loads(), options(proxy_load_max=2), []
    assert [loads.enter(link, 0.0, most) for link in (1, 2, 3, 4)] == [True, True, False, False]
    assert loads.status() == {"underWay": 2, "waiting": 2}
    loads.tick(links(1, 2, 3, 4), 1.0, most, woken.append)
    assert woken == []
    loads.leave(1)
    assert not loads.enter(4, 1.0, most), "3 came first"
    loads.tick(links(1, 2, 3, 4), 1.0, most, woken.append)
    assert woken == [3]
    assert loads.enter(3, 1.0, most)
    assert loads.enter(2, 1.0, most), "it loads already"


def test_who_is_gone_neither_counts_nor_waits():
    loads, most, woken = Loads(), options(proxy_load_max=1), []
    assert [loads.enter(link, 0.0, most) for link in (1, 2, 3)] == [True, False, False]
    loads.tick(links(3), 1.0, most, woken.append)
    assert woken == [3]
    assert loads.enter(3, 1.0, most)


def test_who_loads_for_too_long_no_longer_counts():
    loads, most = Loads(), options(proxy_load_max=1, proxy_load_timeout=60)
    assert loads.enter(1, 0.0, most)
    assert not loads.enter(2, 59.0, most)
    assert loads.enter(2, 60.0, most)


def test_a_limit_that_is_taken_back_lets_all_in():
    loads, woken = Loads(), []
    most = options(proxy_load_max=1)
    assert [loads.enter(link, 0.0, most) for link in (1, 2, 3)] == [True, False, False]
    loads.tick(links(1, 2, 3), 1.0, options(), woken.append)
    assert woken == [2, 3]
    assert loads.enter(2, 1.0, options())
