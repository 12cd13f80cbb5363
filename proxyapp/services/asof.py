"""The configuration as of a revision: one object, what lies in a folder, or all of it.

What did not change since is as it is now; what did is undone: its oldest record after the
revision says what was before. So nothing older than the revision is needed, and pruning what
is below it takes nothing away.

Published rows are read first and records after them: what is committed in between has a
record, by which it is undone like all else.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cached_property
from typing import Any, NamedTuple

import msgspec
from django.db import connection
from django.db.models import Exists, OuterRef

from confwire.delta import apply
from confwire.errors import HistoryExpired, InvalidParameter
from confwire.objects import OBJECTS, Document, ObjectInfo, ObjectType
from historylog import reader
from historylog.models import ChangedProperty, ChangeRecord
from historylog.paths import PERMISSIONS, Difference, differences
from proxyapp.engine.data.rights import READ, READ_PERMISSIONS
from proxyapp.models import Document as Published
from proxyapp.models import Person, Revision
from proxyapp.models.door import Key
from proxyapp.models.statements import is_postgresql
from proxyapp.services import journal
from proxyapp.services.visibility import CONTAINERS, Visibility, owner_of

_PAGE = 2000  # objects that are in memory at the same time
_BATCH = 500  # objects named in one statement
_FOLDER = int(ObjectType.FOLDER)

_FIRST = """
SELECT record.revision, record.kind, record.type, record.dbid, record.body, record.former,
    record.former_acl
FROM historylog_changerecord record JOIN (
    SELECT type, dbid, min(revision) AS revision FROM historylog_changerecord
    WHERE {condition} AND revision > %s GROUP BY type, dbid
) AS first
    ON record.type = first.type AND record.dbid = first.dbid AND record.revision = first.revision
"""

# Object by object along its index: with other plans each object of a large import costs all of it.
_FIRST_OF = """
WITH wanted (type, dbid) AS (VALUES {places})
SELECT record.revision, record.kind, record.type, record.dbid, record.body, record.former,
    record.former_acl
FROM wanted JOIN historylog_changerecord record
    ON record.type = wanted.type AND record.dbid = wanted.dbid AND record.revision = (
        SELECT min(later.revision) FROM historylog_changerecord later
        WHERE later.type = wanted.type AND later.dbid = wanted.dbid AND later.revision > %s
    )
"""
_FIRST_OF_POSTGRESQL = """
WITH wanted (type, dbid) AS (VALUES {places})
SELECT record.revision, record.kind, record.type, record.dbid, record.body, record.former,
    record.former_acl
