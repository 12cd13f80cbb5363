"""Whether the client of a connection still lives: its keep-alive, and probes beside it.

Pure: told the time, what was heard and what was taken; knows no socket.
"""

from __future__ import annotations

from confwire.addp import SilenceWatch, Step

PROBE_LIMIT = 5.0
"""Seconds in which a connection without keep-alive must answer a probe."""


class LifeWatch(SilenceWatch):
    """Watches with the keep-alive, or with PROBE_LIMIT while a probe runs without one.

    Args:
        now: the time, in seconds of a clock that never goes back.
    """

    __slots__ = ("_keep_alive", "_taken")

    def __init__(self, now: float) -> None:
        super().__init__(0.0, now)
        self._keep_alive = 0.0
        self._taken: int | None = None
        """Bytes that were taken when it was probed; None: it showed life since."""

    def keep(self, timeout: float, now: float) -> None:
        """Poll after so many seconds of silence, and end after as many more; 0 is never."""
        self._keep_alive = timeout
        self.change(timeout, now)

    def probe(self, now: float, heard_at: float, taken: int) -> bool:
        """Be due for a poll now; return whether that begins anew.

        A poll that is under way is the answer to who asks again: it must not begin anew, else
        one who asks often enough would wait for ever.

        Args:
            now: the time.
            heard_at: when something came since the last look, else 0.
            taken: bytes that the client has taken in all.
        """
        if self.is_polled and not heard_at:
            return False
        timeout = self.timeout or PROBE_LIMIT
        self.change(timeout, now - timeout)
        self._taken = taken
        return True

    def look(self, now: float, heard_at: float, unread: bool, taken: int | None) -> Step:
        """Return what to do, once what came since the last look is known.

        Args:
            now: the time.
            heard_at: when something came since the last look, else 0.
            unread: nothing is read from the client at present.
            taken: bytes that it has taken in all; None while it is not blocked.
        """
        # What is not read cannot be heard, so the silence proves nothing. But a reader that takes
        # nothing is as good as dead when another one claims to be in its place.
        stuck = taken is not None and self._taken == taken
        if unread and not stuck:
            heard_at = now
        if heard_at:
            self._taken = None
            self.change(self._keep_alive, heard_at)
        return self.step(now)
