"""Sessions that hear of changes, lose their server, and go on at another one by their tokens.

They come back as the client library does: after a random part of half a second each tries its old
server, after another one the other server, and so on while it is refused. Each follows the
revisions that it is told, so that nothing is missed and nothing told twice without being seen.
"""

from __future__ import annotations

import itertools
import random
import select
import time
from heapq import heappop, heappush
from typing import Any

from benchmarks.generators import logins, returners

_SPREAD = 0.5
"""Seconds over which clients come back that lost their server, and after which they try again."""


class Survivor(returners.Visitor):
    """A session that follows the changes in a folder."""

    restored_at = 0.0
    since: dict[str, Any] | None = None
    """Epoch and revision of the last change that it was told; None before it follows any."""

    def opening(self) -> dict[str, Any]:
        """Return the first message: of a login, or of a return."""
        if self.since is None:
            return super().opening()
        return {
            "message": "open", "application": "default", "user": self._account.user,
            "data": "K9xT4rOprNGfwEbeRWgbNEkqO9xT4aBc", "token": self.token, "since": self.since,
            "subscriptions": [{"types": ["skill"], "folders": [self.folder]}],
        }  # fmt: skip

    def follow(self, folder: int, epoch: str, revision: int, step: int) -> None:
        """Expect a change of each so many revisions from this one on, which it was told."""
        self.folder, self.since = folder, {"epoch": epoch, "revision": revision}
        self._step = step

    def _take(self, message: dict[str, Any]) -> None:
        kind = message["message"]
        if self.since is None:
            super()._take(message)
        elif kind == "objectsChanged":
            if message["revision"] != self.since["revision"] + self._step:
                raise AssertionError(f"{message['revision']} was told after {self.since}")
            self.since["revision"] = message["revision"]
        elif kind == "opened":
            if not message["restored"]:
                raise AssertionError("the session was not restored")
            self.token, self.opened, self.restored_at = message["token"], True, time.monotonic()
        elif kind == "error":
            raise ConnectionError(str(message))
        elif kind != "progress":
            raise AssertionError(str(message))


class Load(logins.Load):
    """Sessions that survive their server."""

    async def come(self, count: int, folder: int) -> dict[str, Any]:
        """Log in so many times, and subscribe."""
        self._folder = folder
        self._new = lambda: Survivor(self._account, self._port, next(self._sources))
        found = self._open(iter([0.0] * count), logins.AT_ONCE)
        await self.subscribe(folder)
        return found

    async def survive(
        self, port: int, epoch: str, revision: int, step: int, last: int
    ) -> dict[str, Any]:
        """Follow every so many changes up to a revision, at this port once the server is gone.

        Returns how many were restored, by the monotonic clock when the last of them was, and how
        many attempts were refused.
        """
        sessions: list[Survivor] = list(self._logins.values())  # type: ignore[arg-type]
        for session in sessions:
            session.follow(self._folder, epoch, revision, step)
            self._poll.register(session.socket, select.EPOLLIN)
        left, refused = len(sessions), 0
        due: list[tuple[float, int]] = []
        ports = [itertools.cycle((self._port, port)) for _ in sessions]
        at = {session.socket.fileno(): number for number, session in enumerate(sessions)}
        while left:
            while due and due[0][0] <= time.monotonic():
                number = heappop(due)[1]
                sessions[number].connect(next(ports[number]), next(self._sources))
                at[sessions[number].socket.fileno()] = number
                self._poll.register(sessions[number].socket, select.EPOLLOUT)
            wait = max(0.0, due[0][0] - time.monotonic()) if due else logins.LIMIT
            events = self._poll.poll(wait)
            if not events and not due:
                raise TimeoutError(f"{left} sessions have not heard of all changes")
            for file, event in events:
                number = at[file]
                session = sessions[number]
                assert session.since is not None
                try:
                    if event & select.EPOLLOUT:
                        session.upgrade()
                        self._poll.modify(file, select.EPOLLIN)
                    else:
                        session.read()
                except OSError:
                    refused += session.restored_at == 0.0 and not session.opened
                    self._poll.unregister(file)
                    session.socket.close()
                    del at[file]
                    heappush(due, (time.monotonic() + random.random() * _SPREAD, number))
                if session.since["revision"] == last and file in at:
                    self._poll.unregister(file)
                    left -= 1
        self._logins = {session.socket.fileno(): session for session in sessions}
        restored = sorted(session.restored_at for session in sessions if session.restored_at)
        return {
            "restored": len(restored),
            "median": restored[len(restored) // 2],
            "last": restored[-1],
            "refused": refused,
        }
