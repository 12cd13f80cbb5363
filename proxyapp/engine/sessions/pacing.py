"""The writes of clients on their way into the database: how many at once, how often, how long.

They are carried out one after another anyhow; what waits behind them waits here, where it can
grow too old. Knows neither what they write nor who asked.
"""

from __future__ import annotations

from collections import deque

from confwire.errors import RequestExpired
from proxyapp.engine.commands import Write
from proxyapp.engine.events import WriteRefused
from proxyapp.engine.serving import Serving

AT_ONCE = 4
"""Writes that are with the runtime: it must not wait for the next one."""


class Pacing:
    """The queue of writes."""

    def __init__(self, serving: Serving) -> None:
        self._serving = serving
        self._under_way = 0
        self._waiting: deque[tuple[float, Write]] = deque()
        """Since when each waits, the oldest first."""

    def __repr__(self) -> str:
        return f"<Pacing {self._under_way} under way, {len(self._waiting)} waiting>"

    @property
    def waiting(self) -> int:
        """Writes that have not begun."""
        return len(self._waiting)

    def begin(self, write: Write) -> None:
        """Have a write carried out behind those before it."""
        self._waiting.append((self._serving.now, write))
        self._go_on()

    def ended(self) -> None:
        """One that was under way has ended."""
        self._under_way -= 1
        self._go_on()

    def expire(self, now: float) -> None:
        """Refuse what has waited for too long."""
        limit = self._serving.options.number("deferred-requests-expiration")
        while limit and self._waiting and now - self._waiting[0][0] >= limit:
            _, write = self._waiting.popleft()
            error = RequestExpired(
                f"the write has waited for {limit} s behind others and was not begun: try again",
                retryAfter=limit,
            )
            self._serving.wrote(WriteRefused(write.ticket, error))

    def _go_on(self) -> None:
        while self._waiting and self._under_way < AT_ONCE:
            _, write = self._waiting.popleft()
            write.interval = self._serving.options.number("throttle-updates-interval") / 1000
            self._under_way += 1
            self._serving.out.append(write)
