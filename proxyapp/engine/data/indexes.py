"""Indexes of a table: ordered sets of DBIDs, names and options, in a few bytes a row.

They hold numbers in arrays, no objects, and are paged, so that no step touches all of a large
one. Edits go to them in place, or to copies of their pages beside. Know no rows.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left, bisect_right, insort
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Protocol

from proxyapp.engine.data.annex import Option

_PAGE_BITS = 14
_PAGE_MASK = (1 << _PAGE_BITS) - 1
_SHARD_BITS = 14
_SHARD_MASK = (1 << _SHARD_BITS) - 1
_DBID_BITS = 40
_OPTION_SHARDS = 256
_TAG_MASK = (1 << 64 - _DBID_BITS) - 1


class InPlace:
    """How a table is edited when the edit is to be seen at once."""

    def at(self, container: dict[Any, Any], key: Any, make: Callable[[], Any]) -> Any:
        """Return what lies at a key, making it where nothing does."""
        found = container.get(key)
        if found is None:
            found = container[key] = make()
        return found

    def look(self, container: dict[Any, Any], key: Any) -> Any:
        """Return what lies at a key, None where nothing does; it is not to be changed."""
        return container.get(key)

    def tidy(self, container: dict[Any, Any], key: Any) -> None:
        """Drop what lies at a key if it has become empty."""
        if is_empty(container[key]):
            del container[key]


def is_empty(held: Any) -> bool:
    """Whether a page, or an index of pages, holds nothing any more."""
    return not any(held) if held.__class__ is list else not held


class Edits(Protocol):
    """Where changes of pages and indexes go: in place, or to copies beside."""

    def at(self, container: dict[Any, Any], key: Any, make: Callable[[], Any]) -> Any: ...
    def look(self, container: dict[Any, Any], key: Any) -> Any: ...
    def tidy(self, container: dict[Any, Any], key: Any) -> None: ...


IN_PLACE = InPlace()


class Postings:
    """An ordered set of DBIDs in pages: small steps to add to, to drop from and to walk."""

    __slots__ = ("_pages",)

    def __init__(self) -> None:
        self._pages: dict[int, array[int]] = {}
        """Number of a page (DBID >> _PAGE_BITS) -> the places in it, in order."""

    def __bool__(self) -> bool:
        return bool(self._pages)

    def __len__(self) -> int:
        return sum(map(len, self._pages.values()))

    def __contains__(self, dbid: int) -> bool:
        page = self._pages.get(dbid >> _PAGE_BITS)
        if page is None:
            return False
        at = bisect_left(page, dbid & _PAGE_MASK)
        return at < len(page) and page[at] == dbid & _PAGE_MASK

    def __copy__(self) -> Postings:
        """Return itself: its pages are what is copied."""
        return self

    def add(self, dbid: int, edits: Edits = IN_PLACE) -> None:
        page, place = edits.at(self._pages, dbid >> _PAGE_BITS, _no_places), dbid & _PAGE_MASK
        if not page or page[-1] < place:
            page.append(place)
        elif page[at := bisect_left(page, place)] != place:
            page.insert(at, place)

    def discard(self, dbid: int, edits: Edits = IN_PLACE) -> None:
        if dbid in self:
            number = dbid >> _PAGE_BITS
            page = edits.at(self._pages, number, _no_places)
            del page[bisect_left(page, dbid & _PAGE_MASK)]
            edits.tidy(self._pages, number)

    def walk(self, after: int = 0) -> Iterator[int]:
        """Yield the DBIDs above `after` in order; changes meanwhile are allowed."""
        first = after >> _PAGE_BITS
        for number in sorted(number for number in self._pages if number >= first):
            page = self._pages.get(number, ())
            start = bisect_right(page, after & _PAGE_MASK) if number == first else 0
            for place in page[start:]:
                yield number << _PAGE_BITS | place


class Names:
    """From a name to the DBIDs that may bear it: those of equal hashes, whoever asks looks.

    Of a name it keeps but a part of the hash, beside the DBID in one number.
    """

    __slots__ = ("_shards",)

    def __init__(self) -> None:
        self._shards: dict[int, array[int]] = {}

    def find(self, key: str) -> Sequence[int]:
        """Return the DBIDs that were added with this key or, seldom, with another; in order."""
        number = hash(key)
        shard = self._shards.get(number & _SHARD_MASK)
        if shard is None:
            return ()
        first = (number >> _SHARD_BITS & _TAG_MASK) << _DBID_BITS
        start = end = bisect_left(shard, first)
        beyond, size = first + (1 << _DBID_BITS), len(shard)
        while end < size and shard[end] < beyond:
            end += 1
        if end - start == 1:  # nearly always
            return (shard[start] - first,)
        return [entry - first for entry in shard[start:end]]

    def add(self, key: str, dbid: int, edits: Edits) -> None:
        """Add a DBID that the key does not have yet."""
        number = hash(key)
        shard = edits.at(self._shards, number & _SHARD_MASK, _no_entries)
        insort(shard, (number >> _SHARD_BITS & _TAG_MASK) << _DBID_BITS | dbid)

    def discard(self, key: str, dbid: int, edits: Edits) -> None:
        """Drop a DBID that was added with the key."""
        number = hash(key)
        shard = edits.at(self._shards, number & _SHARD_MASK, _no_entries)
        entry = (number >> _SHARD_BITS & _TAG_MASK) << _DBID_BITS | dbid
        at = bisect_left(shard, entry)
        assert shard[at] == entry, (key, dbid)
        del shard[at]
        edits.tidy(self._shards, number & _SHARD_MASK)


class Options:
    """From an option to the DBIDs of the objects that have it; whoever asks looks, as with names.

    An option that one object has alone costs little more than its entry.
    """

    __slots__ = ("_shards",)

    def __init__(self) -> None:
        self._shards: dict[int, dict[int, int | Postings]] = {}
        """The hash of an option -> its only object, or all that have it."""

    def add(self, key: Option, dbid: int, edits: Edits = IN_PLACE) -> None:
        number = hash(key)
        shard = edits.at(self._shards, number % _OPTION_SHARDS, dict)
        found = shard.setdefault(number, dbid)
        if found.__class__ is not Postings:
            if found == dbid:
                return
            shard[number] = postings = Postings()
            postings.add(found)
            found = postings
        found.add(dbid, edits)

    def discard(self, key: Option, dbid: int, edits: Edits = IN_PLACE) -> None:
        number = hash(key)
        shard = edits.at(self._shards, number % _OPTION_SHARDS, dict)
        found = shard.get(number)
        if found.__class__ is Postings:
            found.discard(dbid, edits)
            edits.tidy(shard, number)
        elif found == dbid:
            del shard[number]
        edits.tidy(self._shards, number % _OPTION_SHARDS)

    def find(self, key: Option) -> Postings:
        """Return the DBIDs that were added with this option, not to be changed."""
        number = hash(key)
        found = self._shards.get(number % _OPTION_SHARDS, {}).get(number)
        if isinstance(found, Postings):
            return found
        alone = Postings()
        if found is not None:
            alone.add(found)
        return alone


def _no_places() -> array[int]:
    return array("H")


def _no_entries() -> array[int]:
    return array("Q")
