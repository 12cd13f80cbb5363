"""All configuration objects of one environment, in memory, with the indexes that reads need.

Tables and indexes are paged by DBID, so that no single step touches all of a large store and
no dictionary grows so large that its resizing is felt. Knows rights only as the node that a
row carries; knows no sessions and no wire.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Iterator
from functools import partial
from itertools import takewhile

import msgspec
from msgspec import Struct

from confwire.messages import Record
from confwire.objects import BY_NAME, OBJECTS, ObjectType, name_field
from proxyapp.engine.data.annex import options_in
from proxyapp.engine.data.indexes import IN_PLACE, Edits, Names, Options, Postings
from proxyapp.engine.data.journal import GONE, record_digest, tree_after
from proxyapp.engine.data.nameorder import NameOrder, Place
from proxyapp.engine.data.rights import Key, RightsNode, RightsTree
from proxyapp.engine.data.rows import Row

PAGE_BITS = 8
PAGE_SIZE = 1 << PAGE_BITS
PAGE_MASK = PAGE_SIZE - 1
_LAST_PAGE = 2**63

Page = list[Row | None]
"""The rows of PAGE_SIZE neighbouring DBIDs, each at its place: one step from DBID to row, without
the hashing that a dictionary of them would take."""


class _Owner(Struct):
    objectType: str
    DBID: int


class _Head(Struct, gc=False):
    """The few fields of a document that the store itself needs."""

    tenantDBID: int = 0
    state: str = "enabled"
    name: str = ""
    userName: str = ""
    number: str = ""
    loginCode: str = ""
    portNumber: str = ""
    owner: _Owner | None = None


_decode_head = msgspec.json.Decoder(_Head).decode


_NAME_FIELD = {type_: name_field(type_) for type_ in OBJECTS}


def _tenant_of(head: _Head, type_: int, dbid: int) -> int:
    owner = head.owner
    if not head.tenantDBID and owner is not None and owner.objectType == "tenant":
        return owner.DBID
    return dbid if type_ == ObjectType.TENANT else head.tenantDBID


def identity_of(type_: ObjectType, dbid: int, body: bytes) -> tuple[str, int]:
    """Return what people call the object of a document, and its tenant."""
    head = _decode_head(body)
    return getattr(head, _NAME_FIELD[type_]), _tenant_of(head, type_, dbid)


def _new_page() -> Page:
    return [None] * PAGE_SIZE


class Table:
    """All rows of one object type.

    The indexes that only lists need, by option and by the order of names, take as long as all
    others together: a load leaves them for later.
    """

    def __init__(self, indexed: bool = True) -> None:
        self.pages: dict[int, Page] = {}
        """Number of a page (DBID >> PAGE_BITS) -> page; open to the reader's shortest way."""
        self._names = Names()
        self.by_folder: dict[int, Postings] = {}
        self.by_tenant: dict[int, Postings] = {}
        self.by_option = Options()
        """By options; holds all once `is_indexed`."""
        self._orders = {
            place_of: NameOrder(partial(self._places, place_of))
            for place_of in (_place, _place_in_folder)
        }
        # Invariant: what is on pages up to this one is in the indexes by option and name.
        self._indexed = _LAST_PAGE if indexed else -1
        self.count = 0

    def get(self, dbid: int) -> Row | None:
        page = self.pages.get(dbid >> PAGE_BITS)
        return None if page is None else page[dbid & PAGE_MASK]

    def rows(self, after: int = 0) -> Iterator[Row]:
        """Yield the rows with a DBID above `after` in order; changes meanwhile are allowed.

        Each is yielded as it stands then: a large transaction puts other pages into place.
        """
        first, pages = after >> PAGE_BITS, self.pages
        for number in sorted(number for number in pages if number >= first):
            place = 0
            while place < PAGE_SIZE and (page := pages.get(number)) is not None:
                row = page[place]
                place += 1
                if row is not None and row.dbid > after:
                    yield row

    def batches(self, after: int = 0) -> Iterator[list[Row]]:
        """Yield what `rows` does, the rows of one page at a time."""
        first = after >> PAGE_BITS
        for number in sorted(number for number in self.pages if number >= first):
            page = self.pages.get(number, ())
            if number == first:
                yield [row for row in page if row is not None and row.dbid > after]
            else:
                yield [row for row in page if row is not None]

    def named(self, name: str) -> list[Row]:
        """Return the rows of this name, whatever its case, in the order of their DBIDs."""
        key = name.casefold()
        rows = (self.get(dbid) for dbid in self._names.find(key))
        return [row for row in rows if row is not None and row.name.casefold() == key]

    def first_named(self, name: str) -> Row | None:
        """Return the first row of this name, whatever its case."""
        key = name.casefold()
        for dbid in self._names.find(key):
            row = self.get(dbid)
            if row is not None and row.name.casefold() == key:
                return row
        return None

    def only_named(self, name: str) -> Row | None:
        """Return the row of this name, whatever its case; None when there is not just one."""
        key = name.casefold()
        dbids = self._names.find(key)
        if len(dbids) == 1:
            row = self.get(dbids[0])
            return row if row is not None and row.name.casefold() == key else None
        rows = self.named(name)
        return rows[0] if len(rows) == 1 else None

    @property
    def is_indexed(self) -> bool:
        """Whether rows are found by option and in the order of names."""
        return self._indexed == _LAST_PAGE

    def index(self) -> Iterator[None]:
        """Make the indexes that a load has left, a page between two yields.

        Changes meanwhile are allowed, edits beside are not.
        """
        while numbers := sorted(number for number in self.pages if number > self._indexed):
            for number in numbers:
                for row in self.pages.get(number, ()):
                    if row is not None:
                        self._reorder(None, row, IN_PLACE)
                        self._change_options(row.dbid, None, row, IN_PLACE)
                self._indexed = number
                yield
        self._indexed = _LAST_PAGE

    def batches_by_name(
        self, after: tuple[str, int] = ("", 0), folder: int | None = None
    ) -> Iterator[list[Row]]:
        """Yield the rows behind a name and a DBID, in the order of names, some at a time.

        All rows, or those of a folder. Changes meanwhile are allowed.
        """
        order = self._orders[_place if folder is None else _place_in_folder]
        for dbids in order.walk((folder or 0, *after)):
            rows = [row for dbid in dbids if (row := self.get(dbid)) is not None]
            if folder is not None and rows and rows[-1].folder != folder:
                yield [row for row in rows if row.folder == folder]
                return
            yield rows

    def swap(self, dbid: int, old: Row | None, new: Row | None, edits: Edits = IN_PLACE) -> None:
        """Replace `old` by `new` in the rows and in every index; the count is the caller's."""
        number = dbid >> PAGE_BITS
        edits.at(self.pages, number, _new_page)[dbid & PAGE_MASK] = new
        if new is None:
            edits.tidy(self.pages, number)
        if old is None or new is None or old.name != new.name:
            if old is not None:
                self._names.discard(old.name.casefold(), dbid, edits)
            if new is not None:
                self._names.add(new.name.casefold(), dbid, edits)
        if old is None or new is None or old.folder != new.folder:
            before, after = old.folder if old else None, new.folder if new else None
            _move(self.by_folder, dbid, before, after, edits)
        if old is None or new is None or old.tenant != new.tenant:
            before, after = old.tenant if old else None, new.tenant if new else None
            _move(self.by_tenant, dbid, before, after, edits)
        if number <= self._indexed:
            if old is None or new is None or (old.name, old.folder) != (new.name, new.folder):
                self._reorder(old, new, edits)
            if old is None or new is None or old.body != new.body:
                self._change_options(dbid, old, new, edits)

    def _reorder(self, old: Row | None, new: Row | None, edits: Edits) -> None:
        for place_of, order in self._orders.items():
            if old is not None:
                order.discard(place_of(old), edits)
            if new is not None:
                order.add(place_of(new), edits)

    def _places(self, place_of: Callable[[Row], Place], edits: Edits) -> Callable[[int], Place]:
        pages, look = self.pages, edits.look
        return lambda dbid: place_of(look(pages, dbid >> PAGE_BITS)[dbid & PAGE_MASK])

    def _change_options(self, dbid: int, old: Row | None, new: Row | None, edits: Edits) -> None:
        held = options_in(new.body) if new is not None else []
        if old is not None:
            known = set(options_in(old.body))
            for option in known.difference(held):
                self.by_option.discard(option, dbid, edits)
            held = [option for option in held if option not in known]
        for option in held:
            self.by_option.add(option, dbid, edits)


