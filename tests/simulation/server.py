"""A server process: the real node, and a runtime of virtual time that carries out its commands.

It does what `proxyapp.runtime` does, with the same order of events; it can be stopped for a
while, killed, and started again on what its host has kept.
"""

from __future__ import annotations

import base64
from collections.abc import Callable
from random import Random
from typing import Any

from msgspec import structs

from confwire.addp import SilenceWatch, Step
from confwire.handshake import derive
from confwire.messages import TokenKeys
from proxyapp.engine import commands as c
from proxyapp.engine import events as e
from proxyapp.engine.node import Node
from proxyapp.engine.serving import NodeSettings
from tests.proxyapp.engine.bench import PASSWORD, SALTED, Log
from tests.simulation.authority import Authority
from tests.simulation.clock import Clock
from tests.simulation.database import Database
from tests.simulation.disk import CopyWriter, Disk
from tests.simulation.election import Election
from tests.simulation.network import PING, PONG, Goodbye, Item, Line, Network
from tests.simulation.story import Story, Violation

TICK = 0.5
TURN = 0.001
"""Seconds of one turn of the loop, when there is work for several."""
CLOSE_LIMIT = 2.0
PROBE_LIMIT = 2.5
_HARD_LIMIT = 2_000_000
_TROUBLE = {"request failed", "data diverged from the master's", "data diverged from the database"}
"""Log records that a right server never writes."""


class Host:
    """A machine: its clock and its disk outlive the processes on it."""

    def __init__(self, name: str, application: str) -> None:
        self.name = name
        self.offset = 0.0
        """Seconds by which its wall clock is wrong."""
        self.disk = Disk()
        self.keys: TokenKeys | None = None
        """The keys of resume tokens, beside the local copy."""
        self.pair_term = 0
        """The highest term of a pair that a process here has heard of."""
        self.history = Log(f"store of {application}")

    def image(self) -> tuple[Any, Any]:
        """Return a copy of what is on its disk: the local copy, the history log."""
        return self.disk.image(), self.history.image()


