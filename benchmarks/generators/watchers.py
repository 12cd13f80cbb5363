"""Watchers of some keys of etcd, a connection each, and one connection that puts."""

from __future__ import annotations

import asyncio
import time
from typing import Any

from benchmarks.generators import grpc
from benchmarks.generators.audience import LIMIT, Audience, Listener

_MARK = b"<~change~>"
_SIZE = 300
_WATCHES_AT_ONCE = 50
_SETTLE = 1.0


class _Watcher(Listener):
    """A connection that watches all keys with the prefix."""

    def __init__(self, audience: Audience, transport: asyncio.Transport, prefix: bytes) -> None:
        super().__init__(audience, transport)
        transport.write(
            grpc.opening()
            + grpc.settings_taken()
            + grpc.request(1, grpc.WATCH, grpc.watch(prefix), last=False)
        )


class _Putter(asyncio.Protocol):
    """A connection that puts values."""

    def __init__(self, prefix: bytes) -> None:
        self._prefix = prefix
        self._stream = -1
        self._buffer = b""
        self._answered: asyncio.Future[None] | None = None
        self._transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport  # type: ignore[assignment]
        self._transport.write(grpc.opening() + grpc.settings_taken())

    def put(self, number: int) -> None:
        """Put a new value under the key of this number."""
        self._call(grpc.PUT, self._message(number))

    def put_together(self, count: int) -> None:
        """Put new values under so many keys in one transaction."""
        self._call(grpc.TXN, grpc.transaction(map(self._message, range(count))))

    def _message(self, number: int) -> bytes:
        value = _MARK + f"{time.time_ns()}".encode().ljust(_SIZE - len(_MARK), b"x")
        return grpc.put(self._prefix + str(number).encode(), value)

    def _call(self, method: str, message: bytes) -> None:
        self._stream += 2
        self._transport.write(grpc.request(self._stream, method, message))

    async def answered(self) -> None:
        """Wait until the last put is answered."""
        self._answered = asyncio.get_running_loop().create_future()
        await asyncio.wait_for(self._answered, LIMIT)

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        end, ended = 0, False
        for kind, flags, end in grpc.frames(self._buffer):  # noqa: B007 - the last end is used
            ended |= kind == grpc.HEADERS and bool(flags & grpc.END_STREAM)
        self._buffer = self._buffer[end:]
        if ended and self._answered is not None:
            self._answered.set_result(None)
            self._answered = None


class Load:
    """An audience behind one port, and a connection that puts at another (or the same)."""

    async def begin(self, port: int, put_port: int, prefix: str, watchers: int) -> dict[str, Any]:
        """Connect and watch the keys with a prefix."""
        loop = asyncio.get_running_loop()
        self._audience = Audience(_MARK)
        for number in range(watchers):
            transport, _ = await loop.create_connection(asyncio.Protocol, "127.0.0.1", port)
            _Watcher(self._audience, transport, prefix.encode())
            if number % _WATCHES_AT_ONCE == 0:
                await asyncio.sleep(0.02)
        _, self._putter = await loop.create_connection(
            lambda: _Putter(prefix.encode()), "127.0.0.1", put_port
        )
        await asyncio.sleep(_SETTLE)
        await self.one_by_one(3)
        return {}

    async def one_by_one(self, changes: int) -> dict[str, Any]:
        """Put one value after another, each when the last watcher has the one before."""
        found = []
        for number in range(changes):
            arrived = self._audience.expect(1)
            sent = time.time()
            self._putter.put(number)
            found.append({"sent": sent, "last": await asyncio.wait_for(arrived, LIMIT)})
        return {"changes": found}

    async def burst(self, changes: int, how: str) -> dict[str, Any]:
        """Put many values: in one "transaction", or "one by one", each when the last is answered.

        Any other word sends all at once.
        """
        arrived = self._audience.expect(changes)
        sent = time.time()
        if how == "transaction":
            self._putter.put_together(changes)
        else:
            for number in range(changes):
                self._putter.put(number)
                if how == "one by one":
                    await self._putter.answered()
        return {"changes": [{"sent": sent, "last": await asyncio.wait_for(arrived, LIMIT)}]}
