"""Closed loops over a server that does nothing, with requests and answers of given sizes."""

from __future__ import annotations

import asyncio
from typing import Any

from benchmarks.generators import closed_loop


class Load:
    """Connections that send bytes and count bytes."""

    async def begin(self, port: int, connections: int, request: int) -> dict[str, Any]:
        """Connect."""
        loop = asyncio.get_running_loop()
        self._requests = [bytes(request)] * 64
        self._transports = [
            (await loop.create_connection(asyncio.Protocol, "127.0.0.1", port))[0]
            for _ in range(connections)
        ]
        return {}

    async def run(self, depth: int, seconds: float) -> dict[str, Any]:
        """Run for some seconds with so many requests in flight on each connection."""
        loops = [closed_loop.Loop(transport, self._requests, 0) for transport in self._transports]
        await closed_loop.probe(loops)
        return await closed_loop.run(loops, depth, seconds)
