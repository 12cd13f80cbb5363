"""The virtual clock as the loop of asyncio that the client library's timers ask for."""

from __future__ import annotations

from asyncio import events
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from tests.simulation.clock import Clock


class Timer:
    """What a loop gives for a call that is to come."""

    def __init__(self) -> None:
        self.is_cancelled = False

    def cancel(self) -> None:
        """Let it not come."""
        self.is_cancelled = True


class Loop:
    """As much of an event loop as the library's watches need."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    @contextmanager
    def running(self) -> Iterator[None]:
        """Be the running loop."""
        events._set_running_loop(self)  # type: ignore[arg-type]
        try:
            yield
        finally:
            events._set_running_loop(None)

    def call_later(self, delay: float, call: Callable[..., None], *arguments: Any) -> Timer:
        """Call something when so many virtual seconds have passed."""
        timer = Timer()
        self._clock.after(delay, self._fire, timer, call, arguments)
        return timer

    def _fire(self, timer: Timer, call: Callable[..., None], arguments: tuple[Any, ...]) -> None:
        if not timer.is_cancelled:
            with self.running():
                call(*arguments)
