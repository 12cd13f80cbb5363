"""Lists: pages of a list one after another, or all objects at once, by one session."""

from __future__ import annotations

import asyncio
import json
import time
from typing import Any

from benchmarks.generators.session import Account, frame, messages, open_session

_END = b'{"message":"objectsSent"'
_LONGEST_END = 200
LIMIT = 60.0
"""Seconds after which an answer is taken for lost."""


class Reader(asyncio.Protocol):
    """A session that waits for each answer."""

    def __init__(self, transport: asyncio.Transport) -> None:
        self.answered = asyncio.Event()
        self.received = 0
        self.parts: list[bytes] = []
        self._tail = b""
        self._missing = 0
        self._whole = False
        self._transport = transport
        transport.set_protocol(self)

    async def ask(self, request: bytes, *, whole: bool) -> float:
        """Send a request; return the seconds until its answer has come.

        The answer is one message, or else all until objectsSent; only `whole` ones are kept.
        """
        self.answered.clear()
        self.received, self._tail, self._missing, self._whole = 0, b"", -1, whole
        self.parts = []
        begun = time.monotonic()
        self._transport.write(request)
        async with asyncio.timeout(LIMIT):
            await self.answered.wait()
        return time.monotonic() - begun

    def data_received(self, data: bytes) -> None:
        self.received += len(data)
        if not self._whole:
            self._tail = self._tail[-_LONGEST_END:] + data[-_LONGEST_END:]
            if _END in self._tail:
                self.answered.set()
            return
        self.parts.append(data)
        if self._missing < 0:  # packets of a page are longer than a frame's header
            self._missing = _frame_size(data)
        self._missing -= len(data)
        if not self._missing:
            self.answered.set()


def _frame_size(data: bytes) -> int:
    size = data[1]
    if size < 126:
        return 2 + size
    wide = 2 if size == 126 else 8
    return 2 + wide + int.from_bytes(data[2 : 2 + wide], "big")


class Load:
    """A session that reads lists."""

    async def begin(self, port: int, user: str, password: str) -> dict[str, Any]:
        """Log in."""
        self._reader = Reader(await open_session(port, Account(user, password)))
        return {}

    async def bulk(self, seconds: float) -> dict[str, Any]:
        """Read all objects again and again; return the bytes a second of each time."""
        request = frame({"message": "readObjects", "ref": 1, "objectType": "skill"})
        rates: list[float] = []
        end = time.monotonic() + seconds
        while not rates or time.monotonic() < end:
            taken = await self._reader.ask(request, whole=False)
            rates.append(self._reader.received / taken)
        return {"rates": rates, "bytes": self._reader.received}

    async def pages(self, requests: list[dict[str, Any]], rows: int, times: int) -> dict[str, Any]:
        """Read each page some times over; return the seconds that each took.

        Raises:
            ValueError: a page has not so many rows.
        """
        frames = [frame({"message": "readObjects", "ref": 1, **page}) for page in requests]
        for request in frames:
            await self._reader.ask(request, whole=True)
            answer, _ = next(messages(b"".join(self._reader.parts)))
            read = json.loads(answer)
            if len(read.get("objects", ())) != rows:
                raise ValueError(f"no page came: {answer[:300]!r}")
        waits = [
            await self._reader.ask(request, whole=True) for _ in range(times) for request in frames
        ]
        return {"waits": waits, "bytes": self._reader.received}
