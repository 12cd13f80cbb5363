"""The worker of a node: tells it what happened, and carries out what it commands.

All sockets, timers and threads of the process meet here; what any of it means only the node
knows.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable, Sequence
from itertools import count
from typing import Any

import structlog

from confwire.errors import CloseCode
from proxyapp.engine import commands as c
from proxyapp.engine import events as e
from proxyapp.runtime import frames
from proxyapp.runtime.authentication import Authentication
from proxyapp.runtime.certificates import Certificates
from proxyapp.runtime.clock import Clock, Ticker
from proxyapp.runtime.health import limit_in
from proxyapp.runtime.links import Link
from proxyapp.runtime.listeners import Listeners
from proxyapp.runtime.parts import (
    Accounts,
    CopyOrder,
    Database,
    History,
    LocalCopy,
    NodeLike,
    Outlet,
    Pruning,
    Terms,
    WebOutlet,
)
from proxyapp.runtime.slices import Slices

log = structlog.get_logger(__name__)

PULSE = 0.01
"""Seconds between looks at how late the loop is: so much of a stall may pass unseen."""
PULSES_A_TICK = 25
RECENT = 5.0
"""Seconds whose worst stall is told as the recent one."""
PORT_RETRY = 5.0
"""Seconds between attempts at a port that could not be opened."""
NO_PORT = "the application has no listening port for clients: give it one with the ID default"
STALL_WORTH_A_LINE = 0.5
"""Seconds of a stalled loop that are logged."""


class Worker:
    """Owns the node. Must be made with a running loop."""

    def __init__(
        self,
        node: NodeLike,
        *,
        halt: Callable[[str], None],
        set_verbosity: Callable[[str], None],
        loaded: Callable[[], None],
        end: Callable[[str], None] | None = None,
        address: str = "",
        clock: Clock | None = None,
    ) -> None:
        self.node = node
        self.listeners = Listeners(self.tell, self.probe, self.next_id, address)
        self.slices = Slices(self.listeners)
        self.authentication = Authentication(self.tell)
        self.accounts: Accounts | None = None
        """None: what is known of accounts ends with the process."""
        self.terms: Terms | None = None
        """None: the terms of a pair end with the process."""
        self.certificates = Certificates(self.listeners)
        self.links: dict[str, Link] = {}
        """To other servers, by the names that commands have for them."""
        self.database: Database | None = None
        self.history: History | None = None
        """None: nothing is kept, and nothing of the past is known."""
        self.pruning: Pruning | None = None
        self.copy: LocalCopy | None = None
        """None: nothing is kept on disk."""
        self.web_outlets: dict[int, WebOutlet] = {}
        """Connections that did not come by a listening port."""
        self._halt = halt
        self._end = end or halt
        """Called when nobody needs the process any more."""
        self._set_verbosity = set_verbosity
        self._loaded: Callable[[], None] | None = loaded
        """Called once, when the node serves or stands by for the first time."""
        self._clock = clock or Clock()
        self._ticker = Ticker(PULSE, self._pulse)
        self._pulses = 0
        self._loop = asyncio.get_running_loop()
        self._ids = count(1)
        self._tasks: deque[Any] = deque()
        self._working: asyncio.Handle | None = None
        self._left_at: float | None = None
        """When the last turn of tasks ended with some left; None if none were."""
        self._ports: tuple[c.ListeningPort, ...] | None = None
        self._shut = False
        self._failures: dict[str, float] = {}
        """Why ports are not open, and since when."""
        self._retry_at = 0.0
        self._longest_stall = 0.0
        self._stalls: deque[float] = deque(maxlen=int(RECENT / PULSE))

    def start(self) -> None:
        """Start the node and its clock."""
        self._ticker.start()
        self.run(self.node.start(self._clock.now()))

    def stop(self, reason: str) -> None:
        """Take no more connections and close those that there are."""
        self._ticker.stop()
        self.tell(e.Stopping(reason))
        self.listeners.close_doors()
        outlets = [*self.listeners.connections.values(), *self.web_outlets.values()]
        for outlet in outlets:
            outlet.close(CloseCode.GOING_AWAY, reason)
        for link in self.links.values():
            link.stop()
        self.authentication.stop()

    async def wait_for_clients(self, seconds: float) -> None:
        """Wait until no client is connected any more, but no longer than this."""
        ended = asyncio.Event()

        def look() -> None:
            if self.listeners.has_clients or self.web_outlets:
                self._loop.call_later(0.02, look)
            else:
                ended.set()

        look()
        try:
            async with asyncio.timeout(seconds):
                await ended.wait()
        except TimeoutError:
            log.warning("some clients did not take their close")

    def next_id(self) -> int:
        """Return a connection number that was never used."""
        return next(self._ids)

    def tell(self, event: e.Event) -> None:
        """Tell the node what happened and do what it commands.

        A failure over a client's message ends that client's session; over anything else it ends
        the process, since the node's data can no longer be trusted.
        """
        try:
            commands = self.node.handle(event, self._clock.now())
        except Exception:
            name = type(event).__name__
            log.exception("the node failed", event_type=name)
            if isinstance(event, e.Received):
                self._close(c.Close(event.connection, CloseCode.INTERNAL_ERROR, "internal error"))
            else:
                self._halt(f"the node failed on {name}; its log has the traceback")
            return
        self.run(commands)

    def tell_later(self, event: e.Event) -> None:
        """Tell the event in the next turn: what causes it may be a command under way."""
        self._loop.call_soon(self.tell, event)

    def run(self, commands: Sequence[c.Command]) -> None:
        """Carry out commands in order."""
        for command in commands:
            kind = type(command)
            if kind is c.Send:
                self._send(command)  # type: ignore[arg-type]
            else:
                _RUN[kind](self, command)

    def probe(self, path: str, query: str = "") -> tuple[bool, str]:
        """Answer /livez, /readyz and /freshz."""
        if path == "/livez":
            return True, "alive"
        if path == "/freshz":
            try:
                limit = limit_in(query)
            except ValueError as error:
                return False, str(error)
            return self.node.fresh(limit, self._clock.now())
        return (True, "ready") if self.node.ready() else (False, "not ready: it would not serve")

    def figures(self) -> dict[str, Any]:
        """Return what metrics are made of: the status, its sessions counted."""
        status = self.status(whole=False)
        unread = [connection.unread for connection in self.listeners.connections.values()]
        status["runtime"].update(unsent=sum(unread), mostUnsent=max(unread, default=0))
        return status

    def status(self, *, whole: bool = True) -> dict[str, Any]:
        """Return the node's status with what the runtime knows of itself."""
        status = self.node.status(self._clock.now(), whole=whole)
        status["runtime"] = {
            "connections": len(self.listeners.connections) + len(self.web_outlets),
            "longestStall": round(self._longest_stall, 3),
            "recentStall": round(max(self._stalls, default=0.0), 3),
            "portFailures": list(self._failures),
            "authentication": self.authentication.status(),
        }
        ports = self.listeners.status()
        for port in status.get("ports", ()):
            port.update(ports.get(port["port"], {}), open=port["port"] in ports)
        now = time.monotonic()
        status["alarms"] += [
            {"alarm": "port", "text": text, "since": round(now - since, 1)}
            for text, since in self._failures.items()
        ]
        status["alarms"] += self.certificates.alarms(now)
        if self.pruning is not None:
            status["alarms"] += self.pruning.alarms(now)
        if self.history is not None:
            status["history"] = history = self.history.status()
            if history["error"]:
                text = f"the history log cannot be written: {history['error']}"
                alarm = {"alarm": "history", "text": text, "since": history["failingFor"]}
                status["alarms"].append(alarm)
        if self.copy is not None:
            status["localCopy"] = copy = self.copy.status()
            if copy["error"]:
                text = f"the local copy cannot be written: {copy['error']}"
                alarm = {"alarm": "copy", "text": text, "since": copy["failingFor"]}
                status["alarms"].append(alarm)
        return status

    # ------------------------------------------------------------ commands

    def _send(self, command: c.Send) -> None:
        outlet = self._outlet(command.connection)
        if outlet is not None:
            outlet.send(command.messages)

    def _broadcast(self, command: c.Broadcast) -> None:
        framed = frames.frame(command.messages)
        for number in self.listeners.broadcast(command.connections, framed):
            if (outlet := self.web_outlets.get(number)) is not None:
                outlet.send(command.messages)

    def _close(self, command: c.Close) -> None:
        outlet = self._outlet(command.connection)
        if outlet is not None:
            outlet.close(command.code, command.reason)

    def _admit(self, command: c.Admit) -> None:
        outlet = self._outlet(command.connection)
        if outlet is not None:
            outlet.admit()

    def _pause_reading(self, command: c.PauseReading) -> None:
        outlet = self._outlet(command.connection)
        if outlet is not None:
            outlet.hold()

    def _resume_reading(self, command: c.ResumeReading) -> None:
        outlet = self._outlet(command.connection)
        if outlet is not None:
            outlet.release()

    def _set_keep_alive(self, command: c.SetKeepAlive) -> None:
        outlet = self._outlet(command.connection)
        if outlet is not None:
            outlet.set_keep_alive(command.timeout)

    def _probe(self, command: c.Probe) -> None:
        outlet = self._outlet(command.connection)
        if outlet is not None:
            outlet.probe()

    def _outlet(self, number: int) -> Outlet | None:
        return self.listeners.connections.get(number) or self.web_outlets.get(number)

    def _configure(self, command: c.Configure) -> None:
        listeners = self.listeners
        listeners.configure(
            command.output_limit, command.total_output_limit, command.response_timeout
        )
        for complaint in listeners.balancers.configure(
            command.balancer_networks, command.balancer_protocol
        ):
            log.warning("option ignored", option="balancer-networks", complaint=complaint)
        self._set_verbosity(command.verbose)

    def _again(self, command: c.Again) -> None:
        self._tasks.append(command.task)
        if self._working is None:
            self._working = self._loop.call_soon(self._work)

    def _write(self, command: c.Write) -> None:
        assert self.database is not None, "a node without a database commands no writes"
        self.database.write(command)

    def _reload(self, command: c.Reload) -> None:
        assert self.database is not None
        self.database.reload(command.reason)

    def _read_transactions(self, command: c.ReadTransactions) -> None:
        assert self.database is not None
        self.database.read_transactions(command)

    def _new_epoch(self, command: c.NewEpoch) -> None:
        assert self.database is not None
        self.database.new_epoch(command)

    def _authenticate(self, command: c.Authenticate) -> None:
        self.authentication.check(command)

    def _keep_accounts(self, command: c.KeepAccounts) -> None:
        if self.accounts is not None:
            self.accounts.keep(command.states)

    def _keep_term(self, command: c.KeepTerm) -> None:
        if self.terms is not None:
            self.terms.keep(command.term)

    def _set_password(self, command: c.SetPassword) -> None:
        assert self.database is not None, "passwords are set at a master"
        self.database.set_password(command)

    def _listen(self, command: c.Listen) -> None:
        first = self._ports is None
        self._ports, self._shut = command.ports, command.shut
        self._open_ports()
        if first and self._ports and not self.listeners.is_listening:
            self._halt(next(iter(self._failures)))

    def _connect_link(self, command: c.ConnectLink) -> None:
        self.links[command.link].connect(command)

    def _prove_link(self, command: c.ProveLink) -> None:
        self.links[command.link].prove(command.salt, command.iterations)

    def _send_link(self, command: c.SendLink) -> None:
        self.links[command.link].send(command.messages)

    def _close_link(self, command: c.CloseLink) -> None:
        self.links[command.link].close(command.reason)

    def _keep(self, command: c.Keep) -> None:
        if self.history is not None:
            self.history.keep(command.entries)

    def _configure_history(self, command: c.ConfigureHistory) -> None:
        if self.history is not None:
            self.history.configure(command)

    def _hold_history(self, command: c.HoldHistory) -> None:
        if self.history is not None:
            self.history.hold(command.held)

    def _order_history(self, command: c.ReadSession | c.ReadEntries | c.TakeEntries) -> None:
        assert self.history is not None, "entries are exchanged by servers that keep some"
        self.history.order(command)

    def _read_history(self, command: c.ReadHistory | c.FindPast | c.FindDifferences) -> None:
        assert self.history is not None
        self.history.read_history(command)

    def _read_copy(self, command: c.ReadCopy) -> None:
        assert self.copy is not None, "a node that reads a local copy has one"
        self.copy.read()

    def _refuse_copy(self, command: c.RefuseCopy) -> None:
        assert self.copy is not None
        self.copy.refuse(command.reason)

    def _write_copy(self, command: CopyOrder) -> None:
        assert self.copy is not None
        self.copy.write(command)

    def _end_process(self, command: c.End) -> None:
        self._end(command.reason)

    def _stop(self, command: c.Stop) -> None:
        self._halt(command.reason)

    def _log(self, command: c.Log) -> None:
        getattr(log, command.level)(command.event, **command.fields)

    # ------------------------------------------------------------ turns of the loop

    def _work(self) -> None:
        """Give put-off tasks their turns, one after another, for a short while."""
        self._working = None
        slice_ = self.slices.next(self._left_at)
        begun = now = time.monotonic()
        steps = len(self._tasks)
        # A task that is put off again goes to the end: all get on at the same pace.
        while self._tasks and (steps > 0 or now - begun < slice_.least):
            self.tell(e.Resumed(self._tasks.popleft()))
            steps -= 1
            now = time.monotonic()
            if now - begun > max(slice_.tasks, slice_.least):
                break
        self._left_at = now if self._tasks else None
        if self._tasks and self._working is None:
            self._working = self._loop.call_soon(self._work)

    def _pulse(self) -> None:
        stall = self._ticker.take_worst_stall()
        self._longest_stall = max(self._longest_stall, stall)
        self._stalls.append(stall)
        if stall > STALL_WORTH_A_LINE:
            log.warning("the event loop stalled", seconds=round(stall, 3))
        self._pulses += 1
        if self._pulses % PULSES_A_TICK == 0:
            self._tick()

    def _tick(self) -> None:
        now = time.monotonic()
        self.listeners.sweep(now)
        for outlet in list(self.web_outlets.values()):
            outlet.sweep(now)
        for link in self.links.values():
            link.sweep(now)
        if self._failures and now >= self._retry_at:
            self._open_ports()
        self.certificates.sweep(now)
        self.tell(e.Ticked())
        if self._loaded is not None and (self.node.ready() or self.node.stands_by()):
            loaded, self._loaded = self._loaded, None
            loaded()

    def _open_ports(self) -> None:
        failures = self.listeners.listen(self._ports or ())
        if not self._ports and not self._shut:
            failures = [NO_PORT]
        for failure in failures:
            if failure not in self._failures:
                log.error("a port is not open", reason=failure)
        now = time.monotonic()
        self._failures = {failure: self._failures.get(failure, now) for failure in failures}
        self._retry_at = now + PORT_RETRY


