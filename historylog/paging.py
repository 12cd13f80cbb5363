"""Pages of searches of which not every row may be shown: read on until a page is full.

Pure; what is read and what may be seen is given.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

SCAN = 1_000
"""Rows that are read at once where a first, short reading was not enough."""
MOST_SCANNED = 1_000
"""Rows that are looked through for one page, about: who sees nothing of them waits no longer."""

R = TypeVar("R")
P = TypeVar("P")


@dataclass(frozen=True, slots=True)
class Found(Generic[R, P]):
    """A page of a search."""

    rows: list[R]
    next: P | None = None
    """Behind which place the search goes on; None when there is nothing more."""


def scan(
    read: Callable[[P | None, int], list[R]],
    place_of: Callable[[R], P],
    seen: Callable[[list[R]], list[R]] | None,
    before: P | None,
    limit: int,
) -> Found[R, P]:
    """Return the next rows that may be seen.

    Args:
        read: returns so many rows behind a place.
        seen: leaves out what may not be seen; None where everything may.
    """
    place, rows, scanned = before, list[R](), 0
    size = limit + 1 if seen is None else 2 * limit
    while scanned < MOST_SCANNED:
        page = read(place, size)
        rows += page if seen is None else seen(page)
        if len(rows) > limit:
            return Found(rows[:limit], place_of(rows[limit - 1]))
        if len(page) < size:
            return Found(rows)
        scanned += len(page)
        place = place_of(page[-1])
        size = max(size, SCAN)
    return Found(rows, place)
