"""A server as one synchronous machine: an event in, commands out.

Everything happens between the start and the end of `handle`, which nothing can interrupt; so
there are no locks, and a test or a simulation can drive it step by step. It does not know
whether it is the master: its authority does.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

import msgspec

from confwire import codec
from confwire.epochs import is_earlier
from confwire.errors import CloseCode, NoBackup, NoPermission, RequestError
from confwire.messages import (
    HistoryTaken,
    PairRole,
    Progress,
    ReadPeer,
    SwitchOver,
    TokenKeys,
)
from confwire.objects import SUPER_ADMINISTRATORS, ObjectType
from historylog.entries import Kind
from proxyapp.engine import events
from proxyapp.engine.access import ServerProfile
from proxyapp.engine.accounts import Accounts
from proxyapp.engine.admission import account_of, may_stay
from proxyapp.engine.authority import DatabaseAuthority
from proxyapp.engine.checking import Checks
from proxyapp.engine.commands import (
    Again,
    Broadcast,
    Command,
    Configure,
    ConfigureHistory,
    Listen,
    ReadCopy,
    RefuseCopy,
    Stop,
)
from proxyapp.engine.convergence import Convergence
from proxyapp.engine.copying import Copying
from proxyapp.engine.departures import Departures
from proxyapp.engine.dial import LINK
from proxyapp.engine.identity import Identity
from proxyapp.engine.intake import Intake
from proxyapp.engine.journal import Change, Entry
from proxyapp.engine.keyring import Keyring
from proxyapp.engine.options import Settings
from proxyapp.engine.pairing import Pairing
from proxyapp.engine.partners import client_address, partner_of
from proxyapp.engine.passwords import Passwords
from proxyapp.engine.ports import client_ports, port_notices, sync_ports
from proxyapp.engine.recent import RecentChanges, RecentQuestion, recent
from proxyapp.engine.records import STORE
from proxyapp.engine.replica import Replica
from proxyapp.engine.replication import transaction_parts
from proxyapp.engine.rollcall import RollCall
from proxyapp.engine.rows import Row
from proxyapp.engine.serving import NodeSettings, PairMessage, Serving
from proxyapp.engine.session import CLOSED, Session
from proxyapp.engine.status import status_of
from proxyapp.engine.transport import security_of
from proxyapp.engine.writes import Writes

_ACCOUNTS = (ObjectType.PERSON, ObjectType.APPLICATION)
_CLIENT_BEAT = 15.0
_SERVER_BEAT = 2.0
"""Seconds between the progress messages that tell a reader that it misses nothing."""


class Node:
    """The machine of a master or of a proxy."""

    def __init__(self, settings: NodeSettings) -> None:
        self.serving = serving = Serving(settings)
        serving.checks = Checks(serving)
        serving.accounts = self._accounts = Accounts(serving)
        serving.passwords = self._passwords = Passwords(serving)
        self._writes = Writes(serving)
        serving.write = self._writes.begin
        serving.relay_write = self._writes.relay
        serving.wrote = self._writes.end
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
        self._identity = Identity(serving, self._backup)
        serving.identity = self._identity.tell
        self._departures = Departures(serving, self._opening)
        serving.dismiss = self._departures.dismiss
        self._beats = [0.0, 0.0]
        self._active: bool | None = None
        """The option active as it was read last."""
        self._host: dict[str, Any] = {}
        """The document of the own host, as the ports were opened by."""
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
        return node

    @classmethod
    def for_proxy(cls, settings: NodeSettings) -> Node:
        """Return a node whose authority is the link to a master."""
        node = cls(settings)
        node._replica = node.serving.authority = Replica(node.serving, node._intake)
        node.serving.relay = node._replica.relay
        node.serving.master_dbid = node._replica.master_dbid
        node._pairing = node.serving.pairing = Pairing(
            node.serving, node._replica, node._listen, node._departures.step_down
        )
        return node

    def __repr__(self) -> str:
        serving = self.serving
        return f"<Node {serving.settings.application} {serving.epoch}:{serving.revision}>"

    def start(self, now: float) -> list[Command]:
        """Begin; the first command of a proxy is to connect."""
        self.serving.now = now
        self.serving.keep(Kind.SERVER_STARTED, f"release {self.serving.settings.release}")
        if self._replica is not None and self.serving.settings.local_copy:
            self._copying.reading = True
            self.serving.withheld = "the local copy is being read"
            self.serving.out.append(ReadCopy())
        elif self._replica is not None:
            self._replica.start(now)
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

    def status(self, now: float) -> dict[str, Any]:
        """Return the state of the server as JSON-able data."""
        found = status_of(self.serving, self._intake.loads, now)
        leaving = self._departures.status(now)
        pair = {"pair": self._pairing.status() if self._pairing is not None else None}
        pairs = {"pairs": self._roll_call.status()}
        return {
            **found,
            "convergence": self._convergence.status(),
            "departures": leaving,
            **(pairs if self._pairing is None else pair),
        }

    def verifier_of(self, user_name: str) -> str | None:
        """Return the SCRAM verifier of an enabled person, None where there is none."""
        row = self.serving.person_named(user_name)
        if row is None or not row.enabled or not self.serving.checks.ways_of(row).internal:
            return None
        return row.verifier or None

    def may_try(self, user_name: str, address: str) -> bool:
        """Whether neither the account nor the address has failed too often."""
        serving = self.serving
        most = serving.options.number("failed-logins-per-address")
        try:
            serving.throttle.check(address, most, serving.now)
            serving.accounts.check(user_name)
        except RequestError:
            return False
        return True

    def has_failed(self, user_name: str, address: str) -> None:
        """A password that was not brought by a session is wrong: it counts like one that was."""
        serving = self.serving
        most = serving.options.number("failed-logins-per-address")
        serving.throttle.failed(address, most, serving.now)
        serving.accounts.failed(user_name, address)

    def is_super_administrator(self, user_name: str) -> bool:
        """Whether the person is in the access group of super administrators."""
        row = self.serving.person_named(user_name)
        table = self.serving.store.tables[ObjectType.ACCESS_GROUP]
        groups = self.serving.access.groups_of(row.dbid) if row is not None else ()
        rows = [table.get(group) for group in groups]
        return any(
            msgspec.json.decode(group.body).get("type") == SUPER_ADMINISTRATORS
            for group in rows
            if group is not None
        )

    def hidden_names(self, user_name: str, type_: ObjectType, names: Iterable[str]) -> list[str]:
        """Return which names are such of objects that a person may not read."""
        viewer = self.serving.person_named(user_name)
        profile = self.serving.access.profile_of(viewer.dbid if viewer is not None else 0)
        table = self.serving.store.tables[type_]
        return [
            name for name in names if not all(profile.may_read(row) for row in table.named(name))
        ]

    def recent_changes(
        self, user_name: str | None, question: RecentQuestion, limit: int
    ) -> RecentChanges:
        """Return the newest changes in memory that a person may see; None sees all."""
        if user_name is None:
            return recent(self.serving, ServerProfile(), question, limit)
        viewer = self.serving.person_named(user_name)
        profile = self.serving.access.profile_of(viewer.dbid if viewer is not None else 0)
        return recent(self.serving, profile, question, limit)

    # ------------------------------------------------------------ connections

    def _connected(self, event: events.Connected, now: float) -> None:
        session = Session(
            self.serving,
            event.connection,
            event.peer,
            event.port,
            event.secure,
            event.nonce,
            now,
            event.forwarded,
        )
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
            if session.role == "peer" and self._pairing is not None:
                self._pairing.left(session, event.reason, event.gone)

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
        self.serving.freshness.expire()
        self._copying.tick(now)
        self._departures.tick(now)
        self._roll_call.tick(now)
        if self._pairing is not None:
            self._pairing.tick(now)
        if self._database is not None:
            self._take_lead()
            self._database.leadership.rest(self._sessions)
            self._database.pacing.expire(now)
            self._let_load(now)
        self._keyring.tick(now)
        self._renew_tokens(now)
        self._tell_accounts(now)
        progress = self._convergence.tick(now)
        if self._replica is not None:
            self._replica.tick(now)
            self._replica.tell(progress)
            for end in self._replica.relaying.expired():
                self._writes.end(end)
        for index, (period, beat) in enumerate(
            ((_CLIENT_BEAT, self._beat_clients), (_SERVER_BEAT, self._beat_servers))
        ):
            if now - self._beats[index] >= period:
                self._beats[index] = now
                beat()

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

    def _beat_clients(self) -> None:
        members = [m for view in self.serving.subscriptions for m in view.members]
        self._beat(members)

    def _beat_servers(self) -> None:
        # A master whose database is away knows of no changes either.
        self._beat(self._live_links(), self.serving.authority.age(self.serving.now))

    def _beat(self, connections: list[int], age: float = 0.0) -> None:
        if connections:
            serving = self.serving
            beat = Progress(epoch=serving.epoch, revision=serving.revision, age=age)
            serving.out.append(Broadcast(connections, [codec.encode(beat)]))

    def _live_links(self) -> list[int]:
        return [
            session.connection
            for session in self.serving.servers.values()
            if session.replication is not None and session.replication.live
        ]

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
            self._stop_withholding()
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
        self._writes.take(event)

    def _write_refused(self, event: events.WriteRefused, now: float) -> None:
        assert self._database is not None
        self._database.pacing.ended()
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
            self._stop_withholding()
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

    def _pair_link(self) -> Pairing:
        assert self._pairing is not None
        return self._pairing

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
        """What there was on the disk is in memory: now the master, by its cursor."""
        assert self._replica is not None
        serving, copying = self.serving, self._copying
        for reason in event.refused:
            serving.log("warning", "local copy refused", reason=reason)
        copying.reading = False
        if event.keys is not None:
            self._keyring.take(event.keys)
        if not serving.ready:
            serving.withheld = ""
            self._intake.abandon()
            self._replica.discard()
        else:
            if not serving.application:
                serving.withheld = "the local copy does not know this application"
            elif serving.options.flag("fresh-data-only"):
                serving.withheld = "only fresh data is served, and the master was not reached yet"
            else:
                self._stop_withholding()
            serving.log(
                "info",
                "local copy withheld" if serving.withheld else "local copy served",
                reason=serving.withheld,
                age=round(serving.authority.age(now), 1),
                epoch=serving.epoch,
                revision=serving.revision,
            )
            copying.begin(whole=bool(event.refused))
        self._replica.start(now)

    def _copy_asked(self, event: events.CopyAsked, now: float) -> None:
        self._copying.step()

    def _copy_outgrown(self, event: events.CopyOutgrown, now: float) -> None:
        self._copying.outgrown()

    def _stop_withholding(self) -> None:
        """The data is the master's: serve it."""
        self.serving.withheld = ""
        if not self.serving.application:
            self._follow_application([])
        elif self._pairing is not None and not self._pairing.begun:
            self._pairing.follow()
        else:
            self._listen()

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

    def _past_read(self, event: events.SessionRead | events.HistoryRead, now: float) -> None:
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

    def _password_set(self, event: events.PasswordSet, now: float) -> None:
        self._passwords.take(event)

    def _tell_accounts(self, now: float) -> None:
        """Pass on what is new of accounts: to the master, or to every proxy."""
        for message in self._accounts.tick(now):
            if self._replica is not None:
                self._replica.tell_accounts(message)
            elif links := self._live_links():
                self.serving.out.append(Broadcast(links, [codec.encode(message)]))

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
        if entry.structural or entry.regroups:
            self._regroup()
        accounts = not types.isdisjoint(_ACCOUNTS)
        if entry.structural or (accounts and any(map(_bars, entry.changes))):
            self._check_sessions()
        links = self._live_links()
        if links and serving.journal.revision == entry.revision and entry.at:
            self._pass_on(entry, links)
        elif not entry.at:
            self._end_links()
        if not serving.application or ObjectType.APPLICATION in types:
            self._follow_application(entry.changes)
        if serving.application and ObjectType.HOST in types:
            self._follow_host()
            self._identity.follow()
        if serving.settings.local_copy:
            self._copying.follow(entry)
        self._writes.answer()
        self._passwords.answer()
        serving.freshness.committed()

    def _pass_on(self, entry: Entry, links: list[int]) -> None:
        if not entry.large:
            parts = list(transaction_parts(self.serving.epoch, entry))
            self.serving.out.append(Broadcast(links, parts))
        else:
            for link in links:
                self.serving.roster.lag(link, entry.revision - 1)

    def _regroup(self) -> None:
        serving = self.serving
        used = set()
        for session in serving.roster:
            if not isinstance(session.profile, ServerProfile):
                session.profile = serving.access.profile_of(session.person)
                session.follower.regroup(session.profile)
                used.add(session.profile)
        serving.access.prune(used)

    def _check_sessions(self) -> None:
        for session in self.serving.roster:
            reason = may_stay(self.serving, session)
            if reason:
                session.close(CloseCode.RIGHTS_WITHDRAWN, reason)

    def _end_links(self) -> None:
        """The data was replaced: servers that replicate from here must ask anew."""
        for session in self.serving.roster:
            if session.replication is not None:
                session.close(CloseCode.RELOAD, "the data was replaced: ask again")

    def _follow_application(self, changes: list[Change]) -> None:
        """Application objects have changed: the own one, or perhaps the pair's."""
        self._take_application(changes)
        if self.serving.application and self._pairing is not None:
            self._pairing.follow()
        self._identity.follow()

    def _take_application(self, changes: list[Change]) -> None:
        """Take over options and ports when the server's own Application object has changed."""
        serving = self.serving
        row = self._own_application()
        if row is None:
            return
        key = (int(ObjectType.APPLICATION), row.dbid)
        known = bool(serving.application)
        if known and not any((change.type, change.dbid) == key for change in changes):
            return
        serving.application = msgspec.json.decode(row.body)
        serving.options = Settings(serving.application.get("options", {}))
        serving.issuing.server = serving.application["DBID"]
        self._keyring.tick(serving.now)
        for complaint in serving.options.complaints:
            serving.log("warning", "option ignored", complaint=complaint)
        serving.out.append(
            Configure(
                serving.options.number("max-client-output-queue-size") * 1024,
                float(serving.options.number("client-response-timeout")),
                serving.options.text("verbose"),
                serving.options.number("max-output-queue-size") * 1024 * 1024,
                serving.options.text("balancer-networks"),
                serving.options.text("balancer-protocol"),
            )
        )
        self._configure_history()
        for notice in port_notices(serving.application):
            serving.log("warning", "port notice", notice=notice)
        if not serving.withheld and (self._pairing is None or self._pairing.begun):
            self._listen()

    def _listen(self) -> None:
        serving = self.serving
        if serving.draining:
            return
        open_ = not (serving.withheld or serving.standby)
        self._host = host = serving.host_of(serving.application)
        ports = client_ports(serving.application, host) if open_ else ()
        paired = self._pairing is not None and self._pairing.paired
        for_pair = sync_ports(serving.application, host) if paired else ()
        serving.out.append(Listen((*ports, *for_pair), shut=bool(serving.standby)))

    def _follow_host(self) -> None:
        """Take over other TLS parameters of the own host."""
        host = self.serving.host_of(self.serving.application)
        if security_of(host) != security_of(self._host) and not self.serving.withheld:
            self._listen()

    def _configure_history(self) -> None:
        options = self.serving.options
        active = options.flag("active")
        if self._active is not None and self._active is not active:
            # What the start finds there is from before it: only a change suspends.
            self.serving.keeping = active
            self.serving.log(
                "warning", "history log resumed" if active else "history log suspended"
            )
        self._active = active
        self.serving.out.append(
            ConfigureHistory(
                options.text("all"),
                options.flag("failsafe-store-processing"),
                options.number("client-expiration"),
                options.number("expiration"),
            )
        )

    def _own_application(self) -> Row | None:
        """Return the server's own Application: by its name at the start, by its DBID from then on.

        A server that runs goes on as it is when its object is renamed or deleted: its clients
        must not suffer from a slip in the administration.
        """
        serving, name = self.serving, self.serving.settings.application
        if not serving.application:
            row = serving.application_named(name)
            if row is None and not self._copying.reading:
                reason = (
                    f"there is no application '{name}': create it in the administration, or start"
                    " with the -app that it has there"
                )
                serving.out.append(Stop(reason))
            return row
        row = serving.store.get(ObjectType.APPLICATION, serving.application["DBID"])
        if row is None:
            text = f"application '{name}' was deleted: create it anew, or stop this server"
        elif row.name.casefold() != name.casefold():
            text = f"application '{name}' is now '{row.name}': start it with -app '{row.name}'"
        else:
            serving.calm("application")
            return row
        if serving.alarms.get("application", ("", 0))[0] != text:
            serving.alarm("application", text, serving.now)
        return row

    def _backup(self) -> tuple[str, str]:
        """Return host and port of the other server for clients, empty where there is none."""
        store = self.serving.store
        if self._pairing is not None and (partner := self._pairing.partner) is not None:
            return client_address(store, partner.document)
        # Of two masters either may lead: to its clients the other one is the backup.
        partner = partner_of(store, self.serving.application.get("DBID", 0))
        return client_address(store, partner.document) if partner is not None else ("", "")


def _bars(change: Change) -> bool:
    """Whether a change may end sessions: an account or an application is gone or disabled, or
    an application has another account.
    """
    if change.type not in _ACCOUNTS or change.old is None:
        return False
    if change.new is None or not change.new.enabled:
        return True
    is_application = change.type == ObjectType.APPLICATION
    return is_application and account_of(change.old) != account_of(change.new)
