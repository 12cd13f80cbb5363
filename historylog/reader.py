"""Reading the changes: searches, page by page, and an object's records around a revision.

Newest first. A page is asked for by the place of the last row of the one before, so that the
thousandth page costs what the first does. Rows below the floor are not there, removed or not.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, NamedTuple

from django.db import connection

from historylog import checkpoints
from historylog.models import ChangedProperty, ChangeRecord, Transaction
from historylog.records import key_of

PAGE = 50


class Place(NamedTuple):
    """Where a change stands: its transaction, and its number in it."""

    revision: int
    seq: int = -1
    """Of a transaction itself: before all its changes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What is searched; what is not given does not matter. All that is given must hold."""

    by: str = ""
    """The user name, as it was."""
    person: int = 0
    application: str = ""
    session: str = ""
    server: str = ""
    since: datetime | None = None
    until: datetime | None = None
    """The first moment that is too late."""
    revision: int = 0
    type: int = 0
    dbid: int = 0
    name: str = ""
    """How the object's name begins, whatever its case."""
    kind: str = ""
    tenant: int = 0
    folder: int = 0
    path: str = ""
    """A property; with a dot at its end all of those below it: "options.log."."""

    def is_of_objects(self) -> bool:
        """Whether it asks for more than transactions have."""
        asked = (self.type, self.dbid, self.name, self.kind, self.tenant, self.folder, self.path)
        return any(asked)


class Change(NamedTuple):
    """A change of one object, without its values."""

    revision: int
    seq: int
    kind: str
    type: int
    dbid: int
    name: str
    tenant: int
    folder: int
    secret: bool
    at: datetime
    by: str
    person: int
    origin: str
    application: str
    session: str
    server: str
    through: str

    @property
    def place(self) -> Place:
        """Where it stands."""
        return Place(self.revision, self.seq)


def floor() -> int:
    """Return the revision above which changes are kept."""
    found = checkpoints.floor()
    return found.revision if found is not None else 0


# ---------------------------------------------------------------- searching

_CHANGE = (
    "SELECT record.revision, record.seq, record.kind, record.type, record.dbid, record.name,"
    " record.tenant, record.folder, record.secret, head.at, head.by, head.person, head.origin,"
    " head.application, head.session, head.server, head.through"
    " FROM historylog_changerecord record"
    " JOIN historylog_transaction head ON head.revision = record.revision"
)
_OF_HEAD = ("by", "person", "application", "session", "server")
_OF_RECORD = ("type", "dbid", "kind", "tenant", "folder")
_LAST_CHARACTER = "\U0010ffff"


def changes(question: Question, before: Place | None = None, limit: int = PAGE) -> list[Change]:
    """Return the next changes that a question is about, newest first."""
    conditions = _Conditions()
    if not _add_head(conditions, question, "record.revision"):
        return []
    for name in _OF_RECORD:
        conditions.equal(f"record.{name}", getattr(question, name))
    if question.name:
        conditions.begins("record.key", key_of(question.name))
    if before is not None:
        conditions.add("(record.revision, record.seq) < (%s, %s)", *before)
    source = _CHANGE
    if question.path:
        source += (
            f" JOIN ({_of_path(conditions, question.path)}) property"
            " ON property.revision = record.revision AND property.seq = record.seq"
        )
    order = "record.revision DESC, record.seq DESC"
    rows = conditions.select(source, order, limit)
    return [_change(*row) for row in rows]


def transactions(
    question: Question, before: int | None = None, limit: int = PAGE
) -> list[Transaction]:
    """Return the next transactions, newest first; what a question asks of objects is no part."""
    assert not question.is_of_objects(), question
    conditions = _Conditions()
    if not _add_head(conditions, question, "head.revision"):
        return []
    if before is not None:
        conditions.add("head.revision < %s", before)
    source = "SELECT head.revision FROM historylog_transaction head"
    found = [row[0] for row in conditions.select(source, "head.revision DESC", limit)]
    return list(Transaction.objects.filter(revision__in=found).order_by("-revision"))


def steps_of(revision: int, after: int = -1, limit: int = PAGE) -> list[ChangeRecord]:
    """Return the next changes of a transaction with their values, in the order of the changes."""
    if revision <= floor():
        return []
    rows = ChangeRecord.objects.filter(revision=revision, seq__gt=after)
    return list(rows.order_by("seq")[:limit])


