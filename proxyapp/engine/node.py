"""A server as one synchronous machine: an event in, commands out.

Everything happens between the start and the end of `handle`, which nothing can interrupt; so
there are no locks, and a test or a simulation can drive it step by step. What only one kind of
server is told, a master's lead or a proxy's uplink takes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from confwire.epochs import is_earlier
from confwire.errors import NoBackup, NoPermission
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
from proxyapp.engine.commands import Again, Command, RefuseCopy
from proxyapp.engine.data.journal import Entry
from proxyapp.engine.intake import Intake
from proxyapp.engine.lead import Lead
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
from proxyapp.engine.parts import PairMessage
from proxyapp.engine.serving import NodeSettings, Serving
from proxyapp.engine.sessions import rightswatch, sessionrights
from proxyapp.engine.sessions.connections import Connections
from proxyapp.engine.sessions.departures import Departures
from proxyapp.engine.sessions.heartbeat import Heartbeat
from proxyapp.engine.sessions.session import Session
from proxyapp.engine.sessions.viewers import Viewers
from proxyapp.engine.sessions.writes import Writes
from proxyapp.engine.standby.identity import Identity
from proxyapp.engine.standby.pairing import Pairing
from proxyapp.engine.standby.rollcall import RollCall
from proxyapp.engine.status import status_of
from proxyapp.engine.topology.records import STORE
from proxyapp.engine.uplink import Uplink


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
        self._lead: Lead | None = None
        """None at a proxy."""
        self._uplink: Uplink | None = None
        """None at a master."""
        self._pairing: Pairing | None = None
        """None at a master."""
        self._roll_call = RollCall(serving)
        serving.said = self._said
        self._keyring = Keyring(serving)
        serving.take_keys = self._take_keys
        self._connections = Connections(serving)
        self._identity = Identity(serving)
        serving.identity = self._identity.tell
        self._own = OwnApplication(serving, self._keyring, self._copying, self._identity)
        self._downstream = Downstream(serving)
        self._heartbeat = Heartbeat(serving, self._downstream)
        self._departures = Departures(serving, self._connections.openings)
        serving.dismiss = self._departures.dismiss
        self._handlers: dict[type, Callable[[Any], None]] = {
            **self._connections.handlers,
            events.Disconnected: self._disconnected,
            events.Ticked: self._ticked,
            events.Resumed: self._resumed,
            events.LoadStarted: self._load_started,
            events.RecordsLoaded: self._records_loaded,
            events.LoadEnded: self._load_ended,
            events.Committed: self._committed,
            events.CopyAsked: self._copy_asked,
            events.CopyOutgrown: self._copy_outgrown,
            events.EntriesKept: _ignore,
            events.EntriesTaken: self._entries_taken,
            events.DrainAsked: self._drain_asked,
            events.Authenticated: serving.checks.take,
            events.AccountsTold: self._accounts_told,
            events.PasswordSet: self._passwords.take,
            events.Stopping: self._stopping,
        }

    @classmethod
    def for_master(cls, settings: NodeSettings) -> Node:
        """Return a node whose authority is the database."""
        node = cls(settings)
        sessions, serve = node._connections.sessions, node._own.serve
        node._lead = Lead(node.serving, node._intake, node._writes, sessions, serve)
        node._handlers |= node._lead.handlers
        node._watch_daemons(None)
        return node

    @classmethod
    def for_proxy(cls, settings: NodeSettings) -> Node:
        """Return a node whose authority is the link to a master."""
        node = cls(settings)
        serving, own = node.serving, node._own
        replica = serving.authority = Replica(serving, node._intake)
        serving.relay = replica.relay
        serving.master_dbid = replica.master_dbid
        node._watch_daemons(replica.tell_daemon)
        node._pairing = serving.pairing = pairing = Pairing(
            serving, replica, own.listen, node._departures.step_down
        )
        start = ColdStart(serving, node._copying, node._intake, node._keyring, replica, own.serve)
        node._uplink = Uplink(serving, replica, pairing.link, start, own, node._identity)
        node._handlers |= node._uplink.handlers
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
        if self._uplink is not None:
            self._uplink.start()
        return self._commands()

    def handle(self, event: events.Event, now: float) -> list[Command]:
        """Take one event; return what is to be done, in order."""
        self.serving.now = now
        self._handlers[event.__class__](event)
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
        if self._lead is not None:
            return self._lead.stands_by
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

    # ------------------------------------------------------------ connections and time

    def _disconnected(self, event: events.Disconnected) -> None:
        session = self._connections.remove(event)
        if session is not None:
            self._roll_call.left(event.connection)
            self.serving.daemons.left(event.connection)
            if session.role == "peer" and self._pairing is not None:
                self._pairing.link.left(session, event.reason, event.gone)

    def _resumed(self, event: events.Resumed) -> None:
        task: Session | Iterator[None] = event.task
        if isinstance(task, Session):
            task.step()
        else:
            for _ in task:
                self.serving.out.append(Again(task))
                break

    def _ticked(self, event: events.Ticked) -> None:
        now = self.serving.now
        self.serving.wakefulness.tick(now)
        self._connections.expire(now)
        self.serving.freshness.tick()
        self._copying.tick(now)
        self._departures.tick(now)
        self._roll_call.tick(now)
        if self._pairing is not None:
            self._pairing.tick(now)
        if self._lead is not None:
            self._lead.tick(now)
        self._keyring.tick(now)
        self._connections.renew_tokens(now)
        self._tell_accounts(now)
        progress = self._convergence.tick(now)
        if self._uplink is not None:
            self._uplink.tick(progress)
        self._heartbeat.tick(now)

    def _tell_accounts(self, now: float) -> None:
        """Pass on what is new of accounts: to the master, or to every proxy."""
        for message in self._accounts.tick(now):
            if self._uplink is not None:
                self._uplink.tell_accounts(message)
            else:
                self._downstream.tell(message)

    def _accounts_told(self, event: events.AccountsTold) -> None:
        self._accounts.take(event.states, kept=True)

    def _take_keys(self, keys: TokenKeys) -> None:
        self._keyring.take(keys)
        self._copying.keep_keys()

    # ------------------------------------------------------------ data

    def _load_started(self, event: events.LoadStarted) -> None:
        serving = self.serving
        known = event.epoch == serving.epoch or is_earlier(event.epoch, serving.epoch)
        if serving.ready and event.reason == "epoch" and known:
            # Revisions that were given out are being given out again: this load would mix two
            # histories under one name, or go back to an older one. That of a new epoch follows.
            if self._lead is not None:
                reason = "its revisions went back, or others took their place"
                self._lead.set_back(reason, serving.epoch)
            return
        if self._lead is not None:
            self._lead.settle()
        if serving.ready:
            reason = f"the database was restored or replaced ({event.reason})"
            serving.alarm("epoch", reason, serving.now)
        if self._copying.reading and self._uplink is not None:
            self._uplink.found(event.current_at)
        self._intake.begin(event.epoch, event.revision, event.total, event.reason)

    def _records_loaded(self, event: events.RecordsLoaded) -> None:
        self._intake.take(event.records)

    def _load_ended(self, event: events.LoadEnded) -> None:
        differs = self._intake.differs(event.tree) if self._copying.reading else ""
        if differs:
            self._intake.abandon()
            self.serving.out.append(RefuseCopy(differs))
        else:
            self._intake.end(event.revision, event.tree, event.hash)

    def _committed(self, event: events.Committed) -> None:
        self._intake.commit(event.transaction)

    def _copy_asked(self, event: events.CopyAsked) -> None:
        self._copying.step()

    def _copy_outgrown(self, event: events.CopyOutgrown) -> None:
        self._copying.outgrown()

    def _entries_taken(self, event: events.EntriesTaken) -> None:
        session = self._connections.sessions.get(event.connection)
        if session is not None:
            session.answer(HistoryTaken(store=event.store, number=event.number))
        elif event.store == STORE and self._pairing is not None:
            self._pairing.kept(event.number)

    # ------------------------------------------------------------ what others ask and tell

    def _said(self, session: Session, message: PairMessage) -> None:
        """Somebody has said something about a pair."""
        if isinstance(message, SwitchOver):
            if self._pairing is None:
                raise NoBackup("this server is no part of a pair: there is nothing to switch to")
            self._pairing.switch_over(session, message)
        elif session.role == "peer" and self._pairing is not None:
            self._pairing.take(message)
        elif session.role == "proxy" and isinstance(message, ReadPeer):
            self._roll_call.ask(session, message, self.serving.now)
        elif session.role == "proxy" and isinstance(message, PairRole):
            self._roll_call.told(session, message)
        else:
            raise NoPermission("only the servers of a pair tell of it")

    def _drain_asked(self, event: events.DrainAsked) -> None:
        if self._pairing is not None:
            self._pairing.hand_over()
        self._departures.drain(event.reason)

    def _write_ended(self, end: events.Written | events.WriteRefused | events.PasswordSet) -> None:
        """A write that was passed on has ended."""
        if isinstance(end, events.PasswordSet):
            self._passwords.take(end)
        else:
            self._writes.end(end)

    def _stopping(self, event: events.Stopping) -> None:
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


def _ignore(event: events.Event) -> None:
    """Of no interest to a master."""
