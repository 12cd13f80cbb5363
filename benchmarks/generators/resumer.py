"""Who was away: a proxy whose link was cut, a client that was not connected.

The link runs through here, so that it can be cut and joined again; a session at the master
makes the changes that are missed.
"""

from __future__ import annotations

import asyncio
import json
import time
from typing import Any

from benchmarks.generators.audience import LIMIT, Audience, Listener
from benchmarks.generators.session import Account, frame, messages, open_session
from benchmarks.generators.subscribers import Writer

_MARK = b'"change":"'
_IN_FLIGHT = 32


class _End(asyncio.Protocol):
    """One of the two connections that a relay joins."""

    def __init__(self) -> None:
        self.other: _End | None = None
        self._early = b""
        self._transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport  # type: ignore[assignment]

    def join(self, other: _End) -> None:
        """Pass on what comes, and what has come."""
        self.other, other.other = other, self
        other.write(self._early)

    def write(self, data: bytes) -> None:
        self._transport.write(data)

    def data_received(self, data: bytes) -> None:
        if self.other is None:
            self._early += data
        else:
            self.other.write(data)

    def connection_lost(self, exc: Exception | None) -> None:
        if self.other is not None:
            self.other.close()

    def close(self) -> None:
        self._transport.close()


class Relay:
    """Passes connections on to a port."""

    def __init__(self, target: int) -> None:
        self._target = target
        self._ends: list[_End] = []
        self._server: asyncio.Server | None = None
        self.port = 0
        self.joined = 0.0
        """When the last connection came."""

    async def open(self) -> None:
        """Take connections, always at the same port."""
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(self._accept, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    def cut(self) -> None:
        """End what is connected, and let nobody connect."""
        assert self._server is not None
        self._server.close()
        for end in self._ends:
            end.close()
        self._ends = []

    def _accept(self) -> _End:
        self.joined = time.time()
        end = _End()
        self._ends.append(end)
        self._task = asyncio.get_running_loop().create_task(self._connect(end))
        return end

    async def _connect(self, near: _End) -> None:
        loop = asyncio.get_running_loop()
        _, far = await loop.create_connection(_End, "127.0.0.1", self._target)
        near.join(far)


class _Asking(asyncio.Protocol):
    """A session that waits for an answer, and keeps all that comes before it is given away."""

    def __init__(self, transport: asyncio.Transport) -> None:
        self._buffer = b""
        self.answered = asyncio.get_running_loop().create_future()
        transport.set_protocol(self)

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        if not self.answered.done():
            for payload, _ in messages(self._buffer):
                self.answered.set_result(json.loads(payload))
                return


class Load:
    """A relay before the master; sessions of a reader at the proxy behind it."""

    async def begin(self, master_port: int) -> dict[str, Any]:
        """Return the port at which the master can be reached until `away`."""
        self._relay = Relay(master_port)
        self._master_port = master_port
        await self._relay.open()
        return {"port": self._relay.port}

    async def follow(
        self, port: int, reader: str, writer: str, password: str, objects: list[int]
    ) -> dict[str, Any]:
        """Log in at the master and at the proxy."""
        self._port, self._objects = port, objects
        self._account = Account(reader, password)
        account = Account(writer, password)
        self._writer = Writer(await open_session(self._master_port, account))
        return {}

    async def proxy_away(self, changes: int) -> dict[str, Any]:
        """Cut the link, make changes and join it again.

        Returns the seconds from the proxy's connection until its subscriber has all changes.
        """
        audience = Audience(_MARK)
        transport, _ = await self._subscribe()
        Listener(audience, transport)
        self._relay.cut()
        await self._change(changes)
        arrived = audience.expect(changes)
        await self._relay.open()
        last = await asyncio.wait_for(arrived, LIMIT)
        transport.close()
        return {"took": last - self._relay.joined}

    async def client_away(self, changes: int) -> dict[str, Any]:
        """Leave, make changes and resume.

        Returns the seconds from the registration, and from the connection, until all changes
        are there. Nobody has asked for them in this form before.
        """
        transport, cursor = await self._subscribe(mode="state")
        audience = Audience(_MARK)
        Listener(audience, transport)
        arrived = audience.expect(changes)
        await self._change(changes)
        await asyncio.wait_for(arrived, LIMIT)
        transport.close()
        audience = Audience(_MARK)
        connecting = time.time()
        transport = await open_session(self._port, self._account)
        Listener(audience, transport)
        complete = audience.expect(changes)
        asking = time.time()
        transport.write(_registration("log", since=cursor))
        last = await asyncio.wait_for(complete, LIMIT)
        transport.close()
        return {"took": last - asking, "with_login": last - connecting}

    async def _subscribe(self, mode: str = "log") -> tuple[asyncio.Transport, dict[str, Any]]:
        """Return a session that is subscribed, and its cursor."""
        transport = await open_session(self._port, self._account)
        asking = _Asking(transport)
        transport.write(_registration(mode))
        answer = await asyncio.wait_for(asking.answered, LIMIT)
        return transport, {"epoch": answer["epoch"], "revision": answer["revision"]}

    async def _change(self, changes: int) -> None:
        """Change one object a transaction."""
        places = asyncio.Semaphore(_IN_FLIGHT)

        async def change(number: int) -> None:
            async with places:
                await self._writer.update(self._objects[number % len(self._objects)])

        await asyncio.gather(*map(change, range(changes)))


def _registration(mode: str, **more: Any) -> bytes:
    return frame({
        "message": "registerNotification", "ref": 1,
        "subscriptions": [{"types": ["skill"], "mode": mode}],
    } | more)  # fmt: skip
