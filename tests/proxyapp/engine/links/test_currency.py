from __future__ import annotations

from dataclasses import dataclass

import pytest

from confwire.messages import Progress
from proxyapp.engine.links.currency import SILENCE, Currency

AHEAD = 5_000.0
"""Seconds by which the master's clock reads more than the proxy's."""


@dataclass
class Data:
    epoch: str = "e"
    revision: int = 7


def said(at: float, revision: int = 7, age: float = 0.0, epoch: str = "e") -> Progress:
    """What a master says at a time of the proxy's clock."""
    return Progress(epoch=epoch, revision=revision, age=age, clock=at + AHEAD)


@pytest.fixture
def data() -> Data:
    return Data()


@pytest.fixture
def currency(data: Data) -> Currency:
    """That of a link that lives since 11, over which the master was first heard at 10."""
    made = Currency(data)
    made.start(9.0)
    made.asked(10.0)
    made.answered(10.0 + AHEAD)
    made.stated(said(11.0), 11.0)
    made.live()
    return made


def test_what_a_link_brings_is_current_while_its_master_is_heard(currency):
    for beat in range(12, 60, 2):
        currency.stated(said(beat), beat + 0.1)
        assert (currency.age(beat + 2.0), currency.is_stale) == (0.0, False)
    assert currency.known_at() == 58.0


def test_a_silent_link_counts_as_lost_from_the_last_word(currency):
    currency.stated(said(20.0), 20.1)
    assert currency.age(19.9 + SILENCE) == 0.0
    assert currency.age(20.0 + SILENCE) == SILENCE
    assert currency.age(60.0) == 40.0


def test_a_beat_that_waited_proves_only_when_it_was_said(currency):
    """A line was held up, or the process stopped: what waited comes at once."""
    for beat in (12.0, 14.0, 16.0):
        currency.stated(said(beat), 40.0)
    assert currency.age(40.0) == 24.0
    currency.lose()
    assert currency.age(50.0) == 34.0


def test_a_link_that_comes_back_proves_nothing_before_its_master_does(data):
    currency = Currency(data)
    currency.start(3.0)
    currency.asked(10.0)
    currency.answered(10.0 + AHEAD)
    currency.live()
    assert currency.age(30.0) == 27.0
    currency.stated(said(11.0), 30.0)  # both waited on the way
    assert (currency.age(30.0), currency.known_at()) == (19.0, 11.0)


def test_a_link_to_a_master_that_does_not_know_is_lost_since_it_knew(currency):
    currency.lose()
    currency.asked(30.0)
    currency.answered(30.0 + AHEAD)
    currency.stated(said(31.0, age=9.0), 31.0)
    currency.live()
    assert (currency.is_stale, currency.age(32.0)) == (True, 10.0)
    currency.lose()
    assert (currency.age(33.0), currency.known_at()) == (11.0, 22.0)


def test_a_clock_that_says_too_much_proves_no_more_than_the_present(currency):
    currency.stated(said(1_000.0), 20.0)
    assert currency.known_at() == 20.0


def test_what_was_said_counts_once_all_before_it_is_taken_in(currency, data):
    currency.stated(said(20.0, revision=8), 20.0)
    currency.stated(said(22.0, revision=9), 22.0)
    assert currency.known_at() == 11.0
    data.revision = 8
    assert currency.known_at() == 20.0
    currency.stated(said(24.0, revision=8), 24.0)
    assert currency.known_at() == 24.0


def test_what_was_said_of_another_history_is_not_waited_for(currency, data):
    currency.stated(said(20.0, revision=90), 20.0)
    currency.stated(said(22.0, epoch="later"), 22.0)
    assert currency.known_at() == 11.0
    data.epoch = "later"
    assert currency.known_at() == 22.0


def test_a_master_that_does_not_know_is_as_old_as_it_says(currency):
    currency.stated(said(20.0), 20.0)
    currency.stated(said(22.0, age=6.0), 22.0)
    assert (currency.is_stale, currency.age(23.0), currency.known_at()) == (True, 7.0, 16.0)
    currency.stated(said(24.0), 24.0)
    assert (currency.is_stale, currency.age(24.5)) == (False, 0.0)


def test_a_lost_link_is_known_up_to_the_last_word(currency):
    currency.stated(said(20.0), 20.0)
    currency.lose()
    assert (currency.age(23.0), currency.known_at()) == (3.0, 20.0)
    currency.live()
    currency.stated(said(24.0), 24.0)
    assert currency.age(24.5) == 0.0


def test_a_local_copy_is_as_old_as_its_date(data):
    currency = Currency(data)
    currency.found(5.0)
    currency.start(30.0)
    assert currency.age(31.0) == 26.0
    currency.discard()
    currency.start(32.0)
    assert currency.age(33.0) == 1.0


def test_its_state_can_be_read(currency):
    currency.stated(said(20.0), 20.0)
    assert currency.known_at() == 20.0
    assert repr(currency) == "<Currency, known at 20.0>"
