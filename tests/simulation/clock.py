"""Virtual time: what is to happen next, in order; nothing waits for real.

Everything that happens in a simulation is a call from here. Seconds begin at 0; what a program
reads from its wall clock is the world's.
"""

from __future__ import annotations

from collections.abc import Callable
from heapq import heappop, heappush
from typing import Any


class Clock:
    """The one clock of a simulated world."""

    def __init__(self) -> None:
        self.now = 0.0
        self.steps = 0
        self._due: list[tuple[float, int, Callable[..., None], tuple[Any, ...]]] = []
        self._number = 0

    def at(self, when: float, do: Callable[..., None], *arguments: Any) -> None:
        """Call `do` at a time; calls for the same time keep their order."""
        self._number += 1
        heappush(self._due, (when, self._number, do, arguments))

    def after(self, delay: float, do: Callable[..., None], *arguments: Any) -> None:
        """Call `do` in so many seconds."""
        self.at(self.now + delay, do, *arguments)

    def run(self, until: float) -> None:
        """Let all happen that is due up to a time."""
        due = self._due
        while due and due[0][0] <= until:
            self.now, _, do, arguments = heappop(due)
            self.steps += 1
            do(*arguments)
        self.now = until
