"""Opening sessions: WebSocket, login by SCRAM, then another protocol takes the connection over.

Frames of ours are masked with zeros, which saves the generator the work and the server none.
"""

from __future__ import annotations

import asyncio
import base64
import json
import os
import ssl
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from confwire.handshake import ClientHandshake, derive, parse_challenge

PING, PONG = b"\x89\0", b"\x8a\x80\0\0\0\0"
LOGINS_AT_ONCE = 32
_TEXT, _FINAL, _MASKED = 0x01, 0x80, 0x80


@dataclass
class Account:
    """Who logs in; what the password gives is derived once."""

    user: str
    password: str
    _salted: dict[tuple[bytes, int], bytes] = field(default_factory=dict)

    def salted(self, challenge: str) -> bytes:
        """Return the salted password that a challenge asks for."""
        salting = parse_challenge(challenge)
        key = (salting.salt, salting.iterations)
        if key not in self._salted:
            self._salted[key] = derive(self.password, *key)
        return self._salted[key]


def frame(message: dict[str, Any]) -> bytes:
    """Return a message as a frame of a client."""
    payload = json.dumps(message, separators=(",", ":"), ensure_ascii=False).encode()
    size = len(payload)
    header = bytes([_FINAL | _TEXT])
    if size < 126:
        header += bytes([_MASKED | size])
    else:
        header += bytes([_MASKED | 126]) + size.to_bytes(2, "big")
    return header + b"\0\0\0\0" + payload


def messages(buffer: bytes) -> Iterator[tuple[bytes, int]]:
    """Yield (payload, end) of each whole frame of a server that is text."""
    at = 0
    while at + 2 <= len(buffer):
        size, start = buffer[at + 1], at + 2
        if size >= 126:
            wide = 2 if size == 126 else 8
            size, start = int.from_bytes(buffer[start : start + wide], "big"), start + wide
        if start + size > len(buffer):
            return
        if buffer[at] & 15 == _TEXT:
            yield buffer[start : start + size], start + size
        at = start + size


class _Opening(asyncio.Protocol):
    """The beginning of a connection, until `opened`."""

    def __init__(self, account: Account, opened: asyncio.Future[asyncio.Transport]) -> None:
        self._account = account
        self._opened = opened
        self._buffer = b""
        self._handshake = ClientHandshake(account.user, base64.b64encode(os.urandom(18)).decode())
        self._upgraded = False
        self._transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport  # type: ignore[assignment]
        key = base64.b64encode(os.urandom(16)).decode()
        self._transport.write(
            "GET / HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            f"Sec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n"
            "Sec-WebSocket-Protocol: confwire.1\r\n\r\n".encode()
        )

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        if not self._upgraded:
            head, end, rest = self._buffer.partition(b"\r\n\r\n")
            if not end:
                return
            if b" 101 " not in head:
                self._fail(head.decode())
                return
            self._upgraded, self._buffer = True, rest
            self._send({
                "message": "open", "application": "default", "user": self._account.user,
                "data": self._handshake.first(),
            })  # fmt: skip
        taken = 0
        for payload, taken in messages(self._buffer):  # noqa: B007
            self._take(json.loads(payload))
        self._buffer = self._buffer[taken:]

    def _take(self, message: dict[str, Any]) -> None:
        if message["message"] == "challenge":
            salted = self._account.salted(message["data"])
            self._send({"message": "proof", "data": self._handshake.final(message["data"], salted)})
        elif message["message"] == "opened":
            self._handshake.verify(message["data"])
            if not self._opened.done():
                self._opened.set_result(self._transport)
        else:
            self._fail(str(message))

    def _send(self, message: dict[str, Any]) -> None:
        self._transport.write(frame(message))

    def _fail(self, text: str) -> None:
        if not self._opened.done():
            self._opened.set_exception(ConnectionError(text))

    def connection_lost(self, exc: Exception | None) -> None:
        self._fail(f"the connection was lost: {exc}")


async def open_session(
    port: int, account: Account, tls: ssl.SSLContext | None = None
) -> asyncio.Transport:
    """Log in; return the connection, to be given a protocol by `set_protocol`."""
    loop = asyncio.get_running_loop()
    opened: asyncio.Future[asyncio.Transport] = loop.create_future()
    await loop.create_connection(lambda: _Opening(account, opened), "127.0.0.1", port, ssl=tls)
    return await opened


async def open_sessions(
    port: int, account: Account, count: int, tls: ssl.SSLContext | None = None
) -> list[asyncio.Transport]:
    """Log in many times, some at once."""
    places = asyncio.Semaphore(LOGINS_AT_ONCE)

    async def one() -> asyncio.Transport:
        async with places:
            return await open_session(port, account, tls)

    return list(await asyncio.gather(*(one() for _ in range(count))))
