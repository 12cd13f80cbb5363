from __future__ import annotations

from proxyapp.engine.sessions.undoing import Undoing
from tests.proxyapp.engine.bench import T, skills


def test_only_so_many_objects_are_held_and_the_first_ones(bench):
    made = skills(3000)
    for start in range(0, 3000, 100):
        bench.commit(*made[start : start + 100][::-1])
    undoing = Undoing(bench.node.serving, 1, most=50)
    for _ in undoing.walk():
        assert len(undoing.former) <= 101
    dbids = sorted(item.dbid for item in made)
    assert {(T["skill"], dbid) for dbid in dbids[:50]} <= undoing.former.keys()
    assert undoing.bound is not None
    assert undoing.bound[1] >= dbids[49]
