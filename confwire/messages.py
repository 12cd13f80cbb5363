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
MAX_TOKEN = 1_000
"""Characters of a resume token."""


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


class Bounds(Struct, rename="camel", omit_defaults=True, frozen=True):
    """How new the data of a read must be at least; the server waits until it has it."""

    min_revision: Annotated[int, Meta(ge=0)] = 0
    epoch: str = ""
    """Of `min_revision`; data of a later one is newer. Empty: that which the server has."""
    max_age: Annotated[float, Meta(ge=0)] | None = None
    """Seconds since the data was known to be current; None: any."""
    wait: Annotated[float, Meta(ge=0, le=60)] = 2.0
    """Seconds that the server may wait before it refuses."""


class ObjectId(Struct, rename="camel", frozen=True):
    """Names one object."""

    object_type: str
    dbid: int = field(name="DBID")


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


# ---------------------------------------------------------------- opening


class Open(Message, kw_only=True):
    """Client: the first message of a connection."""

    application: str
    application_type: str = ""
    release: str = ""
    user: str = ""
    """Person's user name; empty: the application logs in by its own secret."""
    mechanism: Literal["SCRAM-SHA-256", "PLAIN", "KERBEROS"] = "SCRAM-SHA-256"
    data: str = ""
    """The SCRAM client-first-message (RFC 5802), the password, or the ticket in base64; with a
    token a nonce for the server to prove itself with."""
    keep_alive: KeepAlive | None = None
    role: Literal["client", "proxy", "peer"] = "client"
    """What the connection is for: a client's session, a proxy's link, or the link of a pair."""
    seen: Cursor | None = None
    """The newest data that the client has seen, on whatever server."""
    monotonic: bool = False
    """Refuse a read that could only be answered from older data than `seen`, instead of marking
    its answer."""
    token: Annotated[str, Meta(max_length=MAX_TOKEN)] | None = None
    """Goes on with a session instead of a login; empty: asks for a token for later."""
    since: Cursor | None = None
    """With a token: where the session stood; what came after it follows."""
    subscriptions: list[Subscription] = []
    """With a token: those that the session had."""


class Challenge(Message):
    """Server: the SCRAM server-first-message, or what the owner of a ticket must sign."""

    data: str


class Proof(Message):
    """Client: the SCRAM client-final-message, or the signature in base64."""

    data: str


class ServerIdentity(Struct, rename="camel", omit_defaults=True, frozen=True):
    """Who serves this session."""

    application: str
    dbid: int = field(name="DBID")
    release: str
    mode: Literal["master", "proxy"]
    host: str = ""
    """Of a pool: where its load balancer listens; `application` and `dbid` are the pool's."""
    port: str = ""
    member: str = ""
    """Of a pool: name of the member that serves this session."""
    backup_host: str = ""
    backup_port: str = ""
    master_host: str = ""
    """Where writes go, when `mode` is proxy."""
    master_port: str = ""


class Opened(Message, kw_only=True):
    """Server: the session is open; one that was restored has its subscriptions."""

    session: str
    epoch: str
    revision: int
    data: str
    """The SCRAM server-final-message, the server's signature for a ticket, or its proof at a
    resume: the server is the right one; empty after a password."""
    server: ServerIdentity
    application_dbid: int = field(name="applicationDBID")
    person_dbid: int = field(name="personDBID", default=0)
    keep_alive: KeepAlive | None = None
    max_message_size: int = 0
    """Bytes that one message to the server may have."""
    last_login: float = 0
    """When the account logged in before, seconds since 1970; 0: not known."""
    password_due: float = 0
    """When the password expires, once that is near."""
    password_change_required: bool = False
    """The session takes nothing but changePassword until then."""
    token: str = ""
    """To go on with this session on any server; given to who asked for one."""
    restored: bool = False
    """The session goes on by its token."""


class TokenRenewed(Message, kw_only=True):
    """Server: the token to go on with from now on; the one before it ends earlier."""

    token: str


