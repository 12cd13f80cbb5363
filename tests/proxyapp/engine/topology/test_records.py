"""What a backup holds of its primary's sessions."""

from __future__ import annotations

import sys
from itertools import count
from typing import Any

import pytest

from confwire.messages import MirroredSession, SessionsMirrored, Subscription
from proxyapp.engine.topology import records as module
from proxyapp.engine.topology.records import CURSORS_EVERY, MOMENTS, Records

NUMBERS = count(1)


def session(name: str, *subscriptions: str) -> MirroredSession:
    return MirroredSession(
        session=name,
        application="desk",
        application_dbid=107,
        subscriptions=[Subscription(name=item) for item in subscriptions],
    )


@pytest.fixture(autouse=True)
def numbers(monkeypatch) -> None:
    monkeypatch.setattr(sys.modules[__name__], "NUMBERS", count(1))


def told(revision: int, *sessions: MirroredSession, **more: Any) -> SessionsMirrored:
    """Return the primary's next message."""
    given = {"epoch": "e1", "run": "one", "number": next(NUMBERS), **more}
    return SessionsMirrored(revision=revision, sessions=list(sessions), **given)


@pytest.fixture
def records() -> Records:
    made = Records()
    made.primary = "one"
    made.take(told(5, session("a", "mine"), session("b"), whole=True), 100.0)
    return made


def test_all_stand_at_the_revision_but_those_that_are_told_behind(records):
    records.take(told(9, behind=[("b", 7), ("gone", 1)]), 101.0)
    assert [records.find(name).cursor for name in "ab"] == [9, 7]
    records.take(told(10, behind=[]), 102.0)
    assert [records.find(name).cursor for name in "ab"] == [10, 10]


def test_who_opens_between_two_looks_at_the_cursors_moves_nobody_elses(records):
    records.take(told(9, behind=[("b", 7)]), 101.0)
    records.take(told(12, session("c")), 102.0)
    assert [records.find(name).cursor for name in "abc"] == [9, 7, 12]


def test_a_record_is_claimed_once(records):
    assert records.claim("a").session.session == "a"
    assert records.claim("a") is None
    assert not records.holds("a")
    assert len(records) == 1


def test_what_has_ended_is_forgotten(records):
    records.take(told(6, closed=["a", "unknown"]), 101.0)
    assert records.find("a") is None


def test_a_whole_message_replaces_what_was_told_before(records):
    records.take(told(6, session("c"), whole=True), 101.0)
    assert [record.session.session for record in records] == ["c"]


def test_another_epoch_replaces_it_too(records):
    records.take(told(1, epoch="e2"), 101.0)
    assert len(records) == 0


def test_void_records_say_why_until_new_ones_come(records):
    records.void("the link was cut")
    assert (len(records), records.why_void) == (0, "the link was cut")
    records.take(told(6, session("a"), whole=True), 101.0)
    assert (len(records), records.why_void) == (1, "")


def test_after_a_promotion_they_last_for_a_while(records):
    records.use_until(200.0)
    records.tick(199.9)
    assert len(records) == 2
    records.tick(200.0)
    assert len(records) == 0


def test_moments_are_numbered_upwards_whatever_the_clock_does(records):
    records.take(told(6, session("a", "mine", "other")), 101.0)
    records.take(told(7, closed=["b"]), 50.0)
    moments = records.moments()
    assert [entry.kind for entry in moments] == ["sessionOpened"] * 2 + [
        "sessionMoved",
        "sessionClosed",
    ]
    assert moments[2].reason == "subscriptions: mine, other"
    numbers = [entry.number for entry in moments]
    assert numbers == sorted(set(numbers))
    assert {entry.server for entry in moments} == {"one"}


def test_moments_that_the_log_takes_for_older_ones_are_numbered_behind_them(records):
    """The process before was of a later clock."""
    before = [entry.number for entry in records.moments()]
    records.kept(10**18)
    moments = records.moments()
    assert [entry.number for entry in moments] == [10**18 + 1, 10**18 + 2]
    records.kept(10**18 + 2)
    assert not records.moments()
    assert max(before) < 10**18


def test_moments_wait_until_they_are_kept(records):
    first, second = records.moments()
    records.kept(first.number)
    assert records.moments() == [second]
    records.take(told(6, *(session(f"s{n}") for n in range(MOMENTS + 1))), 101.0)
    assert len(records.moments()) == MOMENTS


def test_moments_that_nobody_takes_do_not_fill_the_memory(records, monkeypatch):
    monkeypatch.setattr(module, "WAITING", 3)
    records.take(told(6, *(session(f"s{n}") for n in range(10))), 101.0)
    assert [entry.session for entry in records.moments()] == ["s7", "s8", "s9"]


def test_cursors_that_moved_are_moments_now_and_then(records):
    records.kept(records.moments()[-1].number)
    records.take(told(9, behind=[]), 101.0)
    records.tick(100.0 + CURSORS_EVERY)
    assert [(entry.kind, entry.revision) for entry in records.moments()] == [
        ("sessionMoved", 9)
    ] * 2
    records.kept(records.moments()[-1].number)
    records.tick(100.0 + 2 * CURSORS_EVERY)
    assert records.moments() == []


def test_old_words_are_ignored_and_known(records):
    last = next(NUMBERS) - 1
    assert records.take(told(9, closed=["a"], number=last), 101.0)
    assert records.holds("a")


@pytest.mark.parametrize("more", [{"number": 9}, {"run": "another", "number": 2}])
def test_what_does_not_follow_voids_all_until_the_next_whole_message(records, more):
    assert not records.take(told(9, session("c"), **more), 101.0)
    assert (len(records), records.why_void) == (
        0,
        "what the primary told of its sessions has a gap",
    )
    more["number"] += 1
    assert not records.take(told(9, session("c"), **more), 101.0)
    more["number"] += 1
    assert records.take(told(9, session("d"), whole=True, **more), 101.0)
    more["number"] += 1
    assert records.take(told(9, session("e"), **more), 101.0)
    assert [record.session.session for record in records] == ["d", "e"]
