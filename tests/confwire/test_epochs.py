"""The names of epochs tell which of two is the later one."""

from __future__ import annotations

import os
import time
from uuid import UUID, uuid4

from confwire.epochs import begun_at, is_behind, is_earlier, name_at

EARLY, LATE = name_at(1_000, b"\xff" * 10), name_at(1_001, bytes(10))


def test_a_name_is_a_uuid_that_tells_its_time() -> None:
    now = int(time.time() * 1000)
    for _ in range(100):
        name = name_at(now, os.urandom(10))
        assert (UUID(name).version, UUID(name).variant) == (7, UUID(uuid4().hex).variant)
        assert (len(name), begun_at(name)) == (32, now)


def test_the_later_one_is_known_whatever_the_random_part() -> None:
    assert is_earlier(EARLY, LATE)
    assert not is_earlier(LATE, EARLY)
    assert not is_earlier(EARLY, EARLY)


def test_two_of_one_millisecond_have_an_order_all_agree_on() -> None:
    one, two = name_at(1_000, b"\x01" * 10), name_at(1_000, b"\x02" * 10)
    assert is_earlier(one, two)
    assert not is_earlier(two, one)


def test_names_that_tell_no_time_have_no_order() -> None:
    for strange in ("", "e1", uuid4().hex, EARLY.upper() + " ", EARLY[:-1]):
        assert begun_at(strange) is None
        assert not is_earlier(strange, LATE)
        assert not is_earlier(LATE, strange)


def test_data_is_behind_by_revision_in_one_epoch_and_by_epoch_between_two() -> None:
    assert is_behind(LATE, 4, LATE, 5)
    assert not is_behind(LATE, 5, LATE, 5)
    assert is_behind(EARLY, 900, LATE, 5)
    assert not is_behind(LATE, 5, EARLY, 900)
    assert not is_behind("e1", 1, "e2", 900)
