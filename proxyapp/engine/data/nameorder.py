"""The objects of a table in the order of their names, for lists that are read page by page.

It holds DBIDs alone, eight bytes each; names are asked for where they are needed: when a page
is divided, or read for the first time after something came to it.
"""

from __future__ import annotations

from array import array
from bisect import bisect_right
from collections.abc import Callable, Iterator

from proxyapp.engine.data.indexes import IN_PLACE, Edits

Place = tuple[int, str, int]
"""Where an object stands: its folder, or 0 in an order over all folders; its name, folded; and its
DBID among those of equal names."""
PlaceOf = Callable[[int], Place]
"""From the DBID of an object that is there to its place."""

START: Place = (0, "", 0)
PAGE_SIZE = 512
_WALKED = 256
"""Entries that a walk takes at once."""


class _Page:
    """DBIDs of objects whose names are neighbours."""

    __slots__ = ("dbids", "is_sorted")

    def __init__(self) -> None:
        self.dbids = array("q")
        self.is_sorted = True

    def __len__(self) -> int:
        return len(self.dbids)

    def __copy__(self) -> _Page:
        made = _Page()
        made.dbids, made.is_sorted = self.dbids[:], self.is_sorted
        return made

    def sort(self, place_of: PlaceOf) -> None:
        if not self.is_sorted:
            self.dbids = array("q", sorted(self.dbids, key=place_of))
            self.is_sorted = True


class _Contents:
    """Where each page begins."""

    __slots__ = ("numbers", "starts", "unused")

    def __init__(self) -> None:
        self.starts = [START]
        self.numbers = [0]
        self.unused = 1
        """The number of the next page that is made."""

    def __copy__(self) -> _Contents:
        made = _Contents()
        made.starts, made.numbers = self.starts.copy(), self.numbers.copy()
        made.unused = self.unused
        return made

    def find(self, place: Place) -> int:
        """Return the position of the page to which a place belongs."""
        return max(bisect_right(self.starts, place) - 1, 0)


class NameOrder:
    """All objects of a table, in pages by name."""

    __slots__ = ("_contents", "_pages", "_place_in")

    def __init__(self, place_in: Callable[[Edits], PlaceOf]) -> None:
        self._place_in = place_in
        """Tells the places of objects as edits that are under way leave them."""
        self._contents = {0: _Contents()}
        self._pages: dict[int, _Page] = {}

    def add(self, place: Place, edits: Edits = IN_PLACE) -> None:
        """Add an object, whose row is in its table already."""
        contents: _Contents = edits.at(self._contents, 0, _Contents)
        index = contents.find(place)
        page: _Page = edits.at(self._pages, contents.numbers[index], _Page)
        page.dbids.append(place[-1])
        page.is_sorted = len(page) == 1
        if len(page) <= PAGE_SIZE:
            return
        place_of = self._place_in(edits)
        page.sort(place_of)
        rest: _Page = edits.at(self._pages, contents.unused, _Page)
        # What comes in order fills its pages; else both halves have room left.
        half = PAGE_SIZE if page.dbids[-1] == place[-1] else PAGE_SIZE // 2
        rest.dbids = page.dbids[half:]
        del page.dbids[half:]
        contents.starts.insert(index + 1, place_of(rest.dbids[0]))
        contents.numbers.insert(index + 1, contents.unused)
        contents.unused += 1

    def discard(self, place: Place, edits: Edits = IN_PLACE) -> None:
        """Drop the object that was added at a place, wherever it is found now."""
        contents: _Contents = edits.at(self._contents, 0, _Contents)
        index = contents.find(place)
        number = contents.numbers[index]
        page: _Page = edits.at(self._pages, number, _Page)
        page.dbids.remove(place[-1])
        if not page and index:
            del contents.starts[index], contents.numbers[index]
        edits.tidy(self._pages, number)

    def walk(self, after: Place = START) -> Iterator[array[int]]:
        """Yield the DBIDs behind a place in order, some at a time.

        Changes meanwhile are allowed.
        """
        place_of = self._place_in(IN_PLACE)
        part = self._behind(after, place_of)
        while part:
            after = place_of(part[-1])
            yield part
            part = self._behind(after, place_of)

    def _behind(self, place: Place, place_of: PlaceOf) -> array[int]:
        """Return what follows a place in its page, or in the next page that is not empty."""
        contents = self._contents[0]
        for index in range(contents.find(place), len(contents.numbers)):
            page = self._pages.get(contents.numbers[index])
            if page is not None:
                page.sort(place_of)
                at = bisect_right(page.dbids, place, key=place_of)
                if at < len(page):
                    return page.dbids[at : at + _WALKED]
        return array("q")
