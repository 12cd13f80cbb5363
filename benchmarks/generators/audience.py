"""Many connections that wait for changes, and the moment at which the last one has all.

What is counted is a text that each delivered change has once, so that changes may be joined in
one message, or one message be cut, in whatever way.
"""

from __future__ import annotations

import asyncio
import time

from benchmarks.generators.session import PING, PONG

LIMIT = 60.0
"""Seconds in which all must have arrived."""


class Audience:
    """Who waits, and how many deliveries are awaited."""

    def __init__(self, mark: bytes) -> None:
        self.mark = mark
        self.size = 0
        self._awaited = 0
        self._start = 0
        """The changes that each had before those that are followed."""
        self.heard = 0
        """The changes that the last one has; the others have as many, while none is on its way."""
        self._left: list[int] = []
        self._lasts: list[float] = []
        self._complete: asyncio.Future[float] | None = None

    def expect(self, changes: int) -> asyncio.Future[float]:
        """Return a future of the time at which all have received so many changes.

        Raises:
            ValueError: more was delivered than had been expected before.
        """
        if self._awaited < 0:
            raise ValueError(f"{-self._awaited} deliveries too many")
        self._awaited = changes * self.size
        self._complete = asyncio.get_running_loop().create_future()
        return self._complete

    def follow(self, changes: int, before: int) -> list[float]:
        """Return a list of the times at which the last has each of the next changes.

        Each must have had as many changes before.
        """
        self._start = before
        self._left = [self.size] * changes
        self._lasts = []
        return self._lasts

    def forget(self) -> None:
        """Take it that what came without being expected had to come."""
        self._awaited = 0
        self._left = []

    def delivered(self, count: int, before: int) -> None:
        """Count deliveries to one who had so many before."""
        self._awaited -= count
        if self._left:
            for number in range(before - self._start, before - self._start + count):
                self._left[number] -= 1
                if not self._left[number]:
                    self._lasts.append(time.time())
        if self._awaited <= 0 and self._complete is not None:
            self._complete.set_result(time.time())
            self._complete = None


class Listener(asyncio.Protocol):
    """One of the audience."""

    def __init__(self, audience: Audience, transport: asyncio.Transport) -> None:
        self._audience = audience
        self._transport = transport
        self.received = 0
        self._part = b""
        self._overlap = len(audience.mark) - 1
        audience.size += 1
        transport.set_protocol(self)

    def data_received(self, data: bytes) -> None:
        audience = self._audience
        whole = self._part + data
        count = whole.count(audience.mark)
        self._part = whole[-self._overlap :]
        if count:
            audience.delivered(count, self.received)
            self.received += count
            audience.heard = self.received
        elif data.startswith(PING):
            self._transport.write(PONG)
