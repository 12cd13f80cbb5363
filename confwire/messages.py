"""Every message of the wire, as a struct tagged by its name.

Only shapes: what a message means is in docs/reference/protocol.md, how it becomes bytes in
`codec`. Requests carry a `ref` chosen by the sender; the answer bears the same.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from msgspec import UNSET, Meta, Raw, Struct, UnsetType, field

SUBPROTOCOL = "confwire.1"
RELEASE = "1.0.0"
"""The release of this server and client; servers of one environment run the same."""

FilterValue = str | int | bool

Ref = Annotated[int, Meta(ge=-(2**63), le=2**63 - 1)] | Annotated[str, Meta(max_length=64)]
"""What a client tells its requests apart by."""

MAX_CONDITIONS = 10_000
"""Members of one list of a subscription."""


def _tag(name: str) -> str:
    return name[0].lower() + name[1:]


class Message(Struct, tag=_tag, tag_field="message", rename="camel", omit_defaults=True, gc=False):
    """Any message; the tag is its class name in lower camel case."""


class Cursor(Struct, rename="camel", omit_defaults=True, frozen=True):
    """A place in the history of the data: all up to `revision` of `epoch` was seen."""

    epoch: str
    revision: int
    hash: str = ""
    """The change hash at the revision; servers send it to prove that they share a history."""


class KeepAlive(Struct, rename="camel", omit_defaults=True, frozen=True):
    """Wished keep-alive timeouts in seconds; 0 is off (ADDP)."""

    local: Annotated[float, Meta(ge=0, le=86_400)] = 0
    """After this long in silence the sender of the opening polls."""
    remote: Annotated[float, Meta(ge=0, le=86_400)] = 0
    """After this long in silence the server polls."""


class ObjectId(Struct, rename="camel", frozen=True):
    """Names one object."""

    object_type: str
    dbid: int = field(name="DBID")


# ---------------------------------------------------------------- opening


class Open(Message, kw_only=True):
    """Client: the first message of a connection."""

    application: str
    application_type: str = ""
    release: str = ""
    user: str = ""
    """Person's user name; empty: the application logs in by its own secret."""
    mechanism: Literal["SCRAM-SHA-256"] = "SCRAM-SHA-256"
    data: str
    """The SCRAM client-first-message (RFC 5802)."""
    keep_alive: KeepAlive | None = None
    role: Literal["client", "proxy"] = "client"


class Challenge(Message):
    """Server: the SCRAM server-first-message."""

    data: str


class Proof(Message):
    """Client: the SCRAM client-final-message."""

    data: str


class ServerIdentity(Struct, rename="camel", omit_defaults=True, frozen=True):
    """Who serves this session."""

    application: str
    dbid: int = field(name="DBID")
    release: str
    mode: Literal["master", "proxy"]
    backup_host: str = ""
    backup_port: str = ""
    master_host: str = ""
    """Where writes go, when `mode` is proxy."""
    master_port: str = ""


class Opened(Message, kw_only=True):
    """Server: the session is open."""

    session: str
    epoch: str
    revision: int
    data: str
    """The SCRAM server-final-message: the server knows the verifier too."""
    server: ServerIdentity
    application_dbid: int = field(name="applicationDBID")
    person_dbid: int = field(name="personDBID", default=0)
    keep_alive: KeepAlive | None = None
    max_message_size: int = 0
    """Bytes that one message to the server may have."""


class Error(Message, kw_only=True):
    """Server: a request (or, without `ref`, the opening or the last message) was refused."""

    ref: int | str | None = None
    code: str
    text: str
    data: dict[str, Any] = {}
    permanent: bool = True


class Subscription(Struct, rename="camel", omit_defaults=True, kw_only=True):
    """What to hear of: all that is given must match, an empty list is no condition."""

    name: str = "default"
    types: Annotated[list[str], Meta(max_length=MAX_CONDITIONS)] = []
    tenants: Annotated[list[int], Meta(max_length=MAX_CONDITIONS)] = []
    folders: Annotated[list[int], Meta(max_length=MAX_CONDITIONS)] = []
    """These folders and all below them."""
    objects: Annotated[list[ObjectId], Meta(max_length=MAX_CONDITIONS)] = []
    filter: dict[str, FilterValue] = {}
    """Filter keys; needs exactly one type."""
    mode: Literal["log", "state"] = "log"


