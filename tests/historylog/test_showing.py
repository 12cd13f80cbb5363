"""Entries in words, and sessions as timelines."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from confwire.messages import HistoryEntry
from historylog import entryreader, writer
from historylog.entries import Kind
from historylog.entryreader import EntryQuestion
from historylog.models import EntryRecord
from historylog.showing import ENTRY_COLUMNS, ShownEntry, entry_row, life_of, words_of_time


def record(kind: str, at: float = 0.0, pk: int = 1, **fields: str) -> EntryRecord:
    return EntryRecord(pk=pk, kind=kind, at=datetime.fromtimestamp(at, UTC), **fields)


def test_a_kind_is_told_in_words_and_by_a_sign() -> None:
    for kind in Kind:
        assert ShownEntry(record(kind)).sign not in ("", "•"), kind
    shown = ShownEntry(record(Kind.LOGIN_REFUSED))
    assert (shown.words, shown.sign, shown.tone) == ("login refused", "✗", "bad")


def test_a_kind_of_a_later_release_is_shown_too() -> None:
    shown = ShownEntry(record("serverMelted"))
    assert (shown.words, shown.sign, shown.tone) == ("server melted", "•", "")


def test_behind_a_balancer_both_addresses_are_shown() -> None:
    entry = record(Kind.SESSION_OPENED, peer="10.0.0.1", forwarded="192.0.2.7")
    assert ShownEntry(entry).address == "192.0.2.7 by way of 10.0.0.1"
    assert ShownEntry(record(Kind.SESSION_OPENED, peer="10.0.0.1")).address == "10.0.0.1"


def test_a_life_is_told_from_its_beginning(db: None) -> None:
    kinds = (Kind.SESSION_OPENED, Kind.SESSION_MOVED, Kind.SESSION_CLOSED)
    moments = zip(kinds, (100.0, 130.0, 400.0), strict=True)
    writer.keep([HistoryEntry(kind=kind, at=at, session="s") for kind, at in moments])

    life = life_of(entryreader.entries(EntryQuestion(session="s")))

    assert [moment.entry.words for moment in life.moments if moment.entry] == [
        "session opened",
        "session moved",
        "session closed",
    ]
    assert [moment.pause for moment in life.moments] == ["0 s", "30 s", "4 min 30 s"]
    assert life.lasted == "5 min 0 s"
    assert life.opened is not None


def test_what_is_open_has_not_lasted_yet() -> None:
    assert life_of([record(Kind.SESSION_OPENED)]).lasted == ""
    assert life_of([]).moments == []


def test_a_row_of_an_export_has_all_columns() -> None:
    row = entry_row(record(Kind.SESSION_OPENED, at=5.0, user="anna"))
    assert list(row) == list(ENTRY_COLUMNS)
    assert (row["at"], row["user"]) == ("1970-01-01T00:00:05+00:00", "anna")


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0.0214, "0.0214 s"),
        (12.7, "13 s"),
        (59.7, "1 min 0 s"),
        (299.8, "5 min 0 s"),
        (7260, "2 h 1 min"),
        (-3, "0 s"),
    ],
)
def test_times_are_as_exact_as_people_need(seconds: float, words: str) -> None:
    assert words_of_time(timedelta(seconds=seconds)) == words
