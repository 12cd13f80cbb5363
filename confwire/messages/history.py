"""The history log: what clients ask of it, and how a proxy hands its entries to the master."""

from __future__ import annotations

from typing import Literal

from msgspec import UNSET, Raw, Struct, UnsetType, field

from confwire.messages.envelope import Answer, Cursor, Message, Request
from confwire.messages.subscriptions import ObjectId


class HistoryEntry(Struct, rename="camel", omit_defaults=True, kw_only=True, gc=False):
    """One thing that the history log keeps beside changes; texts are as they were then."""

    kind: str
    """A name of the table of kinds; others may come."""
    at: float
    """Seconds since 1970 UTC."""
    server: str = ""
    """Name of the server's application where it happened."""
    session: str = ""
    application: str = ""
    application_type: str = ""
    user: str = ""
    peer: str = ""
    """The "address:port" of the other end of the connection."""
    forwarded: str = ""
    """The client's address as a balancer told it."""
    port: str = ""
    """The ID of the listening port, or "web"."""
    epoch: str = ""
    revision: int = 0
    """With `epoch` the cursor: what the session was sent, or where the data stood."""
    reason: str = ""
    """Why: an error's code and text, or the cause of a close or a loss."""
    number: int = 0
    """Its number in the store that kept it first; on server links only."""


class HistoryLog(Request, kw_only=True):
    """Client: what changed since, as far as it may be read now, and what became of this session."""

    since: Cursor | None = None
    """Only what came after this cursor; its hash is ignored."""
    since_time: float = 0
    """Only what came at or after this time, seconds since 1970 UTC."""


class LoggedChange(Struct, rename="camel", omit_defaults=True, kw_only=True):
    """One object's step in a transaction of the past."""

    revision: int
    at: float
    by: str = ""
    """User name of who did it; empty: the system."""
    change: Literal["created", "updated", "deleted"]
    object_type: str
    dbid: int = field(name="DBID")
    object: Raw | UnsetType = UNSET
    """The whole document: created."""
    delta: Raw | UnsetType = UNSET
    """What changed: updated."""
    former: Raw | UnsetType = UNSET
    """The values before, of the properties that the delta names."""


class HistoryLogRead(Answer, kw_only=True):
    """Server: a packet of the history."""

    changes: list[LoggedChange] = []
    entries: list[HistoryEntry] = []
    last: bool = False
    """The answer fits this packet; else historyLogSent follows the last one."""


class HistoryLogSent(Answer, kw_only=True):
    """Server: all packets of the history were sent."""

    total: int
    """Changes in all packets."""


class ReadPast(Request, kw_only=True):
    """Client: objects of a type as they were, of those that may be read now; page by page."""

    object_type: str
    revision: int | None = None
    """As of this revision; either this or the time is given."""
    time: float = 0
    """As of this time, seconds since 1970 UTC."""
    dbid: int = field(name="DBID", default=0)
    """Only this object."""
    folder_dbid: int = field(name="folderDBID", default=0)
    """Only what lay right in this folder."""
    tenant_dbid: int = field(name="tenantDBID", default=0)
    """Only what was of this tenant."""
    name: str = ""
    """Only what people called so then, without regard to case; "*" stands for anything."""
    after: int = 0
    """Only what has a greater DBID: `next` of the page before."""
    limit: int = 0
    """Objects of a page at most; 0, or more than the server gives, is what it gives."""


class PastRead(Answer, kw_only=True):
    """Server: one page of objects as they were at `revision`, in the order of their DBIDs."""

    objects: list[Raw] = []
    next: int = 0
    """What to give as `after` for the next page; 0: this was the last."""


class ComparePast(Request, kw_only=True):
    """Client: what differs between two moments, of what may be read now; page by page."""

    revision: int | None = None
    """As of this revision; either this or the time is given."""
    time: float = 0
    """As of this time, seconds since 1970 UTC."""
    until: int | None = None
    """Up to this revision; neither this nor the time: up to now."""
    until_time: float = 0
    object_type: str = ""
    """Only objects of this type; empty: of all."""
    dbid: int = field(name="DBID", default=0)
    """Only this object of the type."""
    folder_dbid: int = field(name="folderDBID", default=0)
    """Only what lay right in this folder, at either moment."""
    tenant_dbid: int = field(name="tenantDBID", default=0)
    """Only what was of this tenant, at either moment."""
    name: str = ""
    """Only what people called so, at either moment; as of ReadPast."""
    after: ObjectId | None = None
    """Only what comes behind this in the order: `next` of the page before."""
    limit: int = 0
    """Objects of a page at most; 0, or more than the server gives, is what it gives."""


class PastDifference(Struct, rename="camel", omit_defaults=True, kw_only=True):
    """What became of an object between two moments."""

    change: Literal["created", "updated", "deleted"]
    object_type: str
    dbid: int = field(name="DBID")
    object: Raw | UnsetType = UNSET
    """The whole document: created as it is then, deleted as it was."""
    delta: Raw | UnsetType = UNSET
    """What changed: updated."""
    former: Raw | UnsetType = UNSET
    """The values before, of the properties that the delta names."""


class PastCompared(Answer, kw_only=True):
    """Server: one page of what differs between `revision` and `until`, in order of types."""

    until: int
    changes: list[PastDifference] = []
    next: ObjectId | None = None
    """What to give as `after` for the next page; absent: this was the last."""


class HistoryEntries(Message, kw_only=True):
    """Proxy: entries of its own log that are on its disk, in the order of their numbers.

    Without entries it asks how far the master has them.
    """

    store: str
    """Names the database that kept them first."""
    entries: list[HistoryEntry] = []


class HistoryTaken(Message, kw_only=True):
    """Master: all entries of this store up to a number are kept here for good."""

    store: str
    number: int
