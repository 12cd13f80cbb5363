"""A load balancer before a pool of proxies, and its clients' connections.

It takes part in nothing: it chooses a member that listens when a client connects, and hands the
connection on. Now and then it ends some, and the clients come back to other members.
"""

from __future__ import annotations

from random import Random

from tests.simulation.network import Line, Network
from tests.simulation.server import Server


class Balancer:
    """One balancer and the members of its pool."""

    host = "balancer"

    def __init__(self, network: Network, members: list[Server], random: Random) -> None:
        self._network = network
        self._members = members
        self._random = random
        self._by_load = random.random() < 0.5
        """It chooses the member with the fewest connections, else one after the other."""
        self._turn = 0
        self._lines: list[Line] = []

    def __repr__(self) -> str:
        return f"<Balancer of {len(self._members)}>"

    def is_open(self, port: int) -> bool:
        """Whether some member would take a connection."""
        return any(member.is_open(port) for member in self._members)

    def knock(self, line: Line, port: int) -> None:
        """A client connects: hand it on."""
        self._lines = [item for item in self._lines if not item.is_over]
        able = [member for member in self._members if member.is_open(port)]
        if self._by_load:
            member = min(able, key=self._load)
        else:
            self._turn += 1
            member = able[self._turn % len(able)]
        self._lines.append(line)
        line.hosts = (line.hosts[0], member.host)
        member.knock(line, port)

    def _load(self, member: Server) -> int:
        return sum(line.hosts[1] == member.host for line in self._lines)

    def behind(self, line: Line) -> Server:
        """Return the member that has a connection."""
        return next(member for member in self._members if member.host == line.hosts[1])

    def move(self, part: float) -> None:
        """End some connections, so that their clients come to other members."""
        for line in self._lines:
            if line.is_up and self._random.random() < part:
                line.reset()
