"""What all sessions of a node share: the data, the indexes over it, and the way out.

Knows no protocol state; `session` is what a connection does with it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from itertools import count
from typing import Any, Protocol

import msgspec

from confwire.errors import NotReady
from confwire.messages import (
    AccountState,
    AccountStates,
    AskRole,
    AskSessions,
    ChangePassword,
    CheckLogin,
    CreateObject,
    DaemonRuling,
    DaemonSession,
    DeleteObject,
    Disconnect,
    Drain,
    HandOver,
    HistoryEntry,
    LoginChecked,
    PairRole,
    PeerRead,
    ReadPeer,
    RelayPassword,
    RelayWrite,
    ServerIdentity,
    SessionsMirrored,
    Shed,
    SiteProgress,
    SwitchOver,
    TokenKeys,
    UpdateObject,
    UpdatePermissions,
)
from confwire.objects import ObjectType
from historylog.entries import Kind, clean, of_server
from proxyapp.engine.commands import Command, Keep, Log, SetPassword, Write
from proxyapp.engine.counters import Counters
from proxyapp.engine.data.access import Access
from proxyapp.engine.data.journal import Journal
from proxyapp.engine.data.rows import Row
from proxyapp.engine.data.store import Store
from proxyapp.engine.events import Authenticated, PasswordSet, WriteRefused, Written
from proxyapp.engine.loads import Loads
from proxyapp.engine.notifying.fanout import FanOut
from proxyapp.engine.notifying.parcels import Parcels
from proxyapp.engine.notifying.replays import Replays
from proxyapp.engine.notifying.subscriptions import Subscriptions
from proxyapp.engine.reading.freshness import Freshness
from proxyapp.engine.reading.points import PointReader
from proxyapp.engine.reading.requests import Reader
from proxyapp.engine.roster import Roster
from proxyapp.engine.settings import Settings
from proxyapp.engine.topology.partners import Partner
from proxyapp.engine.topology.records import Records
from proxyapp.engine.topology.site import Site
from proxyapp.engine.trust.issuing import Issuing
from proxyapp.engine.trust.sealing import SecretKeys
from proxyapp.engine.trust.throttle import Throttle
from proxyapp.engine.trust.ways import Ways
from proxyapp.engine.wakefulness import Wakefulness

WriteRequest = CreateObject | UpdateObject | DeleteObject | UpdatePermissions
PairMessage = PairRole | SessionsMirrored | AskSessions | HandOver | ReadPeer | SwitchOver
DismissRequest = Disconnect | Drain | Shed


class Authority(Protocol):
    """Where the data comes from and where writes go: the database, or the link to a master."""

    takes_servers: bool
    """Whether other servers may replicate from this one."""

    keeps_journal: bool
    """Whether the journal goes back further than memory, in a table."""

    def check_write(self, connection: int, request: WriteRequest) -> None:
        """Raise the reason when this write of a client cannot be taken now."""

    def write(self, command: Write) -> None:
        """Have a write carried out that was checked; ends in Written or WriteRefused."""

    def check_password(self) -> None:
        """Raise the reason when no password can be changed now."""

    def set_password(self, command: SetPassword) -> None:
        """Have a password set; ends in PasswordSet."""

    def diverge(self, reason: str) -> None:
        """The data is not what the authority says of it: have it loaded anew."""

    def doubt(self, reason: str, proven: str = "") -> None:
        """Someone proves that there was another history, under this epoch or one proven later."""

    def age(self, now: float) -> float:
        """Return the seconds since the data was known to be current."""

    def known_at(self, now: float) -> float:
        """Return the last time at which the data is proven to have been current."""

    def source(self) -> str:
        """Return where the data comes from: live, memory, or the local copy on the disk."""

    def status(self, now: float) -> dict[str, Any]:
        """Return the state of the authority for status pages."""


class Checks(Protocol):
    """Passwords and tickets that others than the node judge."""

    def ways_of(self, person: Row) -> Ways:
        """Return how the password of a person is checked."""

    def tenants(self, dbid: int) -> Iterable[Any]:
        """Yield the annexes of a tenant and of those above it."""

    def takes_tickets(self) -> bool:
        """Whether clients may bring Kerberos tickets."""

    def begin(self, login: Any, done: Callable[[Authenticated], None]) -> None:
        """Have a login judged; `done` is called once, in a later turn."""

    def judge(self, message: CheckLogin, answer: Callable[[Any], None]) -> None:
        """Judge a login for a proxy."""

    def take(self, event: Authenticated) -> None:
        """A check has ended."""

    def taken(self, message: LoginChecked) -> None:
        """The master has judged a login."""

    def unlink(self) -> None:
        """The master is away: what it had to judge has no answer."""


class Fleet(Protocol):
    """The sessions of daemons on all servers."""

    def status(self) -> dict[str, Any] | None:
        """Return how many there are as JSON-able data, None where the master is another one."""

    def check(self, application: int, session: str) -> None:
        """Refuse a daemon that is known to have another session on another server."""

    def told(self, link: int, server: str, message: DaemonSession) -> None:
        """A proxy says that a daemon has a session there, or has it no more."""

    def left(self, link: int) -> None:
        """A proxy's link is gone."""

    def tell(self) -> None:
        """The link to the master lives: tell it of all."""

    def ruled(self, message: DaemonRuling) -> None:
        """The master has decided about a session."""


