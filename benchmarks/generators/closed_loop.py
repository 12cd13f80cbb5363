"""Closed loops: so many connections, so many requests in flight on each, answers of one size.

As answers are all of one size, bytes are counted, not messages: that is cheap enough for a
generator in Python to ask more than a server can answer.
"""

from __future__ import annotations

import asyncio
import time
from typing import Any

WARM_UP = 0.5
_SETTLE = 0.1
_PROBE, _PROBE_LIMIT = 0.5, 10.0


class Loop(asyncio.Protocol):
    """One connection's loop over the requests, from a place of its own."""

    def __init__(self, transport: asyncio.Transport, requests: list[bytes], start: int) -> None:
        self.answers = 0
        self.size = 0
        """Bytes of an answer."""
        self.running = False
        self.first = b""
        """What came before the loop ran: the answer to `probe`."""
        self._transport = transport
        self._requests = requests
        self._at = start
        self._left = 0
        transport.set_protocol(self)

    def data_received(self, data: bytes) -> None:
        if not self.size:
            self.first += data
            return
        answers, self._left = divmod(self._left + len(data), self.size)
        self.answers += answers
        if answers and self.running:
            self.send(answers)

    def send(self, count: int) -> None:
        """Send the next requests."""
        end = self._at + count
        if end > len(self._requests):
            self._at, end = 0, count
        self._transport.write(b"".join(self._requests[self._at : end]))
        self._at = end

    def connection_lost(self, exc: Exception | None) -> None:
        if self.running:
            raise ConnectionError(f"the server ended a connection: {exc}")


async def probe(loops: list[Loop]) -> bytes:
    """Learn the size of an answer; return one."""
    for loop in loops:
        loop.size, loop.first = 0, b""
        loop.send(1)
    deadline = time.monotonic() + _PROBE_LIMIT
    sizes = {0}
    while (len(sizes) != 1 or 0 in sizes) and time.monotonic() < deadline:
        await asyncio.sleep(_PROBE)
        sizes = {len(loop.first) for loop in loops}
    if len(sizes) != 1 or 0 in sizes:
        raise ValueError(f"answers are not of one size: {sizes}")
    for loop in loops:
        loop.size = len(loops[0].first)
    return loops[0].first


async def run(loops: list[Loop], depth: int, seconds: float) -> dict[str, Any]:
    """Run the loops; return the answers a second, and the part of the core that it took.

    "answers" are all that came, those of the warm-up included.
    """
    for loop in loops:
        loop.running = True
        loop.send(depth)
    await asyncio.sleep(WARM_UP)
    answers, begun, used = sum(loop.answers for loop in loops), time.monotonic(), _cpu()
    await asyncio.sleep(seconds)
    answers, passed = sum(loop.answers for loop in loops) - answers, time.monotonic() - begun
    share = (_cpu() - used) / passed
    for loop in loops:
        loop.running = False
    await asyncio.sleep(_SETTLE)
    if any(loop._left for loop in loops):
        raise ValueError("answers of another size came")
    return {
        "rate": answers / passed,
        "share": share,
        "size": loops[0].size,
        "answers": sum(loop.answers for loop in loops),
    }


def _cpu() -> float:
    return time.process_time()
