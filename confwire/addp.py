"""Keep-alive (ADDP): when to poll a silent peer, and when to give it up.

Pure: it is told the time and what was heard, and says what to do. It knows no sockets; a poll
is a WebSocket ping, and anything that arrives answers it. Each side watches with its own timeout.
"""

from __future__ import annotations

from enum import Enum

DEFAULT_TIMEOUT = 10.0
"""Seconds; used where nothing was configured."""


class Step(Enum):
    """What to do now."""

    WAIT = "wait"
    POLL = "poll"
    LOST = "lost"


class SilenceWatch:
    """Watches one connection: polls after `timeout` seconds of silence, then waits as long again.

    Args:
        timeout: seconds; 0 switches the watch off.
        now: the time, in seconds of a clock that never goes back.
    """

    __slots__ = ("_heard_at", "_polled_at", "timeout")

    def __init__(self, timeout: float, now: float) -> None:
        self.timeout = timeout
        self._heard_at = now
        self._polled_at: float | None = None

    def __repr__(self) -> str:
        state = "off" if not self.timeout else "listening" if self._polled_at is None else "polled"
        return f"<SilenceWatch {self.timeout} s {state}>"

    def heard(self, now: float) -> None:
        """Something arrived, whatever it was."""
        self._heard_at = now
        self._polled_at = None

    def change(self, timeout: float, now: float) -> None:
        """Use another timeout from now on; the silence so far is forgotten."""
        self.timeout = timeout
        self.heard(now)

    @property
    def is_polled(self) -> bool:
        """Whether the answer to a poll is awaited."""
        return self._polled_at is not None

    def due_at(self) -> float | None:
        """Return when `step` will have something to say; None while the watch is off."""
        if not self.timeout:
            return None
        return (self._heard_at if self._polled_at is None else self._polled_at) + self.timeout

    def step(self, now: float) -> Step:
        """Return what to do at this time; POLL is said once a silence.

        A peer is never lost without having been polled, so a process that was stopped for a
        while does not drop the connections of others.
        """
        due = self.due_at()
        if due is None or now < due:
            return Step.WAIT
        if self._polled_at is not None:
            return Step.LOST
        self._polled_at = now
        return Step.POLL
