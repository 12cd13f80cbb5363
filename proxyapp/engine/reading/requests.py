"""Reads: from a filter and a rights profile to the bytes of the answer.

A read is a task: a generator that yields the messages of one turn, so that no read ever holds
up the others. A read of many turns still shows one revision: what changed meanwhile is mended
from the journal before the first packet leaves. Knows no sessions.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from itertools import accumulate, chain, islice, takewhile
from typing import Any

import msgspec

from confwire.errors import InvalidParameter, ReadInterrupted, RequestError
from confwire.messages import Error, FilterValue, ReadBrief, ReadObjects
from confwire.objects import BY_NAME, OBJECTS, ObjectInfo, ObjectType
from proxyapp.engine.data.access import Profile
from proxyapp.engine.data.filters import Query, compile_filter, number_of, values_at
from proxyapp.engine.data.indexes import Postings
from proxyapp.engine.data.journal import Journal
from proxyapp.engine.data.rows import Row
from proxyapp.engine.data.store import PAGE_BITS, PAGE_MASK, Store, Table
from proxyapp.engine.notifying.subscriptions import Predicate
from proxyapp.engine.reading.gathering import ROWS_A_TURN, Found, Gatherer, Search, by_dbid, by_name

Task = Generator[list[bytes] | None, None, None]
"""Yields the messages of each turn until the work is done; None to sleep until it is woken."""
Pursuit = Generator[list[bytes] | None, None, list[bytes]]
"""A task that returns its last messages, so that what is done at once needs no other turn."""

_LONGEST_TEXT = 2_000
"""Characters of an error's text: it may echo what the client sent."""
BYTES_A_TURN = 128 * 1024
"""Work of one turn of the loop: 128 KB keep the others' waiting time near 2 ms."""
LONGEST_ORDERED = 1_000
"""Objects of one page of a list in the order of names."""
_BATCH, _LEAST_BATCH = 256, 64
"""Rows that are looked at together; a short page needs no more than it has."""

Select = Callable[[list[Row]], list[Row]]
Mark = Callable[[], bytes]
"""Gives fields for a packet of an answer; first asked in the turn that its rows are of."""

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


def _looks_at(query: Query) -> frozenset[int]:
    """Return the types whose objects a query asks about, beside the objects that it finds."""
    found: set[int] = set()
    for key, path, _ in query.joins:
        if key == "object_dbid":
            found.add(info_of(query.object_type).type)
        else:
            found.add(BY_NAME[path[0]].type)
    return frozenset(found)


def encode_ref(ref: int | str) -> bytes:
    return b"%d" % ref if isinstance(ref, int) else msgspec.json.encode(ref)


def refusal(error: RequestError, ref: int | str | None = None) -> Error:
    """Return a refused request's answer."""
    return Error(
        ref=ref,
        code=error.code,
        text=error.text[:_LONGEST_TEXT],
        data=error.data,
        permanent=error.permanent,
    )


