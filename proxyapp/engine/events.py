"""What happened: everything that can be told to a node, as past participles.

Plain structs without behaviour. Times, nonces and tokens are values in here, since the engine
has no clock and no randomness of its own.
"""

from __future__ import annotations

from typing import Any, Literal

from msgspec import Struct

from confwire.errors import RequestError
from confwire.messages import AccountState, HistoryEntry, Record, TokenKeys, Transaction


class Event(Struct, gc=False):
    """The root of all events."""


class Connected(Event):
    """A client's WebSocket was accepted on a listening port."""

    connection: int
    peer: str
    """The "address:port" of the other end: the client's, or a balancer's."""
    port: str
    """The id of the listening port, or "web" for the Channels consumer."""
    secure: bool
    """Whether the line is TLS or loopback, so that secrets may cross it."""
    nonce: str
    """At least 18 random bytes in base64, made for this connection."""
    forwarded: str = ""
    """The client's address as a trusted balancer told it; empty: `peer` is the client."""


class Received(Event):
    """All whole text messages of one read of one connection, in order."""

    connection: int
    messages: list[bytes]


class Blocked(Event):
    """The connection's output is above its high-water mark: send no notifications."""

    connection: int


class Drained(Event):
    """The connection takes output again."""

    connection: int


class Disconnected(Event):
    """The connection is gone, whoever ended it."""

    connection: int
    reason: str
    gone: bool = False
    """The other side's host lives, and its process ended or left."""


class Ticked(Event):
    """Some time passed; told several times a second."""


class Resumed(Event):
    """A task that the node put off with `Again` has its next turn."""

    task: Any


class LoadStarted(Event):
    """The authority begins to hand over all data, as of at least this revision."""

    epoch: str
    revision: int
    total: int
    reason: str
    current_at: float = 0.0
    """Of a local copy: when its data was last known to be current, in seconds since 1970 UTC."""


class RecordsLoaded(Event):
    """A batch of records of a load."""

    records: list[Record]


class LoadEnded(Event):
    """The load is complete; with the transactions up to `revision` the data is whole."""

    revision: int
    tree: int
    hash: str


class Committed(Event):
    """The authority committed a transaction (or a part of one, when not `last`)."""

    transaction: Transaction


class TransactionsRead(Event):
    """The journal table was read; `known` tells whether it has the cursor that was asked for.

    An empty list with `known` means that nothing came after it.
    """

    connection: int
    known: bool
    transactions: list[Transaction]
    foreign: bool = False
    """The table has another change hash there: the cursor is of another history."""


class AuthorityLost(Event):
    """The database cannot be reached."""

    reason: str


class AuthorityBack(Event):
    """The database answers again."""


class Elected(Event):
    """This master has the lead; all data that was committed before it took it was told."""

    term: int
    former: str
    """Name of the application that led before; empty: none ever did."""


class LeadDoubted(Event):
    """Nobody knows whether this master still has the lead."""

    reason: str


class Deposed(Event):
    """Another master has the lead."""

    leader: str
    """Name of its Application object."""
    term: int


class Written(Event):
    """A write that the node asked for was committed as this revision; 0: nothing was to change."""

    ticket: int
    revision: int
    dbid: int


class WriteRefused(Event):
    """A write that the node asked for failed."""

    ticket: int
    error: RequestError


class LinkOpened(Event):
    """The connection to a server stands; `nonce` as in `Connected`."""

    nonce: str
    secure: bool
    link: str = "master"
    """Which one: "master", or "peer" to the other server of a pair."""


class LinkReceived(Event):
    """Whole text messages from a server."""

    messages: list[bytes]
    link: str = "master"


class LinkProved(Event):
    """The SCRAM keys for a server's challenge were derived, away from the loop."""

    salted_password: bytes
    link: str = "master"


class LinkLost(Event):
    """The connection to a server failed or ended."""

    reason: str
    close_code: int = 0
    jitter: float = 0.0
    """A random number in [0, 1) for the back-off."""
    link: str = "master"
    gone: bool = False
    """Its host lives, and its process is not there."""


