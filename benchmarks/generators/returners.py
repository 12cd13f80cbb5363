"""Clients that lose their server in one moment, and go on with their sessions by their tokens.

They come back as the client library does: each after a random part of half a second.
"""

from __future__ import annotations

import random
import time
from collections.abc import Iterator
from typing import Any

from benchmarks.generators import logins
from benchmarks.generators.session import Account

_SPREAD = 0.5
"""Seconds over which clients come back that lost their server at once."""


class Visitor(logins.Login):
    """A login that asks for a token."""

    def opening(self) -> dict[str, Any]:
        """Return the first message."""
        return super().opening() | {"token": ""}

    def _take(self, message: dict[str, Any]) -> None:
        super()._take(message)
        if message["message"] == "opened":
            self.token = message["token"]


class Returner(logins.Login):
    """A session that goes on; open when it has what it missed."""

    def __init__(
        self, account: Account, port: int, source: str, resume: dict[str, Any], last: int
    ) -> None:
        super().__init__(account, port, source)
        self._resume = resume
        self._last = last

    def opening(self) -> dict[str, Any]:
        """Return the one message that it takes."""
        return self._resume

    def _take(self, message: dict[str, Any]) -> None:
        if message["message"] == "opened":
            if not message["restored"]:
                raise ConnectionError("the session was not restored")
            self.token = message["token"]
            self.opened = message["revision"] == self._resume["since"]["revision"]
        elif message["message"] == "objectsChanged":
            self.opened = message["revision"] >= self._last
        elif message["message"] != "progress":
            raise ConnectionError(str(message))


class Load(logins.Load):
    """Sessions that are lost and restored."""

    async def come(self, count: int, folder: int) -> dict[str, Any]:
        """Log in so many times, and subscribe."""
        self._tokens: list[str] = []
        self._folder = folder
        self._new = lambda: Visitor(self._account, self._port, next(self._sources))
        found = self._open(iter([0.0] * count), logins.AT_ONCE)
        await self.subscribe(folder)
        return found

    async def note(self, epoch: str, revision: int, last: int) -> dict[str, Any]:
        """Remember where all sessions stand, and what the last change is that they will miss."""
        self._since, self._last = {"epoch": epoch, "revision": revision}, last
        return {}

    async def cut(self) -> dict[str, Any]:
        """Lose all connections at once."""
        self._tokens = [session.token for session in self._logins.values()]
        self._lost_at = time.monotonic()
        return await self.drop()

    async def back(self) -> dict[str, Any]:
        """Go on with all sessions; returns the seconds from the first attempt to the last one."""
        openings = iter(self._openings())
        self._new = lambda: Returner(
            self._account, self._port, next(self._sources), next(openings), self._last
        )
        count, begun = len(self._tokens), time.monotonic()
        times = sorted(begun + random.random() * _SPREAD for _ in range(count))
        found = self._open(iter(times), count)
        ended = time.monotonic()
        return found | {"took": ended - begun, "since_cut": ended - self._lost_at}

    async def cut_and_back(self) -> dict[str, Any]:
        """Lose all connections, and come back."""
        await self.cut()
        return await self.back()

    def _openings(self) -> Iterator[dict[str, Any]]:
        common = {
            "message": "open", "application": "default", "user": self._account.user,
            "data": "K9xT4rOprNGfwEbeRWgbNEkqO9xT4aBc", "since": self._since,
            "subscriptions": [{"types": ["skill"], "folders": [self._folder]}],
        }  # fmt: skip
        return ({**common, "token": token} for token in self._tokens)