_RUN: dict[type[c.Command], Callable[[Worker, Any], None]] = {
    c.Broadcast: Worker._broadcast,
    c.Close: Worker._close,
    c.Admit: Worker._admit,
    c.PauseReading: Worker._pause_reading,
    c.ResumeReading: Worker._resume_reading,
    c.SetKeepAlive: Worker._set_keep_alive,
    c.Probe: Worker._probe,
    c.Configure: Worker._configure,
    c.Again: Worker._again,
    c.Write: Worker._write,
    c.Reload: Worker._reload,
    c.ReadTransactions: Worker._read_transactions,
    c.NewEpoch: Worker._new_epoch,
    c.Authenticate: Worker._authenticate,
    c.KeepAccounts: Worker._keep_accounts,
    c.KeepTerm: Worker._keep_term,
    c.SetPassword: Worker._set_password,
    c.Listen: Worker._listen,
    c.ConnectLink: Worker._connect_link,
    c.ProveLink: Worker._prove_link,
    c.SendLink: Worker._send_link,
    c.CloseLink: Worker._close_link,
    c.Keep: Worker._keep,
    c.ConfigureHistory: Worker._configure_history,
    c.HoldHistory: Worker._hold_history,
    c.ReadSession: Worker._order_history,
    c.ReadEntries: Worker._order_history,
    c.TakeEntries: Worker._order_history,
    c.ReadHistory: Worker._read_history,
    c.FindPast: Worker._read_history,
    c.FindDifferences: Worker._read_history,
    c.ReadCopy: Worker._read_copy,
    c.RefuseCopy: Worker._refuse_copy,
    c.BeginCopy: Worker._write_copy,
    c.CopyRows: Worker._write_copy,
    c.CopyEntry: Worker._write_copy,
    c.DateCopy: Worker._write_copy,
    c.End: Worker._end_process,
    c.KeepKeys: Worker._write_copy,
    c.Stop: Worker._stop,
    c.Log: Worker._log,
}