class Accounts(Protocol):
    """What is remembered of accounts, and what follows from it."""

    def check(self, user: str, person: Row | None) -> None:
        """Refuse a login to an account that is locked, whatever it brings."""

    def begin(self, user: str) -> None:
        """Others begin to judge a login."""

    def end(self, user: str) -> None:
        """They have."""

    def failed(self, user: str, peer: str) -> None:
        """A login failed."""

    def admit(self, person: Row, sessions: int) -> Greeting:
        """Check what else keeps a person out whose password was right."""

    def entered(self, person: Row) -> None:
        """A person has logged in."""

    def take(self, states: Iterable[AccountState], *, kept: bool) -> None:
        """Take in states of another server, or those that were kept."""

    def all(self) -> list[AccountStates]:
        """Return everything, for a server whose link has just come about."""


class Passwords(Protocol):
    """Changes of own passwords."""

    def begin(self, session: Any, message: ChangePassword) -> None:
        """Change the password of a session's account."""

    def relay(self, session: Any, message: RelayPassword) -> None:
        """Change the password of a proxy's client, as it was judged there."""


class Greeting(msgspec.Struct, frozen=True):
    """What a person is told at its login."""

    last_login: float = 0.0
    """Seconds since 1970; 0: not known."""
    password_due: float = 0.0
    """When the password expires, once that is near; 0: not soon."""
    must_change: bool = False


class Pairing(Protocol):
    """The other server of a pair."""

    @property
    def partner(self) -> Partner | None:
        """The other server, None where this one is of no pair."""

    @property
    def begun(self) -> bool:
        """Whether it is known if this server is of a pair."""

    @property
    def paired(self) -> bool:
        """Whether there is another server to share the work with."""

    def follow(self) -> None:
        """Application objects have changed."""

    def sync_port_ids(self) -> frozenset[str]:
        """Return the IDs of the ports that only the other server may use."""

    def joined(self, session: Any) -> None:
        """The other server has opened a session here."""

    def answered(self, message: PeerRead | AskRole) -> None:
        """The master answers, or asks."""


class NodeSettings(msgspec.Struct, kw_only=True, frozen=True):
    """What a node is told at its start and never changes."""

    application: str
    """The name of its own Application object."""
    release: str
    fake_salt_key: bytes
    """Secret of this server from which the salts of unknown users are made."""
    scram_iterations: int = 600_000
    master_host: str = ""
    master_port: int = 0
    backup_host: str = ""
    """Of the backup master, as long as the data names none."""
    backup_port: int = 0
    large_transaction: int = 2_000
    """Changes of one transaction from which on it is taken in and told over many turns."""
    journal_capacity: int = 50_000
    """Changes that are remembered for readers who were slow or away."""
    local_copy: bool = False
    """A proxy keeps its data on disk and starts from there."""
    elects: bool = False
    """A master serves when it has the lead of all masters of its database, and not before."""
    link_parameters: dict[str, str] = {}
    """Of the connections to other servers: what the command line says, as transport parameters."""
    token_secret: bytes = b""
    """Secret of all masters of an environment from which they make the keys of resume tokens;
    a proxy has none."""
    former_secrets: tuple[str, ...] = ()
    """Those that the masters had before: what they sealed is still read."""
    pair_term: int = 0
    """The highest term of its pair that a server had heard of when it ended."""
    run: str = ""
    """Names this run of the process, unlike any other: of each server of a pair the other one
    knows by it what was said before a restart."""
    insecure_link: bool = False
    """Let verifiers and secrets cross an unsecured link that is not loopback."""


