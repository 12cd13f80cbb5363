"""Pages are full of what may be seen, join without gaps, and cost a bounded number of rows."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from historylog import paging
from historylog.paging import MOST_SCANNED, SCAN, scan


def reading(rows: list[int]) -> Callable[[int | None, int], list[int]]:
    def read(before: int | None, count: int) -> list[int]:
        return [row for row in rows if before is None or row < before][:count]

    return read


@given(st.sets(st.integers(0, 60)), st.integers(1, 7), st.integers(2, 5))
def test_pages_join_to_all_that_may_be_seen(found: set[int], limit: int, divisor: int) -> None:
    rows = sorted(found, reverse=True)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(paging, "SCAN", 5)
        patch.setattr(paging, "MOST_SCANNED", 11)
        seen: list[int] = []
        place: int | None = None
        while True:
            page = scan(
                reading(rows),
                lambda row: row,
                lambda page: [row for row in page if row % divisor],
                place,
                limit,
            )
            assert len(page.rows) <= limit
            seen += page.rows
            place = page.next
            if place is None:
                break
    assert seen == [row for row in rows if row % divisor]


def test_where_everything_may_be_seen_one_more_row_is_read() -> None:
    asked: list[int] = []

    def read(before: int | None, count: int) -> list[int]:
        asked.append(count)
        return list(range(count))

    assert scan(read, lambda row: row, None, None, 50).next == 49
    assert asked == [51]


def test_looking_ends_where_next_to_nothing_may_be_seen() -> None:
    page = scan(reading(list(range(50_000, 0, -1))), lambda row: row, lambda rows: [], None, 50)
    assert page.rows == []
    assert page.next is not None
    assert MOST_SCANNED <= 50_001 - page.next <= MOST_SCANNED + SCAN
