"""Keep-alive: when a silent peer is polled and when it is given up."""

from __future__ import annotations

import pytest

from confwire.addp import SilenceWatch, Step


def test_a_silent_peer_is_polled_once_and_then_given_up():
    watch = SilenceWatch(10, now=100)
    assert watch.step(109.9) is Step.WAIT
    assert watch.step(110) is Step.POLL
    assert watch.step(115) is Step.WAIT
    assert watch.step(120) is Step.LOST


def test_an_answer_to_the_poll_keeps_the_peer():
    watch = SilenceWatch(10, now=0)
    assert watch.step(10) is Step.POLL
    watch.heard(12)
    assert watch.step(20) is Step.WAIT
    assert watch.step(22) is Step.POLL


def test_a_peer_that_talks_is_never_polled():
    watch = SilenceWatch(10, now=0)
    for now in range(1, 100, 9):
        assert watch.step(now) is Step.WAIT
        watch.heard(now)


def test_a_process_that_slept_polls_before_it_gives_up():
    watch = SilenceWatch(10, now=0)
    assert watch.step(5000) is Step.POLL
    assert watch.step(5009) is Step.WAIT
    assert watch.step(5010) is Step.LOST


def test_a_timeout_of_zero_is_off():
    watch = SilenceWatch(0, now=0)
    assert watch.due_at() is None
    assert watch.step(1e9) is Step.WAIT


@pytest.mark.parametrize(("timeout", "due"), [(3, 18), (60, 75), (0, None)])
def test_the_timeout_changes_on_a_live_connection(timeout, due):
    watch = SilenceWatch(10, now=0)
    assert watch.step(10) is Step.POLL
    watch.change(timeout, now=15)
    assert watch.due_at() == due
    assert watch.step(16) is Step.WAIT


def test_the_next_due_time_follows_what_happened():
    watch = SilenceWatch(10, now=0)
    assert watch.due_at() == 10
    watch.heard(4)
    assert watch.due_at() == 14
    watch.step(15)
    assert watch.due_at() == 25


def test_its_state_can_be_read():
    watch = SilenceWatch(10, now=1)
    assert repr(watch) == "<SilenceWatch 10 s listening>"
    assert not watch.is_polled
    watch.step(11)
    assert watch.is_polled
    assert repr(watch) == "<SilenceWatch 10 s polled>"
    watch.change(0, now=12)
    assert repr(watch) == "<SilenceWatch 0 s off>"
