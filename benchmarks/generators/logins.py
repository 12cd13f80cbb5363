"""Logins, as many as a server takes: connection, WebSocket, SCRAM, and the end of the session.

Plain sockets without a framework, so that a server in the same language has the harder part.
What the password gives is derived once for a salt, as a client does that remembers it.
"""

from __future__ import annotations

import base64
import itertools
import json
import os
import select
import socket
import time
from collections.abc import Callable, Iterator
from typing import Any

from benchmarks.generators.session import Account, frame, messages
from confwire.handshake import ClientHandshake

AT_ONCE = 64
LIMIT = 60.0
"""Seconds without any progress after which a run fails."""
_SOURCES = 200
"""Addresses of this machine that connections come from, lest its ports run out."""
_CLOSE, _CLOSED = b"\x88\x82\0\0\0\0\x03\xe8", b"\x88\x02\x03\xe8"
_BIND_WITHOUT_PORT = 24
"""IP_BIND_ADDRESS_NO_PORT of linux/in.h, which Python does not name."""
_UPGRADE = (
    b"GET / HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Key: %b\r\nSec-WebSocket-Version: 13\r\n"
    b"Sec-WebSocket-Protocol: confwire.1\r\n\r\n"
)


class Login:
    """One connection, from its first packet until the session is open, or gone again."""

    token = ""
    """To go on with the session by, where it asked for one."""

    def __init__(self, account: Account, port: int, source: str) -> None:
        self._account = account
        self._handshake = ClientHandshake(account.user, base64.b64encode(os.urandom(18)).decode())
        self.connect(port, source)

    def connect(self, port: int, source: str) -> None:
        """Begin a connection; the one before, if any, is closed."""
        self._buffer = b""
        self._upgraded = False
        self.opened = False
        self.begun = time.monotonic()
        self.socket = socket.socket()
        self.socket.setblocking(False)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.socket.setsockopt(socket.IPPROTO_IP, _BIND_WITHOUT_PORT, 1)
        self.socket.bind((source, 0))
        self.socket.connect_ex(("127.0.0.1", port))

    def upgrade(self) -> None:
        """Ask for WebSocket; the connection stands."""
        self.socket.send(_UPGRADE % base64.b64encode(os.urandom(16)))

    def read(self) -> None:
        """Take what has come, and answer it.

        Raises:
            ConnectionError: the server refused, or ended the connection.
        """
        self._receive()
        if not self._upgraded:
            self._take_upgrade()
        taken = 0
        for payload, taken in messages(self._buffer):  # noqa: B007 - the last end is used
            self._take(json.loads(payload))
        self._buffer = self._buffer[taken:]

    def receives(self, mark: bytes) -> bool:
        """Take what has come; tell whether it has these bytes, once it is open."""
        self._receive()
        found = mark in self._buffer
        self._buffer = b"" if found else self._buffer
        return found

    def _receive(self) -> None:
        data = self.socket.recv(65536)
        if not data:
            raise ConnectionError("the server ended a connection")
        self._buffer += data

    def _take_upgrade(self) -> None:
        head, end, rest = self._buffer.partition(b"\r\n\r\n")
        if not end:
            return
        if b" 101 " not in head:
            raise ConnectionError(head.decode())
        self._upgraded, self._buffer = True, rest
        self._send(self.opening())

    def opening(self) -> dict[str, Any]:
        """Return the first message."""
        return {
            "message": "open", "application": "default", "user": self._account.user,
            "data": self._handshake.first(),
        }  # fmt: skip

    def _take(self, message: dict[str, Any]) -> None:
        if message["message"] == "challenge":
            salted = self._account.salted(message["data"])
            self._send({"message": "proof", "data": self._handshake.final(message["data"], salted)})
        elif message["message"] == "opened":
            self._handshake.verify(message["data"])
            self.opened = True
        else:
            raise ConnectionError(str(message))

    def _send(self, message: dict[str, Any]) -> None:
        self.socket.send(frame(message))


