"""How the data comes from the master to a proxy: as a load, then each transaction."""

from __future__ import annotations

from typing import Literal

from msgspec import Raw, Struct

from confwire.messages.envelope import Answer, Cursor, Message, Request


class Record(Struct, array_like=True, gc=False):
    """One object as servers exchange it."""

    type: int
    dbid: int
    folder: int
    body: Raw
    """The document, byte for byte as the master published it; `null` when the object is gone."""
    acl: list[tuple[int, int, int]] | None = None
    """Grants of its own: (subject type, subject DBID, mask)."""
    verifier: str = ""
    """SCRAM verifier of a person or an application; never sent to a client."""


class Replicate(Request, kw_only=True):
    """Proxy: send the whole data, or what came after `since`, and then every change."""

    since: Cursor | None = None
    load: bool = True
    """False: where it cannot be told what came after `since`, say so instead of loading."""


class ReplicationResumed(Answer, kw_only=True):
    """Master: it goes on from the proxy's cursor; no full load."""


class ReplicationStarted(Answer, kw_only=True):
    """Master: a full load follows."""

    reason: Literal["first", "compacted", "epoch"]
    total: int


class ReplicationRecords(Answer, kw_only=True):
    """Master: records as they stand while the load runs; transactions overtake them."""

    records: list[Record]


class ReplicationLoaded(Answer, kw_only=True):
    """Master: every record was sent; with the transactions up to `revision` the data is whole."""

    tree: str
    hash: str


class Transaction(Message, kw_only=True):
    """Master: one committed transaction, or a part of it."""

    epoch: str
    revision: int
    at: float
    """When it was committed, seconds since 1970 UTC."""
    by: str = ""
    records: list[Record]
    last: bool = True
    tree: str = ""
    """Tree hash after it (with `last`)."""
    hash: str = ""
    """Change hash after it (with `last`)."""
