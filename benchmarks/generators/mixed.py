"""What clients do all day, all at once: lists, full scans, reads of everything, logins, waiting.

Each is done at a steady pace by sessions of its own, and each step is noted with its times.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Awaitable, Callable
from typing import Any

from benchmarks.generators.session import Account, frame, open_session, open_sessions

LOGINS = 20.0
LISTS = 5.0
"""A second."""
SCAN_PAUSE, EVERYTHING_PAUSE = 1.0, 30.0
PAGE = 200
_LAST, _SENT, _LOST = b'"last":true', b'"message":"objectsSent"', b'"message":"notificationsLost"'


class _Asker(asyncio.Protocol):
    """A session that waits for the end of each answer, whatever its size."""

    def __init__(self, transport: asyncio.Transport) -> None:
        self.transport = transport
        self._tail = b""
        self._done: asyncio.Future[None] | None = None
        transport.set_protocol(self)

    async def ask(self, request: bytes) -> None:
        """Send a request; return when all of its answer was there."""
        self._done = asyncio.get_running_loop().create_future()
        self.transport.write(request)
        await self._done

    def data_received(self, data: bytes) -> None:
        whole, self._tail = self._tail + data, data[-len(_SENT) :]
        ends = _LAST in whole or _SENT in whole or b'"message":"error"' in whole
        if ends and self._done is not None and not self._done.done():
            self._done.set_result(None)


class _Follower(asyncio.Protocol):
    """A session that follows changes, and registers anew when its subscriptions have ended."""

    def __init__(self, transport: asyncio.Transport, request: bytes) -> None:
        self._transport = transport
        self._request = request
        self._tail = b""
        self.lost = 0
        transport.set_protocol(self)
        transport.write(request)

    def data_received(self, data: bytes) -> None:
        whole, self._tail = self._tail + data, data[-len(_LOST) :]
        if _LOST in whole:
            self.lost += 1
            self._transport.write(self._request)


class Load:
    """The clients of one server."""

    async def begin(
        self, port: int, user: str, password: str, folders: list[int], followers: int
    ) -> dict[str, Any]:
        """Log in; half of the followers follow all objects, the others one folder each."""
        self._port, self._account = port, Account(user, password)
        self._folders = folders
        self._steps: list[tuple[str, float, float]] = []
        transports = await open_sessions(port, self._account, followers)
        self._followers = [
            _Follower(transport, _registration(folders[number] if number % 2 else 0))
            for number, transport in enumerate(transports)
        ]
        return {}

    async def run(self, seconds: float) -> dict[str, Any]:
        """Do all of it for some seconds; return every step that took longer than a moment."""
        end = time.monotonic() + seconds
        await asyncio.gather(
            self._repeat("login and logout", end, 1 / LOGINS, self._login),
            self._repeat("page of a list", end, 1 / LISTS, await self._reads(self._page)),
            self._repeat("full scan", end, SCAN_PAUSE, await self._reads(_scan)),
            self._repeat("read of everything", end, EVERYTHING_PAUSE,
                         await self._reads(_everything)),
        )  # fmt: skip
        lost = sum(follower.lost for follower in self._followers)
        return {"steps": self._steps, "lost": lost}

    async def _repeat(
        self, name: str, end: float, pause: float, step: Callable[[], Awaitable[None]]
    ) -> None:
        while time.monotonic() + pause < end:
            await asyncio.sleep(pause)
            begun = time.time()
            await step()
            self._steps.append((name, begun, time.time()))

    async def _login(self) -> None:
        transport = await open_session(self._port, self._account)
        transport.close()

    async def _reads(self, request: Callable[[], bytes]) -> Callable[[], Awaitable[None]]:
        asker = _Asker(await open_session(self._port, self._account))
        return lambda: asker.ask(request())

    def _page(self) -> bytes:
        return _read({"folder_dbid": random.choice(self._folders)}, limit=PAGE)


def _read(filter_: dict[str, Any], **more: Any) -> bytes:
    return frame({
        "message": "readObjects", "ref": 1, "objectType": "skill", "filter": filter_, **more,
    })  # fmt: skip


def _scan() -> bytes:
    """Return a read that looks at every object and finds none."""
    return _read({"name": "*nowhere*"})


def _everything() -> bytes:
    return _read({})


def _registration(folder: int) -> bytes:
    subscription = {"types": ["skill"], **({"folders": [folder]} if folder else {})}
    return frame({
        "message": "registerNotification", "ref": 1, "subscriptions": [subscription],
    })  # fmt: skip
