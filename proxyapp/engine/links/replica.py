"""The link to the master as a node's authority: login, load or resume, live tail.

    away -> connecting -> opening -> asking -> (loading ->) catching up -> live -> away …

The link is lost at any state; then it is tried again with growing, jittered delays while the
node serves what it has. Refusals that no waiting can mend end the process at its first start
and become an alarm later. Knows no sockets: it asks for them by commands.
"""

from __future__ import annotations

from enum import Enum
from typing import Any, Protocol

from confwire import codec
from confwire.errors import (
    Compacted,
    EpochChanged,
    RemoteProtocolError,
    WireError,
)
from confwire.messages import (
    RELEASE,
    AccountStates,
    AskRole,
    Challenge,
    CheckLogin,
    Cursor,
    DaemonRuling,
    DaemonSession,
    Error,
    HistoryTaken,
    KeepAlive,
    LoginChecked,
    Message,
    Opened,
    PeerRead,
    Progress,
    Record,
    Replicate,
    ReplicationLoaded,
    ReplicationRecords,
    ReplicationResumed,
    ReplicationStarted,
    ServerIdentity,
    SiteProgress,
    TokenKeys,
    Transaction,
    WriteRelayed,
)
from historylog.entries import Kind
from proxyapp.engine.commands import CloseLink, SendLink, SetPassword, Stop, Write
from proxyapp.engine.links.contact import contact
from proxyapp.engine.links.currency import Currency
from proxyapp.engine.links.forwarding import Forwarding
from proxyapp.engine.links.introduction import Introduction
from proxyapp.engine.links.masters import Masters
from proxyapp.engine.links.relaying import Relaying
from proxyapp.engine.links.reloaddelay import ReloadDelay
from proxyapp.engine.parts import WriteRequest
from proxyapp.engine.serving import Serving

_POSTPONED = (Compacted.code, EpochChanged.code)
LINK = "master"
LINK_KEEP_ALIVE = 10.0
_FIRST_MASTER = 99
"""DBID of the application confserv, which every environment begins with."""
CLOCK_SLACK = 5.0
"""Seconds by which a clock may be set back between two starts, as time servers do."""


class Data(Protocol):
    """Where the replica hands what it receives."""

    @property
    def load(self) -> object | None:
        """The load under way, None where there is none."""

    def begin(self, epoch: str, revision: int, total: int, reason: str) -> None: ...
    def take(self, records: list[Record]) -> None: ...
    def end(self, revision: int, tree: int, hash_: str) -> None: ...
    def commit(self, transaction: Transaction) -> None: ...
    def abandon(self) -> None: ...


class LinkState(Enum):
    """How far the link has come."""

    AWAY = "lost"
    CONNECTING = "connecting"
    OPENING = "opening"
    ASKING = "resuming"
    LOADING = "loading"
    CATCHING_UP = "catching up"
    LIVE = "live"


AWAY, CONNECTING, OPENING, ASKING, LOADING, CATCHING_UP, LIVE = LinkState


