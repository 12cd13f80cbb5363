"""A server that does nothing: `python -m benchmarks.bare PORT REQUEST ANSWER` (sizes in bytes).

On uvloop, as the product is; it counts the bytes of requests and sends as many answers, all
alike. What it reaches is what this machine and this event loop leave to any server at all.
"""

from __future__ import annotations

import asyncio
import sys

import uvloop


class Bare(asyncio.Protocol):
    """One connection."""

    def __init__(self, request: int, answer: bytes) -> None:
        self._request = request
        self._answer = answer
        self._left = 0
        self._transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Remember where to answer."""
        self._transport = transport  # type: ignore[assignment]

    def data_received(self, data: bytes) -> None:
        """Answer as many requests as have come."""
        count, self._left = divmod(self._left + len(data), self._request)
        self._transport.write(self._answer * count)


async def serve(port: int, request: int, answer: int) -> None:
    """Serve until the process is killed."""
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Bare(request, bytes(answer)), "127.0.0.1", port)
    await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(serve(*map(int, sys.argv[1:])))
