"""Point reads of random keys from Redis in closed loops, in its own protocol (RESP)."""

from __future__ import annotations

import asyncio
import random
from typing import Any

from benchmarks.generators import closed_loop

_AT_ONCE = 1_000
_STORED = b"+OK\r\n"


def command(*words: bytes) -> bytes:
    """Return a command as its bytes."""
    parts = (b"$%d\r\n%s\r\n" % (len(word), word) for word in words)
    return b"*%d\r\n" % len(words) + b"".join(parts)


def key(number: int) -> bytes:
    """Return a key; all are of one length."""
    return b"key:%012d" % number


class Load:
    """Connections that read keys all of which there are, with values of one size."""

    async def begin(self, port: int, connections: int, keys: int, size: int) -> dict[str, Any]:
        """Store a value of `size` bytes under each key, and connect."""
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        value = bytes(size)
        for first in range(0, keys, _AT_ONCE):
            numbers = range(first, min(first + _AT_ONCE, keys))
            writer.write(b"".join(command(b"SET", key(number), value) for number in numbers))
            answers = await reader.readexactly(len(_STORED) * len(numbers))
            if answers != _STORED * len(numbers):
                raise ValueError(f"a value was not stored: {answers[:80]!r}")
        writer.close()
        order = list(range(keys))
        random.Random(1).shuffle(order)
        self._requests = [command(b"GET", key(number)) for number in order]
        loop = asyncio.get_running_loop()
        self._transports = [
            (await loop.create_connection(asyncio.Protocol, "127.0.0.1", port))[0]
            for _ in range(connections)
        ]
        return {}

    async def run(self, depth: int, seconds: float) -> dict[str, Any]:
        """Read for some seconds with so many requests in flight on each connection."""
        apart = len(self._requests) // len(self._transports)
        loops = [
            closed_loop.Loop(transport, self._requests, number * apart)
            for number, transport in enumerate(self._transports)
        ]
        await closed_loop.probe(loops)
        return await closed_loop.run(loops, depth, seconds)
