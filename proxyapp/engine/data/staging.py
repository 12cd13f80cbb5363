"""A large transaction made ready beside the store, so that taking it in is one short step.

Pages of rows and indexes are copied when they are first touched and changed in the copy, over
as many turns as it takes; readers see the old ones meanwhile. Then the copies take their places.
The store must not change between the first record and the flip. Knows no rights but whether a
record could touch them: such records wait for the flip.
"""

from __future__ import annotations

from collections.abc import Callable
from copy import copy
from typing import Any

from confwire.messages import Record
from confwire.objects import ObjectType
from proxyapp.engine.data.indexes import Postings, is_empty
from proxyapp.engine.data.journal import GONE, Change, record_digest, tree_after
from proxyapp.engine.data.rights import CONTAINERS
from proxyapp.engine.data.store import Store


class _Copies:
    """Edits that stay apart until they are put in place (see `indexes.InPlace`)."""

    def __init__(self) -> None:
        self._copies: dict[tuple[int, Any], tuple[dict[Any, Any], Any, Any]] = {}

    def at(self, container: dict[Any, Any], key: Any, make: Callable[[], Any]) -> Any:
        """Return the copy of what lies at a key, made on first use."""
        known = self._copies.get((id(container), key))
        if known is None:
            found = container.get(key)
            known = container, key, make() if found is None else copy(found)
            self._copies[id(container), key] = known
        return known[2]

    def look(self, container: dict[Any, Any], key: Any) -> Any:
        """Return the copy of what lies at a key, or what lies there."""
        known = self._copies.get((id(container), key))
        return container.get(key) if known is None else known[2]

    def tidy(self, container: dict[Any, Any], key: Any) -> None:
        """Nothing: what is empty in the end is dropped when the copies take their places."""

    def flip(self) -> None:
        """Put every copy in its place: pages first, then the indexes that are made of pages."""
        for container, key, edited in sorted(
            self._copies.values(), key=lambda item: isinstance(item[2], Postings)
        ):
            if is_empty(edited):
                container.pop(key, None)
            else:
                container[key] = edited


class Staging:
    """One transaction on its way into a store."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._copies = _Copies()
        self._tree = 0
        self._counts: dict[int, int] = {}
        self._changes: list[Change] = []
        """In the order of the transaction."""
        self._waiting: list[tuple[int, Record]] = []
        """The records that wait for the flip, each with the number of changes before it."""

    def add(self, record: Record) -> None:
        """Make one record ready; each object may come once."""
        store = self._store
        if self._must_wait(record):
            self._waiting.append((len(self._changes), record))
            return
        old = store.get(record.type, record.dbid)
        new = None if record.body == GONE else store.row(record)
        if old is None and new is None:
            return
        before = record_digest(old.record()) if old is not None else 0
        self._tree = tree_after(self._tree, before, record_digest(record))
        grown = (new is not None) - (old is not None)
        self._counts[record.type] = self._counts.get(record.type, 0) + grown
        store.tables[record.type].swap(record.dbid, old, new, self._copies)
        self._changes.append(Change(record.type, record.dbid, old, new))

    def _must_wait(self, record: Record) -> bool:
        """Whether the record may touch the rights tree or the memberships."""
        key = (record.type, record.dbid)
        rights = self._store.rights
        return (
            record.type in CONTAINERS
            or record.type == ObjectType.ACCESS_GROUP
            or bool(record.acl)
            or rights.own(key) is not None
            or rights.has_contents(key)
        )

    def waiting(self) -> list[Record]:
        """Return the records that wait for the flip."""
        return [record for _, record in self._waiting]

    def flip(self, put: Callable[[Record], Change | None]) -> list[Change]:
        """Take everything in at once; `put` takes in the records that had to wait."""
        self._copies.flip()
        store = self._store
        store.tree = tree_after(store.tree, 0, self._tree)
        for type_, grown in self._counts.items():
            store.tables[type_].count += grown
            store.count += grown
        changes: list[Change] = []
        done = 0
        for count, record in self._waiting:
            changes += self._changes[done:count]
            done = count
            if (change := put(record)) is not None:
                changes.append(change)
        return changes + self._changes[done:]
