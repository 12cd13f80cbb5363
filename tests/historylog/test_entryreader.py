"""Entries are found by what they say, newest first and page by page, many kinds at once too."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from confwire.messages import HistoryEntry
from historylog import entryreader, writer
from historylog.entries import Kind
from historylog.entryreader import GROUPS, EntryQuestion, place_of


@pytest.fixture(autouse=True)
def entries(db: None) -> None:
    """Keep thirty entries, two at each moment."""
    kinds = [Kind.SESSION_OPENED, Kind.LOGIN_REFUSED, Kind.SERVER_STARTED]
    writer.keep(
        [
            HistoryEntry(
                kind=kinds[number % 3],
                at=1000.0 + number // 2,
                server=f"server {number % 2}",
                session=f"s{number % 5}",
                application="desk",
                user="anna" if number % 4 else "bernd",
            )
            for number in range(30)
        ]
    )


def numbers(**question: Any) -> list[int]:
    found = entryreader.entries(EntryQuestion(**question), limit=100)
    first = min(row.pk for row in entryreader.entries(EntryQuestion(), limit=100))
    return [row.pk - first for row in found]


def test_all_come_newest_first() -> None:
    assert numbers() == list(range(29, -1, -1))


@pytest.mark.parametrize(
    ("question", "expected"),
    [
        ({"kind": "loginRefused"}, lambda n: n % 3 == 1),
        ({"kind": "logins"}, lambda n: n % 3 == 1),
        ({"kind": "nothing"}, lambda n: False),
        ({"server": "server 1", "user": "anna"}, lambda n: n % 2 == 1),
        ({"session": "s3"}, lambda n: n % 5 == 3),
        ({"application": "desk", "user": "bernd"}, lambda n: n % 4 == 0),
        ({"since": datetime.fromtimestamp(1010, UTC)}, lambda n: n >= 20),
        ({"until": datetime.fromtimestamp(1010, UTC)}, lambda n: n < 20),
    ],
)
def test_what_is_asked_must_hold(question: dict[str, Any], expected: Any) -> None:
    assert numbers(**question) == [number for number in range(29, -1, -1) if expected(number)]


@pytest.mark.parametrize("kind", ["", "sessions", "servers"])
def test_pages_join_to_the_whole(kind: str) -> None:
    question = EntryQuestion(kind=kind)
    whole = entryreader.entries(question, limit=100)
    paged: list[Any] = []
    while page := entryreader.entries(question, place_of(paged[-1]) if paged else None, limit=3):
        paged += page
    assert [row.pk for row in paged] == [row.pk for row in whole]


def test_every_kind_is_in_one_group() -> None:
    assert sorted(kind for group in GROUPS.values() for kind in group) == sorted(Kind)
