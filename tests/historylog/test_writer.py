from __future__ import annotations

from datetime import UTC, datetime

import msgspec
import pytest
from django.db import connection

from confwire.messages import HistoryEntry
from historylog import writer
from historylog.models import EntryRecord, Source, Store

pytestmark = pytest.mark.django_db

FULL = HistoryEntry(
    kind="sessionOpened",
    at=1_700_000_000.25,
    server="site-1",
    session="a15e",
    application="Größe 'x' %s",
    application_type="sce",
    user="анна",
    peer="10.0.0.1:5",
    forwarded="192.0.2.1",
    port="default",
    epoch="e1",
    revision=118,
    reason="because",
)


def entries(count: int) -> list[HistoryEntry]:
    return [HistoryEntry(kind="loaded", at=float(n), reason=str(n)) for n in range(count)]


def numbered(*numbers: int) -> list[HistoryEntry]:
    return [HistoryEntry(kind="loaded", at=1.0, number=number) for number in numbers]


def numbers_of(store: str) -> list[int]:
    found = EntryRecord.objects.filter(store=store).order_by("id")
    return list(found.values_list("number", flat=True))


def test_every_field_of_an_entry_comes_back_as_it_was():
    position = writer.keep([FULL])
    (record,) = EntryRecord.objects.all()
    expected = msgspec.structs.replace(FULL, number=position.last)
    assert record.entry() == expected
    assert record.at == datetime.fromtimestamp(FULL.at, UTC)


def test_what_is_kept_can_be_found_by_its_time():
    writer.keep([FULL])
    moment = datetime.fromtimestamp(FULL.at, UTC)
    assert EntryRecord.objects.filter(at__gte=moment, at__lte=moment).exists()


def test_entries_are_numbered_in_their_order_and_without_a_gap():
    first, second = writer.keep(entries(3)), writer.keep(entries(2))
    assert (first.last, second.last) == (3, 5)
    assert numbers_of(first.store) == [1, 2, 3, 4, 5]
    reasons = EntryRecord.objects.order_by("number").values_list("reason", flat=True)
    assert list(reasons) == ["0", "1", "2", "0", "1"]


def test_a_batch_of_many_parts_is_one_with_its_numbers_in_order():
    position = writer.keep(entries(250))
    assert numbers_of(position.store) == list(range(1, 251))
    found = EntryRecord.objects.order_by("number").values_list("reason", flat=True)
    assert list(found) == [str(n) for n in range(250)]


def test_a_start_changes_nothing_where_nothing_is_forwarded():
    position = writer.keep(entries(1))
    assert writer.open_store() == position


def test_a_proxy_keeps_on_under_another_name_at_each_start_and_numbers_go_on():
    first = writer.keep(entries(1))
    opened = writer.open_store(anew=True)
    assert opened.last == 1
    assert opened.store != first.store
    assert writer.keep(entries(1)) == (opened.store, 2)
    assert (numbers_of(first.store), numbers_of(opened.store)) == ([1], [2])
    assert writer.open_store(anew=True).store not in (first.store, opened.store)
    assert Store.objects.count() == 1


def test_a_new_database_gets_its_first_name():
    opened = writer.open_store(anew=True)
    assert (opened.last, Store.objects.get().name) == (0, opened.store)


def test_a_text_that_is_too_long_is_cut_and_not_refused():
    writer.keep([HistoryEntry(kind="k" * 50, at=1.0, session="s" * 100, reason="r" * 1_000)])
    record = EntryRecord.objects.get()
    assert (len(record.kind), len(record.session), len(record.reason)) == (20, 64, 255)


def test_an_entry_that_the_database_refuses_holds_up_no_others():
    bad = HistoryEntry(kind="loaded", at=1.0, reason="a\0b")
    position = writer.keep([*entries(1), bad, *entries(1)])
    assert position.last == 3
    kept = numbers_of(position.store)
    assert {1, 3} <= set(kept)
    assert kept == ([1, 3] if connection.vendor == "postgresql" else [1, 2, 3])


@pytest.mark.parametrize(
    "bad",
    [
        {"at": 1e300},
        {"at": 1e12},
        {"at": -1e12},
        {"at": float("inf")},
        {"at": float("nan")},
        {"revision": 2**63},
        {"user": "\ud800"},
    ],
    ids=str,
)
def test_what_no_database_can_keep_holds_up_no_others(bad):
    entry = msgspec.structs.replace(FULL, **bad)
    position = writer.keep([*entries(1), entry, *entries(1)])
    assert numbers_of(position.store) == [1, 3]
    taken = [msgspec.structs.replace(entry, number=5), *numbered(6)]
    assert writer.take("s1", taken) == 6
    assert numbers_of("s1") == [6]


@pytest.mark.parametrize("at", [-62_135_596_800.0, 253_402_300_799.0])
def test_the_first_and_the_last_moment_can_be_read_again(at):
    writer.keep([HistoryEntry(kind="loaded", at=at)])
    assert EntryRecord.objects.get().entry().at == at


def test_a_number_that_is_none_is_not_taken():
    assert writer.take("s1", numbered(-1, 0, 2**63, 2**80)) == 0
    assert writer.take("s1", numbered(7)) == 7


def test_entries_of_another_store_are_taken_once():
    assert writer.take("s1", numbered(3, 4)) == 4
    assert writer.take("s1", numbered(3, 4, 9)) == 9
    assert writer.take("s1", numbered(4)) == 9
    assert numbers_of("s1") == [3, 4, 9]
    assert Source.objects.get().taken == 9


def test_to_take_nothing_tells_how_far_a_store_is_here():
    assert writer.take("s1", []) == 0
    writer.take("s1", numbered(7))
    assert writer.take("s1", []) == 7
    assert writer.take("s2", []) == 0


def test_what_was_taken_and_pruned_does_not_come_back():
    writer.take("s1", numbered(7))
    Store.objects.update_or_create(id=1, defaults={"floor": datetime.now(UTC)})
    EntryRecord.objects.all().delete()
    assert writer.take("s1", numbered(7)) == 7
    assert numbers_of("s1") == []


def test_stores_do_not_disturb_each_other():
    own = writer.keep(entries(2))
    writer.take("s1", numbered(1))
    writer.take("s2", numbered(1))
    assert (numbers_of(own.store), numbers_of("s1"), numbers_of("s2")) == ([1, 2], [1], [1])


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("durable", [True, False])
def test_whether_a_batch_waits_for_the_disk_can_be_chosen(durable):
    writer.set_durable(durable)
    with connection.cursor() as cursor:
        if connection.vendor == "sqlite":
            cursor.execute("PRAGMA synchronous")
            assert cursor.fetchone() == (2 if durable else 1,)
        else:
            cursor.execute("SHOW synchronous_commit")
            assert cursor.fetchone() == ("on" if durable else "off",)
    connection.close()