class Load:
    """Sessions that are opened, kept and ended."""

    _new: Callable[[], Login]
    """Begins the next one."""

    async def begin(self, port: int, user: str, password: str) -> dict[str, Any]:
        """Log in once, so that later logins need no derivation."""
        self._port = port
        self._account = Account(user, password)
        self._poll = select.epoll()
        self._logins: dict[int, Login] = {}
        self._new = lambda: Login(self._account, self._port, next(self._sources))
        self._sources = (f"127.0.1.{number % _SOURCES + 1}" for number in itertools.count())
        self._open(iter([0.0]), 1)
        self._part()
        return {}

    async def open(self, count: int) -> dict[str, Any]:
        """Log in so many times; the sessions stay."""
        return self._open(iter([0.0] * count), AT_ONCE)

    async def storm(self, seconds: float) -> dict[str, Any]:
        """Log in for some seconds, always some at once; the sessions stay."""
        end = time.monotonic() + seconds
        return self._open(iter(lambda: min(time.monotonic(), end), end), AT_ONCE)

    async def steady(self, rate: float, seconds: float) -> dict[str, Any]:
        """Log in at a steady rate, however long each takes; the sessions stay."""
        begun, count = time.monotonic(), int(rate * seconds)
        return self._open((begun + number / rate for number in range(count)), count)

    async def subscribe(self, folder: int) -> dict[str, Any]:
        """Let all sessions ask for the changes in a folder."""
        request = frame({
            "message": "registerNotification", "ref": 1,
            "subscriptions": [{"types": ["skill"], "folders": [folder]}],
        })  # fmt: skip
        for login in self._logins.values():
            login.socket.send(request)
        self._await_answers(b'"notificationRegistered"')
        return {}

    async def part(self) -> dict[str, Any]:
        """End all sessions with a closing handshake; return how many a second."""
        return self._part()

    async def drop(self) -> dict[str, Any]:
        """Cut all connections at once, without a word."""
        for login in self._logins.values():
            login.socket.close()
        self._logins.clear()
        return {}

    def _open(self, times: Iterator[float], at_once: int) -> dict[str, Any]:
        """Log in at these times, but no more than so many at once."""
        waits: list[float] = []
        begun = last = time.monotonic()
        pending = 0
        due = next(times, None)
        while due is not None or pending:
            while due is not None and pending < at_once and due <= time.monotonic():
                login = self._new()
                self._logins[login.socket.fileno()] = login
                self._poll.register(login.socket, select.EPOLLOUT)
                pending += 1
                due = next(times, None)
            sleep = LIMIT if due is None or pending == at_once else due - time.monotonic()
            for number, event in self._poll.poll(max(0.0, sleep)):
                login = self._logins[number]
                if event & select.EPOLLOUT:
                    login.upgrade()
                    self._poll.modify(number, select.EPOLLIN)
                    continue
                login.read()
                if login.opened:
                    self._poll.unregister(number)
                    pending -= 1
                    last = time.monotonic()
                    waits.append(last - login.begun)
            if time.monotonic() - last > LIMIT:
                raise TimeoutError(f"{pending} logins are not answered")
        waits.sort()
        return {
            "rate": len(waits) / (last - begun),
            "median": waits[len(waits) // 2],
            "p99": waits[len(waits) * 99 // 100],
        }

    def _part(self) -> dict[str, Any]:
        begun = time.monotonic()
        for login in self._logins.values():
            login.socket.send(_CLOSE)
        self._await_answers(_CLOSED)
        passed = time.monotonic() - begun
        for login in self._logins.values():
            login.socket.close()
        count = len(self._logins)
        self._logins.clear()
        return {"rate": count / passed}

    def _await_answers(self, mark: bytes) -> None:
        """Wait until every session has received these bytes."""
        for number in self._logins:
            self._poll.register(number, select.EPOLLIN)
        left = len(self._logins)
        while left:
            events = self._poll.poll(LIMIT)
            if not events:
                raise TimeoutError(f"{left} sessions have no answer")
            for number, _ in events:
                if self._logins[number].receives(mark):
                    self._poll.unregister(number)
                    left -= 1