class Server:
    """One server of the world, with all its processes one after another."""

    def __init__(
        self,
        application: str,
        clock: Clock,
        network: Network,
        random: Random,
        settings: NodeSettings,
        born: float,
        output_limit: int,
        story: Story,
        directory: dict[str, Server],
        database: Database | None = None,
        taken: Log | None = None,
    ) -> None:
        self.application = application
        self.host = application
        self.machine = Host(application, application)
        self.random = random
        self.clock = clock
        self.network = network
        self.output_limit = output_limit
        self._story = story
        self._settings = settings
        self._born = born
        self._database = database
        self._directory = directory
        """All servers, by the names of their hosts."""
        self._taken = taken or self.machine.history
        self._numbers = 0
        self.lives = 0
        """Processes so far."""
        self.is_running = False
        self.is_paused = False
        self.loads: list[tuple[str, int]] = []
        """Epoch and revision of each load of the present process, the first one included."""
        self.site = 0
        """DBID of the application whose site limit counts here; 0: all is shown."""
        self.known_as = application
        """As which application it answers its clients."""
        self.ends = 0
        """Times that it ended itself."""
        if database is not None:
            database.listeners.append(self._notified)

    def __repr__(self) -> str:
        return f"<Server {self.application} life {self.lives}>"

    # ------------------------------------------------------------ the process

    def start(self) -> None:
        """Start a process, unless one runs."""
        if self.is_running:
            return
        self.is_running, self.is_paused = True, False
        self.lives += 1
        self._backlog: list[tuple[Callable[..., None], tuple[Any, ...]]] = []
        self._offset = self._born + self.machine.offset
        self.ports: dict[int, str] = {}
        """The IDs of the open ports, by their numbers."""
        self.outlets: dict[int, Outlet] = {}
        self._tasks: list[Any] = []
        self._working = False
        self._response_timeout = 600.0
        self.loads = []
        if self._database is None:
            self.machine.history.open(f"store of {self.application} since life {self.lives}")
        make = Node.for_master if self._database is not None else Node.for_proxy
        term, run = self.machine.pair_term, str(self.lives)
        self.node = make(structs.replace(self._settings, pair_term=term, run=run))
        self.links = {name: Link(self, name) for name in ("master", "peer")}
        disk, keys = self.machine.disk, self.machine.keys
        self.copy = CopyWriter(disk, self.tell, self.later, self.application, keys)
        self.authority: Authority | None = None
        self._election: Election | None = None
        if self._database is not None:
            self._start_authority(self._database)
        self.later(self.random.random() * TICK, self._tick)
        self._run(self.node.start(self.now()))

    def _start_authority(self, database: Database) -> None:
        if not self._settings.elects:
            self.authority = Authority(database, self.tell, self.later, self.random, lambda: True)
        else:
            instance = f"{self.application} {self.lives}"
            self._election = election = Election(
                database, self.application, instance, lambda: self.clock.now, self.later,
                self._announce, self.tell,
            )  # fmt: skip
            self.authority = Authority(
                database, self.tell, self.later, self.random,
                lambda: election.may_write and database.instance == instance,
            )  # fmt: skip
            election.start()
        self.authority.start()

    def _announce(self, elected: e.Elected | None) -> None:
        assert self.authority is not None
        self.authority.announce(elected)

    def kill(self) -> None:
        """End the process at once; the kernel ends its connections."""
        if not self.is_running:
            return
        self.is_running = self.is_paused = False
        self.lives += 1
        if self._election is not None and self._database is not None:
            self._database.release_lock(self._election.instance)
        gently = self.random.random() < 0.5
        for outlet in list(self.outlets.values()):
            outlet.line.leave(1, "the process is gone", gently=gently)
        for link in self.links.values():
            if link.line is not None:
                link.line.leave(0, "the process is gone", gently=gently)

    def lose_power(self) -> None:
        """End the process with its machine: nobody is told."""
        if not self.is_running:
            return
        self.is_running = self.is_paused = False
        self.lives += 1
        for line in list(self.network.lines):
            if line.hosts[0] == self.host or (self.host in line.hosts and line.is_up):
                line.fall_silent(self.host)

    def pause(self) -> None:
        """Stop the process for a while; its kernel still takes connections and data."""
        self.is_paused = self.is_running

    def go_on(self) -> None:
        """Let a stopped process go on: all that came meanwhile is there at once."""
        if not self.is_paused:
            return
        self.is_paused = False
        backlog, self._backlog = self._backlog, []
        life = self.lives
        for do, arguments in backlog:
            if self.lives == life:
                do(*arguments)
        if self.lives == life:
            for outlet in list(self.outlets.values()):
                outlet.ready()
            for link in self.links.values():
                link.ready()

    def later(self, delay: float, do: Callable[..., None], *arguments: Any) -> None:
        """Call something in this process in so many seconds, if it still lives."""
        self.clock.after(delay, self._call, self.lives, do, arguments)

    def _call(self, life: int, do: Callable[..., None], arguments: tuple[Any, ...]) -> None:
        if life != self.lives:
            return
        if self.is_paused:
            self._backlog.append((do, arguments))
        else:
            do(*arguments)

    def now(self) -> float:
        """Return what the process takes for the present time."""
        return self._offset + self.clock.now

    @property
    def is_master(self) -> bool:
        return self._database is not None

    def has_loaded(self, place: tuple[str, int]) -> bool:
        """Whether a load has brought the present process to this place."""
        return place in self.loads

    @property
    def is_able(self) -> bool:
        """Whether the process works."""
        return self.is_running and not self.is_paused

    def tell(self, event: e.Event) -> None:
        """Tell the node an event and do what it commands."""
        self._run(self.node.handle(event, self.now()))

    def _run(self, given: list[c.Command]) -> None:
        life = self.lives
        for command in given:
            _RUN[command.__class__](self, command)
            if self.lives != life:
                return

    def _notified(self) -> None:
        if self.is_running and self.authority is not None and self.random.random() < 0.9:
            self.authority.wake()

    # ------------------------------------------------------------ turns

    def _tick(self) -> None:
        self.later(TICK, self._tick)
        now = self.clock.now
        for outlet in list(self.outlets.values()):
            outlet.sweep(now)
        for link in self.links.values():
            link.sweep(now)
        self.tell(e.Ticked())

    def _work(self) -> None:
        """Give every put-off task one turn."""
        self._working = False
        tasks, self._tasks = self._tasks, []
        life = self.lives
        for task in tasks:
            self.tell(e.Resumed(task))
            if self.lives != life:
                return

    # ------------------------------------------------------------ connections

    def is_open(self, port: int) -> bool:
        """Whether the host completes connections for it."""
        return self.is_running and port in self.ports

    @property
    def serves(self) -> bool:
        """Whether clients get in."""
        return self.is_running and "default" in self.ports.values()

    def behind(self, line: Line) -> Server:
        """Return who has a connection that was asked for here."""
        return self

    @property
    def leads(self) -> bool:
        """Whether this master may write."""
        return self.is_running and self.authority is not None and self.authority.may_write()

    def knock(self, line: Line, port: int) -> None:
        """Somebody connects."""
        self.later(0.0, self._accept, line, port)

    def _accept(self, line: Line, port: int) -> None:
        if line.is_over or port not in self.ports:
            return
        self._numbers += 1
        number = self._numbers
        outlet = self.outlets[number] = Outlet(self, number, line)
        line.accept(outlet)
        peer, port_id = f"{line.hosts[0]}:{number}", self.ports[port]
        self.tell(e.Connected(number, peer, port_id, True, self.nonce()))

    def nonce(self) -> str:
        return base64.b64encode(self.random.randbytes(18)).decode()

    def outlet(self, number: int) -> Outlet | None:
        return self.outlets.get(number)

    # ------------------------------------------------------------ commands

    def _send(self, command: c.Send) -> None:
        outlet = self.outlets.get(command.connection)
        if outlet is not None:
            outlet.send(command.messages)

    def _broadcast(self, command: c.Broadcast) -> None:
        for number in command.connections:
            outlet = self.outlets.get(number)
            if outlet is not None:
                outlet.send(command.messages)

    def _close(self, command: c.Close) -> None:
        outlet = self.outlets.get(command.connection)
        if outlet is not None:
            outlet.close(command.code, command.reason)

    def _hold(self, command: c.PauseReading) -> None:
        outlet = self.outlets.get(command.connection)
        if outlet is not None:
            outlet.is_held = True

    def _release(self, command: c.ResumeReading) -> None:
        outlet = self.outlets.get(command.connection)
        if outlet is not None and outlet.is_held:
            outlet.is_held = False
            self.later(0.0, outlet.ready)

    def _keep_alive(self, command: c.SetKeepAlive) -> None:
        outlet = self.outlets.get(command.connection)
        if outlet is not None:
            outlet.set_keep_alive(command.timeout)

    def _probe(self, command: c.Probe) -> None:
        outlet = self.outlets.get(command.connection)
        if outlet is not None:
            outlet.probe()

    def _configure(self, command: c.Configure) -> None:
        self._response_timeout = command.response_timeout

    @property
    def response_timeout(self) -> float:
        return self._response_timeout

    def _again(self, command: c.Again) -> None:
        self._tasks.append(command.task)
        if not self._working:
            self._working = True
            self.later(TURN, self._work)

    def _listen(self, command: c.Listen) -> None:
        self.ports = {port.port: port.id for port in command.ports}

    def _end(self, command: c.End) -> None:
        """Nobody needs it any more; a supervisor starts it again."""
        self.kill()
        self.clock.after(1.0, self.start)

    def _stop(self, command: c.Stop) -> None:
        """It ends itself; a supervisor starts it again."""
        self.ends += 1
        self._story.tell(self.application, "ended itself", {"reason": command.reason})
        self.kill()
        self.clock.after(2.0, self.start)

    def _keep(self, command: c.Keep) -> None:
        self.later(0.01, self._kept, command)

    def _kept(self, command: c.Keep) -> None:
        self.tell(self.machine.history.keep(command.entries))

    def _read_entries(self, command: c.ReadEntries) -> None:
        self.later(0.01, self._entries_read, command)

    def _entries_read(self, command: c.ReadEntries) -> None:
        self.tell(self.machine.history.read(command))

    def _take_entries(self, command: c.TakeEntries) -> None:
        self.later(0.01, self._entries_taken, command)

    def _entries_taken(self, command: c.TakeEntries) -> None:
        self.tell(self._taken.take(command))

    def _connect_link(self, command: c.ConnectLink) -> None:
        self.links[command.link].connect(self._directory[command.host], command)

    def _prove_link(self, command: c.ProveLink) -> None:
        known = (command.salt, command.iterations) == (b"0123456789abcdef", 4096)
        keys = SALTED if known else derive(PASSWORD, command.salt, command.iterations)
        self.later(0.01, self.tell, e.LinkProved(keys, command.link))

    def _send_link(self, command: c.SendLink) -> None:
        self.links[command.link].send(command.messages)

    def _close_link(self, command: c.CloseLink) -> None:
        self.links[command.link].close(command.reason)

    def _log(self, command: c.Log) -> None:
        self._story.tell(self.application, command.event, command.fields)
        if command.event in _TROUBLE:
            raise Violation("NoSilentHang", f"{self!r} logs: {command.event} {command.fields}")
        if command.event == "load ended":
            self.loads.append((command.fields["epoch"], command.fields["revision"]))

    def _keep_keys(self, command: c.KeepKeys) -> None:
        self.machine.keys = command.keys

    def _keep_term(self, command: c.KeepTerm) -> None:
        self.machine.pair_term = command.term

    def _nothing(self, command: c.Command) -> None:
        """What has no effect here."""


