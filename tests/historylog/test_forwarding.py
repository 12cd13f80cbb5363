from __future__ import annotations

from datetime import UTC, datetime

import pytest

from confwire.messages import HistoryEntry
from historylog import forwarding, writer
from historylog.models import EntryRecord, Store

pytestmark = pytest.mark.django_db


def next_numbers(number: int) -> list[int]:
    store = Store.objects.get().name
    return [entry.number for entry in forwarding.next_entries(store, number)]


def keep(count: int, **fields: str) -> int:
    return writer.keep([HistoryEntry(kind="loaded", at=1.0, **fields)] * count).last


def test_what_lies_behind_a_number_comes_in_order_with_its_numbers():
    keep(5)
    assert next_numbers(2) == [3, 4, 5]
    assert next_numbers(5) == []


def test_entries_of_other_stores_are_not_forwarded():
    keep(1)
    writer.take("s1", [HistoryEntry(kind="loaded", at=1.0, number=9)])
    assert next_numbers(0) == [1]
    assert forwarding.former_stores() == []


def test_a_batch_ends_when_it_is_big_enough(monkeypatch):
    monkeypatch.setattr(forwarding, "MOST_CHARACTERS", 1_000)
    keep(10, reason="x" * 200)
    assert next_numbers(0) == [1, 2]
    assert next_numbers(2) == [3, 4]
    monkeypatch.setattr(forwarding, "MOST_ENTRIES", 1)
    assert next_numbers(4) == [5]


def test_what_the_master_has_is_remembered_and_never_taken_back():
    keep(5)
    store = Store.objects.get().name
    forwarding.mark_forwarded(store, 4)
    forwarding.mark_forwarded(store, 2)
    assert Store.objects.get().forwarded == 4


def test_a_master_that_knows_more_than_the_file_has_what_is_in_it_and_nothing_newer():
    keep(5)
    old = Store.objects.get().name
    writer.open_store(anew=True)
    keep(2)
    forwarding.mark_forwarded(old, 900)
    assert Store.objects.get().forwarded == 5
    forwarding.mark_forwarded("gone", 900)
    assert Store.objects.get().forwarded == 5


def test_what_was_kept_before_earlier_starts_is_found_by_its_name_the_oldest_first():
    names = []
    for _ in range(4):
        names.append(writer.open_store(anew=True).store)
        keep(1)
    writer.take("s1", [HistoryEntry(kind="loaded", at=1.0, number=9)])
    writer.open_store(anew=True)
    assert forwarding.former_stores() == names
    assert [entry.number for entry in forwarding.next_entries(names[1], 0)] == [2]
    Store.objects.update(floor=datetime.now(UTC))
    EntryRecord.objects.filter(store=names[0]).delete()
    assert forwarding.former_stores() == names[1:]