class Replica:
    """A node's link to its master."""

    takes_servers = False
    keeps_journal = False

    def __init__(self, serving: Serving, data: Data) -> None:
        self._serving = serving
        self._data = data
        self.forwarding = Forwarding(serving)
        self.relaying = Relaying(serving, self._send)
        self._told: SiteProgress | None = None
        """What the master knows of this server's clients."""
        self.state = AWAY
        self.master: ServerIdentity | None = None
        self._masters = Masters(serving)
        self._reload = ReloadDelay(serving)
        self._introduction: Introduction | None = None
        self._currency = Currency(serving)
        self._target = 0
        """The revision that the master had when the link came back: live from there on."""
        self._from_disk = False
        """The data is a local copy that no master has confirmed since the start."""
        self._trusted = True
        """The cursor may be offered for a resume; a divergence takes that away."""
        self._ended = False
        """The process is about to end; no other attempt is worth a line."""
        self._failure = ""
        """Why there is no link; empty while it is live."""
        self.resumes = 0
        """Times that the link came back without a full load."""

    def __repr__(self) -> str:
        return f"<Replica {self.state.value} of {self._masters}>"

    # ------------------------------------------------------------ what happens to it

    def start(self, now: float) -> None:
        """Connect for the first time."""
        self._currency.start(now)
        self._masters.first()
        self._connect(0.0)

    def found(self, current_at: float, now: float) -> None:
        """A local copy is taken in, whose data was last known to be current at that time.

        Where that is still to come the clock was set back, and nobody knows how old the data is.
        """
        self._from_disk = True
        is_known = current_at <= now + CLOCK_SLACK
        self._currency.found(min(current_at, now) if is_known else 0.0)
        if not is_known:
            text = "the local copy is of a later time: the clock was set back, its age is not known"
            self._serving.alarm("clock", text, now)

    def discard(self) -> None:
        """The local copy turned out to be of no use."""
        self._from_disk = False
        self._currency.discard()
        self._serving.calm("clock")

    def opened(self, nonce: str, secure: bool) -> None:
        """The connection stands: log in."""
        settings = self._serving.settings
        if not secure and not settings.insecure_link:
            host = self._masters.present.host
            self._serving.out.append(
                Stop(
                    f"the link to {host} is neither TLS nor loopback, and verifiers"
                    " would cross it in clear: secure the master's port and start this server with"
                    " -tls, or start both with -insecure-link"
                )
            )
            return
        self.state = OPENING
        self._introduction = Introduction(settings.application, nonce)
        self.relaying.opened(nonce)
        self._send(self._introduction.opening("proxy", KeepAlive(LINK_KEEP_ALIVE, LINK_KEEP_ALIVE)))

    def proved(self, salted_password: bytes) -> None:
        """The keys for the master's challenge are there."""
        if self.state is not OPENING or self._introduction is None:
            return  # for a challenge of a link that was lost meanwhile
        try:
            proof = self._introduction.proof(salted_password)
        except RemoteProtocolError as error:
            self._break(error)
            return
        if proof is not None:
            self._send(proof)
            self._currency.asked(self._serving.now)

    def received(self, messages: list[bytes], now: float) -> None:
        """Take whole messages from the master, in order."""
        for data in messages:
            if self.state is AWAY:
                return
            try:
                self._take(codec.decode_server(data), now)
            except (WireError, ValueError) as error:
                self._break(error)
        current = self._data.load is None and self._serving.revision >= self._target
        if self.state is CATCHING_UP and current:
            self._go_live(now)

    def lost(self, reason: str, jitter: float, now: float) -> None:
        """The connection failed or ended: try again later."""
        self._data.abandon()
        self.forwarding.stop()
        self.relaying.stop()
        self._failure = reason
        if self._ended:
            return
        if self._currency.lost_since is None:
            self._currency.lose()
            self._serving.log("warning", "master lost", reason=reason)
            self._serving.keep(Kind.MASTER_LOST, reason)
            self._serving.alarm("master", f"the master is away: {reason}", now)
        elif self._masters.attempts == 1 or self._masters.attempts % 20 == 0:
            if self._from_disk:
                text = f"the master cannot be reached since the start: {reason}"
                self._serving.alarm("master", text, now)
            self._serving.log(
                "warning",
                "master cannot be reached",
                reason=reason,
                attempts=self._masters.attempts,
            )
        self._reload.cancel()
        self._connect(self._masters.turn(jitter))

    def diverge(self, reason: str) -> None:
        """The data is not the master's: load anew."""
        self._serving.log("error", "data diverged from the master's", reason=reason)
        self._trusted = False
        self._drop(reason)

    # ------------------------------------------------------------ what the node asks of it

    def doubt(self, reason: str, proven: str = "") -> None:
        """A client has seen more than this proxy: it is behind, and the master knows the truth."""

    def check_write(self, connection: int, request: WriteRequest) -> None:
        """Raise what `Relaying.check` raises."""
        self.relaying.check(connection, request)

    def write(self, command: Write) -> None:
        """Pass a write on that was checked."""
        self.relaying.begin(command)

    def check_password(self) -> None:
        """Raise what `Relaying.check_open` raises."""
        self.relaying.check_open("passwords are changed at the master")

    def set_password(self, command: SetPassword) -> None:
        """Pass a password on whose change was checked."""
        self.relaying.begin_password(command)

    def age(self, now: float) -> float:
        """Return what `Currency.age` returns."""
        return self._currency.age(now)

    def known_at(self, now: float) -> float:
        """Return what `Currency.known_at` returns."""
        return self._currency.known_at()

    @property
    def live(self) -> bool:
        """Whether the data is the master's, and every change comes at once."""
        return self.state is LIVE

    def source(self) -> str:
        """Return where the data comes from."""
        if self.state is LIVE:
            return "memory" if self._currency.is_stale else "live"
        return "disk" if self._from_disk else "memory"

    def status(self, now: float) -> dict[str, Any]:
        """Return the state for status pages."""
        return {
            "link": self.state.value,
            "master": str(self._masters.present),
            "masters": [str(address) for address in self._masters.known()],
            "backup": self._masters.present.backup,
            "masterApplication": self.master.application if self.master is not None else "",
            "masterRelease": self.master.release if self.master is not None else "",
            "attempts": self._masters.attempts,
            "failure": self._failure,
            "reloadIn": self._reload.left(now),
            "resumes": self.resumes,
        }

    def tell_accounts(self, message: AccountStates) -> None:
        """Tell the master what is new of accounts; it is told all when its link is back."""
        if self.state is LIVE:
            self._send(message)

    def tell_daemon(self, message: DaemonSession) -> None:
        """Tell the master of a daemon's session; it is told of all when its link is back."""
        if self.state is LIVE:
            self._send(message)

    def relay(self, message: CheckLogin) -> bool:
        """Have the master judge a login; False: it is away."""
        if self.state is LIVE:
            self._send(message)
        return self.state is LIVE

    def master_dbid(self) -> int:
        """Return the DBID of the master's application: as it said, else the one of all masters."""
        return self.master.dbid if self.master is not None else _FIRST_MASTER

    @property
    def is_open(self) -> bool:
        """Whether the master can be told and asked."""
        return self.state in (LOADING, CATCHING_UP, LIVE)

    def say(self, message: Message) -> None:
        """Tell or ask the master something on the open link."""
        self._send(message)

    def tell(self, progress: SiteProgress) -> None:
        """Tell the master how far the clients are, if it does not know."""
        if self.state is LIVE and progress != self._told:
            self._told = progress
            self._send(progress)

    # ------------------------------------------------------------ the states

    def _take(self, message: Any, now: float) -> None:
        if isinstance(message, Transaction):
            self._data.commit(message)
        elif isinstance(message, ReplicationRecords):
            self._data.take(message.records)
        elif isinstance(message, Challenge) and self.state is OPENING:
            assert self._introduction is not None
            self._serving.out.append(self._introduction.challenged(message, LINK))
        elif isinstance(message, Opened) and self.state is OPENING:
            self._opened(message)
        elif isinstance(message, ReplicationResumed):
            self.resumes += 1
            self._catch_up(message.revision)
        elif isinstance(message, ReplicationStarted):
            self._started(message, now)
        elif isinstance(message, ReplicationLoaded):
            self._catch_up(message.revision)
            self._data.end(message.revision, int(message.tree, 16), message.hash)
        elif isinstance(message, AccountStates):
            self._serving.accounts.take(message.states, kept=False)
        elif isinstance(message, LoginChecked):
            self._serving.checks.taken(message)
        elif isinstance(message, HistoryTaken):
            self.forwarding.taken(message)
        elif isinstance(message, WriteRelayed):
            if (end := self.relaying.taken(message)) is not None:
                self._serving.wrote(end)
        elif isinstance(message, AskRole | PeerRead):
            if self._serving.pairing is not None:
                self._serving.pairing.answered(message)
        elif isinstance(message, DaemonRuling):
            self._serving.daemons.ruled(message)
        elif isinstance(message, TokenKeys):
            self._serving.take_keys(message)
        elif isinstance(message, Error):
            if message.code in _POSTPONED and self.state in (ASKING, CATCHING_UP):
                self._postpone(message, now)
            else:
                self._refused(message, now)
        elif isinstance(message, Progress):
            self._currency.stated(message, now)
        else:
            raise RemoteProtocolError(f"unexpected {type(message).__name__} on a server link")

    def _opened(self, message: Opened) -> None:
        assert self._introduction is not None
        self._introduction.verify(message)
        self._currency.answered(message.clock)
        self.master = message.server
        self._masters.answered(message.server.dbid)
        if message.server.mode != "master":
            raise RemoteProtocolError("the other server is itself a proxy")
        if message.server.release != RELEASE:
            self._serving.log(
                "warning",
                "master of another release",
                release=message.server.release,
                remedy="run all servers on one release; a mixture is for a migration only",
            )
        self._ask(load=not self._reload.seconds)

    def _ask(self, *, load: bool) -> None:
        """Ask for what was missed; with `load` for everything, where that cannot be told."""
        self.state = ASKING
        serving = self._serving
        since = None
        if serving.ready and self._trusted:
            hash_ = serving.journal.hash_at(serving.revision) or ""
            since = Cursor(serving.epoch, serving.revision, hash_)
        self._send(Replicate(ref=1, since=since, load=load or since is None))

    def _postpone(self, message: Error, now: float) -> None:
        """What was missed cannot be told: load anew after the delay, with the old data served."""
        self.state = ASKING
        delay = self._reload.begin(now)
        self._serving.log("warning", "load postponed", seconds=delay, reason=message.text)

    def tick(self, now: float) -> None:
        """Ask for a load whose time has come."""
        if self._reload.is_over(now) and self.state is ASKING:
            self._ask(load=True)

    def _started(self, message: ReplicationStarted, now: float) -> None:
        self.state = LOADING
        serving = self._serving
        if serving.ready and message.reason == "epoch":
            serving.alarm(
                "epoch",
                "the master's data is of another history: it was restored from a backup, or"
                " replaced; everything is loaded anew",
                now,
            )
        self._data.begin(message.epoch, message.revision, message.total, message.reason)

    def _catch_up(self, revision: int) -> None:
        self.state = CATCHING_UP
        self._target = revision

    def _go_live(self, now: float) -> None:
        self.state = LIVE
        self._failure = ""
        self._masters.live()
        self._trusted = True
        self._from_disk = False
        away = self.age(now)
        self._currency.live()
        self._serving.calm("master")
        self._serving.calm("refused")
        self._serving.calm("clock")
        self._serving.log("info", "master link live", away_seconds=round(away, 3))
        self._serving.keep(Kind.MASTER_BACK, f"away for {away:.1f} s")
        self.forwarding.start()
        self.relaying.start()
        self._serving.daemons.tell()
        self._told = None
        for states in self._serving.accounts.all():
            self._send(states)

    def _refused(self, message: Error, now: float) -> None:
        self._serving.log(
            "error", "the master refused this proxy", code=message.code, reason=message.text
        )
        if message.permanent and (self._from_disk or not self._serving.ready):
            self._ended = True
            self._serving.out.append(Stop(f"the master refused this proxy: {message.text}"))
        else:
            self._serving.alarm("refused", f"the master refuses this proxy: {message.text}", now)
            self._drop(message.text)

    def _connect(self, delay: float) -> None:
        self.state = CONNECTING
        host, port, backup = present = self._masters.present
        self._serving.master_address = present[:2]
        patience = self._masters.patience()
        self._serving.out.append(
            contact(self._serving, host, port, delay, LINK_KEEP_ALIVE, patience, backup=backup)
        )

    def _break(self, error: Exception) -> None:
        self._serving.log("error", "the master broke the protocol", reason=str(error))
        self._drop(str(error))

    def _drop(self, reason: str) -> None:
        self.state = AWAY
        self._serving.out.append(CloseLink(reason))

    def _send(self, message: Any) -> None:
        self._serving.out.append(SendLink([codec.encode(message)]))
