"""A network of connections that can be slow, cut, half open, or end in the middle of a message.

What one end sends arrives in order or not at all; between two connections nothing is in order.
Knows no protocol: an item is a message, or one of the signs of the WebSocket.
"""

from __future__ import annotations

from collections import deque
from random import Random
from typing import Protocol

from tests.simulation.clock import Clock

PING, PONG = "ping", "pong"


class Goodbye:
    """A CLOSE, with its code and reason."""

    def __init__(self, code: int, reason: str) -> None:
        self.code = code
        self.reason = reason


Item = bytes | str | Goodbye
RESET = "something on the way has ended the connection"
TIMEOUT = 4.0
"""Seconds after which an attempt to connect is given up."""


class End(Protocol):
    """One end of a connection."""

    host: str

    def ready(self) -> None:
        """Something has arrived; `Line.pull` hands it over."""

    def relieved(self) -> None:
        """The other end has taken something."""

    def broken(self, line: Line, reason: str, gone: bool) -> None:
        """The connection is gone; `gone`: its host says that the process is not there."""


class Dialer(End, Protocol):
    """The end that asks for a connection."""

    def connected(self, line: Line) -> None:
        """The connection stands."""


class Door(Protocol):
    """Where connections are accepted."""

    host: str

    def is_open(self, port: int) -> bool:
        """Whether the host would complete a connection: somebody listens."""

    def knock(self, line: Line, port: int) -> None:
        """Somebody asks for a connection; `Line.accept` answers."""


class _Pipe:
    """One direction of a connection."""

    __slots__ = ("arrived", "last", "size", "stuck")

    def __init__(self) -> None:
        self.last = 0.0
        self.stuck: deque[tuple[list[Item], int]] = deque()
        """What waits for a cut to be mended, as TCP sends it again and again."""
        self.arrived: deque[tuple[list[Item], int]] = deque()
        self.size = 0
        """Bytes that were sent and not taken."""


class Line:
    """A connection, or the attempt at one: side 0 has dialled, side 1 has accepted."""

    def __init__(self, network: Network, dialer: Dialer, door: Door, random: Random) -> None:
        self._network = network
        self._random = random
        self.ends: list[End | None] = [dialer, None]
        self.hosts = (dialer.host, door.host)
        self._dialer = dialer
        self._pipes = (_Pipe(), _Pipe())
        self.is_up = False
        self.is_over = False
        """Nothing arrives any more."""
        self.is_silent = False
        """Half open: all that is sent vanishes, and nobody is told."""

    def __repr__(self) -> str:
        state = "over" if self.is_over else "silent" if self.is_silent else "up"
        return f"<Line {self.hosts[0]} -> {self.hosts[1]} {state}>"

    def accept(self, end: End) -> None:
        """Side 1 takes the connection."""
        if self.is_over or self.is_silent:
            return
        self.ends[1] = end
        self.is_up = True
        self._network.later(self._random, self._stand)

    def _stand(self) -> None:
        if not self.is_over:
            self._dialer.connected(self)

    # ------------------------------------------------------------ data

    def send(self, side: int, items: list[Item]) -> None:
        """Send from one side."""
        if self.is_over:
            return
        pipe, clock = self._pipes[side], self._network.clock
        size = 0
        for item in items:
            size += len(item) if item.__class__ is bytes else 8  # type: ignore[arg-type]
        pipe.size += size
        pipe.last = max(pipe.last, clock.now + self._network.delay(self._random))
        clock.at(pipe.last, self._arrive, side, items, size)

    def _arrive(self, side: int, items: list[Item], size: int) -> None:
        if self.is_over or self.is_silent:
            return
        pipe = self._pipes[side]
        if pipe.stuck or self._network.is_cut(self, side):
            pipe.stuck.append((items, size))
            return
        pipe.arrived.append((items, size))
        end = self.ends[1 - side]
        if end is not None:
            end.ready()

    def mended(self) -> None:
        """The path may be free again."""
        for side in (0, 1):
            pipe, end = self._pipes[side], self.ends[1 - side]
            if pipe.stuck and not self.is_over and not self._network.is_cut(self, side):
                pipe.arrived += pipe.stuck
                pipe.stuck.clear()
                if end is not None:
                    end.ready()

    def pull(self, side: int) -> list[Item]:
        """Take what has arrived at one side."""
        pipe = self._pipes[1 - side]
        found: list[Item] = []
        while pipe.arrived:
            items, size = pipe.arrived.popleft()
            pipe.size -= size
            found += items
        if found and (sender := self.ends[1 - side]) is not None:
            sender.relieved()
        return found

    def pull_one(self, side: int) -> list[Item]:
        """Take the oldest of what has arrived at one side, as a slow reader does."""
        pipe = self._pipes[1 - side]
        if not pipe.arrived:
            return []
        items, size = pipe.arrived.popleft()
        pipe.size -= size
        if (sender := self.ends[1 - side]) is not None:
            sender.relieved()
        return items

    def unread(self, side: int) -> int:
        """Return the bytes that this side has sent and the other has not taken."""
        return self._pipes[side].size

    # ------------------------------------------------------------ the end

    def leave(self, side: int, reason: str, *, gently: bool = True) -> None:
        """One side is gone; the other is told after what was sent, or at once by a reset."""
        self.ends[side] = None
        if self.is_over:
            return
        if self.is_silent:
            self._forget_silent()
        elif gently:
            self._network.clock.at(
                max(self._pipes[side].last, self._network.clock.now)
                + self._network.delay(self._random),
                self._part, side, reason,
            )  # fmt: skip
        else:
            self._network.later(self._random, self._part, side, reason)

    def fall_silent(self, lost: str = "") -> None:
        """Become half open; the end on a host that lost its power is gone."""
        self.is_silent = True
        for side, host in enumerate(self.hosts):
            if host == lost:
                self.ends[side] = None
        self._forget_silent()

    def _forget_silent(self) -> None:
        """Both ends have given up what is half open."""
        if self.ends == [None, None]:
            self.is_over = True
            self._network.forget(self)

    def _part(self, side: int, reason: str) -> None:
        if self.is_silent or self.is_over:
            return
        if self._network.is_cut(self, side):
            self._network.clock.after(0.2, self._part, side, reason)
            return
        self.is_over = True
        other = self.ends[1 - side]
        self.ends[1 - side] = None
        if other is not None:
            other.broken(self, reason, True)
        self._network.forget(self)

    def reset(self) -> None:
        """Break: both ends are told, and what was on its way is lost."""
        if self.is_over:
            return
        self.is_over = True
        ends, self.ends = self.ends, [None, None]
        self._network.forget(self)
        for end in ends:
            if end is not None:
                self._network.later(self._random, end.broken, self, RESET, False)


