"""A daemon that was started twice by mistake: each of the two wants its one session.

In the end, when all is well, one of them has it on whichever server.
"""

from __future__ import annotations

from collections.abc import Sequence

from tests.simulation.client import Client
from tests.simulation.estate import DAEMON, DAEMON_NAME
from tests.simulation.server import Server


class Daemon(Client):
    """One of the two processes."""

    application = DAEMON_NAME
    _has_ended = False

    def end(self) -> None:
        """Stop for good."""
        self._has_ended = True
        self.leave()

    def _dial(self) -> None:
        if not self._has_ended:
            super()._dial()


class Twins:
    """The two, and who has the session."""

    def __init__(self, daemons: Sequence[Daemon], servers: Sequence[Server]) -> None:
        self.daemons = daemons
        self._servers = servers

    def missing(self) -> str:
        """Return what is not as it should be, empty if nothing is."""
        holders = [daemon for daemon in self.daemons if daemon.ledger.is_complete()]
        servers = [
            server
            for server in self._servers
            if server.is_running and server.node.serving.roster.daemon(DAEMON)
        ]
        if len(holders) != 1 or len(servers) != 1:
            return f"{holders} have the session of a daemon, on {servers}"
        return ""

    def settled(self) -> None:
        """All is well: one has the session, and the other one is stopped."""
        for daemon in self.daemons:
            if not daemon.ledger.is_complete():
                daemon.end()
