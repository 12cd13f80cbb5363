"""Point reads at a steady pace, whatever the server does: how long does each answer take?"""

from __future__ import annotations

import asyncio
import os
import random
import time
from collections import deque
from contextlib import suppress
from typing import Any

from benchmarks.generators.session import Account, frame, open_sessions

_MARK = b'"message":"objectsRead"'
_TICK = 0.001
_SETTLE = 0.5


class _Reader(asyncio.Protocol):
    """A session whose answers come in the order of its requests, each with the mark once."""

    def __init__(self, transport: asyncio.Transport, waits: list[float]) -> None:
        self._transport = transport
        self._sent: deque[float] = deque()
        self._waits = waits
        self._part = b""
        transport.set_protocol(self)

    def ask(self, request: bytes) -> None:
        self._sent.append(time.monotonic())
        self._transport.write(request)

    def data_received(self, data: bytes) -> None:
        whole = self._part + data
        self._part = whole[1 - len(_MARK) :]
        now = time.monotonic()
        for _ in range(whole.count(_MARK)):
            self._waits.append(now - self._sent.popleft())


class Load:
    """Sessions that read random objects by DBID."""

    async def begin(
        self, port: int, user: str, password: str, sessions: int, first: int, count: int
    ) -> dict[str, Any]:
        """Log in. The objects are those from DBID `first` on."""
        with suppress(PermissionError):
            # What else runs on this core, a master that loads, is no part of how long answers take.
            os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(1))
        self._waits: list[float] = []
        numbers = random.Random(2)
        self._requests = [
            frame({"message": "readObjects", "ref": 1, "objectType": "skill",
                   "filter": {"dbid": first + numbers.randrange(count)}})
            for _ in range(10_000)
        ]  # fmt: skip
        transports = await open_sessions(port, Account(user, password), sessions)
        self._readers = [_Reader(transport, self._waits) for transport in transports]
        return {}

    async def run(self, rate: float, seconds: float) -> dict[str, Any]:
        """Ask for so many objects a second; return the latencies in seconds: worst, p99, median."""
        self._waits.clear()
        begun, asked = time.monotonic(), 0
        while (passed := time.monotonic() - begun) < seconds:
            while asked < passed * rate:
                reader = self._readers[asked % len(self._readers)]
                reader.ask(self._requests[asked % len(self._requests)])
                asked += 1
            await asyncio.sleep(_TICK)
        await asyncio.sleep(_SETTLE)
        if len(self._waits) != asked:
            raise ValueError(f"{asked} requests, {len(self._waits)} answers")
        waits = sorted(self._waits)
        return {"worst": waits[-1], "p99": waits[len(waits) * 99 // 100],
                "median": waits[len(waits) // 2], "rate": asked / passed}  # fmt: skip
