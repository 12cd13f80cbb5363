"""Two proxies of a pair and their master in memory, whose links a test cuts and heals."""

from __future__ import annotations

import base64
from typing import Any

from confwire.messages import Record
from proxyapp.engine import commands, events
from tests.proxyapp.engine.bench import (
    VERIFIER,
    Bench,
    Client,
    Proxy,
    environment,
    master,
    record,
)

PRIMARY, BACKUP = 110, 111
TIMEOUT = 10.0


def application(dbid: int, name: str, backup: int = 0, **more: Any) -> Record:
    fields: dict[str, Any] = {
        "name": name,
        "type": "configserver",
        "accountDBID": 100,
        "redundancyType": "warmstandby",
        "serverInfo": {"hostDBID": dbid, "backupServerDBID": backup},
        "portInfos": [
            {"id": "default", "port": str(dbid)},
            {"id": "ha", "port": str(dbid + 1000), "haSync": True},
        ],
        "appServers": [{"appServerDBID": 99, "connProtocol": "addp", "timeoutLocal": TIMEOUT}],
    }
    fields.update(more)
    acl = [(3, 100, 9), (21, 201, 1)]
    return record("application", dbid, 500, verifier=VERIFIER, acl=acl, **fields)


def records(**more: Any) -> list[Record]:
    """Return an environment with the two servers of a pair on hosts of their own."""
    others = [item for item in environment() if (item.type, item.dbid) != (9, PRIMARY)]
    hosts = [
        record("host", dbid, 500, name=f"host-{dbid}", ipAddress=f"10.1.1.{dbid}")
        for dbid in (PRIMARY, BACKUP)
    ]
    pair = [
        application(PRIMARY, "proxy1", BACKUP, **more),
        application(BACKUP, "proxy2", **more),
    ]
    return [*others, *hosts, *pair]


class PeerLine(Client):
    """The end of a pair's link at the server that was dialled."""

    dialler: Member

    def take(self, messages: Any) -> None:
        super().take(messages)
        if self.dialler.peer_line is self:
            self.dialler.handle(events.LinkReceived(list(messages), "peer"))

    def close(self, code: int, reason: str) -> None:
        super().close(code, reason)
        if self.dialler.peer_line is self:
            self.dialler.peer_line = None
            self.dialler.handle(events.LinkLost(reason, code, 0.5, "peer", code == 1001))


