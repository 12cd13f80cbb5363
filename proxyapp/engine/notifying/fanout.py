"""From one transaction to the bytes that each view gets of it.

A change is encoded once; what differs between views is only which changes they see. A change
of rights, memberships or folders moves objects into and out of views: those get the whole
object (entered) or a removal (left) at once. Knows no connections beyond their numbers.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from enum import IntEnum
from typing import Any, Protocol

import msgspec

from confwire import delta
from confwire.messages import Record
from confwire.objects import OBJECTS, ObjectType
from proxyapp.engine.data.access import Access, Profile
from proxyapp.engine.data.journal import GONE, Change
from proxyapp.engine.data.rights import CONTAINERS, RightsNode
from proxyapp.engine.data.rows import Row
from proxyapp.engine.data.store import Store
from proxyapp.engine.notifying.sights import Comparison, Difference
from proxyapp.engine.notifying.subscriptions import Subscriptions, View

_PREFIX = {
    (kind, type_): f'{{"change":"{kind}","objectType":"{info.name}","DBID":'.encode()
    for kind in ("created", "updated", "deleted", "entered", "left")
    for type_, info in OBJECTS.items()
}


def whole(kind: str, row: Row) -> bytes:
    """Return the wire form of a change that carries the whole document."""
    return b'%b%d,"object":%b}' % (_PREFIX[kind, ObjectType(row.type)], row.dbid, row.body)


def removal(kind: str, row: Row) -> bytes:
    """Return the wire form of a change that carries nothing but the object's identity."""
    return b"%b%d}" % (_PREFIX[kind, ObjectType(row.type)], row.dbid)


def _updated(change: Change) -> bytes:
    if not change.log:
        assert change.old is not None
        assert change.new is not None
        info = OBJECTS[ObjectType(change.type)]
        old: dict[str, Any] = msgspec.json.decode(change.old.body)
        step = delta.diff(info, old, msgspec.json.decode(change.new.body))
        change.log = b'%b%d,"delta":%b,"former":%b}' % (
            _PREFIX["updated", info.type],
            change.dbid,
            msgspec.json.encode(step),
            msgspec.json.encode(delta.former(info, old, step)),
        )
    return change.log


def piece(change: Change, was: bool, now: bool, mode: str) -> bytes:
    """Return what a view gets of a change, empty where nothing it could see has changed."""
    old, new = change.old, change.new
    if now and new is not None:
        if not was:
            return whole("created" if old is None else "entered", new)
        if old is not None and old.body == new.body:
            return b""
        return _updated(change) if mode == "log" else whole("updated", new)
    if was and old is not None:
        return removal("deleted" if new is None else "left", old)
    return b""


def packets(
    epoch: str, revision: int, pieces: Sequence[bytes], size: int, *, last: bool = True
) -> list[bytes]:
    """Join pieces into objectsChanged messages of about `size` bytes; the last one says so."""
    head = b'{"message":"objectsChanged","epoch":"%b","revision":%d,"changes":[' % (
        epoch.encode(),
        revision,
    )
    messages = []
    start = weight = 0
    for index, item in enumerate(pieces):
        if weight and weight + len(item) > size:
            messages.append(head + b",".join(pieces[start:index]) + b"]}")
            start, weight = index, 0
        weight += len(item)
    messages.append(head + b",".join(pieces[start:]) + (b'],"last":true}' if last else b"]}"))
    return messages


class Reach(IntEnum):
    """How far a transaction changes what readers may see."""

    OWN = 0
    """Each reader's rights stay; only the objects themselves change."""
    READERS = 1
    """New grants or groups: readers are to be told apart anew, and see nothing old otherwise."""
    EVERYTHING = 2
    """Rights, memberships or places change for objects that are not in the transaction."""


OWN, READERS, EVERYTHING = Reach


class Delivery(msgspec.Struct, gc=False):
    """The pieces that some sessions get."""

    members: list[int]
    pieces: list[bytes]


class Restructured(msgspec.Struct, gc=False):
    """What a transaction that changes rights or places has done."""

    changes: list[Change]
    deliveries: list[Delivery] = []
    lost: list[int] = []
    """Sessions that must read anew: what they would have to be told is too much."""


class Site(Protocol):
    """What a server shows of all data."""

    def concerns(self, record: Record, old: Row | None, store: Store) -> bool:
        """Whether other objects may be shown than before once the record is taken in."""

    def follow(self, store: Store, access: Access) -> dict[RightsNode, RightsNode]:
        """Show what the data says now; return the nodes that have come for it, and for which."""