class PasswordSet(Event):
    """A password was set in the database, or could not be."""

    ticket: int
    revision: int = 0
    error: RequestError | None = None


class AccountsTold(Event):
    """What was kept of accounts, at the start and whenever others have kept more."""

    states: list[AccountState]


class Authenticated(Event):
    """An external check has ended."""

    ticket: int
    outcome: Literal["accepted", "rejected", "unavailable"]
    text: str = ""
    """For the user, as the external system said it."""
    principal: str = ""
    """Of a Kerberos ticket: who brought it."""
    data: str = ""
    """Of a Kerberos ticket: the service's signature."""


class CopyRead(Event):
    """The local copy was read; what there is of it was told as a load and transactions."""

    refused: list[str]
    """The files that were not taken, each with the reason."""
    keys: TokenKeys | None = None
    """The keys of resume tokens that were kept beside it."""


class CopyAsked(Event):
    """The local copy takes the next page."""


class CopyOutgrown(Event):
    """The local copy is to be written anew."""


class EntriesKept(Event):
    """The server's own history log stands here: all up to this number is on its disk."""

    store: str
    last: int
    former: list[str] = []
    """Names that it had at earlier starts, the oldest first; told when it is opened."""


class EntriesRead(Event):
    """The entries of an own store behind a number, in order; none when there are no more."""

    store: str
    number: int
    entries: list[HistoryEntry]


class EntriesTaken(Event):
    """The entries that another server sent are on this one's disk, up to a number."""

    connection: int
    store: str
    number: int


class SessionRead(Event):
    """The newest entries about a session, the newest first; None when they cannot be read."""

    connection: int
    entries: list[HistoryEntry] | None


class PastChange(Struct, gc=False):
    """One object's step in a transaction of the past, as the history keeps it."""

    revision: int
    seq: int
    type: int
    dbid: int
    folder: int
    acl: list[tuple[int, int, int]]
    """Grants on the object when it was last there."""
    body: bytes
    """A LoggedChange in JSON; empty when nothing in the document changed."""


class HistoryRead(Event):
    """Changes of the past in their order; None when the history cannot be read now."""

    connection: int
    changes: list[PastChange] | None
    expired: bool = False
    """The history does not reach back to what was asked for."""
    last: bool = True
    """There are no more."""


class PastObject(Event):
    """An object as it was."""

    type: int
    dbid: int
    place: tuple[int, list[tuple[int, int, int]]] | None
    """Folder and grants that it had when it was deleted, if it is gone."""
    body: bytes
    folder: int = 0
    """In which it lay."""


class PastFound(Event):
    """A page of objects as they were; None when the history cannot be read now."""

    connection: int
    objects: list[PastObject] | None
    revision: int = 0
    following: int = 0
    """The DBID behind which there may be more; 0: there are none."""
    expired: str = ""
    """Why the history does not reach back to what was asked for."""
    oldest: int = 0
    """The oldest revision that it does."""


class PastPair(Event):
    """An object at two moments: folder and document, None where it was not there."""

    type: int
    dbid: int
    place: tuple[int, list[tuple[int, int, int]]] | None
    """Folder and grants that it had when it was deleted, if it is gone."""
    former: tuple[int, bytes] | None
    later: tuple[int, bytes] | None


class DifferencesFound(Event):
    """A page of objects at two moments; None when the history cannot be read now."""

    connection: int
    pairs: list[PastPair] | None
    revision: int = 0
    until: int = 0
    following: tuple[int, int] | None = None
    """Type and DBID behind which there may be more."""
    expired: str = ""
    """Why the history does not reach back to what was asked for."""
    oldest: int = 0
    """The oldest revision that it does."""


PastAnswer = SessionRead | HistoryRead | PastFound | DifferencesFound
"""What was read of the past for a session that waits for it."""


class DrainAsked(Event):
    """The process was told to end; asked for the second time, to end at once."""

    reason: str


class Stopping(Event):
    """The process is about to end in an orderly way."""

    reason: str
