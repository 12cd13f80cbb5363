"""All data of an authority anew, kept beside a store as no more than what differs from it.

The store must not change meanwhile. A second store would need the memory of the first once
more, and its end a long turn. Knows no sessions.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

from msgspec import Raw

from confwire.messages import Record
from proxyapp.engine.data.indexes import Postings
from proxyapp.engine.data.journal import GONE, record_digest, tree_after
from proxyapp.engine.data.rights import Key
from proxyapp.engine.data.rows import Row
from proxyapp.engine.data.store import Store


class Renewal:
    """Takes records as a store does; the latest of an object counts."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._held: dict[int, Postings] = defaultdict(Postings)
        """The DBIDs of the new data, by type."""
        self._differing: dict[Key, Record] = {}
        """Of the new data, the records that the store does not have just so."""
        # Invariant: as `Store.tree`, of the new data.
        self.tree = 0

    def put(self, record: Record) -> None:
        """Take in one record."""
        key = record.type, record.dbid
        row = self._store.get(*key)
        self.tree = tree_after(self.tree, self._digest(key, row), record_digest(record))
        if record.body == GONE:
            self._held[record.type].discard(record.dbid)
            self._differing.pop(key, None)
            return
        self._held[record.type].add(record.dbid)
        if row is not None and _equal(row, record):
            self._differing.pop(key, None)
        else:
            self._differing[key] = owned(record)

    def _digest(self, key: Key, row: Row | None) -> int:
        """Return the digest of what the new data have of an object so far."""
        differing = self._differing.get(key)
        if differing is not None:
            return record_digest(differing)
        held = row is not None and key[1] in self._held[key[0]]
        return record_digest(row.record()) if row is not None and held else 0

    def differences(self) -> Iterator[Record | None]:
        """Yield the records that make the store equal to the new data, None for equal rows."""
        yield from self._differing.values()
        for type_, table in self._store.tables.items():
            held = self._held[type_]
            for row in table.rows():
                yield None if row.dbid in held else Record(type_, row.dbid, 0, GONE)


def _equal(row: Row, record: Record) -> bool:
    return (
        row.body == bytes(record.body)
        and row.folder == record.folder
        and row.acl == (record.acl or None)
        and row.verifier == record.verifier
    )


def owned(record: Record) -> Record:
    """Return the record with bytes of its own: a slice would keep its whole message alive."""
    return Record(
        record.type,
        record.dbid,
        record.folder,
        record.body if record.body == GONE else Raw(bytes(record.body)),
        [(kind, subject, mask) for kind, subject, mask in record.acl] if record.acl else None,
        record.verifier,
    )
