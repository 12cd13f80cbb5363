"""How new the data is that a client has seen: its highest revision, and when it was current.

A proxy is asked for the age of its data now and then; what a master says is current.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

from confwire.client.exchange import Exchanges
from confwire.client.link import Link
from confwire.epochs import is_behind, is_earlier
from confwire.errors import WireError
from confwire.messages import (
    BriefInfo,
    Cursor,
    ObjectsRead,
    ObjectsSent,
    ReadServerInfo,
    ServerInfo,
    ServerMessage,
)

ASK_EVERY = 15.0
"""Seconds between two questions for the age of a proxy's data."""


class Freshness:
    """What one client knows about the age of the data.

    Args:
        exchanges: where answers are waited for.
        link: gives the open link, None while there is none.
    """

    def __init__(self, exchanges: Exchanges, link: Callable[[], Link | None]) -> None:
        self._exchanges = exchanges
        self._link = link
        self._timer: asyncio.TimerHandle | None = None
        self._is_master = False
        self.seen: Cursor | None = None
        """The highest revision that any server has shown, of the newest epoch."""
        self.current_at: float | None = None
        """When the data was last known to be current, in seconds since 1970; None: not known."""

    def opened(self, link: Link) -> None:
        """A session is open."""
        opened = link.opened
        self._is_master = opened.server.mode == "master"
        self._see(opened.epoch, opened.revision, begins=True)
        self.current_at = time.time() if self._is_master else None
        if not self._is_master:
            self._ask()

    def lost(self) -> None:
        """The session is gone; from now on the data grows older."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def heard(self, message: ServerMessage) -> None:
        """Take in what a message tells about the data."""
        if (epoch := getattr(message, "epoch", None)) is None:
            return
        # The packets of a read may be older than what came between them.
        is_read = isinstance(message, ObjectsRead | BriefInfo | ObjectsSent)
        self._see(epoch, message.revision, begins=not is_read)  # type: ignore[union-attr]
        age = getattr(message, "age", None)
        if self._is_master:
            self.current_at = time.time()
        elif isinstance(message, ServerInfo) or (is_read and age is not None):
            self.current_at = time.time() - (age or 0.0)

    def _see(self, epoch: str, revision: int, *, begins: bool) -> None:
        seen = self.seen
        if seen is None or is_earlier(seen.epoch, epoch):
            newer = True
        elif epoch == seen.epoch:
            newer = revision > seen.revision
        else:  # what a master says of its epoch is the truth, whatever its name
            newer = begins and (self._is_master or not is_earlier(epoch, seen.epoch))
        if newer:
            self.seen = Cursor(epoch=epoch, revision=revision)

    def _ask(self) -> None:
        self._timer = None
        if (link := self._link()) is None:
            return
        request = ReadServerInfo(ref=self._exchanges.new_ref())
        self._exchanges.expect(request, Question(self._exchanges, request))
        link.send(request)
        self._timer = asyncio.get_running_loop().call_later(ASK_EVERY, self._ask)


class Question:
    """A question for the age, whose answer `Freshness.heard` has taken in already."""

    def __init__(self, exchanges: Exchanges, request: ReadServerInfo) -> None:
        self._exchanges = exchanges
        self._request = request

    def receive(self, message: ServerMessage) -> None:
        """Be done."""
        self._exchanges.forget(self._request)

    def lost(self, error: WireError) -> None:
        """Nothing: the next server is asked anew."""


def is_older(message: ServerMessage, floor: Cursor | None) -> bool:
    """Whether an answer is made from older data than was seen before it was asked for."""
    epoch = getattr(message, "epoch", None)
    if floor is None or epoch is None:
        return False
    return is_behind(epoch, message.revision, floor.epoch, floor.revision)  # type: ignore[union-attr]