class FanOut:
    """Applies transactions to a store and works out who gets what of them."""

    def __init__(
        self, store: Store, access: Access, subscriptions: Subscriptions, site: Site
    ) -> None:
        self.store = store
        self._access = access
        self._subscriptions = subscriptions
        self._site = site

    def reach_of(self, record: Record) -> Reach:
        """Return how far the record changes what readers may see."""
        old = self.store.get(record.type, record.dbid)
        gone = record.body == GONE
        if self._site.concerns(record, old, self.store):
            return EVERYTHING
        if old is None:
            return OWN if gone else self._reach_of_new(record)
        if self._is_structural(record, old, gone):
            return EVERYTHING
        return OWN

    def _reach_of_new(self, record: Record) -> Reach:
        key = (record.type, record.dbid)
        if record.type == ObjectType.ACCESS_GROUP:
            # Nobody has gained anything by it yet, unless something named it before it came.
            known = key in self.store.rights.subjects or self._access.is_member(key)
            return EVERYTHING if known else READERS
        if self.store.rights.has_contents(key):
            return EVERYTHING  # a container of which something was said before it came
        return READERS if record.acl else OWN

    def _is_structural(self, record: Record, old: Row, gone: bool) -> bool:
        if (record.acl or None) != old.acl:
            return True
        if record.type == ObjectType.ACCESS_GROUP:
            return old.body != record.body
        # What has grants of its own keeps its node, so a move changes what the node means.
        has_node = record.type in CONTAINERS or bool(record.acl)
        return has_node and (gone or old.folder != record.folder)

    def apply(self, records: Iterable[Record]) -> list[Change]:
        """Take the records into the store; return the changes that made a difference."""
        return [change for record in records if (change := self.put(record)) is not None]

    def put(self, record: Record) -> Change | None:
        """Take one record into the store and the memberships."""
        old, new = self.store.put(record)
        self._access.take(old, new)
        if old is None and new is None:
            return None
        return Change(record.type, record.dbid, old, new)

    def deliver(self, changes: Sequence[Change]) -> Iterator[Delivery]:
        """Work out an ordinary transaction, after it was applied."""
        concerned: dict[View, list[bytes]] = {}
        for change in changes:
            for view in self._subscriptions.concerned(change.type, change.dbid):
                was = change.old is not None and view.sees(change.old, self.store)
                now = change.new is not None and view.sees(change.new, self.store)
                item = piece(change, was, now, _mode(view, change, self.store))
                if item:
                    concerned.setdefault(view, []).append(item)
        for view, pieces in concerned.items():
            yield Delivery(list(view.members), pieces)

    def readers_of(self, changes: Iterable[Change]) -> list[int]:
        """Return the sessions whose views these changes may concern."""
        views = self._subscriptions.concerned_by((change.type, change.dbid) for change in changes)
        return [connection for view in views for connection in view.members]

    def restructure(
        self,
        records: Sequence[Record],
        person_of: Callable[[int], int],
        take: Callable[[], list[Change]] | None = None,
    ) -> Restructured:
        """Take in a transaction that changes rights, memberships or folders, and work it out.

        1. Note what each view sees at the places concerned.
        2. Take it in, by `take` if that is given, and work the rights out anew.
        3. Compare per session: its profile may be another one now.

        Sessions for which too much would have to be compared are not told, but named.
        """
        comparison = Comparison(self.store, self._subscriptions, records)
        changes = take() if take is not None else self.apply(records)
        apart = self._site.follow(self.store, self._access)
        self._access.forget()
        regrouped = {view: self._regroup(view, person_of) for view in comparison.views}
        done = Restructured(changes)
        for found in comparison.settle(regrouped, apart):
            if found.too_much:
                done.lost += found.connections
            elif pieces := list(self._pieces(found, changes)):
                done.deliveries.append(Delivery(found.connections, pieces))
        return done

    def _regroup(self, view: View, person_of: Callable[[int], int]) -> dict[Profile, list[int]]:
        groups: dict[Profile, list[int]] = {}
        for connection in view.members:
            profile = self._access.profile_of(person_of(connection))
            groups.setdefault(profile, []).append(connection)
        return groups

    def _pieces(self, found: Difference, changes: Sequence[Change]) -> Iterator[bytes]:
        for change in changes:
            key = (change.type, change.dbid)
            was, now = key in found.before, key in found.after
            if (was or now) and (
                item := piece(change, was, now, _mode(found.view, change, self.store))
            ):
                yield item
        for row in found.lost:
            yield removal("left", row)
        for row in found.gained:
            yield whole("entered", row)


def _mode(view: View, change: Change, store: Store) -> str:
    row = change.new if change.new is not None else change.old
    assert row is not None
    return view.mode_of(row, store) or "log"
