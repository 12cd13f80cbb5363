"""Reading the changes: searches, page by page, and an object's records around a revision.

Newest first. A page is asked for by the place of the last row of the one before, so that the
thousandth page costs what the first does. Rows below the floor are not there, removed or not.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, NamedTuple

from django.db import connection

from historylog import checkpoints
from historylog.models import ChangeRecord, Transaction
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
        return bool(self.name or self.path or any(getattr(self, name) for name in _OF_RECORD))

    def has_more_than_a_path(self) -> bool:
        """Whether it asks for more than a property, and when it changed."""
        return bool(self.name or any(getattr(self, name) for name in (*_OF_HEAD, *_OF_RECORD)))


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
_PROPERTY = "historylog_changedproperty property"
_SAME_PLACE = "property.revision = record.revision AND property.seq = record.seq"
_LAST_CHARACTER = "\U0010ffff"
_FEW_PATHS = 100
"""So many properties are looked up one by one; rows of more are met soon by going back."""


def changes(question: Question, before: Place | None = None, limit: int = PAGE) -> list[Change]:
    """Return the next changes that a question is about, newest first."""
    bounds = _bounds(question, before)
    if bounds is None:
        return []
    if question.path and not question.has_more_than_a_path():
        below = question.path.endswith(".")
        paths = _paths_below(question.path) if below else [question.path]
        if len(paths) <= _FEW_PATHS:
            return _of_paths(paths, bounds, limit)
    if question.name and question == Question(
        name=question.name, since=question.since, until=question.until
    ):
        return _of_name(question.name, bounds, limit)
    return _changes(question, bounds, limit)


def _changes(question: Question, bounds: _Bounds, limit: int) -> list[Change]:
    conditions = _Conditions()
    source, leader = _CHANGE, "record"
    for name in _OF_HEAD:
        value = getattr(question, name)
        conditions.equal(f"head.{name}", value)
        leader = "head" if value else leader
    if question.session:
        conditions.add("head.session > ''")  # the index has no others
    for name in _OF_RECORD:
        conditions.equal(f"record.{name}", getattr(question, name))
    if question.name:
        conditions.add(_begins("record.key"), *_range(key_of(question.name)))
    if question.path.endswith("."):
        below = f"{_SAME_PLACE} AND {_begins('property.path')}"
        conditions.add(f"EXISTS (SELECT 1 FROM {_PROPERTY} WHERE {below})", *_range(question.path))
    elif question.path:
        source, leader = f"{source} JOIN {_PROPERTY} ON {_SAME_PLACE}", "property"
        conditions.add("property.path = %s", question.path)
    conditions.within(bounds, leader, has_seq=leader != "head")
    if leader != "head":
        # Where both are gone through side by side, this one is not to begin at its newest row.
        conditions.within(bounds, "head", has_seq=False)
    elif bounds.before is not None:
        conditions.add("(record.revision, record.seq) < (%s, %s)", *bounds.before)
    order = f"{leader}.revision DESC, {'record' if leader == 'head' else leader}.seq DESC"
    return [_change(*row) for row in conditions.select(source, order, limit)]


def _of_paths(paths: Sequence[str], bounds: _Bounds, limit: int) -> list[Change]:
    """Return the next changes of any of these properties; the newest of each are looked at."""
    if not paths:
        return []
    parts, values = [], []
    for path in paths:
        conditions = _Conditions()
        conditions.add("property.path = %s", path)
        conditions.within(bounds, "property", has_seq=True)
        source = f"SELECT property.revision, property.seq FROM {_PROPERTY}"
        sql, given = conditions.statement(
            source, "property.revision DESC, property.seq DESC", limit
        )
        parts.append(f"SELECT revision, seq FROM ({sql}) AS part")
        values += given
    newest = f"{' UNION '.join(parts)} ORDER BY revision DESC, seq DESC LIMIT %s"
    return _at(newest, [*values, limit])


def _of_name(name: str, bounds: _Bounds, limit: int) -> list[Change]:
    """Return the next changes of objects whose names begin so: from the index of names alone."""
    conditions = _Conditions()
    conditions.add(_begins("named.key"), *_range(key_of(name)))
    conditions.within(bounds, "named", has_seq=True)
    source = "SELECT named.revision, named.seq FROM historylog_changerecord named"
    if connection.vendor == "sqlite":
        source += " INDEXED BY history_name"  # it would go back through all rows
    return _at(*conditions.statement(source, "named.revision DESC, named.seq DESC", limit))


def _at(places: str, values: Sequence[Any]) -> list[Change]:
    """Return the changes at the places that a statement finds, newest first."""
    sql = (
        f"{_CHANGE} JOIN ({places}) AS found"
        " ON found.revision = record.revision AND found.seq = record.seq"
        " ORDER BY record.revision DESC, record.seq DESC"
    )
    return [_change(*row) for row in _fetch(sql, values)]


def _paths_below(prefix: str) -> list[str]:
    """Return the properties that begin so, as far as they are few; each is a look at the index."""
    if connection.vendor == "postgresql":
        after, up_to, order = "path ~>~ %s", "path ~<~ %s", "path USING ~<~"
        later = "path ~>~ found.path"
    else:
        after, up_to, order, later = "path > %s", "path < %s", "path", "path > found.path"
    first = (
        "SELECT path FROM historylog_changedproperty"
        f" WHERE {{}} AND {up_to} ORDER BY {order} LIMIT 1"
    )
    sql = (
        f"WITH RECURSIVE found (path) AS (SELECT * FROM ({first.format(after)}) AS first"
        f" UNION ALL SELECT ({first.format(later)}) FROM found WHERE found.path IS NOT NULL)"
        " SELECT path FROM found WHERE path IS NOT NULL LIMIT %s"
    )
    below, end = _range(prefix)
    return [row[0] for row in _fetch(sql, [below, end, end, _FEW_PATHS + 1])]


def transactions(
    question: Question, before: int | None = None, limit: int = PAGE
) -> list[Transaction]:
    """Return the next transactions, newest first; what a question asks of objects is no part."""
    assert not question.is_of_objects(), question
    bounds = _bounds(question, Place(before) if before is not None else None)
    if bounds is None:
        return []
    conditions = _Conditions()
    for name in _OF_HEAD:
        conditions.equal(f"head.{name}", getattr(question, name))
    if question.session:
        conditions.add("head.session > ''")
    conditions.within(bounds, "head", has_seq=False)
    if before is not None:
        conditions.add("head.revision < %s", before)
    source = "SELECT head.revision FROM historylog_transaction head"
    found = [row[0] for row in conditions.select(source, "head.revision DESC", limit)]
    return list(Transaction.objects.filter(revision__in=found).order_by("-revision"))


def steps_of(
    revision: int, after: int = -1, limit: int = PAGE, *, type_: int = 0, kind: str = ""
) -> list[ChangeRecord]:
    """Return the next changes of a transaction with their values, in the order of the changes.

    Args:
        type_: only those of objects of this type; 0 for all.
        kind: only those of this kind; empty for all.
    """
    if revision <= floor():
        return []
    rows = ChangeRecord.objects.filter(revision=revision, seq__gt=after)
    if type_:
        rows = rows.filter(type=type_)
    if kind:
        rows = rows.filter(kind=kind)
    return list(rows.order_by("seq")[:limit])


def paths_of(places: Iterable[Place]) -> dict[Place, list[str]]:
    """Return the properties that each of these changes concerns, sorted."""
    found: dict[Place, list[str]] = {place: [] for place in places}
    if not found:
        return {}
    rows = ", ".join(["(%s, %s)"] * len(found))
    # In this order, or SQLite goes through the whole table.
    sql = (
        f"WITH wanted (revision, seq) AS (VALUES {rows})"
        f" SELECT property.revision, property.seq, property.path FROM wanted CROSS JOIN {_PROPERTY}"
        " WHERE property.revision = wanted.revision AND property.seq = wanted.seq"
    )
    for revision, seq, path in _fetch(sql, [number for place in found for number in place]):
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
    if found["at"].tzinfo is None:  # SQLite keeps times in UTC, and does not say so
        found["at"] = found["at"].replace(tzinfo=UTC)
    return Change(**found)


class _Bounds(NamedTuple):
    """The revisions that are looked at."""

    first: int
    last: int
    """0 for no end."""
    before: Place | None


def _bounds(question: Question, before: Place | None) -> _Bounds | None:
    """Return what a question's revision and time allow; None when that is nothing.

    Times are those of the commits: where the clock was set back, they overlap.
    """
    first, last = floor() + 1, 0
    if question.revision:
        first, last = max(first, question.revision), question.revision
    if question.since is not None:
        later = Transaction.objects.filter(at__gte=question.since).order_by("at", "revision")
        found = later.values_list("revision", flat=True).first()
        if found is None:
            return None
        first = max(first, found)
    if question.until is not None:
        earlier = Transaction.objects.filter(at__lt=question.until).order_by("-at", "-revision")
        found = earlier.values_list("revision", flat=True).first()
        if found is None:
            return None
        last = min(last, found) if last else found
    return _Bounds(first, last, before)


class _Conditions:
    """What rows must satisfy, and the values for it."""

    def __init__(self) -> None:
        self._texts: list[str] = []
        self._values: list[Any] = []

    def add(self, text: str, *values: Any) -> None:
        self._texts.append(text)
        self._values += values

    def equal(self, column: str, value: Any) -> None:
        """Ask for a value; an empty one does not matter."""
        if value:
            self.add(f"{column} = %s", value)

    def within(self, bounds: _Bounds, table: str, *, has_seq: bool) -> None:
        """Bind the table whose index leads, so that a later page begins where it does."""
        self.add(f"{table}.revision >= %s", bounds.first)
        if bounds.last:
            self.add(f"{table}.revision <= %s", bounds.last)
        if bounds.before is not None and has_seq:
            self.add(f"({table}.revision, {table}.seq) < (%s, %s)", *bounds.before)
        elif bounds.before is not None:
            self.add(f"{table}.revision <= %s", bounds.before.revision)

    def statement(self, source: str, order: str, limit: int) -> tuple[str, list[Any]]:
        sql = f"{source} WHERE {' AND '.join(self._texts)} ORDER BY {order} LIMIT %s"
        return sql, [*self._values, limit]

    def select(self, source: str, order: str, limit: int) -> list[tuple[Any, ...]]:
        return _fetch(*self.statement(source, order, limit))


def _fetch(sql: str, values: Sequence[Any]) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(sql, values)
        rows: list[tuple[Any, ...]] = cursor.fetchall()
    return rows


def _begins(column: str) -> str:
    if connection.vendor == "postgresql":
        # The operators of the index, which knows no language's order.
        return f"{column} ~>=~ %s AND {column} ~<~ %s"
    return f"{column} >= %s AND {column} < %s"


def _range(text: str) -> tuple[str, str]:
    return text, text + _LAST_CHARACTER
