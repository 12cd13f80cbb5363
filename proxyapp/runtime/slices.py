"""How much of what can wait is done in one turn of the loop: little while clients ask.

A load, a long search or a large transaction goes on in slices. Before each, what clients have
asked in the turn is answered; how large it is depends on whether they ask at all, and on how
long it has waited for them. Knows no sockets and no work.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Protocol

from msgspec import Struct
from msgspec.structs import replace

RECENTLY = 0.1
"""Seconds after the last message of a client for which another one is to be expected."""
SHARE = 0.25
"""Of the time that passed since the last slice: what the next one may take in any case. So the
work has a fifth of a loop that clients keep busy, and what they wait for takes a quarter longer;
work of both kinds at once has two fifths, and they wait two thirds longer."""


class Slice(Struct, frozen=True):
    """What may be done in one turn."""

    told: int
    """Bytes of another server's messages."""
    tasks: float
    """Seconds of put-off tasks, in which each of them has one step."""
    least: float = 0.0
    """Seconds for which either may go on beyond that, if more is left."""


SMALL = Slice(told=16 * 1024, tasks=0.001)
"""One packet of a load, 0.1 ms: a client's wait grows by no more than that."""
LARGE = Slice(told=256 * 1024, tasks=0.004)
"""2 ms of a load: turns of the loop cost next to nothing beside it."""
LONGEST = LARGE.tasks
"""Seconds beyond which no slice goes on, however long the turn before it was."""


def slice_for(now: float, asked_at: float, left_at: float | None) -> Slice:
    """Return what may be done.

    Args:
        now: by the monotonic clock, as all times.
        asked_at: when the last message of a client came.
        left_at: when the last slice of this work ended with something left; None if nothing was.
    """
    if now - asked_at >= RECENTLY:
        return LARGE
    if left_at is None:
        return SMALL
    return replace(SMALL, least=min(max(SHARE * (now - left_at), 0.0), LONGEST))


class Clients(Protocol):
    """Those who ask."""

    asked_at: float
    """When the last message came, by the monotonic clock."""

    def answer_now(self) -> None:
        """Answer what was asked in this turn, and would be answered later in it."""


class Slices:
    """Gives the slices of one loop."""

    def __init__(self, clients: Clients, clock: Callable[[], float] = time.monotonic) -> None:
        self._clients = clients
        self._clock = clock

    def next(self, left_at: float | None) -> Slice:
        """Let clients be answered first; return what may be done then.

        Args:
            left_at: as for `slice_for`.
        """
        self._clients.answer_now()
        return slice_for(self._clock(), self._clients.asked_at, left_at)