_RUN: dict[type[c.Command], Callable[[Server, Any], None]] = {
    c.Send: Server._send,
    c.Broadcast: Server._broadcast,
    c.Close: Server._close,
    c.Admit: Server._nothing,
    c.PauseReading: Server._hold,
    c.ResumeReading: Server._release,
    c.SetKeepAlive: Server._keep_alive,
    c.Probe: Server._probe,
    c.Configure: Server._configure,
    c.Again: Server._again,
    c.Write: lambda server, command: server.authority.write(command),
    c.Listen: Server._listen,
    c.ConnectLink: Server._connect_link,
    c.ProveLink: Server._prove_link,
    c.SendLink: Server._send_link,
    c.CloseLink: Server._close_link,
    c.ReadTransactions: lambda server, command: server.authority.read_transactions(command),
    c.NewEpoch: lambda server, command: server.authority.new_epoch(command),
    c.Reload: lambda server, command: server.authority.reload(command.reason),
    c.Keep: Server._keep,
    c.ConfigureHistory: Server._nothing,
    c.ReadEntries: Server._read_entries,
    c.TakeEntries: Server._take_entries,
    c.ReadCopy: lambda server, command: server.copy.read(),
    c.RefuseCopy: lambda server, command: server.copy.refuse(command.reason),
    c.BeginCopy: lambda server, command: server.copy.write(command),
    c.CopyRows: lambda server, command: server.copy.write(command),
    c.CopyEntry: lambda server, command: server.copy.write(command),
    c.DateCopy: lambda server, command: server.copy.write(command),
    c.KeepKeys: Server._keep_keys,
    c.KeepAccounts: Server._nothing,
    c.KeepTerm: Server._keep_term,
    c.HoldHistory: Server._nothing,
    c.End: Server._end,
    c.Stop: Server._stop,
    c.Log: Server._log,
}


