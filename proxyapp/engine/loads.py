"""How many proxies load all data from a master at the same time; the others wait their turn.

Whoever waits serves what it has. Knows of a link only its number.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from proxyapp.engine.settings import Settings


class Loads:
    """Who loads, and who waits for it."""

    def __init__(self) -> None:
        self._loading: dict[int, float] = {}
        """Link -> since when."""
        self._waiting: dict[int, None] = {}
        """In the order of their coming."""

    def __repr__(self) -> str:
        return f"<Loads {len(self._loading)} under way, {len(self._waiting)} waiting>"

    def enter(self, link: int, now: float, options: Settings) -> bool:
        """Let a link load, or put it down to wait; tell which."""
        if link not in self._loading:
            place = list(self._waiting).index(link) if link in self._waiting else len(self._waiting)
            if place >= self._room(now, options):
                self._waiting[link] = None
                return False
            self._waiting.pop(link, None)
            self._loading[link] = now
        return True

    def leave(self, link: int) -> None:
        """A link has loaded all."""
        self._loading.pop(link, None)

    def tick(
        self, links: dict[int, Any], now: float, options: Settings, wake: Callable[[Any], None]
    ) -> None:
        """Forget links that are gone, and wake those that have room now.

        Args:
            links: those that there are, by their numbers.
            wake: lets one ask again.
        """
        for table in (self._loading, self._waiting):
            for link in [link for link in table if link not in links]:
                del table[link]
        room = self._room(now, options) if self._waiting else 0
        for link in list(self._waiting)[: max(0, room)]:
            wake(links[link])

    def status(self) -> dict[str, int]:
        """Return how many load and wait, as JSON-able data."""
        return {"underWay": len(self._loading), "waiting": len(self._waiting)}

    def _room(self, now: float, options: Settings) -> int:
        most = options.number("proxy-load-max")
        if not most:
            return len(self._waiting) + 1
        limit = options.number("proxy-load-timeout")
        counted = [since for since in self._loading.values() if not limit or now - since < limit]
        return most - len(counted)
