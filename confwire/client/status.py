"""The visible state of a client: what it is, since when, where, and what went wrong last.

Only shapes and their distribution: who is told and when is decided by the connection.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum

from confwire.client.backoff import Address
from confwire.client.sites import Place
from confwire.messages import ServerIdentity

MAX_STATUSES = 100
"""Statuses that wait for a slow reader; beyond, the oldest are dropped."""


class State(Enum):
    """The state of a client, for people and callbacks."""

    CONNECTING = "connecting"
    OPEN = "open"
    LOST = "lost"
    CLOSED = "closed"


@dataclass(frozen=True, slots=True)
class Status:
    """A client's state at one moment."""

    state: State
    since: float
    """When the state was entered, in seconds since 1970."""
    reason: str
    """Why it was entered, or why the last attempt failed."""
    address: Address
    """The server in use; while there is none, the one that is tried next."""
    server: ServerIdentity | None = None
    """Who serves; None while nobody does."""
    place: Place = Place.SEEKING_PREFERRED
    """Between the sites."""
    attempts: int = 0
    """Failed attempts since the last session that held."""
    last_error: str = ""
    """The last loss or refusal; it stays when the session is open again."""
    current_at: float | None = None
    """When the data was last known to be current, in seconds since 1970; None: not known."""
    restored: bool = False
    """The open session goes on from before the last loss, by its token and without a login."""

    @property
    def site(self) -> str:
        """The site in use, or the one that is tried: "preferred" or "backup"."""
        at_preferred = self.place in (Place.PREFERRED, Place.SEEKING_PREFERRED)
        return "preferred" if at_preferred else "backup"

    def age(self, now: float) -> float | None:
        """Return the seconds since the data was known to be current; None: not known.

        Args:
            now: seconds since 1970.
        """
        return None if self.current_at is None else max(0.0, now - self.current_at)


class Statuses:
    """An asynchronous iterator: the present status, then every change; ends with the client."""

    def __init__(self, first: Status, ended: Callable[[Statuses], None]) -> None:
        self._waiting = deque([first], MAX_STATUSES)
        self._arrived = asyncio.Event()
        self._ended = ended
        self._is_closed = first.state is State.CLOSED

    def __aiter__(self) -> Statuses:
        return self

    async def __anext__(self) -> Status:
        while not self._waiting:
            if self._is_closed:
                raise StopAsyncIteration
            self._arrived.clear()
            await self._arrived.wait()
        return self._waiting.popleft()

    def add(self, status: Status) -> None:
        """Keep a status for the reader."""
        self._waiting.append(status)
        self._is_closed = self._is_closed or status.state is State.CLOSED
        self._arrived.set()

    def close(self) -> None:
        """Be told of nothing more; a reader that waits stops."""
        self._is_closed = True
        self._arrived.set()
        self._ended(self)