class Outlet:
    """The server's end of a connection."""

    def __init__(self, server: Server, number: int, line: Line) -> None:
        self.host = server.host
        self.line = line
        self._server = server
        self._life = server.lives
        self._number = number
        self.is_held = False
        self._is_blocked = False
        self._is_closing = False
        self._blocked_at = 0.0
        self._probed_at = -1.0
        self._close_by = 0.0
        self._keep_alive = 0.0
        self._silence = SilenceWatch(0, server.clock.now)

    def send(self, messages: Any) -> None:
        """Send text messages; too much that is not read blocks the connection."""
        if self._is_closing:
            return
        self.line.send(1, list(messages))
        unread = self.line.unread(1)
        if not self._is_blocked and unread > self._server.output_limit:
            self._is_blocked, self._blocked_at = True, self._server.clock.now
            self._server.later(0.0, self._tell, e.Blocked(self._number))
        if unread > _HARD_LIMIT:
            raise Violation("NoSilentHang", f"{unread} bytes wait for a reader that takes none")

    def relieved(self) -> None:
        """The reader has taken something."""
        self._blocked_at = self._server.clock.now
        if self._is_blocked and not self.line.unread(1):
            self._is_blocked = False
            self._server.later(0.0, self._drained)

    def _drained(self) -> None:
        if self._number in self._server.outlets:
            self._server.tell(e.Drained(self._number))
            self.ready()

    def _tell(self, event: e.Event) -> None:
        if self._number in self._server.outlets:
            self._server.tell(event)

    def ready(self) -> None:
        """Take what has arrived, unless nothing is to be read."""
        server = self._server
        if self._life != server.lives or not server.is_able:
            return
        if self._number not in server.outlets:
            return
        if (self.is_held or self._is_blocked) and not self._is_closing:
            return
        items = self.line.pull(1)
        if items:
            self._probed_at = -1.0
            self._silence.change(self._keep_alive, server.clock.now)
            self._take(items)

    def _take(self, items: list[Item]) -> None:
        messages = [item for item in items if item.__class__ is bytes]
        if PING in items and not self._is_closing:
            self.line.send(1, [PONG])
        if messages and not self._is_closing:
            self._server.tell(e.Received(self._number, messages))  # type: ignore[arg-type]
        for item in items:
            if isinstance(item, Goodbye):
                self._gone(f"closed by the client: {item.code}")

    def close(self, code: int, reason: str) -> None:
        """Send CLOSE behind what was sent, and wait for the answer."""
        if not self._is_closing:
            self._is_closing = True
            self._close_by = self._server.clock.now + CLOSE_LIMIT
            self.line.send(1, [Goodbye(code, reason)])

    def broken(self, line: Line, reason: str, gone: bool) -> None:
        """The other end is gone."""
        self._server.later(0.0, self._gone, reason, gone and not self._is_closing)

    def _gone(self, reason: str, gone: bool = False) -> None:
        server = self._server
        if server.outlets.get(self._number) is self and self._life == server.lives:
            del server.outlets[self._number]
            self.line.leave(1, reason)
            server.tell(e.Disconnected(self._number, reason, gone))

    def set_keep_alive(self, timeout: float) -> None:
        self._keep_alive = timeout
        self._silence.change(timeout, self._server.clock.now)

    def probe(self) -> None:
        """Poll now; a line that does not answer in time is dead."""
        now = self._server.clock.now
        if not self._silence.is_polled:
            timeout = self._silence.timeout or PROBE_LIMIT
            self._silence.change(timeout, now - timeout)
            self._probed_at = now
        self._look_for_life(now)

    def sweep(self, now: float) -> None:
        """Look after a peer that is silent, does not read, or does not part."""
        if self._is_closing:
            if now >= self._close_by:
                self._gone("it did not answer the CLOSE")
            return
        if self._is_blocked and now - self._blocked_at > self._server.response_timeout:
            self._gone("it does not read what it is sent")
            return
        stuck = self._is_blocked and self._blocked_at <= self._probed_at
        if (self.is_held or self._is_blocked) and not stuck:
            self._silence.heard(now)
        self._look_for_life(now)

    def _look_for_life(self, now: float) -> None:
        step = self._silence.step(now)
        if step is Step.POLL:
            self.line.send(1, [PING])
        elif step is Step.LOST:
            self.close(4004, "nothing was heard")


