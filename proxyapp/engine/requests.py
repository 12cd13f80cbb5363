"""Reads: from a filter and a rights profile to the bytes of the answer.

A read is a task: a generator that yields the messages of one turn, so that no read ever holds
up the others. A read of many turns still shows one revision: what changed meanwhile is mended
from the journal before the first packet leaves. Knows no sessions.
"""

from __future__ import annotations

from collections.abc import (
    Callable,
    Container,
    Generator,
    Iterable,
    Iterator,
    Mapping,
    Sequence,
)
from typing import Any

import msgspec
from msgspec import Struct

from confwire.errors import Compacted, InvalidParameter, ReadInterrupted
from confwire.messages import FilterValue, ReadBrief, ReadObjects
from confwire.objects import BY_NAME, OBJECTS, ObjectInfo, ObjectType
from proxyapp.engine.access import Profile
from proxyapp.engine.filters import Query, compile_filter, number_of, values_at
from proxyapp.engine.journal import Journal
from proxyapp.engine.rights import Key
from proxyapp.engine.rows import Row
from proxyapp.engine.store import Store
from proxyapp.engine.subscriptions import Predicate

Task = Generator[list[bytes] | None, None, None]
"""Yields the messages of each turn until the work is done; None to sleep until it is woken."""

ROWS_A_TURN = 1_000
SCANS_AT_ONCE = 16
"""Reads of several turns that gather rows at the same time; each holds what it has found."""
BYTES_A_TURN = 128 * 1024
"""Work of one turn of the loop: 128 KB keep the others' waiting time near 2 ms."""
_ATTEMPTS = 5
"""Searches that a read makes while others' writes keep spoiling them."""


NAMED_BY_NAME = frozenset(
    info.type
    for info in OBJECTS.values()
    if "name" in info.by_name and info.type is not ObjectType.DN  # which people call by its number
)
"""Types whose filter key "name" is what the store's index of names holds."""


def info_of(name: str) -> ObjectInfo:
    """Return the object type of this wire name. Raises InvalidParameter."""
    info = BY_NAME.get(name)
    if info is None:
        raise InvalidParameter(f"there is no object type '{name}': use one of {', '.join(BY_NAME)}")
    return info


def _looks_at(type_: ObjectType, query: Query) -> frozenset[int]:
    """Return the types whose objects a query asks about, beside the objects that it finds."""
    found: set[int] = set()
    for key, path, _ in query.joins:
        if key == "object_dbid":
            found.add(info_of(query.object_type).type)
        else:
            found.add(BY_NAME[path[0]].type)
        if key == "switch_dbid" and type_ is ObjectType.PERSON:
            found.add(type_)
    return frozenset(found)


def encode_ref(ref: int | str) -> bytes:
    return b"%d" % ref if isinstance(ref, int) else msgspec.json.encode(ref)


class Snapshot(Struct, gc=False):
    """Rows as of one revision."""

    epoch: str
    revision: int
    rows: list[Row]


class _Scan:
    """One read's share in the work: only so many that take several turns get on at once."""

    __slots__ = ("_counted", "_reader")

    def __init__(self, reader: Reader) -> None:
        self._reader = reader
        self._counted = False

    def may_go_on(self) -> bool:
        if not self._counted and self._reader.scans < SCANS_AT_ONCE:
            self._counted = True
            self._reader.scans += 1
        return self._counted

    def end(self) -> None:
        self._reader.scans -= self._counted
        self._counted = False


