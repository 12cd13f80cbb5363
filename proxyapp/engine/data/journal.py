"""The bounded memory of recent transactions, and the hashes that prove equal histories.

A ring of entries in revision order without gaps. A cursor older than the ring gets an explicit
`Compacted`, never silence. Knows no sessions, no rights and no wire.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Collection, Iterator
from hashlib import blake2b
from typing import Any

import msgspec
from msgspec import Struct

from confwire.errors import Compacted
from confwire.messages import Record
from proxyapp.engine.data.rows import Row

GONE = msgspec.Raw(b"null")
"""The body of a record whose object was deleted."""

TREE_MODULUS = 1 << 128
_FREED_A_TURN = 1_000
"""Changes, with the rows that only they held."""


def record_digest(record: Record) -> int:
    """Return the 128-bit digest of a record; 0 for one that is gone.

    It takes in all that must be equal on two servers: place, grants, verifier and the body as
    it stands, byte for byte.
    """
    if record.body == GONE:
        return 0
    digest = blake2b(b"%d %d %d " % (record.type, record.dbid, record.folder), digest_size=16)
    digest.update(record.body)
    if record.acl or record.verifier:
        digest.update(msgspec.json.encode((record.acl, record.verifier)))
    return int.from_bytes(digest.digest(), "big")


def tree_after(tree: int, old: int, new: int) -> int:
    """Return the additive tree hash after one record's digest went from `old` to `new`."""
    return (tree - old + new) % TREE_MODULUS


def tree_text(tree: int) -> str:
    """Return a tree hash as 32 hexadecimal digits, the form of the wire and of status pages."""
    return f"{tree:032x}"


def chain_hash(previous: str, revision: int, tree: int) -> str:
    """Return the change hash of a revision: equal only where the whole history was equal."""
    text = f"{previous} {revision} {tree:032x}".encode()
    return blake2b(text, digest_size=16).hexdigest()


class Change(Struct, gc=False):
    """One object's step in a transaction.

    `old` is None when it did not exist before, `new` when it does not exist any more.
    """

    type: int
    dbid: int
    old: Row | None
    new: Row | None
    log: bytes = b""
    """The encoded notification in mode log, made on first use and the same for all receivers."""


class Entry(Struct, gc=False):
    """One transaction as it was applied."""

    revision: int
    at: float
    """When it was committed, seconds since 1970 UTC."""
    by: str
    tree: int
    hash: str
    changes: list[Change]
    structural: bool
    """It changed rights, memberships or the folder tree: what a session may see may have
    changed beyond the objects in `changes`, so a replay must not step over it."""
    large: bool = False
    """It has so many changes that they are told over many turns."""
    regroups: bool = False
    """It brought grants or groups by which readers are to be told apart anew."""


class Journal:
    """Entries of consecutive revisions; the newest is always kept, however large."""

    def __init__(self, capacity: int = 50_000) -> None:
        self._entries: deque[Entry] = deque()
        self._capacity = capacity
        self._size = 0
        # Invariant: `_entries` holds the revisions compacted+1 … revision without a gap.
        self.compacted = 0
        self.revision = 0
        self.structural = 0
        """The last revision that was structural: nothing before it can be replayed to readers,
        whose rights are known only as they are now."""
        self.resets = 0
        """Times that the data was replaced: a cursor from before one means nothing after it."""
        self.dropped: list[list[Any]] = []
        """What is no longer remembered, if it is much: to be freed by `free`, over many turns."""
        self._start_hash = ""

    def __repr__(self) -> str:
        return f"<Journal {self.compacted + 1}..{self.revision}, {self._size} changes>"

    def reset(self, revision: int, hash_: str) -> None:
        """Forget all: the data was replaced as of `revision`."""
        for entry in self._entries:
            self.drop(entry.changes)
        self.drop(self._entries)
        self._entries = deque()
        self._size = 0
        self.resets += 1
        self.compacted = self.revision = self.structural = revision
        self._start_hash = hash_

    def append(self, entry: Entry) -> None:
        """Add the entry of the next revision and drop the oldest beyond the capacity."""
        assert entry.revision == self.revision + 1, (entry.revision, self.revision)
        self._entries.append(entry)
        self.revision = entry.revision
        if entry.structural:
            self.structural = entry.revision
        self._size += len(entry.changes)
        while self._size > self._capacity and len(self._entries) > 1:
            oldest = self._entries.popleft()
            self.drop(oldest.changes)
            self._size -= len(oldest.changes)
            self.compacted = oldest.revision
            self._start_hash = oldest.hash

    def drop(self, held: Collection[Any]) -> None:
        """Let go of changes or entries: at once if they are few, else when `free` is called."""
        if len(held) > _FREED_A_TURN:
            self.dropped.append(list(held))  # a copy, since a reader may be on its way through

    def free(self) -> Iterator[None]:
        """Free what was dropped, a turn's work between two yields."""
        while self.dropped:
            held = self.dropped[-1]
            del held[-_FREED_A_TURN:]
            if not held:
                self.dropped.pop()
            yield

    def since(self, revision: int) -> Iterator[Entry]:
        """Iterate over the entries after `revision`.

        Raises Compacted when the ring does not reach back that far.
        """
        if not self.compacted <= revision <= self.revision:
            raise Compacted(
                f"the journal reaches from revision {self.compacted} to {self.revision},"
                f" not to {revision}: read anew"
            )
        for index in range(revision - self.compacted, len(self._entries)):
            yield self._entries[index]

    def backwards(self) -> Iterator[Entry]:
        """Iterate over the entries from the newest on."""
        return reversed(self._entries)

    def before(self, at: float) -> int | None:
        """Return the last revision from before a time; None where the ring does not go back there.

        Args:
            at: seconds since 1970 UTC.
        """
        for entry in reversed(self._entries):
            if entry.at < at:
                return entry.revision
        return None

    def hash_at(self, revision: int) -> str | None:
        """Return the change hash of a revision that the ring still knows, else None."""
        if revision == self.compacted:
            return self._start_hash
        if self.compacted < revision <= self.revision:
            return self._entries[revision - self.compacted - 1].hash
        return None