# ---------------------------------------------------------------- requests


class Request(Message):
    """A message that is answered; `ref` comes back in the answer."""

    ref: Ref


class ReadObjects(Request, kw_only=True):
    """Client: read the objects of a type that match a filter."""

    object_type: str
    filter: dict[str, FilterValue] = {}
    limit: int = 0
    """At most this many objects, the first in order; 0 for all."""
    order: Literal["DBID", "name"] = "DBID"
    """By name: of equal names by DBID; needs a limit."""
    after: int = 0
    """Only objects with a DBID above this one, for reading page by page."""
    after_name: str = ""
    """By name: only objects behind the one of this name and of the DBID `after`."""


class ReadBrief(Request, kw_only=True):
    """Client: as ReadObjects, but only DBID, name, state, tenant and folder come back."""

    object_type: str
    filter: dict[str, FilterValue] = {}
    limit: int = 0
    order: Literal["DBID", "name"] = "DBID"
    after: int = 0
    after_name: str = ""


class RegisterNotification(Request, kw_only=True):
    """Client: subscribe. What was subscribed before under the same names is replaced.

    All subscriptions of a session together are one view: an object that several of them name is
    delivered once.
    """

    subscriptions: list[Subscription]
    snapshot: bool = False
    """Send the objects first, as of one revision; notifications go on from there."""
    since: Cursor | None = None
    """Send what was missed since; only with the first registration of a session."""


class UnregisterNotification(Request, kw_only=True):
    """Client: end a subscription."""

    subscription: str = "default"


class CreateObject(Request, kw_only=True):
    """Client: create an object; `object` is its document without DBID."""

    object_type: str
    object: dict[str, Any]
    folder_dbid: int = field(name="folderDBID", default=0)
    """0 puts it into the default folder of its type and tenant."""


class UpdateObject(Request, kw_only=True):
    """Client: change an object by a delta (protocol.md, "Deltas")."""

    object_type: str
    dbid: int = field(name="DBID")
    delta: dict[str, Any]


class DeleteObject(Request, kw_only=True):
    """Client: delete an object."""

    object_type: str
    dbid: int = field(name="DBID")


class ReadServerInfo(Request):
    """Client: ask for the state of the server."""


class Acknowledge(Message):
    """Client: all up to this revision was taken in. Not answered."""

    revision: int


# ---------------------------------------------------------------- answers


class Answer(Message, kw_only=True):
    """An answer bears the epoch and the revision of the data that it was made from."""

    ref: Ref
    epoch: str
    revision: int


class ObjectsRead(Answer, kw_only=True):
    """Server: a packet of objects."""

    object_type: str
    count: int
class Disconnect(Request, kw_only=True):
    """Client: end another session."""

    session: str


class Shed(Request, kw_only=True):
    """Client: send a part of the server's clients elsewhere."""

    percent: Annotated[int, Meta(ge=1, le=100)]


class Drain(Request):
    """Client: send all clients elsewhere, then end the server."""


class SwitchOver(Request):
    """Client: let the backup of the server's pair lead."""


    """Objects in this packet."""
    total: int
    """Objects that the request found."""
    last: bool = False
    """The answer fits this packet; else objectsSent follows the last one."""
    objects: list[Raw]
    folder_dbids: list[int] | UnsetType = field(name="folderDBIDs", default=UNSET)
    object_paths: list[str] | UnsetType = UNSET


class BriefInfo(Answer, kw_only=True):
    """Server: a packet of brief objects."""

    object_type: str
    count: int
    total: int
    last: bool = False
    objects: list[Raw]


class ObjectsSent(Answer, kw_only=True):
    """Server: all packets of a read or of a subscription's snapshot were sent."""

    total: int


class NotificationRegistered(Answer, kw_only=True):
    """Server: the subscriptions are live from this revision on; what was missed follows."""


class NotificationUnregistered(Answer, kw_only=True):
    """Server: the subscription has ended."""

    subscription: str


class ObjectCreated(Answer, kw_only=True):
    """Server: the object was created; the document is as it is stored."""

    object_type: str
    dbid: int = field(name="DBID")
    object: Raw


class ObjectUpdated(Answer, kw_only=True):
    """Server: the object was changed."""

    object_type: str
    dbid: int = field(name="DBID")


