"""Checking that the history is what was written: every row, in its place, none missing or added.

Goes from the newest floor to the end of the chain, which the journal keeps, and compares it with
each signed checkpoint on the way.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from django.db.models import Exists, OuterRef, QuerySet

from historylog import checkpoints
from historylog.chain import chain_after
from historylog.models import ChangedProperty, ChangeRecord, Checkpoint, Transaction
from historylog.records import Head, Step

_BATCH = 200
_PART = 5000  # records that are in memory at the same time
_NAMES = Step._fields[:-1]


class Problem(NamedTuple):
    """What is wrong, and where."""

    revision: int
    text: str


def newest() -> int:
    """Return the newest revision of which anything is kept, 0 when there is none."""
    rows = Transaction.objects.order_by("-revision").values_list("revision", flat=True)
    return rows.first() or 0


def verify(number: int, chain: str, last_kept: int | None = None) -> Iterator[Problem]:
    """Yield all that is wrong, in order of revisions.

    Args:
        number: the revision that the data stands at; what is committed later is not looked at.
        chain: the end of the chain, as the journal keeps it.
        last_kept: what `newest` said before the data was asked where it stands; None asks now,
            when nobody commits.
    """
    last_kept = newest() if last_kept is None else last_kept
    floor = checkpoints.floor()
    lowest = floor.revision if floor is not None else 0
    for problem in _problems(number, chain, last_kept, floor):
        # What is pruned meanwhile is missing rightly.
        if problem.revision <= lowest or problem.revision > _floor():
            yield problem


def _floor() -> int:
    floor = checkpoints.floor()
    return floor.revision if floor is not None else 0


def _problems(
    number: int, chain: str, last_kept: int, floor: Checkpoint | None
) -> Iterator[Problem]:
    yield from _forged()
    last, link = (floor.revision, floor.chain) if floor is not None else (0, "")
    signed = _checkpoints(last)
    while True:
        following = Transaction.objects.filter(revision__gt=last, revision__lte=number)
        rows = list(following.order_by("revision")[:_BATCH])
        kept = _Rows(rows)
        for row in rows:
            yield from _gap(last, row.revision)
            head = Head(*(getattr(row, name) for name in Head._fields))
            steps = kept.steps_of(row.revision)
            if row.revision == last + 1 and chain_after(link, head, steps) != row.chain:
                yield Problem(row.revision, "the transaction is not what was written")
            yield from _unlike(row, signed)
            last, link = row.revision, row.chain
        if len(rows) < _BATCH:
            break
    yield from _gap(last, number + 1)
    yield from _strays(floor.revision if floor is not None else 0)
    if last_kept > number:
        text = f"the history goes on after revision {number}, where the data stands"
        yield Problem(last_kept, text)
    elif last == number and link != chain:
        yield Problem(last, "the end of the chain is not the one that the journal knows")


def last_signed() -> int:
    """Return the newest revision up to which the history is signed."""
    genuine = filter(checkpoints.is_genuine, Checkpoint.objects.order_by("-revision", "-pk"))
    return next((row.revision for row in genuine), 0)


def _forged() -> Iterator[Problem]:
    for row in Checkpoint.objects.order_by("revision", "pk").iterator():
        if not checkpoints.is_genuine(row):
            text = (
                f"the checkpoint ({row.reason}) was not signed with the secret key of this server"
            )
            yield Problem(row.revision, text)


def _checkpoints(after: int) -> dict[int, set[str]]:
    found: dict[int, set[str]] = {}
    for row in Checkpoint.objects.filter(revision__gt=after):
        found.setdefault(row.revision, set()).add(row.chain)
    return found


def _gap(last: int, following: int) -> Iterator[Problem]:
    """Yield that transactions between these two are missing, and what is left of them."""
    if following > last + 1:
        words = f"to {following - 1} are" if following > last + 2 else "is"
        yield Problem(last + 1, f"revision {last + 1} {words} missing")


def _unlike(row: Transaction, signed: dict[int, set[str]]) -> Iterator[Problem]:
    chains = signed.get(row.revision)
    if chains is None and row.revision % checkpoints.INTERVAL == 0:
        yield Problem(row.revision, "the checkpoint is missing")
    if chains is not None and chains != {row.chain}:
        yield Problem(row.revision, "the chain is not the one that the checkpoint signs")


def _strays(floor: int) -> Iterator[Problem]:
    """Yield that there are records without their transaction."""
    known = Transaction.objects.filter(revision=OuterRef("revision"))
    for model in (ChangeRecord, ChangedProperty):
        query = model._default_manager.filter(~Exists(known), revision__gt=floor)
        for revision in query.values_list("revision", flat=True).distinct().order_by("revision"):
            yield Problem(revision, f"there is a {model._meta.verbose_name} without transaction")


# ---------------------------------------------------------------- rows to hash


class _Rows:
    """The steps of some transactions that follow each other, read in few statements."""

    def __init__(self, rows: list[Transaction]) -> None:
        self._steps: dict[int, list[Step]] = {}
        self._ranges = iter(_ranges(rows))
        self._read_to = 0

    def steps_of(self, revision: int) -> Iterator[Step]:
        """Yield the steps of the next transaction; to be asked for in order."""
        while self._read_to < revision:
            first, self._read_to, size = next(self._ranges)
            if size > _PART:
                return _steps(self._read_to)
            self._steps = {}
            for step_revision, step in _numbered(first, self._read_to):
                self._steps.setdefault(step_revision, []).append(step)
        return iter(self._steps.get(revision, ()))


def _ranges(rows: list[Transaction]) -> Iterator[tuple[int, int, int]]:
    """Yield (first revision, last revision, records) of what is read at once."""
    first, last, size = 0, 0, 0
    for row in rows:
        count = row.created + row.changed + row.deleted
        if size and size + count > _PART:
            yield first, last, size
            size = 0
        first, last, size = first if size else row.revision, row.revision, size + max(count, 1)
    if size:
        yield first, last, size


def _numbered(first: int, last: int) -> Iterator[tuple[int, Step]]:
    rows = ChangeRecord.objects.filter(revision__range=(first, last)).order_by("revision", "seq")
    paths = _paths(ChangedProperty.objects.filter(revision__range=(first, last)))
    for revision, *values in rows.values_list("revision", *_NAMES):
        yield revision, Step._make([*values, paths.pop((revision, values[0]), ())])
    yield from _orphaned(paths)


def _steps(revision: int) -> Iterator[Step]:
    """Yield the steps of a transaction that is too large for memory."""
    start = 0
    while True:
        rows = ChangeRecord.objects.filter(revision=revision, seq__gte=start).order_by("seq")
        part = list(rows.values_list(*_NAMES)[:_PART])
        properties = ChangedProperty.objects.filter(revision=revision, seq__gte=start)
        if len(part) == _PART:
            properties = properties.filter(seq__lte=part[-1][0])
        paths = _paths(properties)
        for values in part:
            yield Step._make([*values, paths.pop((revision, values[0]), ())])
        yield from (step for _, step in _orphaned(paths))
        if len(part) < _PART:
            return
        start = part[-1][0] + 1


def _paths(query: QuerySet[ChangedProperty]) -> dict[tuple[int, int], tuple[str, ...]]:
    found: dict[tuple[int, int], list[str]] = {}
    for revision, seq, path in query.values_list("revision", "seq", "path"):
        found.setdefault((revision, seq), []).append(path)
    return {place: tuple(sorted(paths)) for place, paths in found.items()}


def _orphaned(paths: dict[tuple[int, int], tuple[str, ...]]) -> Iterator[tuple[int, Step]]:
    """Yield steps that break the hash, for properties that belong to no record."""
    for (revision, seq), left in paths.items():
        yield revision, Step(seq, "", 0, 0, "", 0, 0, "", None, "", None, False, left)