def paths_of(places: Iterable[Place]) -> dict[Place, list[str]]:
    """Return the properties that each of these changes concerns, sorted."""
    found: dict[Place, list[str]] = {place: [] for place in places}
    by_revision: dict[int, list[int]] = {}
    for place in found:
        by_revision.setdefault(place.revision, []).append(place.seq)
    for revision, numbers in by_revision.items():
        rows = ChangedProperty.objects.filter(revision=revision, seq__in=numbers)
        for seq, path in rows.values_list("seq", "path"):
            found[Place(revision, seq)].append(path)
    return {place: sorted(paths) for place, paths in found.items()}


def revision_at(at: datetime) -> int:
    """Return the newest revision that was committed up to a moment; 0 when there is none.

    Where the clock was set back, it is the one with the latest time, and of those the last.
    """
    rows = Transaction.objects.filter(at__lte=at).order_by("-at", "-revision")
    return rows.values_list("revision", flat=True).first() or 0


def _change(*values: Any) -> Change:
    found = dict(zip(Change._fields, values, strict=True))
    if isinstance(found["at"], str):  # SQLite keeps times as text in UTC, and booleans as numbers
        found["at"] = datetime.fromisoformat(found["at"]).replace(tzinfo=UTC)
        found["secret"] = bool(found["secret"])
    return Change(**found)


class _Conditions:
    """What rows must satisfy, and the values for it."""

    def __init__(self) -> None:
        self._texts: list[str] = []
        self._values: list[Any] = []
        self._of_source: list[Any] = []

    def add(self, text: str, *values: Any) -> None:
        self._texts.append(text)
        self._values += values

    def equal(self, column: str, value: Any) -> None:
        """Ask for a value; an empty one does not matter."""
        if value:
            self.add(f"{column} = %s", value)

    def begins(self, column: str, text: str) -> None:
        self.add(_begins(column), *_range(text))

    def of_source(self, *values: Any) -> None:
        """Add values that come before all conditions."""
        self._of_source += values

    def select(self, source: str, order: str, limit: int) -> list[tuple[Any, ...]]:
        sql = f"{source} WHERE {' AND '.join(self._texts)} ORDER BY {order} LIMIT %s"
        with connection.cursor() as cursor:
            cursor.execute(sql, [*self._of_source, *self._values, limit])
            rows: list[tuple[Any, ...]] = cursor.fetchall()
        return rows


def _add_head(conditions: _Conditions, question: Question, revision: str) -> bool:
    """Add what a question asks of transactions; False when none can be."""
    first, last = floor() + 1, None
    if question.revision:
        first, last = max(first, question.revision), question.revision
    bounds = _revisions(question)
    if bounds is None:
        return False
    first = max(first, bounds[0])
    last = min(filter(None, (last, bounds[1])), default=None)
    conditions.add(f"{revision} >= %s", first)
    if last is not None:
        conditions.add(f"{revision} <= %s", last)
    for name in _OF_HEAD:
        conditions.equal(f"head.{name}", getattr(question, name))
    if question.session:
        conditions.add("head.session > ''")  # the index has no others
    return True


def _revisions(question: Question) -> tuple[int, int] | None:
    """Return the revisions that a question's time is about, 0 for no end; None when there are none.

    Times are those of the commits: where the clock was set back, they overlap.
    """
    first = last = 0
    if question.since is not None:
        later = Transaction.objects.filter(at__gte=question.since).order_by("at", "revision")
        first = later.values_list("revision", flat=True).first() or 0
    if question.until is not None:
        earlier = Transaction.objects.filter(at__lt=question.until).order_by("-at", "-revision")
        last = earlier.values_list("revision", flat=True).first() or 0
    found = (question.since is None or first) and (question.until is None or last)
    return (first, last) if found else None


def _of_path(conditions: _Conditions, path: str) -> str:
    rows = "SELECT revision, seq FROM historylog_changedproperty WHERE"
    if path.endswith("."):
        conditions.of_source(*_range(path))
        return f"{rows} {_begins('path')} GROUP BY revision, seq"
    conditions.of_source(path)
    return f"{rows} path = %s"


def _begins(column: str) -> str:
    if connection.vendor == "postgresql":
        # The operators of the index, which knows no language's order.
        return f"{column} ~>=~ %s AND {column} ~<~ %s"
    return f"{column} >= %s AND {column} < %s"


def _range(text: str) -> tuple[str, str]:
    return text, text + _LAST_CHARACTER