class Reader:
    """Answers reads from a store. The store may be exchanged for a newer one at any time."""

    def __init__(self, store: Store, journal: Journal) -> None:
        self.store = store
        self.epoch = ""
        self.scans = 0
        """Reads of several turns that are under way."""
        self.structure = 0
        """Counts the changes of rights, memberships and folders. Rows that were gathered before
        one must not be sent after it: they may have become unreadable."""
        self._journal = journal

    def none_found(self, request: ReadObjects) -> bytes:
        """Return the answer to a read that found nothing."""
        return self._packet(request, self._as_of_now([]), [], True)

    def read(self, request: ReadObjects | ReadBrief, profile_of: Callable[[], Profile]) -> Task:
        """Answer any read in packets.

        Raises UnknownFilterKey, InvalidParameter before the first.
        """
        info = info_of(request.object_type)
        query = compile_filter(info.type, request.filter)
        if request.limit < 0 or request.after < 0:
            raise InvalidParameter("limit and after must not be negative")
        return self._read(request, info.type, query, profile_of)

    def _read(
        self,
        request: ReadObjects | ReadBrief,
        type_: ObjectType,
        query: Query,
        profile_of: Callable[[], Profile],
    ) -> Task:
        def search() -> tuple[Iterator[Row], Predicate]:
            profile = profile_of()
            matches = self.predicate(type_, query, profile)
            rows = self._candidates(type_, query, request.after)
            return rows, lambda row: row.dbid > request.after and matches(row)

        snapshot = yield from self.collect(search, request.limit, _looks_at(type_, query))
        # Worked out now, since a folder may be renamed before the last packet leaves.
        paths = self._paths(snapshot.rows, profile_of()) if query.with_paths else {}
        brief = isinstance(request, ReadBrief)
        total = len(snapshot.rows)
        structure = self.structure
        for rows, last in _in_packets(snapshot.rows, brief):
            self._check_structure(structure)
            whole = last and len(rows) == total
            yield [self._packet(request, snapshot, rows, whole, query, paths)]
            if last and not whole:
                yield [self.sent(request.ref, snapshot)]

    def collect(
        self,
        search: Callable[[], tuple[Iterator[Row], Predicate]],
        limit: int = 0,
        looks_at: Container[int] = (),
    ) -> Generator[list[bytes], None, Snapshot]:
        """Gather rows over several turns as of one revision, that of the last turn.

        `search` gives the candidates and the whole condition; it is asked again when what
        happened meanwhile cannot be mended: rights, folders or an object of the types in
        `looks_at` have changed, or the journal no longer tells what did. In the last attempt
        it all happens in one turn.
        """
        journal = self._journal
        scan = _Scan(self)
        try:
            for attempt in range(1, _ATTEMPTS + 1):
                start, resets = journal.revision, journal.resets
                candidates, matches = search()
                found: dict[Key, Row] = {}
                for count, row in enumerate(candidates, 1):
                    if matches(row):
                        found[row.type, row.dbid] = row
                        if len(found) == limit:
                            break
                    if count % ROWS_A_TURN == 0 and attempt < _ATTEMPTS:
                        yield []
                        while not scan.may_go_on():
                            yield []
                if resets == journal.resets and self._mend(found, start, matches, limit, looks_at):
                    break
        finally:
            scan.end()
        keys = sorted(found)
        return self._as_of_now([found[key] for key in keys[: limit or None]])

    def _as_of_now(self, rows: list[Row]) -> Snapshot:
        return Snapshot(self.epoch, self._journal.revision, rows)

    def _mend(
        self,
        found: dict[Key, Row],
        start: int,
        matches: Predicate,
        limit: int,
        looks_at: Container[int],
    ) -> bool:
        full = bool(limit) and len(found) >= limit
        bound = max(found)[1] if full else 0
        try:
            for entry in self._journal.since(start):
                if entry.structural or entry.regroups or entry.large:
                    return False
                for change in entry.changes:
                    if change.type in looks_at:
                        return False
                    key = (change.type, change.dbid)
                    found.pop(key, None)
                    fits = change.new is not None and not (full and change.dbid > bound)
                    if fits and change.new is not None and matches(change.new):
                        found[key] = change.new
        except Compacted:
            return False
        # Where one was lost, the next behind the bound would have to fill its place.
        return not full or len(found) >= limit

    def _paths(self, rows: Sequence[Row], profile: Profile) -> dict[int, str]:
        return {
            folder: self.store.path(folder, profile.may_read)
            for folder in {row.folder for row in rows}
        }

    def snapshot_packets(self, ref: int | str, snapshot: Snapshot) -> Task:
        """Send a subscription's snapshot: packets of one type each, then objectsSent."""
        total = len(snapshot.rows)
        structure = self.structure
        start = 0
        rows = snapshot.rows
        while start < total:
            end = start
            while end < total and rows[end].type == rows[start].type:
                end += 1
            request = ReadObjects(ref=ref, object_type=OBJECTS[ObjectType(rows[start].type)].name)
            for part, _ in _in_packets(rows[start:end], brief=False):
                self._check_structure(structure)
                yield [self._packet(request, snapshot, part, False)]
            start = end
        yield [self.sent(ref, snapshot)]

    def _check_structure(self, structure: int) -> None:
        if structure != self.structure:
            raise ReadInterrupted

    def sent(self, ref: int | str, snapshot: Snapshot) -> bytes:
        return b'{"message":"objectsSent","ref":%b,"epoch":"%b","revision":%d,"total":%d}' % (
            encode_ref(ref),
            snapshot.epoch.encode(),
            snapshot.revision,
            len(snapshot.rows),
        )

    def _packet(
        self,
        request: ReadObjects | ReadBrief,
        snapshot: Snapshot,
        rows: Sequence[Row],
        last: bool,
        query: Query | None = None,
        paths: Mapping[int, str] = {},
    ) -> bytes:
        brief = isinstance(request, ReadBrief)
        extra = b',"last":true' if last else b""
        if query is not None and query.with_folders:
            folders = b",".join(b"%d" % row.folder for row in rows)
            extra += b',"folderDBIDs":[%b]' % folders
        if query is not None and query.with_paths:
            extra += b',"objectPaths":' + msgspec.json.encode([paths[r.folder] for r in rows])
        return (
            b'{"message":"%b","ref":%b,"epoch":"%b","revision":%d,"objectType":"%b",'
            b'"count":%d,"total":%d%b,"objects":[%b]}'
        ) % (
            b"briefInfo" if brief else b"objectsRead",
            encode_ref(request.ref),
            snapshot.epoch.encode(),
            snapshot.revision,
            request.object_type.encode(),
            len(rows),
            len(snapshot.rows),
            extra,
            b",".join(_brief(row) if brief else row.body for row in rows),
        )

    def _candidates(self, type_: ObjectType, query: Query, after: int) -> Iterator[Row]:
        table = self.store.tables[type_]
        if query.dbid is not None:
            row = table.get(query.dbid)
            return iter(() if row is None else (row,))
        if query.name is not None and type_ not in (ObjectType.DN,):
            return iter(table.named(query.name))
        index, key = None, 0
        if query.folder is not None:
            index, key = table.by_folder, query.folder
        elif query.tenant is not None:
            index, key = table.by_tenant, query.tenant
        if index is None:
            return table.rows(after)
        postings = index.get(key)
        walk: Iterable[int] = postings.walk(after) if postings is not None else ()
        return (row for dbid in walk if (row := table.get(dbid)) is not None)

    def predicate(self, type_: int, query: Query, profile: Profile) -> Predicate:
        """Return the whole condition of a query, rights included.

        Joins are answered as of now: they look at other objects than the row.
        """
        only, without = self._joined(type_, query, profile)
        name = None if query.name is None else query.name.casefold()
        checks = query.checks

        def matches(row: Row) -> bool:
            if not profile.may_read(row) or row.type != type_:
                return False
            if query.dbid is not None:
                return row.dbid == query.dbid
            if (
                (name is not None and row.name.casefold() != name)
                or (query.tenant is not None and row.tenant != query.tenant)
                or (query.folder is not None and row.folder != query.folder)
                or (query.enabled is not None and row.enabled != query.enabled)
                or (only is not None and row.dbid not in only)
                or row.dbid in without
            ):
                return False
            if not checks:
                return True
            document = msgspec.json.decode(row.body)
            return all(check(document) for check in checks)

        return matches

    def _joined(
        self, type_: int, query: Query, profile: Profile
    ) -> tuple[set[int] | None, set[int]]:
        only: set[int] | None = None
        without: set[int] = set()
        for key, path, value in query.joins:
            if key == "no_place_dbid":
                for row in self.store.tables[ObjectType.PLACE].rows():
                    without.update(values_at(msgspec.json.decode(row.body), path[1:]))
                continue
            found = self._join(type_, key, path, value, query.object_type, profile)
            only = found if only is None else only & found
        return only, without

    def _join(
        self,
        type_: int,
        key: str,
        path: tuple[str, ...],
        value: FilterValue,
        object_type: str,
        profile: Profile,
    ) -> set[int]:
        dbid = number_of(key, value)
        if key == "object_dbid":
            row = self.store.get(info_of(object_type).type, dbid)
            return {row.folder} if row is not None and profile.may_read(row) else set()
        if key == "switch_dbid" and type_ == ObjectType.PERSON:
            return self._persons_on_switch(dbid, profile)
        row = self.store.get(BY_NAME[path[0]].type, dbid)
        if row is None or not profile.may_read(row):
            return set()
        return set(values_at(msgspec.json.decode(row.body), path[1:]))

    def _persons_on_switch(self, switch: int, profile: Profile) -> set[int]:
        logins = {
            row.dbid
            for row in self.store.tables[ObjectType.AGENT_LOGIN].rows()
            if profile.may_read(row) and msgspec.json.decode(row.body).get("switchDBID") == switch
        }
        at = ("agentInfo", "agentLogins", "agentLoginDBID")
        return {
            row.dbid
            for row in self.store.tables[ObjectType.PERSON].rows()
            if not logins.isdisjoint(values_at(msgspec.json.decode(row.body), at))
        }


def _in_packets(rows: Sequence[Row], brief: bool) -> Iterator[tuple[Sequence[Row], bool]]:
    """Cut rows into packets of about BYTES_A_TURN; an empty answer is one empty packet."""
    start = weight = 0
    for index, row in enumerate(rows):
        size = 120 if brief else len(row.body)
        if weight and weight + size > BYTES_A_TURN:
            yield rows[start:index], False
            start, weight = index, 0
        weight += size
    yield rows[start:], True


def _brief(row: Row) -> bytes:
    fields: dict[str, Any] = {"DBID": row.dbid, "name": row.name}
    fields["state"] = "enabled" if row.enabled else "disabled"
    if row.tenant:
        fields["tenantDBID"] = row.tenant
    if row.folder:
        fields["folderDBID"] = row.folder
    return msgspec.json.encode(fields)
