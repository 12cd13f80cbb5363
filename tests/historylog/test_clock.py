"""A clock that jumped far ahead removes nothing, until time or a person says that it is right."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from historylog import clock
from historylog.clock import JUMP, Looks
from historylog.models import Store, Transaction

HALF_AN_HOUR = timedelta(minutes=30)
NOW = datetime(2026, 1, 31, tzinfo=UTC)
FAR = NOW + timedelta(days=3650)
NONE = timedelta()


def looked(looks: Looks, start: datetime, time: timedelta) -> Looks:
    """Look every half hour from a moment on."""
    for number in range(time // HALF_AN_HOUR + 1):
        looks = looks.then(start + number * HALF_AN_HOUR)
    return looks


def test_a_clock_that_goes_on_is_believed() -> None:
    assert looked(Looks(NOW, NOW, NONE), NOW, timedelta(days=30)).believed == NOW + timedelta(30)


def test_a_server_that_was_off_for_a_few_days_believes_its_clock() -> None:
    assert Looks(NOW, NOW, NONE).then(NOW + JUMP).believed == NOW + JUMP


def test_a_clock_that_jumped_is_not_believed_before_a_week() -> None:
    looks = looked(Looks(NOW, NOW, NONE), FAR, timedelta(days=7) - HALF_AN_HOUR)
    assert looks.believed == NOW
    assert looked(looks, looks.last + HALF_AN_HOUR, NONE).believed == FAR + timedelta(days=7)


def test_every_further_jump_begins_the_week_anew() -> None:
    looks = looked(Looks(NOW, NOW, NONE), FAR, timedelta(days=6))
    further = looks.last + JUMP + HALF_AN_HOUR
    assert looked(looks, further, timedelta(days=6)).believed == NOW
    before = looks.last - HALF_AN_HOUR
    assert looked(looks, before, timedelta(days=6)).believed == NOW


def test_a_clock_that_is_right_again_is_as_if_nothing_had_been() -> None:
    looks = looked(Looks(NOW, NOW, NONE), FAR, timedelta(days=6))
    later = NOW + timedelta(days=6)
    assert looks.then(later) == Looks(later, later, NONE)


def test_a_clock_that_stopped_does_not_make_the_right_one_doubtful() -> None:
    looks = looked(Looks(NOW, NOW, NONE), datetime(1970, 1, 1, tzinfo=UTC), timedelta(days=6))
    assert looks.then(NOW + HALF_AN_HOUR).believed == NOW + HALF_AN_HOUR


@pytest.mark.django_db
def test_ages_are_judged_as_of_the_last_look_that_was_believed() -> None:
    Store.objects.all().delete()
    start = clock.judged(NOW, believe=True)
    assert start == NOW
    assert clock.judged(NOW + HALF_AN_HOUR) == NOW + HALF_AN_HOUR
    assert clock.judged(FAR) == NOW + HALF_AN_HOUR
    assert clock.judged(FAR + HALF_AN_HOUR) == NOW + HALF_AN_HOUR


@pytest.mark.django_db
def test_a_clock_that_was_set_back_counts_as_it_is() -> None:
    clock.judged(NOW, believe=True)
    past = NOW - timedelta(days=3650)
    assert clock.judged(past) == past


@pytest.mark.django_db
def test_a_person_may_say_that_the_clock_is_right() -> None:
    clock.judged(NOW, believe=True)
    assert clock.judged(FAR, believe=True) == FAR
    assert clock.judged(FAR + HALF_AN_HOUR) == FAR + HALF_AN_HOUR


def test_the_first_look_is_judged_by_what_was_committed_last(skill: Callable[..., int]) -> None:
    skill("new")
    newest_at = Transaction.objects.latest("revision").at
    assert clock.judged(newest_at + timedelta(days=3650)) == newest_at
    assert Store.objects.get().believed == newest_at