def _place(row: Row) -> Place:
    return 0, row.name.casefold(), row.dbid


def _place_in_folder(row: Row) -> Place:
    return row.folder, row.name.casefold(), row.dbid


def _move(
    index: dict[int, Postings], dbid: int, old: int | None, new: int | None, edits: Edits
) -> None:
    if old is not None and old in index:
        edits.at(index, old, Postings).discard(dbid, edits)
        edits.tidy(index, old)
    if new is not None:
        edits.at(index, new, Postings).add(dbid, edits)


class Store:
    """The objects, their tree hash, and the rights tree that follows their folders.

    One that is not `indexed` serves once `index` was called.
    """

    def __init__(self, *, indexed: bool = True) -> None:
        self.tables: dict[int, Table] = {number: Table(indexed) for number in OBJECTS}
        self.rights = RightsTree()
        # Invariant: the sum of the digests of all records, so that equal trees mean equal data.
        self.tree = 0
        self.count = 0
        self._shared: dict[int, int] = {}
        """The numbers that many rows bear, each as the one object that all of them hold."""

    def get(self, type_: int, dbid: int) -> Row | None:
        table = self.tables.get(type_)
        return None if table is None else table.get(dbid)

    def put(self, record: Record) -> tuple[Row | None, Row | None]:
        """Take in one record; return the row before and the row now (None where there is none)."""
        table = self.tables[record.type]
        old = table.get(record.dbid)
        if record.body == GONE:
            new = None
            self.rights.remove((record.type, record.dbid))
        else:
            new = self.row(record)
        self.tree = tree_after(
            self.tree, record_digest(old.record()) if old else 0, record_digest(record)
        )
        grown = (new is not None) - (old is not None)
        self.count += grown
        table.count += grown
        table.swap(record.dbid, old, new)
        return old, new

    def row(self, record: Record) -> Row:
        """Return the row of a record that is there, put at its place in the rights tree."""
        body = bytes(record.body)
        head = _decode_head(body)
        type_, dbid = record.type, record.dbid
        owner = head.owner
        if owner is not None and not record.folder:
            place = (int(BY_NAME[owner.objectType].type), owner.DBID)
        else:
            place = (int(ObjectType.FOLDER), record.folder)
        tenant = _tenant_of(head, type_, dbid)
        share = self._shared.setdefault
        return Row(
            body,
            self.rights.place(type_, dbid, place, record.acl or ()),
            type_,
            dbid,
            share(record.folder, record.folder),
            share(tenant, tenant),
            getattr(head, _NAME_FIELD[ObjectType(type_)]),
            head.state == "enabled",
            record.acl or None,
            record.verifier,
        )

    def set_apart(self, keys: Iterable[Key]) -> dict[RightsNode, RightsNode]:
        """Give objects, and those that will have these DBIDs, rights nodes of their own.

        Return the nodes that have come, each with that which governed its object before.
        """
        made = {}
        for key in keys:
            row = self.get(*key) if self.rights.set_apart(key) else None
            if row is not None:
                apart = self.row(row.record())
                self.tables[row.type].swap(row.dbid, row, apart)
                made[apart.node] = row.node
        return made

    def index(self) -> Iterator[None]:
        """Make the indexes that a load has left, in small steps (see `Table.index`)."""
        for table in self.tables.values():
            yield from table.index()

    def rows_at(self, node: RightsNode, types: Container[int] | None = None) -> Iterator[Row]:
        """Yield the rows that this node governs, of some types or of all."""
        if node.object is not None:
            row = self.get(*node.object)
            if row is not None and (types is None or row.type in types):
                yield row
            return
        for table, postings in self._held_by(node, types):
            for dbid in postings.walk():
                row = table.get(dbid)
                if row is not None and row.node is node:
                    yield row

    def count_at(self, node: RightsNode, types: Container[int] | None = None) -> int:
        """Return how many rows `rows_at` looks at."""
        if node.object is not None:
            return 1
        return sum(len(postings) for _, postings in self._held_by(node, types))

    def _held_by(
        self, node: RightsNode, types: Container[int] | None
    ) -> Iterator[tuple[Table, Postings]]:
        """Yield tables with the rows in the container of a node; others may be among them."""
        kind, container = node.container
        in_folder = kind == ObjectType.FOLDER
        for type_ in self.tables if in_folder else (int(ObjectType.FOLDER),):
            if types is None or type_ in types:
                table = self.tables[type_]
                postings = table.by_folder.get(container if in_folder else 0)
                if postings is not None:
                    yield table, postings

    def ancestors(self, folder: int) -> Iterator[int]:
        """Yield the folder and the folders above it, through the objects that own folders."""
        node = self.rights.known_contents((int(ObjectType.FOLDER), folder))
        while node is not None:
            kind, dbid = node.container
            if kind == ObjectType.FOLDER:
                yield dbid
            node = node.parent

    def path(self, folder: int, may_read: Callable[[Row], bool]) -> str:
        """Return the names of the folders down to this one, joined by "/".

        It begins below the lowest one that may not be read.
        """
        table = self.tables[ObjectType.FOLDER]
        rows = (table.get(dbid) for dbid in self._chain(folder))
        names = [row.name for row in takewhile(may_read, (row for row in rows if row is not None))]
        return "/".join(reversed(names))

    def _chain(self, folder: int) -> Iterator[int]:
        """Yield the folder and the folders above it, up to the one that an object owns."""
        table = self.tables[ObjectType.FOLDER]
        seen: set[int] = set()  # a circle would be the master's error, and must not be a hang
        while folder not in seen and (row := table.get(folder)) is not None:
            seen.add(folder)
            yield folder
            folder = row.folder