class Error(Message, kw_only=True):
    """Server: a request (or, without `ref`, the opening or the last message) was refused."""

    ref: int | str | None = None
    code: str
    text: str
    data: dict[str, Any] = {}
    permanent: bool = True


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
    freshness: bool | Bounds = False
    """Let the answer tell how new its data is; with bounds, let it be as new as they say."""


class ReadBrief(Request, kw_only=True):
    """Client: as ReadObjects, but only DBID, name, state, tenant and folder come back."""

    object_type: str
    filter: dict[str, FilterValue] = {}
    limit: int = 0
    order: Literal["DBID", "name"] = "DBID"
    after: int = 0
    after_name: str = ""
    freshness: bool | Bounds = False


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


RequestId = Annotated[str, Meta(max_length=64)]
"""A name that a client gives a write, so that it is carried out once however often it is sent."""


class CreateObject(Request, kw_only=True):
    """Client: create an object; `object` is its document without DBID."""

    object_type: str
    object: dict[str, Any]
    folder_dbid: int = field(name="folderDBID", default=0)
    """0 puts it into the default folder of its type and tenant."""
    request_id: RequestId = ""


class UpdateObject(Request, kw_only=True):
    """Client: change an object by a delta (protocol.md, "Deltas")."""

    object_type: str
    dbid: int = field(name="DBID")
    delta: dict[str, Any]
    request_id: RequestId = ""


class DeleteObject(Request, kw_only=True):
    """Client: delete an object."""

    object_type: str
    dbid: int = field(name="DBID")
    request_id: RequestId = ""


class ChangePassword(Request, kw_only=True):
    """Client: change the password of the session's own account. Over TLS or loopback only."""

    old_password: str
    new_password: str


class Permission(Struct, rename="camel", frozen=True, kw_only=True):
    """A grant on an object."""

    subject_type: Literal["person", "accessGroup"]
    subject_dbid: int = field(name="subjectDBID")
    mask: Annotated[int, Meta(ge=0, le=255)]
    """1 read, 2 create, 4 change, 8 execute, 16 delete, 32 read permissions, 64 change
    permissions; 128 not for what lies in the object. 0 denies what else would be inherited."""


class PermissionSource(Struct, rename="camel", frozen=True, kw_only=True):
    """Where a part of an account's rights comes from: the nearest grant to it or its group."""

    subject_type: Literal["person", "accessGroup"]
    subject_dbid: int = field(name="subjectDBID")
    mask: int
    object_type: str
    """The object that the grant is on: the asked one, or a place above it."""
    dbid: int = field(name="DBID")


class ReadPermissions(Request, kw_only=True):
    """Client: read the grants on an object, and what they come to for a person."""

    object_type: str
    dbid: int = field(name="DBID")
    person_dbid: int = field(name="personDBID", default=0)
    """Whose rights are to be told, with their reasons; 0: nobody's."""


class UpdatePermissions(Request, kw_only=True):
    """Client: let these be all the grants on an object."""

    object_type: str
    dbid: int = field(name="DBID")
    permissions: Annotated[list[Permission], Meta(max_length=MAX_CONDITIONS)]
    recursive: bool = False
    """Take away the grants on all that lies in it, so that it inherits these."""
    request_id: RequestId = ""


class ReadSecrets(Request, kw_only=True):
    """Client: read the plain texts of an object's secret options."""

    object_type: str
    dbid: int = field(name="DBID")


class ReadServerInfo(Request):
    """Client: ask for the state of the server."""


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
    """Objects in this packet."""
    total: int
    """Objects that the request found."""
    last: bool = False
    """The answer fits this packet; else objectsSent follows the last one."""
    objects: list[Raw]
    folder_dbids: list[int] | UnsetType = field(name="folderDBIDs", default=UNSET)
    object_paths: list[str] | UnsetType = UNSET
    age: float | None = None
    """Where it was asked for: seconds since this data was known to be current."""
    source: str = ""
    """Where it was asked for: as in ServerInfo."""
    behind: bool = False
    """The client has seen newer data on another server."""