class Network:
    """All connections of a world."""

    def __init__(self, clock: Clock, random: Random) -> None:
        self.clock = clock
        self._random = random
        self.lines: list[Line] = []
        self.cuts: dict[tuple[str, str], int] = {}
        """(from, to): nothing gets through, until as many mendings have come."""
        self.latency = random.choice((0.002, 0.01, 0.05))
        self.stalls = random.choice((0.0, 0.02, 0.1))
        """How many of the parcels are held up for much longer."""

    def delay(self, random: Random) -> float:
        """Return how long the next parcel of a connection takes."""
        held_up = random.random() < self.stalls
        return self.latency * (0.5 + random.random()) + (random.random() * 0.5 if held_up else 0)

    def later(self, random: Random, do: object, *arguments: object) -> None:
        """Do something after the time that a parcel takes."""
        self.clock.after(self.delay(random), do, *arguments)  # type: ignore[arg-type]

    def dial(self, dialer: Dialer, door: Door, port: int) -> Line:
        """Ask for a connection; the dialer is told that it stands, or that it is broken."""
        line = Line(self, dialer, door, Random(self._random.random()))
        self.lines.append(line)
        self.clock.after(self.delay(line._random), self._reach, line, door, port)
        self.clock.after(TIMEOUT, self._give_up, line)
        return line

    def _reach(self, line: Line, door: Door, port: int) -> None:
        if line.is_over or self.is_cut(line, 0) or self.is_cut(line, 1):
            return
        if door.is_open(port):
            door.knock(line, port)
        else:
            self._refuse(line, "connection refused", True)

    def _give_up(self, line: Line) -> None:
        if not line.is_up and not line.is_over:
            self._refuse(line, "no answer", False)

    def _refuse(self, line: Line, reason: str, gone: bool) -> None:
        line.is_over = True
        self.forget(line)
        dialer, line.ends[0] = line.ends[0], None
        if dialer is not None:
            dialer.broken(line, reason, gone)

    def forget(self, line: Line) -> None:
        """A connection is over."""
        if line in self.lines:
            self.lines.remove(line)

    # ------------------------------------------------------------ trouble

    def is_cut(self, line: Line, side: int) -> bool:
        """Whether nothing gets through from this side."""
        return bool(self.cuts) and (line.hosts[side], line.hosts[1 - side]) in self.cuts

    def cut(self, one: str, other: str) -> None:
        """Let nothing through from one host to another."""
        self.cuts[one, other] = self.cuts.get((one, other), 0) + 1

    def mend(self, one: str, other: str) -> None:
        """Take back one cut."""
        left = self.cuts.pop((one, other), 0) - 1
        if left > 0:
            self.cuts[one, other] = left
        for line in list(self.lines):
            line.mended()

    def mend_all(self) -> None:
        """Take back every cut."""
        self.cuts.clear()
        for line in list(self.lines):
            line.mended()
