"""What to do: everything that a node can ask of its runtime, as imperatives.

Plain structs without behaviour; a runtime that carries them out in order keeps every promise.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

from msgspec import Struct

from confwire.messages import (
    AccountState,
    CreateObject,
    DeleteObject,
    HistoryEntry,
    TokenKeys,
    UpdateObject,
    UpdatePermissions,
)
from proxyapp.engine.transport import Mode, Tls


class Command(Struct, gc=False):
    """The root of all commands."""


class Send(Command):
    """Send text messages to one connection, in order."""

    connection: int
    messages: Sequence[bytes]


class Broadcast(Command):
    """Send the same text messages to many connections."""

    connections: Sequence[int]
    messages: Sequence[bytes]


class Close(Command):
    """Close a connection after what was sent."""

    connection: int
    code: int
    reason: str


class Admit(Command):
    """The session of this connection is open: its messages may be of full size from now on."""

    connection: int


class PauseReading(Command):
    """Read nothing more from this connection: its requests wait for work in hand."""

    connection: int


class ResumeReading(Command):
    """Read from this connection again."""

    connection: int


class SetKeepAlive(Command):
    """Poll this connection after so many seconds of silence, and end it when no answer comes
    within the same time; 0 leaves it at that.
    """

    connection: int
    timeout: float


class Probe(Command):
    """Poll this connection now: another one claims to be the same application."""

    connection: int


class Configure(Command):
    """Take over the options that concern the runtime; told at the start and at each change."""

    output_limit: int
    """Bytes of unsent output at which a connection is blocked (max-client-output-queue-size)."""
    response_timeout: float
    """Seconds after which unread output ends the connection (client-response-timeout)."""
    verbose: str
    """The least level of log records: all, debug, trace, interaction, standard or none."""
    total_output_limit: int = 0
    """Bytes of unsent output of all clients from which on each that is slow is blocked; 0: any."""
    balancer_networks: str = ""
    """Addresses and networks of trusted balancers, as text."""
    balancer_protocol: str = "proxy-v2"
    """How those tell their clients: proxy-v2 or x-forwarded-for."""


class Again(Command):
    """Hand this task back as `Resumed` in a later turn of the loop."""

    task: Any


class Write(Command):
    """Carry out a write in the database as this account; answered by Written or WriteRefused."""

    ticket: int
    request: CreateObject | UpdateObject | DeleteObject | UpdatePermissions
    person: int
    """DBID of the acting person."""
    origin: str
    """Who and from where, as text for the journal."""
    name: str = ""
    """What the client calls the write, which is carried out once under that name."""
    through: str = ""
    """The proxy that passed it on."""
    interval: float = 0.0
    """Seconds that the last write must have ended before."""


class SetPassword(Command):
    """Give a person a password that it has chosen itself; answered by PasswordSet."""

    ticket: int
    person: int
    password: str
    origin: str
    former: bytes
    """Fingerprint of the verifier by which the old one was judged: by no other it counts."""
    name: str = ""
    """What it is called: it is carried out once under each name. Empty: it has none."""
    through: str = ""
    """The proxy that passed it on."""


class KeepAccounts(Command):
    """Keep what is known of these accounts, soon; nothing answers."""

    states: Sequence[AccountState]


class KeepTerm(Command):
    """Keep the highest term of the pair that was heard of, soon; nothing answers."""

    term: int


class Authenticate(Command):
    """Check a password or a ticket beside the loop; answered by Authenticated, in time."""

    ticket: int
    mechanism: str
    user: str
    """As the external systems know the person."""
    data: str
    """The password, or the ticket in base64."""
    nonce: str
    proof: str
    """Of a ticket: the signature over the nonce."""
    verifier: str
    """Of the password in the configuration; empty: there is none."""
    known: bool
    """There is such a person; else the check only takes its time."""
    ways: tuple[Any, ...]
    """Of `ways`, in their order."""
    seconds: float
    """How long it may take."""
    remember: float
    """Seconds for which a password that was rejected is so without asking anybody."""
    iterations: int
    """Of verifiers that are made now."""
    empty: bool
    """A person without a password may log in with an empty one."""
    external_empty: bool
    """Empty passwords are put to RADIUS servers, too."""


class Listen(Command):
    """Listen on exactly these ports; ports that are open and not named are closed."""

    ports: tuple[ListeningPort, ...]
    shut: bool = False
    """Nobody is to come in: that there are no ports is no fault."""


class ListeningPort(Struct, frozen=True, gc=False):
    """One port to listen on."""

    id: str
    port: int
    mode: Mode = "unsecured"
    tls: Tls | None = None
    """What a port needs that does not listen in clear."""


class ConnectLink(Command):
    """Connect to a server, after a delay in seconds; ends in LinkOpened or LinkLost."""

    host: str
    port: int
    delay: float
    keep_alive: float
    """Seconds of silence after which the link is polled, and then as many until it is lost."""
    link: str = "master"
    """Which one: "master", or "peer" to the other server of a pair."""
    tls: Tls | None = None
    """None: in clear."""
    local_address: tuple[str, int] | None = None
    """Where the connection goes out from; "" and 0 are any."""
    patience: float = 10.0
    """Seconds for the connection and its handshake."""


class ProveLink(Command):
    """Derive SCRAM keys from the application's secret in a thread; answered by LinkProved."""

    salt: bytes
    iterations: int
    link: str = "master"