class Reader:
    """Answers reads from a store. The store may be exchanged for a newer one at any time."""

    def __init__(self, store: Store, journal: Journal) -> None:
        self.store = store
        self.structure = 0
        """Counts the changes of rights, memberships and folders. Rows that were gathered before
        one must not be sent after it: they may have become unreadable."""
        self.gatherer = Gatherer(journal)
        self._journal = journal

    @property
    def epoch(self) -> str:
        """What all answers bear from now on."""
        return self.gatherer.epoch

    @epoch.setter
    def epoch(self, epoch: str) -> None:
        self.gatherer.epoch = epoch

    def none_found(self, request: ReadObjects) -> bytes:
        """Return the answer to a read that found nothing."""
        return self._packet(request, Found(self.epoch, self._journal.revision), [], True)

    def read(
        self,
        request: ReadObjects | ReadBrief,
        profile_of: Callable[[], Profile],
        mark: Mark | None = None,
    ) -> Task:
        """Answer any read in packets, each with what `mark` has to say of its data.

        Raises UnknownFilterKey, InvalidParameter before the first.
        """
        info = info_of(request.object_type)
        query = compile_filter(info.type, request.filter)
        _check_page(request)
        return self._read(request, info.type, query, profile_of, mark)

    def _read(
        self,
        request: ReadObjects | ReadBrief,
        type_: ObjectType,
        query: Query,
        profile_of: Callable[[], Profile],
        mark: Mark | None,
    ) -> Task:
        while (request.order == "name" or query.options) and not self.store.tables[
            type_
        ].is_indexed:
            yield []
        found = yield from self.gatherer.gather(
            lambda: self._search(type_, query, request, profile_of())
        )
        # Worked out now, since a folder may be renamed before the last packet leaves.
        paths = self._paths(found, profile_of()) if query.with_paths else {}
        brief = isinstance(request, ReadBrief)
        structure = self.structure
        for rows in _in_packets(found, brief):
            self._check_structure(structure)
            whole = len(rows) == found.total
            told = b"" if mark is None else mark()
            yield [self._packet(request, found, rows, whole, query, paths, told)]
        if not whole:
            yield [self.sent(request.ref, found)]

    def _paths(self, found: Found, profile: Profile) -> dict[int, str]:
        return {
            folder: self.store.path(folder, profile.may_read)
            for folder in {row.folder for row in found}
        }

    def snapshot_packets(self, ref: int | str, found: Found) -> Task:
        """Send a subscription's snapshot: packets of one type each, then objectsSent."""
        structure = self.structure
        for rows in _in_packets(found, brief=False) if found.total else ():
            self._check_structure(structure)
            request = ReadObjects(ref=ref, object_type=OBJECTS[ObjectType(rows[0].type)].name)
            yield [self._packet(request, found, rows, False)]
        yield [self.sent(ref, found)]

    def _check_structure(self, structure: int) -> None:
        if structure != self.structure:
            raise ReadInterrupted

    def sent(self, ref: int | str, found: Found) -> bytes:
        return b'{"message":"objectsSent","ref":%b,"epoch":"%b","revision":%d,"total":%d}' % (
            encode_ref(ref),
            found.epoch.encode(),
            found.revision,
            found.total,
        )

    def _packet(
        self,
        request: ReadObjects | ReadBrief,
        found: Found,
        rows: Sequence[Row],
        last: bool,
        query: Query | None = None,
        paths: Mapping[int, str] = {},
        extra: bytes = b"",
    ) -> bytes:
        brief = isinstance(request, ReadBrief)
        extra += b',"last":true' if last else b""
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
            found.epoch.encode(),
            found.revision,
            request.object_type.encode(),
            len(rows),
            found.total,
            extra,
            b",".join([_brief(row) if brief else row.body for row in rows]),
        )

    def _search(
        self,
        type_: ObjectType,
        query: Query,
        request: ReadObjects | ReadBrief,
        profile: Profile,
    ) -> Search:
        select, prepare = self._selection(type_, query, profile)
        looks_at = _looks_at(query)
        if request.order == "name":
            place = (request.after_name.casefold(), request.after)
            batches, in_order = self._by_name(type_, query, place, request.limit)
            return Search(
                batches, select, prepare, request.limit, looks_at, by_name, place, in_order
            )
        batches = self._by_dbid(type_, query, request.after, request.limit)
        after = (type_, request.after)
        return Search(batches, select, prepare, request.limit, looks_at, by_dbid, after)

    def _by_dbid(
        self, type_: ObjectType, query: Query, after: int, limit: int
    ) -> Iterator[list[Row]]:
        """Yield candidates in the order of their DBIDs, from the narrowest index."""
        table = self.store.tables[type_]
        rows = _named_alone(table, query)
        if rows is not None:
            return iter([[row for row in rows if row.dbid > after]])
        indexes = _indexes(table, query)
        if not indexes:
            return table.batches(after)
        return _batches(table, min(indexes, key=len).walk(after), limit)

    def _by_name(
        self, type_: ObjectType, query: Query, after: tuple[str, int], limit: int
    ) -> tuple[Iterator[list[Row]], bool]:
        """Return candidates, and whether they come in the order of names and behind a place."""
        table = self.store.tables[type_]
        rows = _named_alone(table, query)
        if rows is not None:
            return iter([rows]), False
        postings = min(_indexes(table, query), key=len, default=None)
        # In the order of names, only so many of all rows are in the index.
        few = postings is not None and len(postings) ** 2 < limit * table.count
        if postings is not None and few and query.folder is None:
            return _batches(table, postings.walk(), limit), False
        prefix = query.prefix
        batches = table.batches_by_name(max(after, (prefix, 0)), query.folder)
        if prefix:
            batches = takewhile(lambda rows: not rows or _begins(rows[0], prefix), batches)
        return batches, True

    def predicate(self, type_: ObjectType, query: Query, profile: Profile) -> Predicate:
        """Return the whole condition of a query without joins, rights included."""
        select, _ = self._selection(type_, query, profile)
        return lambda row: bool(select([row]))

    def _selection(
        self, type_: ObjectType, query: Query, profile: Profile
    ) -> tuple[Select, Iterator[None]]:
        """Return what keeps, of some rows, those that meet the whole condition of a query.

        With it comes what must be gone through before. Joins are answered as of now: they look
        at other objects than the row.
        """
        steps = list(_steps(type_, query))
        prepare: list[Iterator[None]] = []
        for key, path, value in query.joins:
            if key == "no_place_dbid":
                placed: set[int] = set()
                prepare.append(self._note_placed(path[1:], placed))
                steps.append(_without(placed))
            elif key == "switch_dbid" and type_ == ObjectType.PERSON:
                steps.append(self._on_switch(number_of(key, value), profile))
            else:
                steps.append(_only(self._join(key, path, value, query.object_type, profile)))
        if query.checks:
            steps.append(lambda rows: [row for row in rows if _passes(row, query)])

        def select(rows: list[Row]) -> list[Row]:
            rows = profile.readable(rows)
            for step in steps:
                rows = step(rows)
            return rows

        return select, chain.from_iterable(prepare)

    def _join(
        self,
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
        row = self.store.get(BY_NAME[path[0]].type, dbid)
        if row is None or not profile.may_read(row):
            return set()
        return set(values_at(msgspec.json.decode(row.body), path[1:]))

    def _note_placed(self, path: tuple[str, ...], placed: set[int]) -> Iterator[None]:
        """Note what is in some place, over many turns."""
        for count, row in enumerate(self.store.tables[ObjectType.PLACE].rows(), 1):
            placed.update(values_at(msgspec.json.decode(row.body), path))
            if count % ROWS_A_TURN == 0:
                yield

    def _on_switch(self, switch: int, profile: Profile) -> Select:
        """Return what keeps the persons who have a login on a switch."""
        logins = self.store.tables[ObjectType.AGENT_LOGIN]
        at = ("agentInfo", "agentLogins", "agentLoginDBID")

        def is_there(dbid: int) -> bool:
            row = logins.get(dbid)
            if row is None or not profile.may_read(row):
                return False
            return bool(msgspec.json.decode(row.body).get("switchDBID") == switch)

        return lambda rows: [
            row for row in rows if any(map(is_there, values_at(msgspec.json.decode(row.body), at)))
        ]


def _only(dbids: set[int]) -> Select:
    return lambda rows: [row for row in rows if row.dbid in dbids]


def _without(dbids: set[int]) -> Select:
    return lambda rows: [row for row in rows if row.dbid not in dbids]


def _steps(type_: ObjectType, query: Query) -> Iterator[Select]:
    """Yield what keeps the rows that meet each condition, of those that need no document first."""
    yield lambda rows: [row for row in rows if row.type == type_]
    if query.dbid is not None:
        yield lambda rows: [row for row in rows if row.dbid == query.dbid]
    if query.tenant is not None:
        yield lambda rows: [row for row in rows if row.tenant == query.tenant]
    if query.folder is not None:
        yield lambda rows: [row for row in rows if row.folder == query.folder]
    if query.enabled is not None:
        yield lambda rows: [row for row in rows if row.enabled == query.enabled]
    if query.name is not None:
        name = query.name.casefold()
        yield lambda rows: [row for row in rows if row.name.casefold() == name]
    if query.fits_name is not None:
        fits = query.fits_name
        yield lambda rows: [row for row in rows if fits(row.name.casefold())]
    yield from (_holders(option.holds) for option in query.options)


def _holders(holds: Callable[[bytes], bool]) -> Select:
    return lambda rows: [row for row in rows if holds(row.body)]


def _passes(row: Row, query: Query) -> bool:
    document = msgspec.json.decode(row.body)
    return all(check(document) for check in query.checks)


def _begins(row: Row, prefix: str) -> bool:
    return row.name.casefold().startswith(prefix)


def _named_alone(table: Table, query: Query) -> list[Row] | None:
    """Return the few candidates of a query for one object, None for any other query."""
    if query.dbid is not None:
        row = table.get(query.dbid)
        return [] if row is None else [row]
    return None if query.name is None else table.named(query.name)


def _indexes(table: Table, query: Query) -> list[Postings]:
    """Return the indexes that hold all rows that a query finds."""
    found = []
    if query.folder is not None:
        found.append(table.by_folder.get(query.folder, Postings()))
    if query.tenant is not None:
        found.append(table.by_tenant.get(query.tenant, Postings()))
    return found + [
        table.by_option.find(option.key) for option in query.options if option.key is not None
    ]


def _batches(table: Table, dbids: Iterator[int], limit: int) -> Iterator[list[Row]]:
    """Yield the rows of DBIDs, some at a time; changes meanwhile are allowed."""
    size = min(max(limit, _LEAST_BATCH), _BATCH) if limit else _BATCH
    pages = table.pages
    while part := list(islice(dbids, size)):
        found = [
            page[dbid & PAGE_MASK]
            for dbid in part
            if (page := pages.get(dbid >> PAGE_BITS)) is not None
        ]
        yield [row for row in found if row is not None]


def _check_page(request: ReadObjects | ReadBrief) -> None:
    if request.limit < 0 or request.after < 0:
        raise InvalidParameter("limit and after must not be negative")
    if request.order == "name":
        if not 0 < request.limit <= LONGEST_ORDERED:
            raise InvalidParameter(f"a read by name needs a limit from 1 to {LONGEST_ORDERED}")
    elif request.after_name:
        raise InvalidParameter("afterName needs the order by name")


def _in_packets(found: Found, brief: bool) -> Iterator[list[Row]]:
    """Cut rows into packets of about BYTES_A_TURN; an empty answer is one empty packet.

    Each is of one type.
    """
    rest: list[Row] = []
    for batch in found.take():
        if rest and rest[0].type != batch[0].type:
            yield rest
            rest = []
        rows = rest + batch
        ends = list(accumulate(120 if brief else len(row.body) for row in rows))
        start = weight = 0
        while ends[-1] - weight > BYTES_A_TURN and start < len(rows) - 1:
            end = max(bisect_right(ends, weight + BYTES_A_TURN, start), start + 1)
            yield rows[start:end]
            start, weight = end, ends[end - 1]
        rest = rows[start:]
    yield rest


def _brief(row: Row) -> bytes:
    fields: dict[str, Any] = {"DBID": row.dbid, "name": row.name}
    fields["state"] = "enabled" if row.enabled else "disabled"
    if row.tenant:
        fields["tenantDBID"] = row.tenant
    if row.folder:
        fields["folderDBID"] = row.folder
    return msgspec.json.encode(fields)