class ObjectDeleted(Answer, kw_only=True):
    """Server: the object was deleted."""

    object_type: str
    dbid: int = field(name="DBID")


class ServerInfo(Answer, kw_only=True):
    """Server: its identity and state."""

    server: ServerIdentity
    link: str = ""
    """The proxy's link to the master: "live", "catching up", "loading", "resuming", "opening",
    "connecting" or "lost"; empty on a master."""
    age: float = 0
    """Seconds since the data was known to be current; 0 while the link is live."""
    source: str = ""
    """Where the data comes from: "live", "memory" (the link or the database is lost), or "disk"
    (the local copy of a proxy that has not reached its master since its start)."""
    tree_hash: str = ""
    objects: int = 0
    sessions: int = 0


# ---------------------------------------------------------------- notifications


class Change(Struct, rename="camel", omit_defaults=True, kw_only=True):
    """One object's part of a notification."""

    change: Literal["created", "updated", "deleted", "entered", "left"]
    object_type: str
    dbid: int = field(name="DBID")
    object: Raw | UnsetType = UNSET
    """The whole document: created, entered, and updated in mode state."""
    delta: Raw | UnsetType = UNSET
    """What changed: updated in mode log."""
    former: Raw | UnsetType = UNSET
    """The values before, of the properties that the delta names."""


class ObjectsChanged(Message, kw_only=True):
    """Server: the part of one transaction that the session's subscriptions see."""

    epoch: str
    revision: int
    changes: list[Change]
    last: bool = False
    """The transaction is whole with this message."""


class Progress(Message, kw_only=True):
    """Server: nothing that the session asked for is missing up to this revision."""

    epoch: str
class SessionsSentAway(Answer, kw_only=True):
    """Server: so many sessions are sent away."""

    count: int


class SwitchedOver(Answer, kw_only=True):
    """Server: another one of its pair leads now; this session goes on there."""

    server: str
    term: int


    revision: int


class NotificationsLost(Message, kw_only=True):
    """Server: continuity cannot be kept; every subscription has ended. Register anew."""

    epoch: str
    revision: int
    reason: Literal["compacted", "epoch"]


# ---------------------------------------------------------------- server links


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


class ReplicationResumed(Answer, kw_only=True):
    """Master: it goes on from the proxy's cursor; no full load."""


class ReplicationStarted(Answer, kw_only=True):
    """Master: a full load follows."""

    reason: Literal["first", "compacted", "epoch"]
    total: int

class Draining(Message, kw_only=True):
    """Server: this session is to continue elsewhere; it is served here until then."""

    retry_after: float
    """Seconds from now on: then leave and connect elsewhere. Each session has its own."""
    host: str = ""
    port: str = ""
    """Where to go; empty: to any other server that the client knows."""



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


# ---------------------------------------------------------------- history


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


class SiteProgress(Message, kw_only=True):
    """Proxy: how far it is itself, and its clients are. Each pair is a revision and a number."""

    epoch: str
    revision: int
    clients: int
    """Those that have subscriptions."""
    behind: list[tuple[int, int]] = []
    """Of clients that were not sent all up to `revision`: how far they were."""
    acknowledged: list[tuple[int, int]] = []
    """Of all clients: what they have acknowledged."""
    slowest: str = ""
    """Application of the client that is furthest behind."""


ClientMessage = (
    Open
    | Proof
    | ReadObjects
    | ReadBrief
    | RegisterNotification
    | UnregisterNotification
    | CreateObject
    | UpdateObject
    | DeleteObject
    | ReadServerInfo
    | Acknowledge
    | Replicate
    | HistoryLog
    | HistoryEntries
    | SiteProgress
)
ServerMessage = (
    Challenge
    | Opened
    | Error
    | ObjectsRead
    | BriefInfo
    | ObjectsSent
    | NotificationRegistered
    | NotificationUnregistered
    | ObjectCreated
    | ObjectUpdated
    | ObjectDeleted
    | ServerInfo
    | ObjectsChanged
    | Progress
    | NotificationsLost
    | ReplicationResumed
    | ReplicationStarted
    | ReplicationRecords
    | ReplicationLoaded
    | Transaction
    | HistoryLogRead
    | HistoryLogSent
    | HistoryTaken
)
    | Disconnect
    | Shed
    | Drain
    | SessionsSentAway
    | Draining
