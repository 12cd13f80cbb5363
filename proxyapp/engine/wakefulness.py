"""Whether the process was stopped for a while: it then finds out late what has become of others.

Knows nothing but the times of ticks.
"""

from __future__ import annotations

_STOPPED = 2.0
"""Seconds without a tick, of which there are several in a second, that mean a stop."""
_LATE = 3.0
"""Seconds after a stop within which what has happened meanwhile is noticed."""


class Wakefulness:
    """When the process was surely awake."""

    def __init__(self) -> None:
        self._ticked_at: float | None = None
        self._stop: tuple[float, float] | None = None
        """The last tick before the last stop, and the first one after it. Stops between which it
        was not awake for long enough to notice anything are one."""

    def __repr__(self) -> str:
        return f"<Wakefulness, ticked at {self._ticked_at}>"

    def tick(self, now: float) -> None:
        """Some time has passed."""
        if self._ticked_at is not None and now - self._ticked_at > _STOPPED:
            self._stop = self._noticed(self._ticked_at), now
        self._ticked_at = now

    def last(self, now: float) -> float:
        """Return the latest time up to which nothing can have gone unnoticed by a stop."""
        if self._ticked_at is not None and now - self._ticked_at > _STOPPED:
            return self._noticed(self._ticked_at)
        return self._noticed(now)

    def _noticed(self, awake: float) -> float:
        """Return the latest time of which all is known at a time when it was awake."""
        if self._stop is not None and awake - self._stop[1] < _LATE:
            return self._stop[0]
        return awake
