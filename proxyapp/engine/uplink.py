"""A proxy's links, to its master and to the other server of its pair, as the runtime tells of them.

What is said on them, `Replica` and `Pairing` know; here each event goes to the one that it is of,
and what follows for clients and writes of this server is done.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from confwire.messages import AccountStates, SiteProgress
from proxyapp.engine import events
from proxyapp.engine.links.coldstart import ColdStart
from proxyapp.engine.links.replica import Replica
from proxyapp.engine.ownapplication import OwnApplication
from proxyapp.engine.serving import Serving
from proxyapp.engine.standby.dial import LINK
from proxyapp.engine.standby.identity import Identity
from proxyapp.engine.standby.peerlink import PeerLink


class Uplink:
    """The links of one proxy."""

    def __init__(
        self,
        serving: Serving,
        replica: Replica,
        peer: PeerLink,
        cold_start: ColdStart,
        own: OwnApplication,
        identity: Identity,
    ) -> None:
        self._serving = serving
        self._replica = replica
        self._peer = peer
        self._cold_start = cold_start
        self._own = own
        self._identity = identity
        self.handlers: dict[type, Callable[[Any], None]] = {
            events.LinkOpened: self._opened,
            events.LinkReceived: self._received,
            events.LinkProved: self._proved,
            events.LinkLost: self._lost,
            events.CopyRead: self._copy_read,
            events.EntriesKept: replica.forwarding.kept,
            events.EntriesRead: replica.forwarding.read,
        }

    def start(self) -> None:
        """Read the local copy, or connect to the master."""
        self._cold_start.begin(self._serving.now)

    def tick(self, progress: SiteProgress) -> None:
        """Do what is due.

        Args:
            progress: how far the clients are, for the master.
        """
        self._replica.tick(self._serving.now)
        self._replica.tell(progress)
        for end in self._replica.relaying.expired():
            self._serving.wrote(end)

    def found(self, current_at: float) -> None:
        """The data that is loaded is a local copy, last known to be current at that time."""
        self._replica.found(current_at, self._serving.now)

    def tell_accounts(self, message: AccountStates) -> None:
        """Tell the master what is new of accounts."""
        self._replica.tell_accounts(message)

    def _opened(self, event: events.LinkOpened) -> None:
        if event.link == LINK:
            self._peer.opened(event.nonce)
        else:
            self._replica.opened(event.nonce, event.secure)

    def _received(self, event: events.LinkReceived) -> None:
        if event.link == LINK:
            self._peer.received(event.messages)
            return
        now, replica = self._serving.now, self._replica
        age, live = replica.age(now), replica.live
        replica.received(event.messages, now)
        if self._serving.withheld and replica.live:
            self._own.serve()
        if age > replica.age(now):
            self._serving.freshness.look()
        if live != replica.live:
            self._identity.follow()  # it may be another master, where writes go

    def _proved(self, event: events.LinkProved) -> None:
        if event.link == LINK:
            self._peer.proved(event.salted_password)
        else:
            self._replica.proved(event.salted_password)

    def _lost(self, event: events.LinkLost) -> None:
        if event.link == LINK:
            self._peer.lost(event.reason, event.gone, event.jitter)
            return
        self._replica.lost(event.reason, event.jitter, self._serving.now)
        self._serving.checks.unlink()

    def _copy_read(self, event: events.CopyRead) -> None:
        self._cold_start.read(event, self._serving.now)
