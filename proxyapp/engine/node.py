"""A server as one synchronous machine: an event in, commands out.

Everything happens between the start and the end of `handle`, which nothing can interrupt; so
there are no locks, and a test or a simulation can drive it step by step. It does not know
whether it is the master: its authority does.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from confwire.epochs import is_earlier
from confwire.errors import CloseCode, NoBackup, NoPermission
from confwire.messages import (
    DaemonSession,
    HistoryTaken,
    PairRole,
    ReadPeer,
    SwitchOver,
    TokenKeys,
)
from confwire.objects import ObjectType
from historylog.entries import Kind
from proxyapp.engine import events
from proxyapp.engine.authority import DatabaseAuthority
from proxyapp.engine.commands import (
    Again,
    Command,
    Listen,
    RefuseCopy,
)
from proxyapp.engine.data.journal import Entry
from proxyapp.engine.intake import Intake
from proxyapp.engine.links.coldstart import ColdStart
from proxyapp.engine.links.convergence import Convergence
from proxyapp.engine.links.copying import Copying
from proxyapp.engine.links.daemons import Daemons
from proxyapp.engine.links.downstream import Downstream
from proxyapp.engine.links.keyring import Keyring
from proxyapp.engine.links.replica import Replica
from proxyapp.engine.logins.accounts import Accounts
from proxyapp.engine.logins.checking import Checks
from proxyapp.engine.logins.passwords import Passwords
from proxyapp.engine.ownapplication import OwnApplication
from proxyapp.engine.serving import NodeSettings, PairMessage, Serving
from proxyapp.engine.sessions import rightswatch, sessionrights
from proxyapp.engine.sessions.departures import Departures
from proxyapp.engine.sessions.entering import CLOSED
from proxyapp.engine.sessions.heartbeat import Heartbeat
from proxyapp.engine.sessions.session import Session
from proxyapp.engine.sessions.viewers import Viewers
from proxyapp.engine.sessions.writes import Writes
from proxyapp.engine.standby.dial import LINK
from proxyapp.engine.standby.identity import Identity
from proxyapp.engine.standby.pairing import Pairing
from proxyapp.engine.standby.peerlink import PeerLink
from proxyapp.engine.standby.rollcall import RollCall
from proxyapp.engine.status import status_of
from proxyapp.engine.topology.records import STORE


class Node:
    """The machine of a master or of a proxy."""

    def __init__(self, settings: NodeSettings) -> None:
        self.serving = serving = Serving(settings)
        viewers = Viewers(serving)
        self.verifier_of = viewers.verifier_of
        self.may_try = viewers.may_try
        self.has_failed = viewers.has_failed
        self.is_super_administrator = viewers.is_super_administrator
        self.hidden_names = viewers.hidden_names
        self.recent_changes = viewers.recent_changes
        serving.checks = Checks(serving)
        serving.accounts = self._accounts = Accounts(serving)
        serving.passwords = self._passwords = Passwords(serving)
        self._writes = Writes(serving)
        serving.write = self._writes.begin
        serving.relay_write = self._writes.relay
        serving.wrote = self._write_ended
        self._convergence = Convergence(serving)
        serving.hear = self._convergence.heard
        self._intake = Intake(serving, self._after, self._diverged)
        self._copying = Copying(serving)
        self._pairing: Pairing | None = None
        self._roll_call = RollCall(serving)
        serving.said = self._said
        self._keyring = Keyring(serving)
        serving.take_keys = self._take_keys
        self._replica: Replica | None = None
        self._database: DatabaseAuthority | None = None
        self._sessions: dict[int, Session] = {}
        self._opening: dict[int, Session] = {}
        self._identity = Identity(serving)
        serving.identity = self._identity.tell
        self._own = OwnApplication(serving, self._keyring, self._copying, self._identity)
        self._cold_start: ColdStart | None = None
        """None at a master."""
        self._downstream = Downstream(serving)
        self._heartbeat = Heartbeat(serving, self._downstream)
        self._departures = Departures(serving, self._opening)
        serving.dismiss = self._departures.dismiss
        self._handlers: dict[type, Callable[[Any, float], None]] = {
            events.Received: self._received,
            events.Connected: self._connected,
            events.Disconnected: self._disconnected,
            events.Blocked: self._blocked,
            events.Drained: self._drained,
            events.Ticked: self._ticked,
            events.Resumed: self._resumed,
            events.LoadStarted: self._load_started,
            events.RecordsLoaded: self._records_loaded,
            events.LoadEnded: self._load_ended,
            events.Committed: self._committed,
            events.TransactionsRead: self._transactions_read,
            events.AuthorityLost: self._authority_lost,
            events.AuthorityBack: self._authority_back,
            events.Elected: self._elected,
            events.LeadDoubted: self._lead_doubted,
            events.Deposed: self._deposed,
            events.Written: self._was_written,
            events.WriteRefused: self._write_refused,
            events.LinkOpened: self._link_opened,
            events.LinkReceived: self._link_received,
            events.LinkProved: self._link_proved,
            events.LinkLost: self._link_lost,
            events.CopyRead: self._copy_read,
            events.CopyAsked: self._copy_asked,
            events.CopyOutgrown: self._copy_outgrown,
            events.EntriesKept: self._entries_kept,
            events.EntriesRead: self._entries_read,
            events.EntriesTaken: self._entries_taken,
            events.SessionRead: self._past_read,
            events.HistoryRead: self._past_read,
            events.PastFound: self._past_read,
            events.DifferencesFound: self._past_read,
            events.DrainAsked: self._drain_asked,
            events.Authenticated: self._authenticated,
            events.AccountsTold: self._accounts_told,
            events.PasswordSet: self._password_set,
            events.Stopping: self._stopping,
        }

    @classmethod
    def for_master(cls, settings: NodeSettings) -> Node:
        """Return a node whose authority is the database."""
        node = cls(settings)
        node._database = node.serving.authority = DatabaseAuthority(node.serving)
        node._watch_daemons(None)
        return node

    @classmethod
    def for_proxy(cls, settings: NodeSettings) -> Node:
        """Return a node whose authority is the link to a master."""
        node = cls(settings)
        serving, own = node.serving, node._own
        node._replica = replica = serving.authority = Replica(serving, node._intake)
        serving.relay = replica.relay
        node._watch_daemons(replica.tell_daemon)
        serving.master_dbid = replica.master_dbid
        node._pairing = serving.pairing = Pairing(
            serving, replica, own.listen, node._departures.step_down
        )
        node._cold_start = ColdStart(
            serving, node._copying, node._intake, node._keyring, replica, own.serve
        )
        return node

    def _watch_daemons(self, say: Callable[[DaemonSession], None] | None) -> None:
        self.serving.daemons = daemons = Daemons(self.serving, say)
        self.serving.roster.watch = daemons.changed

    def __repr__(self) -> str:
        serving = self.serving
        return f"<Node {serving.settings.application} {serving.epoch}:{serving.revision}>"

    def start(self, now: float) -> list[Command]:
        """Begin; the first command of a proxy is to connect."""
        self.serving.now = now
        self.serving.keep(Kind.SERVER_STARTED, f"release {self.serving.settings.release}")
        if self._cold_start is not None:
            self._cold_start.begin(now)
        return self._commands()

    def handle(self, event: events.Event, now: float) -> list[Command]:
        """Take one event; return what is to be done, in order."""
        self.serving.now = now
        self._handlers[event.__class__](event, now)
        return self._commands()

    def _commands(self) -> list[Command]:
        if self._pairing is not None:
            self._pairing.end_turn()
        commands, self.serving.out = self.serving.out, []
        return commands

    # ------------------------------------------------------------ questions

    def ready(self) -> bool:
        """Whether the server would serve a client."""
        serving = self.serving
        serves = not (serving.withheld or serving.standby or serving.draining)
        return serving.ready and serves

    def fresh(self, limit: float | None, now: float) -> tuple[bool, str]:
        """Whether what is served is not older than a limit in seconds, and how old it is.

        None stands for the option freshness-limit.
        """
        serving = self.serving
        if not self.ready():
            return False, "not fresh: no data to serve"
        if limit is None:
            limit = serving.options.number("freshness-limit")
        age = serving.age(now)
        good = age <= limit
        told = f"{'' if good else 'not '}fresh: age {age:.1f} s, {serving.source()}"
        return good, told if good else f"{told}; the limit is {limit:g} s"

    def stands_by(self) -> bool:
        """Whether it serves nobody because another one does, in whose place it would."""
        if self._database is not None:
            return self._database.leadership.stands_by
        return self.serving.ready and bool(self.serving.standby)

    def status(self, now: float, *, whole: bool = True) -> dict[str, Any]:
        """Return the state of the server as JSON-able data; `crowd` for `sessions` if not whole."""
        found = status_of(self.serving, self._intake.loads, now, whole=whole)
        leaving = self._departures.status(now)
        pair = {"pair": self._pairing.status() if self._pairing is not None else None}
        pairs = {"pairs": self._roll_call.status(), "daemons": self.serving.daemons.status()}
        return {
            **found,
            "convergence": self._convergence.status(),
            "departures": leaving,
            **(pairs if self._pairing is None else pair),
        }

    # ------------------------------------------------------------ connections

    def _connected(self, event: events.Connected, now: float) -> None:
        session = Session(self.serving, event)
        self._sessions[event.connection] = self._opening[event.connection] = session

    def _received(self, event: events.Received, now: float) -> None:
        session = self._sessions.get(event.connection)
        if session is not None:
            session.receive(event.messages)

    def _disconnected(self, event: events.Disconnected, now: float) -> None:
        session = self._sessions.pop(event.connection, None)
        self._opening.pop(event.connection, None)
        if session is not None:
            session.disconnect(event.reason)
            self._roll_call.left(event.connection)
            self.serving.daemons.left(event.connection)
            if session.role == "peer" and self._pairing is not None:
                self._pairing.link.left(session, event.reason, event.gone)

    def _blocked(self, event: events.Blocked, now: float) -> None:
        session = self._sessions.get(event.connection)
        if session is not None:
            session.block()

    def _drained(self, event: events.Drained, now: float) -> None:
        session = self._sessions.get(event.connection)
        if session is not None:
            session.drain()

    def _resumed(self, event: events.Resumed, now: float) -> None:
        task: Session | Iterator[None] = event.task
        if isinstance(task, Session):
            task.step()
        else:
            for _ in task:
                self.serving.out.append(Again(task))
                break

    def _ticked(self, event: events.Ticked, now: float) -> None:
        self.serving.wakefulness.tick(now)
        self._expire(now)
        self.serving.freshness.tick()
        self._copying.tick(now)
        self._departures.tick(now)
        self._roll_call.tick(now)
        if self._pairing is not None:
            self._pairing.tick(now)
        if self._database is not None:
            self._take_lead()
            self._database.leadership.rest(self._sessions)
            self._database.tick(now)
            self._let_load(now)
        self._keyring.tick(now)
        self._renew_tokens(now)
        self._tell_accounts(now)
        progress = self._convergence.tick(now)
        if self._replica is not None:
            self._replica.tick(now)
            self._replica.tell(progress)
            for end in self._replica.relaying.expired():
                self._write_ended(end)
        self._heartbeat.tick(now)

    def _expire(self, now: float) -> None:
        limit = self.serving.options.number("client-connect-timeout")
        for connection, session in list(self._opening.items()):
            if session.is_open or session.phase is CLOSED:
                del self._opening[connection]
            elif now - session.connected_at > limit:
                del self._opening[connection]
                session.close(CloseCode.OPENING_TIMEOUT, f"no login within {limit} seconds")

    def _renew_tokens(self, now: float) -> None:
        for connection in self.serving.issuing.due(now):
            session = self.serving.roster.get(connection)
            if session is not None:
                session.renew_token()

    def _take_keys(self, keys: TokenKeys) -> None:
        self._keyring.take(keys)
        self._copying.keep_keys()

    # ------------------------------------------------------------ data

    def _load_started(self, event: events.LoadStarted, now: float) -> None:
        serving = self.serving
        known = event.epoch == serving.epoch or is_earlier(event.epoch, serving.epoch)
        if serving.ready and event.reason == "epoch" and known:
            # Revisions that were given out are being given out again: this load would mix two
            # histories under one name, or go back to an older one. That of a new epoch follows.
            reason = "its revisions went back, or others took their place"
            if self._database is not None and not self._database.leadership.leads:
                self._database.defer(reason, serving.epoch)
            else:
                serving.authority.doubt(reason, serving.epoch)
            return
        if self._database is not None:
            self._database.settle()
        if serving.ready:
            serving.alarm("epoch", f"the database was restored or replaced ({event.reason})", now)
        if self._copying.reading and self._replica is not None:
            self._replica.found(event.current_at, now)
        self._intake.begin(event.epoch, event.revision, event.total, event.reason)

    def _records_loaded(self, event: events.RecordsLoaded, now: float) -> None:
        self._intake.take(event.records)

    def _load_ended(self, event: events.LoadEnded, now: float) -> None:
        differs = self._intake.differs(event.tree) if self._copying.reading else ""
        if differs:
            self._intake.abandon()
            self.serving.out.append(RefuseCopy(differs))
        else:
            self._intake.end(event.revision, event.tree, event.hash)

    def _committed(self, event: events.Committed, now: float) -> None:
        self._intake.commit(event.transaction)

    def _transactions_read(self, event: events.TransactionsRead, now: float) -> None:
        session = self._sessions.get(event.connection)
        if session is not None and session.replication is not None:
            session.replication.answer = event
            session.wake()

    def _authority_lost(self, event: events.AuthorityLost, now: float) -> None:
        assert self._database is not None
        self._database.lose(event.reason, now)

    def _authority_back(self, event: events.AuthorityBack, now: float) -> None:
        assert self._database is not None
        self._database.regain()
        self.serving.freshness.look()

    def _elected(self, event: events.Elected, now: float) -> None:
        assert self._database is not None
        self._database.leadership.elected(event)
        self._take_lead()

    def _take_lead(self) -> None:
        """Serve as the leading master, once all that was told of the data is taken in."""
        database, level = self._database, self.serving.ready and self._intake.is_level
        if database is None or not level or not database.leadership.is_elected:
            return
        if database.leadership.take_lead():
            self._own.serve()
        database.settle(leads=True)

    def _let_load(self, now: float) -> None:
        """Wake servers that wait with their loads, where there is room."""
        serving = self.serving
        serving.loads.tick(serving.servers, now, serving.options, lambda session: session.wake())

    def _lead_doubted(self, event: events.LeadDoubted, now: float) -> None:
        assert self._database is not None
        self._database.leadership.doubt(event.reason)

    def _deposed(self, event: events.Deposed, now: float) -> None:
        assert self._database is not None
        if self._database.leadership.deposed(event):
            self.serving.out.append(Listen((), shut=True))
            self.serving.out.append(Again(self._database.leadership.dismiss(self._sessions)))

    def _was_written(self, event: events.Written, now: float) -> None:
        assert self._database is not None
        self._database.pacing.ended()
        self.serving.counters.writes += 1
        self._writes.take(event)

    def _write_refused(self, event: events.WriteRefused, now: float) -> None:
        assert self._database is not None
        self._database.pacing.ended()
        self.serving.counters.rejections += 1
        self._writes.refuse(event)

    def _link_opened(self, event: events.LinkOpened, now: float) -> None:
        if event.link == LINK:
            self._pair_link().opened(event.nonce)
            return
        assert self._replica is not None
        self._replica.opened(event.nonce, event.secure)

    def _link_received(self, event: events.LinkReceived, now: float) -> None:
        if event.link == LINK:
            self._pair_link().received(event.messages)
            return
        assert self._replica is not None
        age, live = self._replica.age(now), self._replica.live
        self._replica.received(event.messages, now)
        if self.serving.withheld and self._replica.live:
            self._own.serve()
        if age > self._replica.age(now):
            self.serving.freshness.look()
        if live != self._replica.live:
            self._identity.follow()  # it may be another master, where writes go

    def _link_proved(self, event: events.LinkProved, now: float) -> None:
        if event.link == LINK:
            self._pair_link().proved(event.salted_password)
            return
        assert self._replica is not None
        self._replica.proved(event.salted_password)

    def _link_lost(self, event: events.LinkLost, now: float) -> None:
        if event.link == LINK:
            self._pair_link().lost(event.reason, event.gone, event.jitter)
            return
        assert self._replica is not None
        self._replica.lost(event.reason, event.jitter, now)
        self.serving.checks.unlink()

    def _pair_link(self) -> PeerLink:
        assert self._pairing is not None
        return self._pairing.link

    def _said(self, session: Session, message: PairMessage) -> None:
        """Somebody has said something about a pair."""
        if isinstance(message, SwitchOver):
            if self._pairing is None:
                raise NoBackup
            self._pairing.switch_over(session, message)
        elif session.role == "peer" and self._pairing is not None:
            self._pairing.take(message)
        elif session.role == "proxy" and isinstance(message, ReadPeer):
            self._roll_call.ask(session, message, self.serving.now)
        elif session.role == "proxy" and isinstance(message, PairRole):
            self._roll_call.told(session, message)
        else:
            raise NoPermission("only the servers of a pair tell of it")

    # ------------------------------------------------------------ the local copy

    def _copy_read(self, event: events.CopyRead, now: float) -> None:
        assert self._cold_start is not None
        self._cold_start.read(event, now)

    def _copy_asked(self, event: events.CopyAsked, now: float) -> None:
        self._copying.step()

    def _copy_outgrown(self, event: events.CopyOutgrown, now: float) -> None:
        self._copying.outgrown()

    # ------------------------------------------------------------ history

    def _entries_kept(self, event: events.EntriesKept, now: float) -> None:
        if self._replica is not None:
            self._replica.forwarding.kept(event)

    def _entries_read(self, event: events.EntriesRead, now: float) -> None:
        assert self._replica is not None
        self._replica.forwarding.read(event)

    def _entries_taken(self, event: events.EntriesTaken, now: float) -> None:
        session = self._sessions.get(event.connection)
        if session is not None:
            session.answer(HistoryTaken(store=event.store, number=event.number))
        elif event.store == STORE and self._pairing is not None:
            self._pairing.kept(event.number)

    def _past_read(self, event: events.PastAnswer, now: float) -> None:
        session = self._sessions.get(event.connection)
        if session is not None and session.past is not None:
            session.past.answer = event
            session.wake()

    def _drain_asked(self, event: events.DrainAsked, now: float) -> None:
        if self._pairing is not None:
            self._pairing.hand_over()
        self._departures.drain(event.reason)

    def _accounts_told(self, event: events.AccountsTold, now: float) -> None:
        self._accounts.take(event.states, kept=True)

    def _write_ended(self, end: events.Written | events.WriteRefused | events.PasswordSet) -> None:
        """A write that was passed on has ended."""
        if isinstance(end, events.PasswordSet):
            self._passwords.take(end)
        else:
            self._writes.end(end)

    def _password_set(self, event: events.PasswordSet, now: float) -> None:
        self._passwords.take(event)

    def _tell_accounts(self, now: float) -> None:
        """Pass on what is new of accounts: to the master, or to every proxy."""
        for message in self._accounts.tick(now):
            if self._replica is not None:
                self._replica.tell_accounts(message)
            else:
                self._downstream.tell(message)

    def _authenticated(self, event: events.Authenticated, now: float) -> None:
        self.serving.checks.take(event)

    def _stopping(self, event: events.Stopping, now: float) -> None:
        self.serving.keep(Kind.SERVER_STOPPED, event.reason)
        if self._pairing is not None:
            self._pairing.stop()

    # ------------------------------------------------------------ what follows from changes

    def _diverged(self, reason: str) -> None:
        serving = self.serving
        serving.alarm("diverged", f"the data differed from the authority's: {reason}", serving.now)
        serving.authority.diverge(reason)

    def _after(self, entry: Entry) -> None:
        """A transaction (or the difference of a load) was applied and told."""
        serving = self.serving
        if entry.at:
            self._convergence.applied(entry.revision, entry.at)
        types = {change.type for change in entry.changes}
        sessionrights.follow(serving, entry, types)
        rightswatch.follow(serving, entry)
        self._downstream.follow(entry)
        if not serving.application or ObjectType.APPLICATION in types:
            self._own.follow(entry.changes)
        if serving.application and ObjectType.HOST in types:
            self._own.follow_host()
        if serving.settings.local_copy:
            self._copying.follow(entry)
        self._writes.answer()
        self._passwords.answer()
        serving.freshness.committed()