class BriefInfo(Answer, kw_only=True):
    """Server: a packet of brief objects."""

    object_type: str
    count: int
    total: int
    last: bool = False
    objects: list[Raw]
    age: float | None = None
    source: str = ""
    behind: bool = False


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


class PasswordChanged(Answer, kw_only=True):
    """Server: the password was changed; tokens that were given out are void."""


class PermissionsRead(Answer, kw_only=True):
    """Server: the grants on an object, and the rights of a person on it."""

    object_type: str
    dbid: int = field(name="DBID")
    permissions: list[Permission] | UnsetType = UNSET
    """Absent where the reader may not read permissions."""
    mask: int | UnsetType = UNSET
    """The rights of the person that was asked about."""
    because: list[PermissionSource] | UnsetType = UNSET
    """The grants that they are the union of."""


class PermissionsUpdated(Answer, kw_only=True):
    """Server: the grants are these now."""

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


class SecretsRead(Answer, kw_only=True):
    """Server: the plain texts of an object's secret options."""

    object_type: str
    dbid: int = field(name="DBID")
    values: dict[str, dict[str, dict[str, str]]] = {}
    """Field of the document, section and option of each."""


class SessionsSentAway(Answer, kw_only=True):
    """Server: so many sessions are sent away."""

    count: int


class SwitchedOver(Answer, kw_only=True):
    """Server: another one of its pair leads now; this session goes on there."""

    server: str
    term: int


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
    revision: int
    age: float = 0
    """On server links: seconds since the master's own data was known to be current."""


class NotificationsLost(Message, kw_only=True):
    """Server: continuity cannot be kept; every subscription has ended. Register anew."""

    epoch: str
    revision: int
    reason: Literal["compacted", "epoch"]


class Draining(Message, kw_only=True):
    """Server: this session is to continue elsewhere; it is served here until then."""

    retry_after: float
    """Seconds from now on: then leave and connect elsewhere. Each session has its own."""
    host: str = ""
    port: str = ""
    """Where to go; empty: to any other server that the client knows."""


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


class TokenKeys(Message, kw_only=True):
    """Master: keys of resume tokens for some time to come, and of secret options.

    They replace those before.
    """

    generation: int
    """Tokens of another generation are void."""
    life: int
    """Seconds for which a token counts."""
    period: int
    """Seconds for which one key signs."""
    keys: list[tuple[int, bytes]]
    """Number of each period, counted from 1970 UTC, and its key."""
    secrets: list[tuple[str, bytes]] = []
    """Id and key of secret options, the one that seals now first."""


# ---------------------------------------------------------------- pairs


class PairRole(Message, kw_only=True):
    """Server of a pair: what it does now; told to the other one and to the master."""

    running: Literal["starting", "primary", "backup", "asking", "apart"]
    term: Annotated[int, Meta(ge=0, le=2**53)]
    number: int = 0
    """Of the question that this answers; 0: nobody has asked."""


class MirroredSession(Struct, rename="camel", omit_defaults=True, kw_only=True, gc=False):
    """A client's session, as the backup of a pair needs it to go on with it."""

    session: str
    application: str
    application_dbid: int = field(name="applicationDBID")
    application_type: str = ""
    user: str = ""
    person_dbid: int = field(name="personDBID", default=0)
    peer: str = ""
    port: str = ""
    subscriptions: list[Subscription] = []


class SessionsMirrored(Message, kw_only=True):
    """Primary of a pair: what has become of its clients' sessions."""

    epoch: str
    revision: int
    """Where the primary is."""
    whole: bool = False
    """These are all: what was told before is void."""
    sessions: list[MirroredSession] = []
    """Those that have opened, or subscribe to something else."""
    closed: list[str] = []
    behind: list[tuple[str, int]] | None = None
    """Each session was sent all up to `revision` that it asked for, but these. None: no news."""


