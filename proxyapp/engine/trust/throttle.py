"""Failed logins by the address of the client, so that nobody tries passwords without end.

Each address has a bucket that a failed login takes from and time fills up again. Knows neither
accounts nor sockets.
"""

from __future__ import annotations

import ipaddress
from functools import lru_cache
from math import ceil

from confwire.errors import TooManyAttempts
from proxyapp.balancer.networks import address_of

ADDRESSES = 10_000
"""Addresses that are remembered; those that failed last."""
_MINUTE = 60.0


class Throttle:
    """The buckets of all addresses that have failed lately."""

    def __init__(self) -> None:
        self._taken: dict[str, tuple[float, float]] = {}
        """Network -> (what is taken from its bucket, as of when)."""
        self._pending: dict[str, int] = {}
        """Logins that others are judging, by network: each may fail."""

    def check(self, address: str, most: int, now: float) -> None:
        """Refuse an address whose bucket is empty.

        Args:
            most: failures a minute; 0: any.

        Raises TooManyAttempts.
        """
        network = network_of(address) if most else ""
        if not network:
            return
        taken = self._now(network, most, now) + self._pending.get(network, 0)
        if taken > most - 1:
            wait = ceil((taken - most + 1) * _MINUTE / most)
            raise TooManyAttempts(
                "too many logins from this address have failed: wait before the next one",
                retryAfter=wait,
            )

    def failed(self, address: str, most: int, now: float) -> None:
        """A login from an address failed."""
        network = network_of(address)
        if not network or not most:
            return
        taken = self._now(network, most, now) + 1
        self._taken.pop(network, None)
        if len(self._taken) >= ADDRESSES:
            self._taken.pop(next(iter(self._taken)))
        self._taken[network] = taken, now

    def begin(self, address: str) -> None:
        """Others begin to judge a login from an address."""
        network = network_of(address)
        self._pending[network] = self._pending.get(network, 0) + 1

    def end(self, address: str) -> None:
        """They have."""
        network = network_of(address)
        left = self._pending.pop(network, 0) - 1
        if left > 0:
            self._pending[network] = left

    def _now(self, network: str, most: int, now: float) -> float:
        taken, at = self._taken.get(network, (0.0, now))
        return max(0.0, taken - (now - at) * most / _MINUTE)


def network_of(address: str) -> str:
    """Return what is counted for an "address:port": the address, of IPv6 its /64.

    Empty for this host, and for what is no address.
    """
    return _network_of(host_of(address))


def host_of(address: str) -> str:
    """Return the host of an "address:port"; each connection has another port."""
    return address.rpartition(":")[0] if address.count(":") == 1 or "]" in address else address


@lru_cache(4096)
def _network_of(host: str) -> str:
    found = address_of(host)
    if found is None or found.is_loopback:
        return ""
    if found.version == 6:
        return str(ipaddress.ip_network((found, 64), strict=False))
    return str(found)
