from __future__ import annotations

import pytest

from confwire.messages import HistoryEntry
from historylog import forwarding, writer
from historylog.models import Store

pytestmark = pytest.mark.django_db


def keep(count: int, **fields: str) -> int:
    return writer.keep([HistoryEntry(kind="loaded", at=1.0, **fields)] * count).last


def test_what_lies_behind_a_number_comes_in_order_with_its_numbers():
    keep(5)
    assert [entry.number for entry in forwarding.next_entries(2)] == [3, 4, 5]
    assert forwarding.next_entries(5) == []


def test_entries_of_other_stores_are_not_forwarded():
    keep(1)
    writer.take("s1", [HistoryEntry(kind="loaded", at=1.0, number=9)])
    assert [entry.number for entry in forwarding.next_entries(0)] == [1]


def test_a_batch_ends_when_it_is_big_enough(monkeypatch):
    monkeypatch.setattr(forwarding, "MOST_CHARACTERS", 1_000)
    keep(10, reason="x" * 200)
    first = [entry.number for entry in forwarding.next_entries(0)]
    assert first == [1, 2]
    assert [entry.number for entry in forwarding.next_entries(2)] == [3, 4]
    monkeypatch.setattr(forwarding, "MOST_ENTRIES", 1)
    assert [entry.number for entry in forwarding.next_entries(4)] == [5]


def test_what_the_master_has_is_remembered_and_never_taken_back():
    keep(5)
    forwarding.mark_forwarded(4)
    forwarding.mark_forwarded(2)
    assert Store.objects.get().forwarded == 4


def test_a_master_that_knows_more_than_the_file_keeps_it_from_giving_those_numbers_again():
    keep(5)
    forwarding.mark_forwarded(900)
    assert keep(1) == 901
