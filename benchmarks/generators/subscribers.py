"""Sessions that are subscribed at one server, and one that writes at another (or the same)."""

from __future__ import annotations

import asyncio
import json
import ssl
import time
from collections import deque
from typing import Any

from benchmarks.generators.audience import LIMIT, Audience, Listener
from benchmarks.generators.session import (
    PING,
    PONG,
    Account,
    frame,
    messages,
    open_session,
    open_sessions,
)
from confwire.tls import client_context

_MARK = b'"change":"'
_PAD = 60
_SETTLE = 0.5


class Writer(asyncio.Protocol):
    """A session that updates objects, and knows what was answered."""

    def __init__(self, transport: asyncio.Transport) -> None:
        self._transport = transport
        self._waiting: deque[asyncio.Future[int]] = deque()
        self._buffer = b""
        self._number = 0
        transport.set_protocol(self)

    def update(self, dbid: int) -> asyncio.Future[int]:
        """Change an object; return a future of the revision."""
        self._number += 1
        pad = f"{time.time_ns()}-{self._number:06}".ljust(_PAD, "x")
        answered = asyncio.get_running_loop().create_future()
        self._waiting.append(answered)
        self._transport.write(frame({
            "message": "updateObject", "ref": self._number, "objectType": "skill", "DBID": dbid,
            "delta": {"userProperties": {"load": {"pad": pad}}},
        }))  # fmt: skip
        return answered

    def data_received(self, data: bytes) -> None:
        if data.startswith(PING):
            self._transport.write(PONG)
        self._buffer += data
        end = 0
        for payload, end in messages(self._buffer):  # noqa: B007 - the last end is used
            answer = json.loads(payload)
            if answer["message"] == "objectUpdated":
                self._waiting.popleft().set_result(answer["revision"])
            elif answer["message"] == "error":
                self._waiting.popleft().set_exception(RuntimeError(answer["text"]))
        self._buffer = self._buffer[end:]


class Load:
    """An audience behind one server, and a writer at the master."""

    async def begin(
        self,
        port: int,
        master_port: int,
        reader: str,
        writer: str,
        password: str,
        audiences: dict[str, dict[str, Any]],
        trusted_ca: str = "",
    ) -> dict[str, Any]:
        """Log in and subscribe. Each audience has "sessions", a "folder" and "objects" in it.

        With a file of CAs the sessions are by TLS.
        """
        tls = client_context(trusted_ca=trusted_ca) if trusted_ca else None
        account = Account(reader, password)
        self._audiences: dict[str, Audience] = {}
        self._objects: dict[str, list[int]] = {}
        for name, asked in audiences.items():
            self._objects[name] = asked["objects"]
            self._audiences[name] = await _subscribe(
                port, account, asked["sessions"], asked["folder"], tls
            )
        self._account = Account(writer, password)
        self._writer = Writer(await open_session(master_port, self._account))
        return {}

    async def one_by_one(self, audience: str, changes: int) -> dict[str, Any]:
        """Change one object after another, each when the last client has the one before.

        Returns for each change its revision and when it was sent and had arrived everywhere.
        """
        listeners, objects = self._audiences[audience], self._objects[audience]
        found = []
        for number in range(changes):
            arrived = listeners.expect(1)
            sent = time.time()
            revision = await self._writer.update(objects[number % len(objects)])
            last = await asyncio.wait_for(arrived, LIMIT)
            found.append({"revision": revision, "sent": sent, "last": last})
        return {"changes": found}

    async def await_changes(self, audience: str, changes: int) -> dict[str, Any]:
        """Wait until all have so many changes that somebody else makes; return when."""
        arrived = self._audiences[audience].expect(changes)
        return {"last": await asyncio.wait_for(arrived, LIMIT)}

    async def steady(self, audience: str, rate: float, seconds: float) -> dict[str, Any]:
        """Change objects at a steady rate; return when the last had each revision.

        "rate" is what was reached: a server that is slower than asked lets the writer wait.
        """
        listeners, objects = self._audiences[audience], self._objects[audience]
        changes = int(rate * seconds)
        arrived, begun = listeners.expect(changes), time.monotonic()
        lasts = listeners.follow(changes, listeners.heard)
        answers = []
        for number in range(changes):
            await asyncio.sleep(begun + number / rate - time.monotonic())
            answers.append(self._writer.update(objects[number % len(objects)]))
        revisions = await asyncio.gather(*answers)
        reached = changes / (time.monotonic() - begun)
        await asyncio.wait_for(arrived, LIMIT)
        listeners.forget()
        # One writer's changes come in the order of their revisions.
        return {"lasts": dict(zip(sorted(revisions), lasts, strict=True)), "rate": reached}

    async def write(self, port: int, writers: int, seconds: float) -> dict[str, Any]:
        """Change objects in closed loops of so many sessions; return how often.

        The audiences hear of it and are not waited for.
        """
        sessions = await open_sessions(port, self._account, writers)
        begun, counts = time.monotonic(), []

        async def loop(writer: Writer, objects: list[int]) -> None:
            count = 0
            while time.monotonic() - begun < seconds:
                await writer.update(objects[count % len(objects)])
                count += 1
            counts.append(count)

        objects = next(iter(self._objects.values()))
        await asyncio.gather(*(
            loop(Writer(session), objects[number::writers])
            for number, session in enumerate(sessions)
        ))  # fmt: skip
        passed = time.monotonic() - begun
        for session in sessions:
            session.close()
        await asyncio.sleep(_SETTLE)
        for audience in self._audiences.values():
            audience.forget()
        return {"count": sum(counts), "passed": passed}


async def _subscribe(
    port: int, account: Account, sessions: int, folder: int, tls: ssl.SSLContext | None
) -> Audience:
    audience = Audience(_MARK)
    request = frame({
        "message": "registerNotification", "ref": 1,
        "subscriptions": [{"types": ["skill"], "folders": [folder]}],
    })  # fmt: skip
    registered = Audience(b'"message":"notificationRegistered"')
    transports = await open_sessions(port, account, sessions, tls)
    for transport in transports:
        Listener(registered, transport)
    done = registered.expect(1)
    for transport in transports:
        transport.write(request)
    await asyncio.wait_for(done, LIMIT)
    for transport in transports:
        Listener(audience, transport)
    return audience