class Serving:
    """The shared parts of a node."""

    def __init__(self, settings: NodeSettings) -> None:
        self.settings = settings
        self.store = Store()
        self.access = Access(self.store)
        self.journal = Journal(settings.journal_capacity)
        self.subscriptions = Subscriptions()
        self.site = Site(self._complain_of_limit)
        self.fanout = FanOut(self.store, self.access, self.subscriptions, self.site)
        self.parcels = Parcels()
        self.replays = Replays()
        self.reader = Reader(self.store, self.journal)
        self.points = PointReader(self.reader, self.journal)
        self.freshness = Freshness(self)
        self.roster: Roster[Any] = Roster()
        self.issuing = Issuing()
        self.secret_keys = SecretKeys(())
        """Empty before the first keys came."""
        self.servers: dict[int, Any] = {}
        """Sessions of servers that replicate from here, by connection."""
        self.loads = Loads()
        """Of those servers."""
        self.rights_watchers: dict[int, Any] = {}
        """Sessions that are told of changes of permissions, by connection."""
        self.options = Settings({})
        self.application: dict[str, Any] = {}
        """The document of the node's own Application object; empty before the first load."""
        self.keeping = True
        """Entries of the history log are kept (option active)."""
        self.master_address = settings.master_host, settings.master_port
        """Of the master that is connected to, or tried."""
        self.epoch = ""
        self.ready = False
        """It has data."""
        self.withheld = ""
        """Why the data is not served, although it is there; empty: it is served."""
        self.overdue: float | None = None
        """Since when there is data that came and is not served yet."""
        self.now = 0.0
        """The time of the event in hand, in seconds of a clock that never goes back."""
        self.wakefulness = Wakefulness()
        self.alarms: dict[str, tuple[str, float]] = {}
        """What operators must know: name -> (text, since)."""
        self.draining = False
        """It is about to end, and takes nobody any more."""
        self.out: list[Command] = []
        """The commands of the turn, in order."""
        self.checks: Checks
        self.accounts: Accounts
        self.throttle = Throttle()
        self.passwords: Passwords
        self.relay: Callable[[CheckLogin], bool] | None = None
        """Have the master judge a login; False: it is away. None: there is no master."""
        self.master_dbid: Callable[[], int] = int
        """DBID of the master's application, 0 where it is not known."""
        self.standby = ""
        """For whom or why this server of a pair only stands by; empty: it serves."""
        self.counters = Counters()
        self.records = Records()
        """Sessions of the pair's primary, to go on with."""
        self.pairing: Pairing | None = None
        """None at a master."""
        self.said: Callable[[Any, PairMessage], None]
        """Somebody has said something about a pair: the session, and what."""
        self.authority: Authority
        self.identity: Callable[[], ServerIdentity]
        self.write: Callable[[int, WriteRequest, int, str], None]
        """Have a write of a session carried out as a person; the last is from where it comes."""
        self.relay_write: Callable[[int, RelayWrite, str], None]
        """Have a write carried out for a client of the proxy of this name."""
        self.wrote: Callable[[Written | WriteRefused | PasswordSet], None]
        """A write that was passed on has ended."""
        self.tickets = count(1)
        """Of writes and of passwords."""
        self.dismiss: Callable[[Any, DismissRequest], int]
        """Send other sessions away, as a session asks; returns how many."""
        self.daemons: Fleet
        self.hear: Callable[[int, str, SiteProgress], None]
        """A proxy has told how far its clients are: its connection and application."""
        self.take_keys: Callable[[TokenKeys], None]
        """A master has given the keys of resume tokens."""
        self.has_record: Callable[[str], bool] = self.records.holds
        """Whether a peer has left the record of a session with this id."""

    @property
    def revision(self) -> int:
        return self.journal.revision

    def age(self, now: float) -> float:
        """Return the seconds since what is served was known to be current."""
        age = self.authority.age(now)
        return age if self.overdue is None else max(age, now - self.overdue)

    def known_at(self) -> float:
        """Return the last time at which what is served is proven to have been current."""
        known = self.authority.known_at(self.now)
        return known if self.overdue is None else min(known, self.overdue)

    def source(self) -> str:
        """Return where the data comes from: live, memory, or the local copy on the disk."""
        return self.authority.source()

    def check_data(self) -> None:
        """Raise NotReady before the first data is there."""
        if not self.ready:
            raise NotReady("the server has no data yet: try again in a moment")

    def check_ready(self) -> None:
        """Raise NotReady where no client is served."""
        self.check_data()
        if self.standby:
            raise NotReady(f"{self.standby}: connect to that server")
        if self.draining:
            raise NotReady("the server is about to stop: connect to another one")
        if self.withheld:
            raise NotReady(f"{self.withheld}: try again in a moment")

    def exchange(self, store: Store) -> None:
        """Serve the first load; before it there was nothing, and nobody had logged in."""
        assert not self.ready
        self.store = self.reader.store = store
        self.access = Access(store)
        for row in store.tables[ObjectType.ACCESS_GROUP].rows():
            self.access.take(None, row)
        self.fanout = FanOut(store, self.access, self.subscriptions, self.site)

    def person_of(self, connection: int) -> int:
        """Return the DBID of the person whose rights a session has."""
        session = self.roster.get(connection)
        return session.person if session is not None else 0

    def alarm(self, name: str, text: str, now: float) -> None:
        """Raise an alarm; one that stands keeps the time of its beginning."""
        since = self.alarms.get(name, ("", now))[1]
        self.alarms[name] = (text, since)
        self.log("error", "alarm", alarm=name, text=text)

    def _complain_of_limit(self, complaint: str) -> None:
        """The site limit names what is not there: it shows less than was meant."""
        if complaint:
            text = f"[csproxy] site-limit names in vain what it shows nothing of: {complaint}"
            self.alarm("site-limit", text, self.now)
        else:
            self.calm("site-limit")

    def calm(self, name: str) -> None:
        """Clear an alarm whose reason is gone."""
        if self.alarms.pop(name, None) is not None:
            self.log("info", "alarm cleared", alarm=name)

    def log(self, level: Any, event: str, **fields: Any) -> None:
        self.out.append(Log(level, event, fields))

    def keep(self, kind: Kind, reason: str = "") -> None:
        """Keep in the history log what happened to this server."""
        entry = of_server(kind, self.now, self.settings.application, reason)
        entry.epoch, entry.revision = self.epoch, self.revision
        self.keep_entry(entry)

    def keep_about(self, kind: Kind, user: str, peer: str, reason: str) -> None:
        """Keep in the history log what happened to an account."""
        self.keep_entry(
            HistoryEntry(
                kind=kind.value,
                at=self.now,
                server=self.settings.application,
                user=clean(user),
                peer=peer,
                reason=clean(reason),
            )
        )

    def keep_entry(self, entry: HistoryEntry) -> None:
        """Keep an entry in the history log, unless that is suspended."""
        if self.keeping:
            self.out.append(Keep([entry]))

    def person_named(self, user_name: str) -> Row | None:
        """Return the person with this user name; user names are unique whatever their case."""
        return self.store.tables[ObjectType.PERSON].first_named(user_name)

    def host_of(self, application: dict[str, Any]) -> dict[str, Any]:
        """Return the document of the host that an application runs on; empty without one."""
        number = application.get("serverInfo", {}).get("hostDBID", 0)
        row = self.store.get(ObjectType.HOST, number)
        host: dict[str, Any] = msgspec.json.decode(row.body) if row is not None else {}
        return host

    def application_named(self, name: str) -> Row | None:
        return self.store.tables[ObjectType.APPLICATION].first_named(name)
