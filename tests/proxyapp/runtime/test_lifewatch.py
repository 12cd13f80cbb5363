"""Who is silent is polled and given up, unless nothing could be heard from it."""

from __future__ import annotations

from confwire.addp import Step
from proxyapp.runtime.lifewatch import PROBE_LIMIT, LifeWatch


def test_without_keep_alive_only_a_probe_polls() -> None:
    life = LifeWatch(100.0)
    assert life.look(10_000.0, 0.0, False, None) is Step.WAIT
    assert life.due_at() is None
    assert life.probe(10_000.0, 0.0, 0)
    assert life.look(10_000.0, 0.0, False, None) is Step.POLL
    assert life.look(10_000.0 + PROBE_LIMIT - 0.1, 0.0, False, None) is Step.WAIT
    assert life.look(10_000.0 + PROBE_LIMIT, 0.0, False, None) is Step.LOST


def test_an_answer_to_a_probe_brings_the_keep_alive_back() -> None:
    life = LifeWatch(0.0)
    life.keep(60.0, 0.0)
    life.probe(10.0, 0.0, 0)
    assert life.look(10.0, 0.0, False, None) is Step.POLL
    assert life.look(11.0, 10.5, False, None) is Step.WAIT
    assert life.due_at() == 70.5
    life.keep(0.0, 11.0)
    assert life.due_at() is None


def test_a_probe_under_way_does_not_begin_anew_until_something_was_heard() -> None:
    life = LifeWatch(0.0)
    assert life.probe(1.0, 0.0, 0)
    life.look(1.0, 0.0, False, None)
    assert not life.probe(4.0, 0.0, 0)
    assert life.due_at() == 1.0 + PROBE_LIMIT
    assert life.probe(4.0, 3.5, 0)


def test_who_is_not_read_cannot_be_heard() -> None:
    life = LifeWatch(0.0)
    life.keep(10.0, 0.0)
    for now in range(0, 100, 5):
        assert life.look(float(now), 0.0, True, 7) is Step.WAIT
    assert life.look(105.0, 0.0, False, None) is Step.POLL


def test_who_is_probed_and_takes_nothing_is_lost_though_it_is_not_read() -> None:
    life = LifeWatch(0.0)
    life.probe(1.0, 0.0, 7)
    assert life.look(1.0, 0.0, True, 7) is Step.POLL
    assert life.look(1.0 + PROBE_LIMIT, 0.0, True, 7) is Step.LOST
    life = LifeWatch(0.0)
    life.probe(1.0, 0.0, 7)
    assert life.look(1.0, 0.0, True, 7) is Step.POLL
    assert life.look(1.0 + PROBE_LIMIT, 0.0, True, 8) is Step.WAIT, "it has taken something"
