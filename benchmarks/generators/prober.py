"""One session that reads the same object over and over: how long does a server let it wait?"""

from __future__ import annotations

import asyncio
import os
import time
from contextlib import suppress
from typing import Any

from benchmarks.generators.session import Account, frame, open_session

_PAUSE = 0.001


class _Reader(asyncio.Protocol):
    """A session whose answers are waited for one by one."""

    def __init__(self, transport: asyncio.Transport) -> None:
        self.answered = asyncio.Event()
        transport.set_protocol(self)

    def data_received(self, data: bytes) -> None:
        self.answered.set()


class Load:
    """A session that reads, with pauses of a millisecond."""

    async def begin(self, port: int, user: str, password: str, dbid: int) -> dict[str, Any]:
        """Log in."""
        with suppress(PermissionError):
            # Another generator on this core is no part of how long the server takes.
            os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(1))
        self._transport = await open_session(port, Account(user, password))
        self._reader = _Reader(self._transport)
        self._request = frame({
            "message": "readObjects", "ref": 1, "objectType": "skill", "filter": {"dbid": dbid},
        })  # fmt: skip
        return {}

    async def run(self, seconds: float) -> dict[str, Any]:
        """Read for some seconds; return the latencies in seconds: worst, p99, median."""
        end, waits = time.monotonic() + seconds, []
        while time.monotonic() < end:
            self._reader.answered.clear()
            begun = time.monotonic()
            self._transport.write(self._request)
            await self._reader.answered.wait()
            waits.append(time.monotonic() - begun)
            await asyncio.sleep(_PAUSE)
        waits.sort()
        return {"worst": waits[-1], "p99": waits[len(waits) * 99 // 100],
                "median": waits[len(waits) // 2]}  # fmt: skip
