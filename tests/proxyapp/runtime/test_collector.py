"""Passes of the collector stay short, and nothing is kept for ever."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Iterator

import pytest

from proxyapp.runtime import collector


class Circle:
    """Refers to itself."""

    def __init__(self) -> None:
        self.itself = self


@pytest.fixture
def own_collector() -> Iterator[None]:
    """Give the process's collector back as it was."""
    threshold, callbacks = gc.get_threshold(), gc.callbacks[:]
    yield
    gc.set_threshold(*threshold)
    gc.callbacks[:] = callbacks
    gc.unfreeze()


def test_what_survived_is_not_looked_at_again(own_collector: None) -> None:
    collector.keep_short()
    sessions = [Circle() for _ in range(10 * collector.YOUNG)]
    gc.collect(1)
    looked_at = {id(thing) for thing in gc.get_objects()}
    assert not any(id(session) in looked_at for session in sessions)


def test_young_circles_are_collected_as_ever(own_collector: None) -> None:
    collector.keep_short()
    gone = weakref.ref(Circle())
    gc.collect(1)
    assert gone() is None


def test_old_circles_go_after_many_connections_that_leave_them(own_collector: None) -> None:
    collector.keep_short()
    circle = Circle()
    gc.collect(1)
    gone = weakref.ref(circle)
    del circle
    gc.collect()
    assert gone() is not None
    for _ in range(collector.CIRCLES):
        collector.left_circle()
    assert gone() is None


def test_starting_twice_is_starting_once(own_collector: None) -> None:
    before = len(gc.callbacks)
    collector.keep_short()
    collector.keep_short()
    assert len(gc.callbacks) == before + 1
