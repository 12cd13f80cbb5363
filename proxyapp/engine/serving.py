"""What all sessions of a node share: the data, the indexes over it, and the way out.

Knows no protocol state; `session` is what a connection does with it.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import count
from typing import Any

import msgspec

from confwire.errors import NotReady
from confwire.messages import (
    CheckLogin,
    HistoryEntry,
    RelayWrite,
    ServerIdentity,
    SiteProgress,
    TokenKeys,
)
from confwire.objects import ObjectType
from historylog.entries import Kind, clean, of_server
from proxyapp.engine.commands import Command, Keep, Log
from proxyapp.engine.counters import Counters
from proxyapp.engine.data.access import Access
from proxyapp.engine.data.journal import Journal
from proxyapp.engine.data.rows import Row
from proxyapp.engine.data.store import Store
from proxyapp.engine.events import PasswordSet, WriteRefused, Written
from proxyapp.engine.loads import Loads
from proxyapp.engine.notifying.fanout import FanOut
from proxyapp.engine.notifying.parcels import Parcels
from proxyapp.engine.notifying.replays import Replays
from proxyapp.engine.notifying.subscriptions import Subscriptions
from proxyapp.engine.parts import (
    Accounts,
    Authority,
    Checks,
    DismissRequest,
    Fleet,
    Pairing,
    PairMessage,
    Passwords,
    WriteRequest,
)
from proxyapp.engine.reading.freshness import Freshness
from proxyapp.engine.reading.points import PointReader
from proxyapp.engine.reading.requests import Reader
from proxyapp.engine.roster import Roster
from proxyapp.engine.settings import Settings
from proxyapp.engine.topology.records import Records
from proxyapp.engine.topology.site import Site
from proxyapp.engine.trust.issuing import Issuing
from proxyapp.engine.trust.sealing import SecretKeys
from proxyapp.engine.trust.throttle import Throttle
from proxyapp.engine.wakefulness import Wakefulness


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
