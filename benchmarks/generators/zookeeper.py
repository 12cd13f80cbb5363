"""Point reads from ZooKeeper in closed loops, in its own protocol (jute)."""

from __future__ import annotations

import asyncio
import struct
from typing import Any

from benchmarks.generators import closed_loop

_CREATE, _GET_DATA = 1, 4
_PATH = b"/benchmark"
_OVERHEAD = 4 + 16 + 4 + 68  # length, header, length of the value, stat
_EVERYTHING = 31
_TIMEOUT = 30_000


def _whole(body: bytes) -> bytes:
    return struct.pack(">i", len(body)) + body


class Load:
    """Connections that read one node, which is ZooKeeper's best case."""

    async def begin(self, port: int, connections: int, size: int) -> dict[str, Any]:
        """Make the node, such that its whole answer is `size` bytes, and connect."""
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(_greeting())
        await _read(reader)
        value = b"x" * (size - _OVERHEAD)
        acl = struct.pack(">ii", 1, _EVERYTHING) + _whole(b"world") + _whole(b"anyone")
        request = struct.pack(">ii", 1, _CREATE) + _whole(_PATH) + _whole(value) + acl
        writer.write(_whole(request + struct.pack(">i", 0)))
        await _read(reader)
        writer.close()
        self._transports = []
        for _ in range(connections):
            self._transports.append(await _connect(port))
        return {}

    async def run(self, depth: int, seconds: float) -> dict[str, Any]:
        """Read for some seconds with so many requests in flight on each connection."""
        get = _whole(struct.pack(">ii", 2, _GET_DATA) + _whole(_PATH) + b"\0")
        requests = [get] * (2 * depth)
        loops = [closed_loop.Loop(transport, requests, 0) for transport in self._transports]
        await closed_loop.probe(loops)
        return await closed_loop.run(loops, depth, seconds)


def _greeting() -> bytes:
    return _whole(struct.pack(">iqiqi", 0, 0, _TIMEOUT, 0, 16) + bytes(16) + b"\0")


async def _read(reader: asyncio.StreamReader) -> bytes:
    return await reader.readexactly(struct.unpack(">i", await reader.readexactly(4))[0])


class _Opening(asyncio.Protocol):
    """The beginning of a connection, until the server has answered the greeting."""

    def __init__(self) -> None:
        self.opened: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        transport.write(_greeting())  # type: ignore[attr-defined]

    def data_received(self, data: bytes) -> None:
        self.opened.set_result(None)


async def _connect(port: int) -> asyncio.Transport:
    loop = asyncio.get_running_loop()
    transport, opening = await loop.create_connection(_Opening, "127.0.0.1", port)
    await opening.opened
    return transport
