"""The changes behind a cursor or a time, page by page, in the form in which clients are told them.

Knows no rights: beside each change stands the place by which whoever asks judges it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from typing import Any, NamedTuple

import msgspec
from django.db.models import Q, QuerySet

from confwire import delta
from confwire.messages import LoggedChange
from confwire.objects import OBJECTS, ObjectType
from historylog import checkpoints
from historylog.entries import TIMES
from historylog.models import ChangeRecord, Transaction

PAGE = 250
"""Changes of one page."""

Key = tuple[int, int]
_Place = tuple[int, list[tuple[int, int, int]]]


class Step(NamedTuple):
    """One object's step in a transaction."""

    revision: int
    seq: int
    type: int
    dbid: int
    folder: int
    """Where the object was last, when it is gone by now; 0 where nobody knows."""
    acl: list[tuple[int, int, int]]
    """The grants that it had there."""
    body: bytes
    """A LoggedChange in JSON; empty when the document stayed the same."""


class Page(NamedTuple):
    """Some steps in their order."""

    steps: list[Step]
    expired: bool
    """The history does not reach back to what was asked for."""
    last: bool
    """There are no more."""


def page(revision: int | None, since_time: float, place: tuple[int, int]) -> Page:
    """Return the first steps behind a place.

    Args:
        revision: only what came after it, None for no such condition.
        since_time: seconds since 1970, whatever a stranger says; only what was committed at or
            after it, 0 for no condition.
        place: revision and number in it of the last step that was read before; (0, 0) at first.
    """
    start = revision if revision is not None else _before(since_time)
    if start is None or not _reaches(start):
        return Page([], True, True)
    behind = Q(revision=place[0], seq__gt=place[1]) | Q(revision__gt=place[0])
    first = Q(revision__gt=start) if place == (0, 0) else behind
    records = list(ChangeRecord.objects.filter(first).order_by("revision", "seq")[: PAGE + 1])
    last = len(records) <= PAGE
    return Page(list(_steps(records[:PAGE])), False, last)


def _before(since_time: float) -> int | None:
    """Return the last revision from before a time; None when that is not kept any more."""
    found = checkpoints.floor()
    lowest = found.revision if found is not None else 0
    if not since_time:
        return lowest
    moment = datetime.fromtimestamp(min(max(since_time, TIMES[0]), TIMES[1]), UTC)
    earlier = Transaction.objects.filter(at__lt=moment, revision__gt=lowest)
    newest = earlier.order_by("-at", "-revision").values_list("revision", flat=True).first()
    if newest is None and lowest:
        return None  # what was before the first that is kept may have been in that time
    return newest or 0


def _reaches(revision: int) -> bool:
    found = checkpoints.floor()
    return found is None or revision >= found.revision


def _steps(records: list[ChangeRecord]) -> Iterator[Step]:
    heads = Transaction.objects.in_bulk({record.revision for record in records})
    ends = last_places({(record.type, record.dbid) for record in records})
    for record in records:
        folder, acl = ends.get((record.type, record.dbid), (0, []))
        head = heads.get(record.revision)
        body = _logged(head, record) if head is not None else b""
        yield Step(record.revision, record.seq, record.type, record.dbid, folder, acl, body)


def last_places(keys: set[Key]) -> dict[Key, _Place]:
    """Return where objects were when they were deleted, of those that were."""
    ends: dict[Key, _Place] = {}
    for type_ in {type_ for type_, _ in keys}:
        for record in _deletions(type_, [dbid for kind, dbid in keys if kind == type_]):
            if record.former_acl is not None:  # else former values were not kept
                acl = msgspec.json.decode(record.former_acl or "[]")
                ends[type_, record.dbid] = (record.folder, [tuple(grant) for grant in acl])
    return ends


def _deletions(type_: int, dbids: Iterable[int]) -> QuerySet[ChangeRecord]:
    return ChangeRecord.objects.filter(type=type_, dbid__in=list(dbids), kind="deleted")


def _logged(head: Transaction, record: ChangeRecord) -> bytes:
    info = OBJECTS[ObjectType(record.type)]
    change = LoggedChange(
        revision=record.revision,
        at=head.at.timestamp(),
        by=head.by,
        change="updated" if record.kind == "changed" else record.kind,  # type: ignore[arg-type]
        object_type=info.name,
        dbid=record.dbid,
    )
    whole = record.kind == "created" or (record.kind == "changed" and record.former is None)
    if whole:
        change.object = msgspec.Raw(record.body.encode())
    elif record.kind == "changed":
        back = msgspec.json.decode(record.former or "{}")
        if not back:
            return b""
        new: dict[str, Any] = msgspec.json.decode(record.body)
        old = delta.apply(info, new, back)
        step = delta.diff(info, old, new)
        change.delta = msgspec.Raw(msgspec.json.encode(step))
        change.former = msgspec.Raw(msgspec.json.encode(delta.former(info, old, step)))
    return msgspec.json.encode(change)
