"""What is too old or too much goes, whole transactions at a time, and the newest one stays."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from django.utils import timezone

from confwire.messages import HistoryEntry
from historylog import checkpoints, forwarding, retention, writer
from historylog.models import ChangedProperty, ChangeRecord, EntryRecord, Source, Store, Transaction
from historylog.retention import EntryLimits, Limits, Pruned, prune, prune_entries

FOREVER = 10**4


def instantly(seconds: float) -> None:
    assert seconds > 0


@pytest.fixture
def newest(skill: Callable[..., int]) -> Transaction:
    for number in range(4):
        skill(f"skill {number}")
    return Transaction.objects.latest("revision")


def test_nothing_goes_within_the_limits(newest: Transaction) -> None:
    before = Transaction.objects.count()
    assert prune(Limits(FOREVER, 10**6), newest.at, instantly) == Pruned(0, 0, 0)
    assert Transaction.objects.count() == before
    assert checkpoints.floor() is None


def test_the_oldest_records_go_with_their_transactions(newest: Transaction) -> None:
    pruned = prune(Limits(FOREVER, 2), newest.at, instantly)
    assert pruned.floor == newest.revision - 2
    assert ChangeRecord.objects.count() == Transaction.objects.count() == 2
    assert not ChangedProperty.objects.filter(revision__lte=pruned.floor).exists()


def test_old_transactions_go_but_the_newest_stays(newest: Transaction) -> None:
    pruned = prune(Limits(30, 10**6), newest.at + timedelta(days=31), instantly)
    assert pruned.floor == newest.revision - 1
    assert Transaction.objects.get() == newest


def test_a_clock_that_was_wrong_takes_nothing_with_it_that_is_not_too_old(
    newest: Transaction, skill: Callable[..., int], monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patched:
        patched.setattr(timezone, "now", lambda: datetime(1970, 1, 1, tzinfo=UTC))
        skill("when the clock had stopped")
    skill("when it was right again")
    assert prune(Limits(30, 10**6), newest.at, instantly) == Pruned(0, 0, 0)
    last = Transaction.objects.latest("revision")
    pruned = prune(Limits(30, 10**6), last.at + timedelta(days=31), instantly)
    assert pruned.floor == last.revision - 1


def test_what_a_clock_that_was_ahead_has_written_goes_with_what_came_after_it(
    newest: Transaction, skill: Callable[..., int], monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patched:
        patched.setattr(timezone, "now", lambda: datetime(2099, 1, 1, tzinfo=UTC))
        skill("when the clock was far ahead")
    later = newest.at + timedelta(days=31)
    assert prune(Limits(30, 10**6), later, instantly).floor == newest.revision
    with monkeypatch.context() as patched:
        patched.setattr(timezone, "now", lambda: later)
        skill("when it was right again")
    last = Transaction.objects.latest("revision")
    assert prune(Limits(30, 10**6), later, instantly).floor == last.revision - 1


def test_a_transaction_goes_whole_when_one_of_its_records_is_too_many(newest: Transaction) -> None:
    seeded = ChangeRecord.objects.filter(revision=1).count()
    prune(Limits(FOREVER, 4 + seeded - 1), newest.at, instantly)
    assert not ChangeRecord.objects.filter(revision=1).exists()


def test_the_floor_is_signed_and_bears_the_chain(newest: Transaction) -> None:
    before = Transaction.objects.get(revision=newest.revision - 1)
    prune(Limits(FOREVER, 1), newest.at, instantly)
    floor = checkpoints.floor()
    assert floor is not None
    assert checkpoints.is_genuine(floor)
    assert (floor.revision, floor.chain) == (before.revision, before.chain)


def test_pruning_again_changes_nothing(newest: Transaction) -> None:
    prune(Limits(FOREVER, 1), newest.at, instantly)
    assert prune(Limits(FOREVER, 1), newest.at, instantly) == Pruned(newest.revision - 1, 0, 0)


def test_small_batches_lead_to_the_same(
    newest: Transaction, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retention, "BATCH", 3)
    pauses: list[float] = []
    prune(Limits(FOREVER, 1), newest.at, pauses.append)
    assert ChangeRecord.objects.count() == Transaction.objects.count() == 1
    assert len(pauses) > 3


def test_what_an_interrupted_pruning_left_goes_with_the_next(newest: Transaction) -> None:
    checkpoints.add(newest.revision - 1, newest.at, "floor", "c")
    pruned = prune(Limits(FOREVER, 10**6), newest.at, instantly)
    assert pruned.transactions > 0
    assert Transaction.objects.get() == newest


DAY = 86_400.0
NOW = datetime(2026, 1, 31, tzinfo=UTC)


def keep(kind: str, days_ago: float) -> None:
    writer.keep([HistoryEntry(kind=kind, at=NOW.timestamp() - days_ago * DAY)])


def kept() -> list[str]:
    return list(EntryRecord.objects.order_by("number").values_list("kind", flat=True))


@pytest.mark.django_db
def test_entries_about_sessions_go_sooner_than_others() -> None:
    keep("sessionOpened", 3)
    keep("loginRefused", 3)
    keep("loginRefused", 31)
    keep("sessionClosed", 1)
    assert prune_entries(EntryLimits(2, 30), NOW, instantly) == 2
    assert kept() == ["loginRefused", "sessionClosed"]


@pytest.mark.django_db
def test_what_the_master_does_not_have_yet_stays_as_long_as_anything() -> None:
    keep("sessionOpened", 3)
    keep("sessionClosed", 3)
    keep("sessionOpened", 31)
    forwarding.mark_forwarded(Store.objects.get().name, 1)
    assert prune_entries(EntryLimits(2, 30), NOW, instantly, forwards=True) == 2
    assert kept() == ["sessionClosed"]


@pytest.mark.django_db
def test_what_was_taken_from_others_waits_for_no_master() -> None:
    entry = HistoryEntry(kind="sessionOpened", at=NOW.timestamp() - 3 * DAY, number=10**15)
    keep("sessionOpened", 3)
    writer.take("mirror", [entry])
    assert prune_entries(EntryLimits(2, 30), NOW, instantly, forwards=True) == 1
    assert EntryRecord.objects.get().store != "mirror"


@pytest.mark.django_db
def test_a_store_is_forgotten_when_nothing_of_it_is_left_and_nothing_comes() -> None:
    keep("sessionOpened", 0)
    for store, days_ago in (("silent", 31), ("speaks", 31), ("young", 1)):
        at = NOW.timestamp() - days_ago * DAY
        writer.take(store, [HistoryEntry(kind="loaded", at=at, number=7)])
    Source.objects.filter(name="silent").update(at=NOW - timedelta(days=31))
    Source.objects.filter(name="young").update(at=NOW - timedelta(days=31))
    Source.objects.filter(name="speaks").update(at=NOW)
    assert prune_entries(EntryLimits(2, 30), NOW, instantly) == 2
    assert set(Source.objects.values_list("name", flat=True)) == {"speaks", "young"}


@pytest.mark.django_db
def test_a_forgotten_store_that_comes_again_brings_what_goes_as_too_old() -> None:
    keep("sessionOpened", 0)
    old = HistoryEntry(kind="loaded", at=NOW.timestamp() - 31 * DAY, number=7)
    writer.take("silent", [old])
    Source.objects.update(at=NOW - timedelta(days=31))
    prune_entries(EntryLimits(2, 30), NOW, instantly)
    new = HistoryEntry(kind="loaded", at=NOW.timestamp(), number=8)
    assert writer.take("silent", [old, new]) == 8
    assert prune_entries(EntryLimits(2, 30), NOW, instantly) == 1
    assert kept() == ["sessionOpened", "loaded"]


@pytest.mark.django_db
def test_entries_go_in_batches_until_one_asks_to_stop(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retention, "BATCH", 2)
    for _ in range(5):
        keep("sessionOpened", 3)
    assert prune_entries(EntryLimits(1, 30), NOW, lambda seconds: True) == 2
    assert prune_entries(EntryLimits(1, 30), NOW, instantly) == 3
    assert kept() == []


@pytest.mark.django_db
def test_where_nothing_was_ever_kept_nothing_is_pruned() -> None:
    assert prune_entries(EntryLimits(1, 1), NOW, instantly) == 0
