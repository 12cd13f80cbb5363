"""Sessions that ask for much, and then read nothing, or a byte a second."""

from __future__ import annotations

import asyncio
import contextlib
import os
from typing import Any

from benchmarks.generators.session import Account, frame, open_sessions

_LISTS = 40
"""Reads of everything that each session asks for: far more than may wait for it."""


class Load:
    """Sessions of slow clients."""

    async def begin(self, port: int, user: str, password: str, sessions: int) -> dict[str, Any]:
        """Log in, subscribe to everything, ask for everything many times, and read no more."""
        asked = frame({"message": "registerNotification", "ref": 1, "snapshot": True,
                       "subscriptions": [{"types": ["skill"]}]})  # fmt: skip
        asked += frame({"message": "readObjects", "ref": 2, "objectType": "skill"}) * _LISTS
        self._transports = await open_sessions(port, Account(user, password), sessions)
        for transport in self._transports:
            transport.set_protocol(asyncio.Protocol())
            transport.pause_reading()
            transport.write(asked)
        return {}

    async def drip(self, seconds: float) -> dict[str, Any]:
        """Read a byte a second from each."""
        numbers = [transport.get_extra_info("socket").fileno() for transport in self._transports]
        for _ in range(int(seconds)):
            for number in numbers:
                with contextlib.suppress(BlockingIOError):  # the server has not come so far
                    os.read(number, 1)
            await asyncio.sleep(1.0)
        return {}