class Member(Proxy):
    """A server of the pair."""

    other: Member

    def __init__(self, bench: Bench, name: str, pair_term: int = 0, run: str = "first") -> None:
        super().__init__(bench, application=name, pair_term=pair_term, run=run)
        self.alive = False
        self.peer_line: PeerLine | None = None
        self.wanted: commands.ConnectLink | None = None
        """The connection to the other server that it has asked for."""
        self.cut = False

    def begin(self) -> None:
        self.alive = True
        self.start()

    def carry_out(self, given: list[commands.Command]) -> None:
        for command in given:
            if getattr(command, "link", "") != "peer":
                super().carry_out([command])
                continue
            self.commands.append(command)
            if isinstance(command, commands.ConnectLink):
                self.wanted = command
            elif isinstance(command, commands.ProveLink):
                proof = self.proof(command)
                self.handle(events.LinkProved(proof.salted_password, "peer"))
            elif isinstance(command, commands.SendLink) and self.peer_line is not None:
                line = self.peer_line
                line.bench.handle(events.Received(line.connection, list(command.messages)))
            elif isinstance(command, commands.CloseLink):
                self.hang_up(command.reason)

    def hang_up(self, reason: str) -> None:
        if self.peer_line is None and self.wanted is None:
            return
        line, self.peer_line = self.peer_line, None
        self.wanted = None
        if line is not None and line.closed is None:
            line.closed = (1000, reason)
            line.bench.handle(events.Disconnected(line.connection, reason))
        self.handle(events.LinkLost(reason, 0, 0.5, "peer"))

    def reach(self) -> None:
        """Let the connection to the other server that was asked for come about, or fail."""
        if self.wanted is None or not self.alive:
            return
        self.wanted = None
        if self.cut or self.other.cut:
            self.handle(events.LinkLost("no answer within 10 s", 0, 0.5, "peer"))
        elif not self.other.alive or not self.listens_for_pair(self.other):
            self.handle(events.LinkLost("refused", 0, 0.5, "peer", gone=True))
        else:
            number = len(self.other.clients) + 1
            line = PeerLine(self.other, number)
            line.dialler, self.peer_line = self, line
            self.other.clients[number] = line
            nonce = base64.b64encode(b"peer-nonce--%06d" % number).decode()
            self.other.handle(events.Connected(number, f"10.0.0.9:{number}", "ha", True, nonce))
            nonce = base64.b64encode(b"dial-nonce--%06d" % number).decode()
            self.handle(events.LinkOpened(nonce, True, "peer"))

    @staticmethod
    def listens_for_pair(member: Member) -> bool:
        listens = member.of(commands.Listen)
        return bool(listens) and any(port.id == "ha" for port in listens[-1].ports)

    @property
    def serves(self) -> bool:
        """Whether its port for clients is open."""
        listens = self.of(commands.Listen)
        return bool(listens) and any(port.id == "default" for port in listens[-1].ports)

    @property
    def pair(self) -> dict[str, Any]:
        found: dict[str, Any] = self.node.status(self.now)["pair"]
        return found

    @property
    def running(self) -> str:
        return str(self.pair["running"])

    def _break(self, gone: bool, reason: str) -> None:
        """The links of the pair end, and each server that lives is told how."""
        for one, another in ((self, self.other), (self.other, self)):
            line, one.peer_line = one.peer_line, None
            if line is None:
                continue
            line.closed = line.closed or (1006, reason)
            if another.alive:
                another.handle(events.Disconnected(line.connection, reason, gone))
            if one.alive:
                one.handle(events.LinkLost(reason, 0, 0.5, "peer", gone))

    def kill(self) -> None:
        """Die as by kill -9."""
        self.alive = False
        for client in self.clients.values():
            if not isinstance(client, PeerLine):
                client.closed = client.closed or (1006, "gone")
        if self.line is not None:
            line, self.line = self.line, None
            line.closed = (1006, "broken")
            line.leave()
        self._break(True, "the connection broke")
        self.other.reach()

    def go_silent(self) -> None:
        """Nothing comes from it, or goes to it, on the pair's link any more."""
        self.cut = True
        self._break(False, "nothing was heard for 20 s")


class PairBench:
    """A master and the two servers of a pair, all started and linked."""

    def __init__(self, start: bool = True, **more: Any) -> None:
        self.master = master(records(**more), token_secret=b"the masters' secret")
        self.primary = Member(self.master, "proxy1")
        self.backup = Member(self.master, "proxy2")
        self.primary.other, self.backup.other = self.backup, self.primary
        if start:
            self.primary.begin()
            self.primary.reach()
            self.backup.begin()
            self.backup.reach()

    def anew(self, dead: Member) -> Member:
        """Return a new process in the place of one that was killed, not started yet."""
        name = dead.node.serving.settings.application
        kept = [dead.node.serving.settings.pair_term]
        kept += [command.term for command in dead.of(commands.KeepTerm)]
        assert kept == sorted(kept), "terms grow"
        member = Member(self.master, name, kept[-1], f"after {dead.node.serving.settings.run}")
        member.other, dead.other.other = dead.other, member
        member.now = dead.other.now
        if dead is self.primary:
            self.primary = member
        else:
            self.backup = member
        return member

    @property
    def members(self) -> tuple[Member, Member]:
        return self.primary, self.backup

    def tick(self, seconds: float) -> None:
        """Let time pass at all, and connections come about."""
        for bench in (self.master, *self.members):
            if bench is self.master or bench.alive:  # type: ignore[attr-defined]
                bench.tick(seconds)
            else:
                bench.now += seconds
        for member in self.members:
            member.reach()
