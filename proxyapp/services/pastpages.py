"""The past page by page: the objects that were there, and what differs between two revisions.

Each page costs what its own objects do, however many there are and however much has happened.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace
from typing import Any

from django.db.models import Exists, F, OuterRef, Q, QuerySet

from confwire.objects import OBJECTS
from historylog.models import ChangedProperty, ChangeRecord
from historylog.paging import Found
from historylog.paths import Difference
from historylog.records import name_of
from proxyapp.models import Document as Published
from proxyapp.models.door import Key
from proxyapp.models.statements import is_postgresql
from proxyapp.services.asof import Past, State, compared

Pair = tuple[State | None, State | None]
"""An object at two revisions; None where it was not there."""
_MOST_READ = 4
"""Readings for one page; where little of what they find is to be shown, it is not full."""
_MANY = 5_000
"""Transactions of whose changes SQLite finds the first objects sooner in the order of objects."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """Of which objects a page is; what is not given does not matter."""

    type: int = 0
    folder: int = 0
    """Only what lay right in it; of two moments, at one of them."""
    after: Key | None = None
    """Behind which object it begins."""
    limit: int = 50

    def is_behind(self, key: Key) -> bool:
        """Whether an object is of the type, and behind the place where the page begins."""
        return self.type in (0, key[0]) and (self.after is None or key > self.after)


@dataclass(frozen=True, slots=True)
class Changed:
    """An object that differs between two revisions."""

    former: State | None
    state: State | None
    differences: list[Difference]

    @property
    def key(self) -> Key:
        """(type, DBID)"""
        return self.any.key

    @property
    def name(self) -> str:
        """The name that it has, or had."""
        return name_of(self.any.document)

    @property
    def kind(self) -> str:
        """What became of it: "created", "changed" or "deleted"."""
        if self.former is None:
            return "created"
        return "changed" if self.state is not None else "deleted"

    @property
    def any(self) -> State:
        """The newer of its states."""
        found = self.state or self.former
        assert found is not None
        return found


def objects(past: Past, asked: Asked) -> Found[State, Key]:
    """Return the next objects as of a revision, in order of (type, DBID)."""
    if asked.folder:
        return _in_folder(past, asked)
    rows: list[State] = []
    place, limit = asked.after, asked.limit
    for _ in range(_MOST_READ):
        keys = _there_or_gone(past, asked.type, place, limit + 1)
        for state in _ordered(past, keys):
            if len(rows) == limit:
                return Found(rows, rows[-1].key)
            rows.append(state)
        if len(keys) <= limit:
            return Found(rows)
        place = keys[-1]
    return Found(rows, place)


def changed(former: Past, past: Past, asked: Asked) -> Found[Changed, Key]:
    """Return the next objects that differ between two revisions, in order of (type, DBID)."""
    rows: list[Changed] = []
    for _ in range(_MOST_READ):
        page = pairs(former, past, asked)
        for before, now in page.rows:
            found = Changed(before, now, compared(before, now))
            if found.differences:
                rows.append(found)
            if len(rows) == asked.limit:
                return Found(rows, found.key)
        if page.next is None:
            return Found(rows)
        asked = replace(asked, after=page.next)
    return Found(rows, asked.after)


def pairs(former: Past, past: Past, asked: Asked) -> Found[Pair, Key]:
    """Return the next objects that were changed between two revisions, as they were at both."""
    keys = _touched(former.revision, past.revision, asked)
    before, now = former.states(keys), past.states(keys)
    found = [(before.get(key), now.get(key)) for key in keys]
    rows = [pair for pair in found if _is_in(asked.folder, pair)]
    return Found(rows, keys[-1] if len(keys) == asked.limit else None)


def _is_in(folder: int, pair: Pair) -> bool:
    return any(state and folder in (0, state.folder) for state in pair)


def _touched(first: int, last: int, asked: Asked) -> list[Key]:
    """Return the next objects that were changed after one revision, up to another one."""
    rows = ChangeRecord.objects.filter(revision__gt=first, revision__lte=last)
    if asked.folder:
        keys = {*rows.filter(folder=asked.folder).values_list("type", "dbid"), *_moved(first, last)}
        return sorted(filter(asked.is_behind, keys))[: asked.limit]
    if last - first > _MANY and not is_postgresql():
        return _in_order(first, last, asked)
    return _first_keys(rows, asked.type, asked.after, asked.limit)


def _in_order(first: int, last: int, asked: Asked) -> list[Key]:
    """Return the same, where SQLite would sort all that was changed: object by object, as far as
    a page goes."""
    start = asked.after or (0, 0)
    # A sum, so that no index of revisions is used.
    rows = ChangeRecord.objects.annotate(at=F("revision") + 0).filter(at__gt=first, at__lte=last)
    found: list[Key] = []
    for one in [asked.type] if asked.type else sorted(map(int, OBJECTS)):
        if one < start[0]:
            continue
        behind = start[1] if one == start[0] else 0
        dbids = rows.filter(type=one, dbid__gt=behind).order_by("dbid").values_list("dbid")
        found += [(one, dbid) for (dbid,) in dbids.distinct()[: asked.limit - len(found)]]
        if len(found) == asked.limit:
            break
    return found


def _moved(first: int, last: int) -> set[Key]:
    moves = ChangedProperty.objects.filter(
        path="folderDBID", revision=OuterRef("revision"), seq=OuterRef("seq")
    )
    rows = ChangeRecord.objects.filter(Exists(moves), revision__gt=first, revision__lte=last)
    return set(rows.values_list("type", "dbid"))


# ---------------------------------------------------------------- objects


def _there_or_gone(past: Past, type_: int, after: Key | None, limit: int) -> list[Key]:
    """Return the next objects that have been there all along, or are gone by now.

    One that was made anew since, after it had been there, was deleted in between.
    """
    later = ChangeRecord.objects.filter(revision__gt=past.revision)
    gone = later.filter(kind="deleted")
    # Said so that no index of kinds is used, which SQLite would go through for each object.
    made = later.exclude(kind__in=("changed", "deleted"))
    made = made.filter(type=OuterRef("type"), dbid=OuterRef("dbid"))
    found = {
        *_first_keys(Published.objects.filter(~Exists(made)), type_, after, limit),
        *_first_keys(gone, type_, after, limit),
    }
    return sorted(found)[:limit]


def _first_keys(rows: QuerySet[Any], type_: int, after: Key | None, limit: int) -> list[Key]:
    if type_:
        rows = rows.filter(type=type_)
    if after is not None:
        rows = rows.filter(Q(type=after[0], dbid__gt=after[1]) | Q(type__gt=after[0]))
    keys = rows.order_by("type", "dbid").values_list("type", "dbid").distinct()
    return list(keys[:limit])


def _in_folder(past: Past, asked: Asked) -> Found[State, Key]:
    keys = sorted(filter(asked.is_behind, past.perhaps_in({asked.folder})))
    rows: list[State] = []
    size = asked.limit + 1
    for start in range(0, len(keys), size):
        for state in _ordered(past, keys[start : start + size]):
            if state.folder != asked.folder:
                continue
            if len(rows) == asked.limit:
                return Found(rows, rows[-1].key)
            rows.append(state)
    return Found(rows)


def _ordered(past: Past, keys: Collection[Key]) -> Iterator[State]:
    states = past.states(keys)
    for key in keys:
        if key in states:
            yield states[key]