FROM wanted CROSS JOIN LATERAL (
    SELECT * FROM historylog_changerecord record
    WHERE record.type = wanted.type AND record.dbid = wanted.dbid AND record.revision > %s
    ORDER BY record.revision LIMIT 1
) AS record
"""


class _Record(NamedTuple):
    """What is needed of a change record to undo it."""

    revision: int
    kind: str
    type: int
    dbid: int
    body: str
    former: str | None
    former_acl: str | None


@dataclass(frozen=True)
class State:
    """An object as it was, with the grants on it; empty where they may not be seen."""

    type: int
    dbid: int
    folder: int
    body: str
    acl: str

    @property
    def key(self) -> Key:
        """(type, DBID)"""
        return self.type, self.dbid

    @property
    def info(self) -> ObjectInfo:
        """What is known of its type."""
        return OBJECTS[ObjectType(self.type)]

    @cached_property
    def document(self) -> Document:
        """The document, decoded."""
        found: Document = msgspec.json.decode(self.body)
        return found


class Past:
    """The configuration as of a revision, as far as a person may read it now."""

    def __init__(self, revision: int, *, by: Person | None = None) -> None:
        """Choose the revision.

        Raises:
            InvalidParameter: there was no such revision yet.
            HistoryExpired: it is older than what is kept; data["oldest"] is the first that is.
        """
        newest = Revision.objects.get().number
        if revision > newest:
            raise InvalidParameter(
                f"there is no revision {revision} yet: the newest is {newest}", property="revision"
            )
        self.revision = revision
        self._visibility = Visibility(by)
        self._require_kept()

    @classmethod
    def at(cls, moment: datetime, *, by: Person | None = None) -> Past:
        """Return the past as of a moment.

        Raises:
            HistoryExpired: it is older than what is kept.
        """
        return cls(reader.revision_at(moment), by=by)

    def state(self, type_: ObjectType, dbid: int) -> State | None:
        """Return one object as it was; None when it was not there, or may not be read."""
        return self.states([(int(type_), dbid)]).get((int(type_), dbid))

    def states(self, keys: Collection[Key]) -> dict[Key, State]:
        """Return those of these objects that were there and may be read."""
        present = {(row.type, row.dbid): _published(row) for row in journal.read(keys)}
        found = self._undone(present, self._first_after(keys))
        return self._seen(found.values())

    def everything(self, types: Collection[ObjectType] = ()) -> Iterator[State]:
        """Yield all objects, or those of some types, in order of (type, DBID)."""
        for type_ in sorted(types or OBJECTS):
            after: int | None = 0
            while after is not None:
                found, after = self._page(int(type_), after)
                seen = self._seen(found.values())
                yield from (seen[key] for key in sorted(seen))

    def within(self, type_: ObjectType, dbid: int) -> dict[Key, State]:
        """Return a folder, or another object that has folders, with all that lay in it."""
        root = (int(type_), dbid)
        inside = self._containers_in(root)
        folders = {dbid for type_, dbid in inside if type_ == _FOLDER}
        states = self.states([*inside, *self.perhaps_in(folders)])
        return {
            key: state
            for key, state in states.items()
            if key in inside or (key[0] not in CONTAINERS and state.folder in folders)
        }

    # ------------------------------------------------------------ undoing

    def _undone(self, present: dict[Key, State], records: Iterable[_Record]) -> dict[Key, State]:
        found = dict(present)
        for record in records:
            key = record.type, record.dbid
            before = self._before(record)
            if before is None:
                found.pop(key, None)
            else:
                found[key] = before
        self._require_kept()
        return found

    def _before(self, record: _Record) -> State | None:
        """Return an object as it was before its first change after the revision."""
        if record.kind == "created":
            return None
        if record.former is None:
            return self._older(record)
        body = record.former
        if record.kind == "changed":
            info = OBJECTS[ObjectType(record.type)]
            after = msgspec.json.decode(record.body)
            former = apply(info, after, msgspec.json.decode(record.former))
            body = msgspec.json.encode(former).decode()
        folder = msgspec.json.decode(body)["folderDBID"]
        return State(record.type, record.dbid, folder, body, record.former_acl or "")

    def _older(self, record: _Record) -> State | None:
        """Return what the record before says, where former values were not to be kept."""
        rows = ChangeRecord.objects.filter(
            type=record.type, dbid=record.dbid, revision__range=(reader.floor() + 1, self.revision)
        )
        older = rows.order_by("-revision").first()
        if older is None:
            raise HistoryExpired(
                f"the values before revision {record.revision} were not kept, since option"
                " write-former-value was false",
                revision=record.revision,
            )
        if older.kind == "deleted":
            return None
        return State(older.type, older.dbid, older.folder, older.body, older.acl)

    def _require_kept(self) -> None:
        """Refuse a revision that is older than what is kept, as it may have become meanwhile."""
        floor = reader.floor()
        if self.revision < floor:
            raise HistoryExpired(
                f"the history reaches back to revision {floor}, not to {self.revision}",
                oldest=floor,
            )

    # ------------------------------------------------------------ finding

    def _first_after(self, keys: Iterable[Key]) -> Iterator[_Record]:
        distinct = list(dict.fromkeys(keys))
        for start in range(0, len(distinct), _BATCH):
            part = distinct[start : start + _BATCH]
            places = ", ".join(["(%s, %s)"] * len(part))
            values = [number for key in part for number in key]
            sql = _FIRST_OF_POSTGRESQL if is_postgresql() else _FIRST_OF
            yield from self._fetched(sql.format(places=places), values)

    def _first(self, condition: str, values: list[Any]) -> Iterator[_Record]:
        """Yield each object's first record after the revision."""
        return self._fetched(_FIRST.format(condition=condition), values)

    def _fetched(self, sql: str, values: list[Any]) -> Iterator[_Record]:
        with connection.cursor() as cursor:
            cursor.execute(sql, [*values, self.revision])
            rows = cursor.fetchall()
        yield from map(_Record._make, rows)

    def _page(self, type_: int, after: int) -> tuple[dict[Key, State], int | None]:
        """Return the next objects of a type, and the DBID after which to go on."""
        rows = Published.objects.filter(type=type_, dbid__gt=after).order_by("dbid")
        page = list(rows[:_PAGE])
        present = {(row.type, row.dbid): _published(row) for row in page}
        if len(page) < _PAGE:
            records = self._first("type = %s AND dbid > %s", [type_, after])
            return self._undone(present, records), None
        last = page[-1].dbid
        records = self._first("type = %s AND dbid > %s AND dbid <= %s", [type_, after, last])
        return self._undone(present, records), last

    def _containers_in(self, root: Key) -> set[Key]:
        """Return an object and all that lay in it and may itself hold something."""
        below: dict[Key, list[Key]] = {}
        system = Past(self.revision)
        for state in system.everything([ObjectType(type_) for type_ in CONTAINERS]):
            above = (_FOLDER, state.folder) if state.folder else None
            if above is None and state.type == _FOLDER:
                above = owner_of(state.document)
            if above is not None:
                below.setdefault(above, []).append(state.key)
        found, waiting = {root}, [root]
        while waiting:
            waiting = [key for above in waiting for key in below.get(above, ()) if key not in found]
            found.update(waiting)
        return found

    def perhaps_in(self, folders: set[int]) -> set[Key]:
        """Return all objects that lie in one of these folders, or did since the revision."""
        found: set[Key] = set()
        ordered = sorted(folders)
        for start in range(0, len(ordered), _BATCH):
            part = ordered[start : start + _BATCH]
            found.update(Published.objects.filter(folder__in=part).values_list("type", "dbid"))
            records = ChangeRecord.objects.filter(folder__in=part, revision__gt=self.revision)
            found.update(records.values_list("type", "dbid"))
        moves = ChangedProperty.objects.filter(
            path="folderDBID", revision=OuterRef("revision"), seq=OuterRef("seq")
        )
        moved = ChangeRecord.objects.filter(Exists(moves), revision__gt=self.revision)
        return found.union(moved.values_list("type", "dbid"))

    # ------------------------------------------------------------ rights

    def _seen(self, states: Iterable[State]) -> dict[Key, State]:
        found = {state.key: state for state in states}
        masks = self._visibility.masks({key: state.folder for key, state in found.items()})
        return {
            key: state if masks[key] & READ_PERMISSIONS else replace(state, acl="")
            for key, state in found.items()
            if masks[key] & READ
        }


def compared(former: State | None, state: State | None) -> list[Difference]:
    """Return what differs between two states of one object, the permissions included."""
    present = state or former
    if present is None:
        return []
    before, after = (one.document if one is not None else {} for one in (former, state))
    found = list(differences(present.info, before, after))
    acls = [msgspec.json.decode(one.acl) if one and one.acl else None for one in (former, state)]
    if acls[0] != acls[1]:
        found.append(Difference(PERMISSIONS, *acls))
    return found


def difference(
    type_: ObjectType, dbid: int, former: int, revision: int, *, by: Person | None = None
) -> list[Difference]:
    """Return what differs of an object between two revisions, with former and new values.

    Raises:
        HistoryExpired: one of them is older than what is kept.
        InvalidParameter: one of them is yet to come.
    """
    states = [Past(number, by=by).state(type_, dbid) for number in (former, revision)]
    return compared(*states)


def _published(row: Any) -> State:
    return State(row.type, row.dbid, row.folder, row.body, row.acl)