class SendLink(Command):
    """Send text messages to a server."""

    messages: Sequence[bytes]
    link: str = "master"


class CloseLink(Command):
    """Close the connection to a server; ends in LinkLost."""

    reason: str
    link: str = "master"


class ReadTransactions(Command):
    """Read from the journal table what came after a cursor; answered by TransactionsRead."""

    connection: int
    """For whom; comes back in the answer."""
    revision: int
    hash: str


class NewEpoch(Command):
    """Begin a new epoch in the database: its data has turned out to be of another history."""

    reason: str
    proven: str = ""
    """A later epoch that was there; the new one is to be later than it."""


class Reload(Command):
    """Load everything from the database anew."""

    reason: str


class Keep(Command):
    """Keep entries in the history log, soon and in this order; nothing answers."""

    entries: Sequence[HistoryEntry]


class ConfigureHistory(Command):
    """Take over the options of the history log; told at the start and at each change."""

    file: str
    """Of a proxy: a path without its extension, or ":memory:"; empty: in the data folder."""
    durable: bool
    """Each batch waits for the disk (failsafe-store-processing)."""
    session_days: int
    """How long entries about sessions are kept (client-expiration)."""
    days: int
    """How long the other entries are kept (expiration)."""


class HoldHistory(Command):
    """Write nothing of the history log behind what is there now, until this is taken back."""

    held: bool


class ReadSession(Command):
    """Read the newest entries about a session; answered by SessionRead."""

    connection: int
    """For whom; comes back in the answer."""
    session: str
    limit: int


class ReadHistory(Command):
    """Read changes from the history of the database; answered by HistoryRead."""

    connection: int
    """For whom; comes back in the answer."""
    revision: int | None
    """Only what came after it; None: nothing was said of it."""
    since_time: float
    """Only what was committed at or after this time; 0: nothing was said of it."""
    place: tuple[int, int]
    """Revision and place in it of the last change that was read before."""


class FindPast(Command):
    """Read objects as they were from the history of the database; answered by PastFound."""

    connection: int
    """For whom; comes back in the answer."""
    revision: int | None
    """As of this revision; None: as of the time."""
    time: float
    type: int
    dbid: int
    """Only this object; 0: all."""
    folder: int
    """Only what lay right in it; 0: wherever it lay."""
    after: int
    limit: int


class FindDifferences(Command):
    """Read objects as they were at two moments, of those that were changed in between.

    Answered by DifferencesFound.
    """

    connection: int
    """For whom; comes back in the answer."""
    revision: int | None
    """As of this revision; None: as of the time."""
    time: float
    until: int | None
    """Up to this revision; None: up to the time."""
    until_time: float
    type: int
    """Only objects of this type; 0: of all."""
    dbid: int
    """Only this object of the type; 0: all."""
    folder: int
    """Only what lay right in it; 0: wherever it lay."""
    after: tuple[int, int]
    """Type and DBID behind which to begin."""
    limit: int


class ReadEntries(Command):
    """The master has the entries of an own store up to a number: read the next.

    Answered by EntriesRead.
    """

    store: str
    number: int


class TakeEntries(Command):
    """Keep the entries of another server's store, each once; answered by EntriesTaken."""

    connection: int
    """From whom; comes back in the answer."""
    store: str
    entries: Sequence[HistoryEntry]


class ReadCopy(Command):
    """Read the local copy: tell it as a load and transactions, then as CopyRead."""


class RefuseCopy(Command):
    """The file of the local copy that was just told is not what it says: tell the next best."""

    reason: str


class BeginCopy(Command):
    """Keep on disk what comes after this revision; pages of all data follow if `whole`."""

    epoch: str
    revision: int
    tree: str
    hash: str
    count: int
    at: float
    """When the data was known to be current, in seconds since 1970 UTC."""
    whole: bool


class CopyRows(Command):
    """A page of rows for the local copy, answered by CopyAsked; none: that was all."""

    rows: Sequence[Any]
    revision: int = 0
    tree: str = ""
    hash: str = ""
    """At the end: with the transactions up to this revision the copy is whole."""


class CopyEntry(Command):
    """A transaction for the local copy."""

    epoch: str
    entry: Any


class DateCopy(Command):
    """What the local copy has was current at this time, in seconds since 1970 UTC."""

    at: float


class End(Command):
    """End the process in an orderly way: nobody needs it any more."""

    reason: str


class KeepKeys(Command):
    """Keep the keys of resume tokens beside the local copy, instead of those before."""

    keys: TokenKeys


class Stop(Command):
    """End the process: it cannot go on. The reason says what to do."""

    reason: str


class Log(Command):
    """Write a log record."""

    level: Literal["debug", "info", "warning", "error"]
    event: str
    fields: dict[str, Any]