class HandOver(Message):
    """Primary of a pair: lead from now on."""


class ReadPeer(Request):
    """Proxy of a pair: does the master hear of the other server?"""


class PeerRead(Answer, kw_only=True):
    """Master: whether the other server has just answered it, and what it does."""

    lives: bool
    running: str = ""
    term: int = 0


class AskRole(Message, kw_only=True):
    """Master: what does this server of a pair do? Answered by pairRole with this number."""

    number: int


class AccountState(Struct, rename="camel", omit_defaults=True, gc=False):
    """What servers remember of an account beside the journal; times in seconds since 1970."""

    person: int
    last_login: float = 0
    failures: list[float] = []
    """When logins failed that still count."""
    locked_at: float = 0
    locked_until: float = 0
    cleared_at: float = 0
    """What failed or was locked up to then counts no more."""


class AccountStates(Message, kw_only=True):
    """Servers: what this one knows of accounts; the other merges it with what it knows."""

    states: list[AccountState]


class CheckLogin(Request, kw_only=True):
    """Proxy: judge a login, which this proxy has no settings for. On secured links only."""

    user: str
    mechanism: Literal["PLAIN", "KERBEROS"]
    data: str
    nonce: str = ""
    proof: str = ""
    seconds: Annotated[float, Meta(gt=0, le=600)] = 10
    """An answer that comes later is of no use."""


class LoginChecked(Message, kw_only=True):
    """Master: how a login was judged."""

    ref: Ref
    outcome: Literal["accepted", "rejected", "unavailable"]
    text: str = ""
    """For the user, as the external system said it."""
    principal: str = ""
    """Of a ticket: who brought it."""
    data: str = ""
    """Of a ticket: the service's signature."""


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


class RelayWrite(Message, kw_only=True):
    """Proxy: carry out a client's write. Sent again on the next link until it is answered."""

    ticket: int
    """What the proxy tells its writes apart by; comes back."""
    request_id: Annotated[str, Meta(min_length=1, max_length=64)]
    person_dbid: int = field(name="personDBID")
    """Whose rights bind it."""
    origin: str
    """The client's application, address and session."""
    object_type: str
    dbid: int = field(name="DBID")
    delta: dict[str, Any]


class WriteRelayed(Message, kw_only=True):
    """Master: the write was committed, or refused."""

    ticket: int
    revision: int = 0
    """The answer goes out when the proxy has this revision."""
    error: Error | None = None


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
    | ReadPermissions
    | UpdatePermissions
    | ReadSecrets
    | ReadServerInfo
    | Disconnect
    | Shed
    | Drain
    | Acknowledge
    | Replicate
    | HistoryLog
    | HistoryEntries
    | CheckLogin
    | AccountStates
    | ChangePassword
    | SiteProgress
    | RelayWrite
    | SwitchOver
    | PairRole
    | SessionsMirrored
    | HandOver
    | ReadPeer
)
ServerMessage = (
    Challenge
    | Opened
    | TokenRenewed
    | Error
    | ObjectsRead
    | BriefInfo
    | ObjectsSent
    | NotificationRegistered
    | NotificationUnregistered
    | ObjectCreated
    | ObjectUpdated
    | ObjectDeleted
    | PermissionsRead
    | PermissionsUpdated
    | SecretsRead
    | ServerInfo
    | SessionsSentAway
    | ObjectsChanged
    | Progress
    | NotificationsLost
    | Draining
    | ReplicationResumed
    | ReplicationStarted
    | ReplicationRecords
    | ReplicationLoaded
    | Transaction
    | TokenKeys
    | HistoryLogRead
    | HistoryLogSent
    | HistoryTaken
    | WriteRelayed
    | LoginChecked
    | AccountStates
    | PasswordChanged
    | SwitchedOver
    | PairRole
    | SessionsMirrored
    | HandOver
    | PeerRead
    | AskRole
)
