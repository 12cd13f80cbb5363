"""Watches that need the whole data anew from a server that is behind what they have seen.

Its snapshot would replace newer objects by older ones, so it is not delivered: the server is
asked where it stands until it has caught up, and only then for the snapshot again.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from confwire.client.exchange import Exchanges
from confwire.client.link import Link
from confwire.client.watch import Watch
from confwire.errors import WireError
from confwire.messages import ReadServerInfo, ServerInfo, ServerMessage

ASK_EVERY = 1.0
"""Seconds between two questions where the server stands."""


class Postponed:
    """The watches of one client that wait for their server.

    Args:
        exchanges: where answers are waited for.
        link: gives the open link, None while there is none.
        again: called with a watch whose server has caught up.
    """

    def __init__(
        self,
        exchanges: Exchanges,
        link: Callable[[], Link | None],
        again: Callable[[Watch], None],
    ) -> None:
        self._exchanges = exchanges
        self._link = link
        self._again = again
        self._timers: dict[str, asyncio.TimerHandle] = {}

    def __contains__(self, watch: Watch) -> bool:
        return watch.name in self._timers

    def add(self, watch: Watch) -> None:
        """Let a watch wait."""
        self.drop(watch)
        loop = asyncio.get_running_loop()
        self._timers[watch.name] = loop.call_later(ASK_EVERY, self._ask, watch)

    def drop(self, watch: Watch) -> None:
        """Let a watch wait no more."""
        if (timer := self._timers.pop(watch.name, None)) is not None:
            timer.cancel()

    def clear(self) -> None:
        """Let none wait: the link is gone."""
        for timer in self._timers.values():
            timer.cancel()
        self._timers.clear()

    def _ask(self, watch: Watch) -> None:
        if (link := self._link()) is not None:
            request = ReadServerInfo(ref=self._exchanges.new_ref())
            self._exchanges.expect(request, _Question(self, request, watch))
            link.send(request)

    def answered(self, request: ReadServerInfo, watch: Watch, message: ServerMessage) -> None:
        """Take in where the server stands."""
        self._exchanges.forget(request)
        if watch not in self:
            return
        if isinstance(message, ServerInfo) and not watch.is_ahead_of(
            message.epoch, message.revision
        ):
            self._again(watch)
        else:
            self.add(watch)


class _Question:
    """One question where the server stands."""

    def __init__(self, owner: Postponed, request: ReadServerInfo, watch: Watch) -> None:
        self._owner = owner
        self._request = request
        self._watch = watch

    def receive(self, message: ServerMessage) -> None:
        """Hand the answer on."""
        self._owner.answered(self._request, self._watch, message)

    def lost(self, error: WireError) -> None:
        """Nothing: every watch is registered anew on the next connection."""
