"""How much of what can wait is done in one turn of the loop: little while clients ask.

A load, a long search or a large transaction goes on in slices. Before each, what clients have
asked in the turn is answered; how large it is depends on whether they ask at all. Knows no
sockets and no work.
"""

from __future__ import annotations

from typing import Protocol

from msgspec import Struct

RECENTLY = 0.1
"""Seconds after the last message of a client for which another one is to be expected."""


class Slice(Struct, frozen=True):
    """What may be done in one turn."""

    told: int
    """Bytes of another server's messages."""
    tasks: float
    """Seconds of put-off tasks."""


SMALL = Slice(told=16 * 1024, tasks=0.001)
"""One packet of a load, 0.1 ms: a client's wait grows by no more than that."""
LARGE = Slice(told=256 * 1024, tasks=0.004)
"""2 ms of a load: turns of the loop cost next to nothing beside it."""


class Clients(Protocol):
    """Those who ask."""

    asked_at: float
    """When the last message came, by the monotonic clock."""

    def answer_now(self) -> None:
        """Answer what was asked in this turn, and would be answered later in it."""


class Slices:
    """Gives the slices of one loop."""

    def __init__(self, clients: Clients) -> None:
        self._clients = clients

    def next(self, now: float) -> Slice:
        """Let clients be answered first; return what may be done then.

        Args:
            now: by the monotonic clock.
        """
        self._clients.answer_now()
        asked = now - self._clients.asked_at < RECENTLY
        return SMALL if asked else LARGE
