"""The progress messages that tell readers, again and again, that they miss nothing."""

from __future__ import annotations

from confwire import codec
from confwire.messages import Progress
from proxyapp.engine.commands import Broadcast
from proxyapp.engine.links.downstream import Downstream
from proxyapp.engine.links.replication import progress
from proxyapp.engine.serving import Serving

CLIENT_PERIOD = 15.0
"""Seconds between two messages to clients."""
SERVER_PERIOD = 2.0
"""Seconds between two messages to servers."""


class Heartbeat:
    """When who heard last of the progress of one node."""

    def __init__(self, serving: Serving, downstream: Downstream) -> None:
        self._serving = serving
        self._downstream = downstream
        self._clients_at = self._servers_at = 0.0

    def tick(self, now: float) -> None:
        """Some time has passed: tell those whose time has come."""
        if now - self._clients_at >= CLIENT_PERIOD:
            self._clients_at = now
            self._tell_clients()
        if now - self._servers_at >= SERVER_PERIOD:
            self._servers_at = now
            self._downstream.tell(progress(self._serving))

    def _tell_clients(self) -> None:
        members = [member for view in self._serving.subscriptions for member in view.members]
        if members:
            told = Progress(epoch=self._serving.epoch, revision=self._serving.revision)
            self._serving.out.append(Broadcast(members, [codec.encode(told)]))
