"""Where to connect next and after which delay. Pure: the jitter is an argument."""

from __future__ import annotations

from collections.abc import Callable, Sequence

Address = tuple[str, int]
"""Host name or address, and port."""


def address_text(address: Address) -> str:
    """Return an address as people write it."""
    return f"{address[0]}:{address[1]}"


class Backoff:
    """Goes round the servers; each round waits longer, by a random part of a doubling bound.

    After a loss the same server is tried first, so a client stays with the backup until the
    backup is lost.

    Args:
        servers: the primary first, then its backups.
        jitter: gives a random number in [0, 1).
        first: the bound of the first delay, in seconds.
        most: the greatest bound, in seconds.
    """

    __slots__ = ("_first", "_index", "_jitter", "_most", "_servers", "attempts")

    def __init__(
        self,
        servers: Sequence[Address],
        jitter: Callable[[], float],
        first: float = 0.5,
        most: float = 10.0,
    ) -> None:
        if not servers:
            raise ValueError("name at least one server")
        self._servers = list(servers)
        self._jitter = jitter
        self._first = first
        self._most = most
        self._index = 0
        self.attempts = 0
        """Failed attempts since the last success."""

    @property
    def server(self) -> Address:
        """The server to use now."""
        return self._servers[self._index]

    def __len__(self) -> int:
        return len(self._servers)

    def learn(self, server: Address) -> None:
        """Take in a backup that a server has told of."""
        if server not in self._servers:
            self._servers.append(server)

    def failed(self) -> None:
        """The present server could not be used: go on to the next."""
        self.attempts += 1
        self._index = (self._index + 1) % len(self._servers)

    def succeeded(self) -> None:
        """The present server is in use."""
        self.attempts = 0

    def delay(self) -> float:
        """Return the seconds to wait before the next attempt."""
        rounds = min(self.attempts // len(self._servers), 16)
        return float(min(self._most, self._first * 2**rounds) * self._jitter())
