"""A proxy as one of a warm-standby pair: links to the other server, its role, and what follows.

Brings together the table of roles (`pair`), what the primary tells (`mirror`) and what the backup
holds (`records`). Knows no sockets: it asks for links by commands and is told by events.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from confwire.errors import NoBackup, NoPermission
from confwire.messages import (
    AskRole,
    AskSessions,
    HandOver,
    KeepAlive,
    PairRole,
    PeerRead,
    Progress,
    SessionsMirrored,
    SwitchOver,
)
from historylog.entries import Kind
from proxyapp.engine.commands import KeepTerm, TakeEntries
from proxyapp.engine.ports import sync_ports
from proxyapp.engine.serving import Serving
from proxyapp.engine.standby.mirror import Mirror
from proxyapp.engine.standby.peerlink import PeerLink
from proxyapp.engine.standby.statements import Statements
from proxyapp.engine.standby.switchover import Switchover
from proxyapp.engine.standby.witness import Master, Witness
from proxyapp.engine.topology.pair import Configured, Finding, Pair, Running
from proxyapp.engine.topology.partners import (
    Partner,
    keep_alive_of,
    objection,
    partner_of,
)
from proxyapp.engine.topology.records import LIFE, STORE

BEAT = 2.0
"""Seconds after which a server says again what it does."""


class Pairing:
    """The other server, and which of the two leads."""

    def __init__(
        self,
        serving: Serving,
        master: Master,
        listen: Callable[[], None],
        leave: Callable[[], None],
    ) -> None:
        """Be no pair until `follow` finds one.

        Args:
            listen: opens and closes ports as the role wants it.
            leave: sends all clients to the other server.
        """
        self._serving = serving
        self._master = master
        self._listen = listen
        self._leave = leave
        self._begun = False
        """The configuration was looked at: from now on only a restart makes or splits a pair."""
        self._pair: Pair | None = None
        self._partner: Partner | None = None
        self.link = PeerLink(serving, self)
        self._mirror = Mirror(serving, self.link.tell)
        self._statements = Statements(serving.settings.run)
        self._said_at = 0.0
        """When the other server was told last what this one does."""
        self._witness = Witness(master)
        self._other: PairRole | None = None
        """What the other server said last, on the present link."""
        self._ask_at = 0.0
        """When the primary may be asked again to tell of all its sessions."""
        self._handing = False
        """The other server was told to lead, and has not said yet that it does."""
        self._switchover = Switchover(serving)
        self._keeping = False
        """Moments are on their way to the history log."""
        self._met_primaries = 0
        self._kept_term = serving.settings.pair_term
        """The highest term that outlives this process."""
        self._stopped = False

    def __repr__(self) -> str:
        return f"<Pairing {self._pair}>"

    # ------------------------------------------------------------ the configuration

    def follow(self) -> None:
        """Take over what the Application objects say; who is the other one only at the start."""
        serving = self._serving
        found = partner_of(serving.store, serving.application.get("DBID", 0))
        if not self._begun:
            if serving.withheld:
                return  # who may not serve what it has is no server of a pair yet
            self._begun = True
            if found is not None:
                self._begin(found)
            if self._pair is None:
                self._listen()
            return
        known = self._partner
        same = (known and (known.dbid, known.own)) == (found and (found.dbid, found.own))
        if known is not None and found is not None and same:
            self._partner = found
            self.link.follow(found)
            serving.calm("pairing")
        elif not same:
            serving.alarm(
                "pairing",
                "the pair was made, changed or split in the configuration while this server runs:"
                " stop both servers and start them again",
                serving.now,
            )

    def _begin(self, partner: Partner) -> None:
        serving = self._serving
        self._partner = partner
        serving.records.primary = partner.name
        if refusal := objection(serving.application, partner):
            serving.alarm("pairing", f"no pair: {refusal}", serving.now)
            if partner.own is Configured.BACKUP:
                serving.standby = f"this is a backup server whose pair is not complete: {refusal}"
            return
        keep_alive = self.keep_alive()
        timeout = max(keep_alive.local, keep_alive.remote)
        self._pair = Pair(partner.own, timeout, serving.now, serving.settings.pair_term)
        self._stand_by()
        self.link.begin(partner)

    def keep_alive(self) -> KeepAlive:
        """Return the keep-alive timeouts of the link."""
        return keep_alive_of(self._serving.application, self._master.master_dbid())

    # ------------------------------------------------------------ questions

    @property
    def begun(self) -> bool:
        """Whether it is known if this server is of a pair."""
        return self._begun

    @property
    def partner(self) -> Partner | None:
        return self._partner

    @property
    def paired(self) -> bool:
        """Whether there is another server to share the work with."""
        return self._pair is not None

    @property
    def starting(self) -> bool:
        """Whether the role of this server is not known yet."""
        return self._pair is not None and self._pair.running is Running.STARTING

    def status(self) -> dict[str, Any] | None:
        """Return the state as JSON-able data, None where this server is of no pair."""
        partner, pair, records = self._partner, self._pair, self._serving.records
        if partner is None:
            return None
        return {
            "peer": partner.name,
            "configured": partner.own.value,
            "running": pair.running.value if pair is not None else "",
            "term": pair.term if pair is not None else 0,
            "reason": pair.reason if pair is not None else "",
            "link": self.link.state,
            "peerRunning": self._other.running if self._other is not None else "",
            "peerTerm": self._other.term if self._other is not None else 0,
            "mirroring": self._mirror.active,
            "mirrored": len(records),
            "mirroredTo": records.revision,
            "void": records.why_void,
            "primariesMet": self._met_primaries,
        }

    # ------------------------------------------------------------ the link

    def joined(self, session: Any) -> None:
        """The other server has opened a session here."""
        self.link.joined(session)

    def relinked(self) -> None:
        """A link has ended, and another one stands: say what the lost one had not carried."""
        self._say_role()
        if self._pair is not None and self._pair.leads:
            self._mirror.begin()

    def linked(self) -> None:
        """A link stands: say what this server does."""
        pair = self._pair
        assert pair is not None
        assert self._partner is not None
        self._serving.calm("pair")
        self._serving.log("info", "pair linked", other=self._partner.name)
        self._say_role()
        if pair.leads:
            self._mirror.begin()

    def parted(self, reason: str, gone: bool, was_open: bool) -> None:
        """No link stands any more, or could be made."""
        pair, partner, now = self._pair, self._partner, self._serving.now
        assert pair is not None
        assert partner is not None
        self._other = None
        self._statements.forget()
        self._mirror.stop()
        if self._stopped:
            return
        if was_open:
            self._serving.log("warning", "pair link lost", reason=reason, gone=gone)
        if pair.leads and (was_open or "pair" not in self._serving.alarms):
            text = f"the other server of the pair, '{partner.name}', is not linked: {reason}"
            self._serving.alarm("pair", text, now)
        if was_open and gone:
            # Also a line that was cut for a while ends like this: whether the process is there
            # shows when it is called.
            return
        finding = Finding.GONE if gone else Finding.SILENT
        self._act(pair.found(finding, f"the other server is {finding.name.lower()}: {reason}", now))

    # ------------------------------------------------------------ what the other server says

    def take(self, message: Any) -> None:
        """Take a message of the other server, by whatever link."""
        pair = self._pair
        if pair is None:
            return
        if isinstance(message, PairRole | HandOver):
            if self._statements.is_news(message.run, message.said):
                self._hear(pair, message)
        elif isinstance(message, SessionsMirrored):
            if not pair.leads and self._statements.is_of_the_living(message.run):
                self._take_sessions(message)
        elif isinstance(message, AskSessions):
            if pair.leads:
                self._mirror.begin()
        elif not isinstance(message, Progress):
            raise NoPermission("a link of a pair carries what the two tell each other, and no more")

    def _take_sessions(self, message: SessionsMirrored) -> None:
        serving = self._serving
        if not serving.records.take(message, serving.now) and serving.now >= self._ask_at:
            self._ask_at = serving.now + BEAT
            serving.log("warning", "a message of the pair is missing", number=message.number)
            self.link.tell(AskSessions())

    def _hear(self, pair: Pair, message: PairRole | HandOver) -> None:
        if isinstance(message, PairRole):
            self._met(pair, message)
        else:
            self._act(pair.found(Finding.HANDED, "the primary handed over", self._serving.now))

    def _met(self, pair: Pair, message: PairRole) -> None:
        self._other = message
        running = Running(message.running)
        if pair.leads and running is Running.PRIMARY and not self._handing:
            self._met_primaries += 1
            self._serving.log(
                "error", "two primaries met", own_term=pair.term, other_term=message.term
            )
        changed = pair.met(running, message.term, self._serving.now, self._goes_first(message))
        self._keep_term(pair)
        self._act(changed)
        if not changed and pair.leads and running is Running.PRIMARY:
            self._say_role()  # so that the other one, whose claim is weaker, yields

    def _goes_first(self, other: PairRole) -> bool | None:
        """Tell who stays if both lead in one term and were started in the same configured role."""
        assert self._pair is not None
        assert self._partner is not None
        if other.configured != self._pair.configured.value:
            return None
        return bool(self._serving.application.get("DBID", 0) < self._partner.dbid)

    # ------------------------------------------------------------ the master

    def answered(self, message: PeerRead | AskRole) -> None:
        """The master answers, or asks."""
        pair = self._pair
        if pair is None:
            return
        if isinstance(message, AskRole):
            self._witness.tell(self._role_of(pair, message.number))
            return
        if not self._witness.has_asked(message):
            return
        seen = message.lives and message.running == Running.PRIMARY.value
        if pair.running is Running.ASKING:
            text = "the master hears that the other server leads"
            missed = "the master does not hear that the other server leads"
            finding = Finding.SEEN if seen else Finding.MISSED
            self._act(pair.found(finding, text if seen else missed, self._serving.now))

    def _ask_master(self, pair: Pair) -> None:
        if not self._witness.ask():
            text = "the other server is silent, and the master cannot be asked"
            self._act(pair.found(Finding.MISSED, text, self._serving.now))

    # ------------------------------------------------------------ time

    def tick(self, now: float) -> None:
        """Look after what is late."""
        pair = self._pair
        if pair is None or self._stopped:
            return
        self._act(pair.late(now))
        self._mirror.tick(now)
        records = self._serving.records
        records.tick(now)
        self._keep_moments()
        self.link.tick()
        if now - self._said_at >= BEAT:
            self._say_role()
        if self._switchover.is_late():
            self._handing = False
        if self._witness.lacks(pair.running.value, pair.term):
            self._witness.tell(self._role_of(pair))

    def end_turn(self) -> None:
        """Tell the backup of sessions that have come, gone or changed in this turn."""
        if self._serving.roster.touched:
            self._mirror.flush()

    def kept(self, number: int) -> None:
        """The history log has the moments up to a number."""
        self._keeping = False
        self._serving.records.kept(number)
        self._keep_moments()

    def _keep_moments(self) -> None:
        moments = self._serving.records.moments()
        if moments and not self._keeping:
            self._keeping = True
            self._serving.out.append(TakeEntries(0, STORE, moments))

    # ------------------------------------------------------------ the role

    def switch_over(self, session: Any, message: SwitchOver) -> None:
        """Let the backup lead, as a person asks.

        Raises NoPermission, NoBackup.
        """
        pair, other = self._pair, self._other
        self._switchover.check(session)
        if pair is not None and not pair.leads:
            raise NoBackup("this server does not lead its pair: ask the one that does")
        if pair is None or other is None or other.running != Running.BACKUP.value:
            raise NoBackup("no backup stands by to lead: start it, and look at its status and log")
        self._switchover.begin(session, message)
        self.hand_over()

    def stop(self) -> None:
        """This server ends: the other one leads, and what becomes of the links has no meaning."""
        self.hand_over()
        self._stopped = True
        self.link.stop()

    def hand_over(self) -> None:
        """Let the other server lead, if it stands by; it says so when it does."""
        if self._pair is not None and self._pair.leads and self.link.stands:
            self._handing = True
            self._mirror.flush_all()
            statements = self._statements
            self.link.tell_all(HandOver(run=statements.run, said=statements.next()))

    def _act(self, changed: bool) -> None:
        """Do what follows from a change of the role."""
        pair, serving = self._pair, self._serving
        assert pair is not None
        if not changed or self._stopped:
            return
        self._keep_term(pair)
        serving.log(
            "warning", "role changed", running=pair.running.value, term=pair.term,
            reason=pair.reason,
        )  # fmt: skip
        serving.keep(Kind.ROLE_CHANGED, f"{pair.running.value}, term {pair.term}: {pair.reason}")
        led = not serving.standby
        if pair.leads:
            self._lead()
        elif led:
            self._step_down()
        else:
            self._stand_by()
        self._say_role()
        if pair.running is Running.ASKING:
            self._ask_master(pair)

    def _keep_term(self, pair: Pair) -> None:
        if pair.highest > self._kept_term:
            self._kept_term = pair.highest
            self._serving.out.append(KeepTerm(pair.highest))

    def _lead(self) -> None:
        serving = self._serving
        serving.standby = ""
        serving.calm("apart")
        serving.records.use_until(serving.now + LIFE)
        self._listen()
        if self.link.stands:
            self._mirror.begin()

    def _step_down(self) -> None:
        """The other server leads: send the clients there."""
        self._handing = False
        self._serving.records.void("the new primary has not told of its sessions yet")
        self._stand_by()
        if self._partner is not None and self._other is not None:
            self._switchover.end(self._partner.name, self._other.term)
        self._leave()

    def _stand_by(self) -> None:
        pair, partner, serving = self._pair, self._partner, self._serving
        assert pair is not None
        assert partner is not None
        self._mirror.stop()
        serving.standby = f"this server stands by for '{partner.name}'"
        if pair.running is Running.APART:
            text = f"'{partner.name}' leads, and the link to it is cut: {pair.reason}"
            serving.alarm("apart", text, serving.now)
            serving.records.void("the link was cut while the primary went on")
        elif pair.running is not Running.ASKING:
            serving.calm("apart")
        self._listen()

    def _say_role(self) -> None:
        pair = self._pair
        if pair is not None and self.link.stands and not self._stopped:
            self._said_at = self._serving.now
            self.link.tell_all(self._role_of(pair))

    def _role_of(self, pair: Pair, number: int = 0) -> PairRole:
        return PairRole(
            running=pair.running.value,
            term=pair.term,
            number=number,
            configured=pair.configured.value,
            run=self._statements.run,
            said=self._statements.next(),
        )

    def sync_port_ids(self) -> frozenset[str]:
        """Return the IDs of the ports that only the other server may use."""
        if self._pair is None:
            return frozenset()
        return frozenset(port.id for port in sync_ports(self._serving.application))