class Link:
    """A proxy's end of a connection to another server, or its attempt at one."""

    def __init__(self, server: Server, name: str) -> None:
        self.host = server.host
        self._server = server
        self._name = name
        self._life = server.lives
        self.line: Line | None = None
        self._is_up = False
        self._silence = SilenceWatch(0, 0)
        self._keep_alive = 0.0
        self._attempts = 0

    def connect(self, other: Server, command: c.ConnectLink) -> None:
        self._keep_alive = command.keep_alive
        self._attempts += 1
        self._drop()
        self._server.later(command.delay, self._dial, self._attempts, other, command.port)

    def _drop(self) -> None:
        line, self.line, self._is_up = self.line, None, False
        if line is not None:
            line.leave(0, "another connection is tried")

    def _dial(self, attempt: int, other: Server, port: int) -> None:
        if attempt == self._attempts:
            self.line = self._server.network.dial(self, other, port)

    def connected(self, line: Line) -> None:
        self._server.later(0.0, self._connected, line)

    def _connected(self, line: Line) -> None:
        if line is self.line:
            self._is_up = True
            self._silence = SilenceWatch(self._keep_alive, self._server.clock.now)
            self._server.tell(e.LinkOpened(self._server.nonce(), True, self._name))
            self.ready()

    def ready(self) -> None:
        server = self._server
        if self._life != server.lives or not server.is_able:
            return
        if self.line is None or not self._is_up:
            return
        items = self.line.pull(0)
        if not items:
            return
        self._silence.heard(server.clock.now)
        if PING in items:
            self.line.send(0, [PONG])
        messages = [item for item in items if item.__class__ is bytes]
        if messages:
            server.tell(e.LinkReceived(messages, self._name))  # type: ignore[arg-type]
        for item in items:
            if isinstance(item, Goodbye):
                self._lost(f"the other one closed: {item.reason}", item.code, item.code == 1001)

    def relieved(self) -> None:
        """The other server has read something."""

    def broken(self, line: Line, reason: str, gone: bool) -> None:
        self._server.later(0.0, self._broken, line, reason, gone)

    def _broken(self, line: Line | None, reason: str, gone: bool) -> None:
        if line is self.line:
            self._lost(reason, 0, gone)

    def send(self, messages: Any) -> None:
        if self.line is not None and self._is_up:
            self.line.send(0, list(messages))

    def close(self, reason: str) -> None:
        if self.line is None:
            self._attempts += 1  # the one that is on its way is given up
        self._server.later(0.0, self._closed, self._attempts, self.line, reason)

    def _closed(self, attempt: int, line: Line | None, reason: str) -> None:
        if line is not None:
            self._broken(line, reason, False)
        elif attempt == self._attempts:
            self._server.tell(e.LinkLost(reason, 0, self._server.random.random(), self._name))

    def _lost(self, reason: str, code: int, gone: bool = False) -> None:
        if self._life != self._server.lives:
            return
        line, self.line, self._is_up = self.line, None, False
        if line is not None:
            line.leave(0, reason)
            jitter = self._server.random.random()
            self._server.tell(e.LinkLost(reason, code, jitter, self._name, gone))

    def sweep(self, now: float) -> None:
        if not self._is_up or self.line is None:
            return
        step = self._silence.step(now)
        if step is Step.POLL:
            self.line.send(0, [PING])
        elif step is Step.LOST:
            self._lost("nothing was heard", 0)
