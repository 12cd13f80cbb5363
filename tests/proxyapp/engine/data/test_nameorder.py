from __future__ import annotations

from itertools import chain
from random import Random

from proxyapp.engine.data.nameorder import START, NameOrder, Place


class Objects:
    """Objects with names, and their order."""

    def __init__(self) -> None:
        self.order = NameOrder(lambda edits: self.place_of)
        self.names: dict[int, str] = {}

    def place_of(self, dbid: int) -> Place:
        return 0, self.names[dbid], dbid

    def put(self, dbid: int, name: str) -> None:
        self.names[dbid] = name
        self.order.add((0, name, dbid))

    def remove(self, dbid: int) -> None:
        self.order.discard((0, self.names.pop(dbid), dbid))

    def sorted(self, after: Place = START) -> list[int]:
        places = sorted((0, name, dbid) for dbid, name in self.names.items())
        return [place[2] for place in places if place > after]

    def walked(self, after: Place = START) -> list[int]:
        return list(chain(*self.order.walk(after)))


def test_objects_stay_in_order_whatever_comes_and_goes():
    random, objects = Random(1), Objects()
    for step in range(1, 12_000):
        if objects.names and (random.random() < 0.3 or step > 9_000):
            objects.remove(random.choice(list(objects.names)))
        else:
            objects.put(step, random.choice(("a", f"b{random.randrange(3_000)}", f"c{step:05}")))
        if step % 1_000 == 0:
            assert objects.walked() == objects.sorted()
    for dbid in list(objects.names)[::97]:
        assert objects.walked(objects.place_of(dbid)) == objects.sorted(objects.place_of(dbid))
    for name in ("", "a", "aa", "b2", "b9999", "d"):
        assert objects.walked((0, name, 500)) == objects.sorted((0, name, 500))
    for dbid in list(objects.names):
        objects.remove(dbid)
    assert objects.walked() == []


def test_objects_may_come_and_go_while_they_are_walked():
    objects = Objects()
    for number in range(1, 2_001):
        objects.put(number, f"{number:04}")
    walk = chain.from_iterable(objects.order.walk())
    seen = [next(walk)]
    for number in range(1, 1_000):
        objects.remove(number)
    objects.put(5_000, "1000")
    seen += [dbid for dbid in walk if dbid >= 1_000]
    assert seen == [1, 1_000, 5_000, *range(1_001, 2_001)]


def test_names_that_come_in_order_fill_their_pages():
    objects = Objects()
    for number in range(1, 5_121):
        objects.put(number, f"{number:05}")
    assert [len(page) for page in objects.order._pages.values()] == [512] * 10
