"""Which server of a list to try next, and after which delay. Pure: the jitter is an argument."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

Address = tuple[str, int]
"""Host name or address, and port."""


def address_text(address: Address) -> str:
    """Return an address as people write it."""
    return f"{address[0]}:{address[1]}"


@dataclass(frozen=True, slots=True)
class Reconnect:
    """How often and how soon a server is tried again, as a connection is configured."""

    attempts: int = 1
    """Tries on one server before the next one is tried, where there is another."""
    timeout: float = 10.0
    """The most seconds between two tries. The first waits are shorter, and each is random."""

    def __post_init__(self) -> None:
        if self.attempts < 1 or self.timeout <= 0:
            raise ValueError("reconnecting needs at least one attempt and a timeout above 0")


class Backoff:
    """Goes round the servers; each round waits longer, by a random part of a doubling bound.

    After a loss the same server is tried first, so a client stays with the backup until the
    backup is lost. A backup that a server has told of comes right behind that server.

    Args:
        servers: the primary first, then its backups.
        jitter: gives a random number in [0, 1).
        reconnect: tries on each server, and the greatest bound.
        first: the bound of the first delay, in seconds.
    """

    __slots__ = ("_configured", "_first", "_jitter", "_learnt", "_tries", "attempts", "reconnect",
                 "server")  # fmt: skip

    def __init__(
        self,
        servers: Sequence[Address],
        jitter: Callable[[], float],
        reconnect: Reconnect | None = None,
        first: float = 0.5,
    ) -> None:
        if not servers:
            raise ValueError("name at least one server")
        self._configured = list(servers)
        self._learnt: dict[Address, Address] = {}
        self._jitter = jitter
        self._first = first
        self._tries = 0
        self.reconnect = reconnect or Reconnect()
        self.server = self._configured[0]
        """The server to use now."""
        self.attempts = 0
        """Failed attempts since the last success."""

    @property
    def servers(self) -> list[Address]:
        """All servers, in the order in which they are tried."""
        order: list[Address] = []
        for configured in self._configured:
            server: Address | None = configured
            while server is not None and server not in order:
                order.append(server)
                server = self._learnt.get(server)
        return order

    @property
    def round(self) -> int:
        """Attempts in which every server has its turn."""
        return len(self.servers) * self.reconnect.attempts

    def learn(self, server: Address, backup: Address | None) -> None:
        """Take in the backup that a server has told of; None where it has none any more."""
        if backup is None:
            self._learnt.pop(server, None)
        else:
            self._learnt[server] = backup

    def choose(self, server: Address) -> None:
        """Use this server next."""
        self.server, self._tries = server, 0

    def failed(self, leave: bool = False) -> None:
        """The present server could not be used: try it again, or go on to the next.

        Args:
            leave: whether trying it again now would be in vain.
        """
        self.attempts += 1
        self._tries += 1
        if leave or self._tries >= self.reconnect.attempts:
            order = self.servers
            place = order.index(self.server) if self.server in order else -1
            self.choose(order[(place + 1) % len(order)])

    def succeeded(self) -> None:
        """The present server is in use."""
        self.attempts = self._tries = 0

    def delay(self) -> float:
        """Return the seconds to wait before the next attempt."""
        rounds = min(self.attempts // self.round, 16)
        return float(min(self.reconnect.timeout, self._first * 2**rounds) * self._jitter())
