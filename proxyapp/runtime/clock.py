"""Time for the node: steady seconds, and a tick several times a second.

The node itself has no clock; whatever it knows of time comes from here.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable


class Clock:
    """Seconds since 1970 that never jump: the wall clock is read once, at the start.

    Differences are exact even when an operator or NTP sets the machine's clock.
    """

    def __init__(self) -> None:
        self._offset = time.time() - time.monotonic()

    def now(self) -> float:
        """Return the present time in seconds."""
        return self._offset + time.monotonic()


class Ticker:
    """Calls a function at a steady interval and knows how late the loop was."""

    def __init__(self, interval: float, tick: Callable[[], None]) -> None:
        self._interval = interval
        self._tick = tick
        self._due = 0.0
        self._handle: asyncio.TimerHandle | None = None
        self.worst_stall = 0.0
        """The longest the loop was late, in seconds, since `take_worst_stall`."""

    def start(self) -> None:
        """Begin; must be called with a running loop."""
        self._due = time.monotonic() + self._interval
        self._handle = asyncio.get_running_loop().call_later(self._interval, self._fire)

    def stop(self) -> None:
        """Tick no more."""
        if self._handle is not None:
            self._handle.cancel()
            self._handle = None

    def take_worst_stall(self) -> float:
        """Return the worst stall since the last call, and forget it."""
        worst, self.worst_stall = self.worst_stall, 0.0
        return worst

    def _fire(self) -> None:
        self.worst_stall = max(self.worst_stall, time.monotonic() - self._due)
        # The next tick is armed first: a tick that raises must not be the last one.
        self.start()
        self._tick()
