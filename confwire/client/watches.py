"""All watches of one client: how they are registered, resumed, fed and acknowledged.

To the server all subscriptions of a session are one view with one cursor: a session goes on
from a cursor only with its first registration. So watches resume together, from the oldest
cursor, and each drops what it has seen.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from confwire.client.exchange import Exchanges
from confwire.client.failures import LinkLost
from confwire.client.link import Link, refusal_of
from confwire.client.postponed import Postponed
from confwire.client.resuming import Resumption
from confwire.client.watch import ObjectChange, Watch, entered
from confwire.epochs import is_earlier
from confwire.errors import (
    Compacted,
    EpochChanged,
    LocalProtocolError,
    ReadInterrupted,
    RequestError,
    WireError,
)
from confwire.messages import (
    Acknowledge,
    Change,
    Cursor,
    Error,
    NotificationRegistered,
    NotificationsLost,
    ObjectsChanged,
    ObjectsRead,
    Opened,
    Progress,
    RegisterNotification,
    ServerMessage,
    Subscription,
    UnregisterNotification,
)

ACKNOWLEDGE_AFTER = 1.0
"""Seconds between two acknowledgements, at least."""


class Watches:
    """The watches of one client.

    Args:
        exchanges: where answers are waited for.
        link: gives the open link, None while there is none.
    """

    def __init__(self, exchanges: Exchanges, link: Callable[[], Link | None]) -> None:
        self._exchanges = exchanges
        self._link = link
        self._watches: dict[str, Watch] = {}
        self._registering: set[str] = set()
        self._postponed = Postponed(exchanges, link, lambda watch: self._register([watch]))
        self._epoch = ""
        self._is_master = False
        self._parts: list[Change] = []  # of a transaction that is not whole yet
        self._acknowledged = 0
        self._timer: asyncio.TimerHandle | None = None

    def __len__(self) -> int:
        return len(self._watches)

    def add(self, watch: Watch) -> None:
        """Register a watch, now or as soon as there is a link.

        Raises:
            LocalProtocolError: its changes could not be told from those of another watch.
        """
        if any(watch.interest.clashes_with(other.interest) for other in self._watches.values()):
            raise LocalProtocolError(
                "two watches of one client need different types when one of them is narrowed "
                "or their modes differ: use another client"
            )
        self._watches[watch.name] = watch
        if self._link() is None:
            return
        if watch.received is None or watch.needs_snapshot:
            self._register([watch])
        else:
            self.resume_if_wanted()

    def remove(self, watch: Watch) -> None:
        """Forget a watch that has ended."""
        if self._watches.pop(watch.name, None) is not None:
            self._postponed.drop(watch)
            self._unregister(watch)

    # ------------------------------------------------------------ the link comes and goes

    def standing(self) -> tuple[Cursor | None, list[Subscription]]:
        """Return the cursor to go on from and the subscriptions that can, in another session."""
        going_on = self._going_on()
        cursors = [watch.received for watch in going_on if watch.received is not None]
        if len({cursor.epoch for cursor in cursors}) != 1:
            return None, []
        oldest = min(cursors, key=lambda cursor: cursor.revision)
        return oldest, [watch.subscription() for watch in going_on]

    def opened(self, opened: Opened, resumed: Resumption | None) -> None:
        """A session is open: register what it has not resumed."""
        self._epoch = opened.epoch
        self._is_master = opened.server.mode == "master"
        self._acknowledged = 0
        since = resumed.since if resumed is not None else None
        if resumed is None or since is None or since.epoch != opened.epoch:
            self._register_all()
        else:
            self._resumed(opened, resumed.names)

    def _resumed(self, opened: Opened, names: set[str]) -> None:
        """The server goes on with these subscriptions by itself."""
        for name in names - self._watches.keys():
            self._unregister_name(name)
        for watch in list(self._watches.values()):
            if watch.name in names:
                watch.registered(opened.epoch, opened.revision)
            elif watch.received is None or watch.needs_snapshot:
                self._register([watch])
        self.resume_if_wanted()

    def _going_on(self) -> list[Watch]:
        return [
            watch
            for watch in self._watches.values()
            if watch.received is not None and not watch.needs_snapshot
        ]

    def lost(self) -> None:
        """The session is gone; another may follow."""
        self._parts.clear()
        self._registering.clear()
        self._postponed.clear()
        for watch in self._watches.values():
            watch.interrupted()

    def ended(self, error: WireError) -> None:
        """No session will follow."""
        self._postponed.clear()
        if self._timer is not None:
            self._timer.cancel()
        for watch in list(self._watches.values()):
            watch.fail(error)

    # ------------------------------------------------------------ what the server sends

    def changed(self, message: ObjectsChanged) -> None:
        """Take a transaction, or a part of one."""
        self._parts += message.changes
        if message.last:
            changes, self._parts = self._parts, []
            self._take(message.epoch, message.revision, changes)

    def progressed(self, message: Progress) -> None:
        """Nothing that is missing lies before this revision."""
        self._take(message.epoch, message.revision, [])

    def notifications_lost(self, message: NotificationsLost) -> None:
        """Begin anew: the server has ended every subscription."""
        self._epoch = message.epoch
        self._parts.clear()
        for watch in self._watches.values():
            if watch.name not in self._registering:
                self._renew(watch)

    def _take(self, epoch: str, revision: int, changes: list[Change]) -> None:
        self._epoch = epoch
        for watch in self._watches.values():
            if watch.is_cut_off(epoch):
                self._renew(watch)
            else:
                watch.take(epoch, revision, changes)
        self._acknowledge_soon()

    def consumed(self, watch: Watch) -> None:
        """The consumer has taken a notification."""
        self.resume_if_wanted()
        self._acknowledge_soon()

    # ------------------------------------------------------------ registering

    def _register_all(self) -> None:
        watches = list(self._watches.values())
        for watch in watches:
            if watch.received is not None and watch.received.epoch != self._epoch:
                watch.needs_snapshot = True
                # A master has the truth, also where it goes back to an epoch before.
                watch.may_go_back = self._is_master
        going_on = self._going_on()
        if going_on:
            self._register(going_on)
        for watch in watches:
            if watch not in going_on:
                self._register([watch])

    def _register(self, watches: list[Watch]) -> None:
        link = self._link()
        if link is None:  # the site is being changed: all are registered at the new one
            return
        snapshot = any(watch.needs_snapshot for watch in watches)
        cursors = [watch.received for watch in watches if watch.received is not None]
        oldest = min(cursors, key=lambda cursor: cursor.revision, default=None)
        request = RegisterNotification(
            ref=self._exchanges.new_ref(),
            subscriptions=[watch.subscription() for watch in watches],
            snapshot=snapshot,
            since=None if snapshot else oldest,
        )
        for watch in watches:
            self._registering.add(watch.name)
            self._postponed.drop(watch)
        self._exchanges.expect(request, Registration(self, request, watches))
        link.send(request)

    def settled(self, request: RegisterNotification, watches: list[Watch]) -> None:
        """A registration was answered."""
        self._exchanges.forget(request)
        self._registering.difference_update(watch.name for watch in watches)

    def restarted(self, watch: Watch, cursor: Cursor, objects: list[ObjectChange]) -> None:
        """A snapshot came; one that is older than what was received is not delivered."""
        if watch.is_ahead_of(cursor.epoch, cursor.revision):
            self._postponed.add(watch)
        else:
            watch.restarted(cursor.epoch, cursor.revision, objects)

    def _renew(self, watch: Watch) -> None:
        """Register a watch with a snapshot, since the server cannot go on from its cursor."""
        watch.interrupted()
        watch.needs_snapshot = True
        self._register([watch])

    def refused(self, watches: list[Watch], error: RequestError) -> None:
        """The server did not take a registration."""
        if not error.permanent and not isinstance(error, ReadInterrupted):
            raise LinkLost(f"the server cannot go on with a subscription: {error}")
        for watch in watches:
            if watch.name not in self._watches:
                continue
            if isinstance(error, ReadInterrupted):
                self._register([watch])  # what came of the snapshot is void
            elif isinstance(error, Compacted | EpochChanged) and not watch.needs_snapshot:
                known = watch.received is not None and is_earlier(self._epoch, watch.received.epoch)
                told = isinstance(error, EpochChanged)
                watch.may_go_back = told and (self._is_master or not known)
                self._renew(watch)
            else:
                del self._watches[watch.name]
                watch.fail(error)

    def resume_if_wanted(self) -> None:
        """Let watches go on that wait for it, once nothing else is being registered."""
        wanted = any(
            watch.has_caught_up or not (watch.is_live or watch.is_lagging)
            for watch in self._watches.values()
            if watch not in self._postponed
        )
        if wanted and not self._registering and self._link() is not None:
            for watch in self._watches.values():
                if watch.is_live or watch.is_lagging:
                    self._unregister(watch)
                    watch.interrupted()
            self._register_all()

    def _unregister(self, watch: Watch) -> None:
        self._unregister_name(watch.name)

    def _unregister_name(self, name: str) -> None:
        if (link := self._link()) is not None:
            ref = self._exchanges.new_ref()
            link.send(UnregisterNotification(ref=ref, subscription=name))

    # ------------------------------------------------------------ acknowledging

    def _acknowledge_soon(self) -> None:
        if self._timer is None:
            loop = asyncio.get_running_loop()
            self._timer = loop.call_later(ACKNOWLEDGE_AFTER, self.acknowledge)

    def acknowledge(self) -> None:
        """Tell the server what all consumers have taken."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        link = self._link()
        revision = min((watch.consumed for watch in self._watches.values()), default=0)
        if link is not None and revision > self._acknowledged:
            self._acknowledged = revision
            link.send(Acknowledge(revision=revision))


class Registration:
    """Watches on their way to the server: one with a snapshot, or several from a cursor."""

    def __init__(self, owner: Watches, request: RegisterNotification, watches: list[Watch]) -> None:
        self._owner = owner
        self._request = request
        self._watches = watches
        self._objects: list[ObjectChange] = []

    def receive(self, message: ServerMessage) -> None:
        """Gather the snapshot, then let the watches go live."""
        if isinstance(message, ObjectsRead):
            self._objects += entered(message.object_type, message.objects)
        elif isinstance(message, NotificationRegistered):
            self._owner.settled(self._request, self._watches)
            for watch in self._watches:
                if watch.needs_snapshot:
                    cursor = Cursor(epoch=message.epoch, revision=message.revision)
                    self._owner.restarted(watch, cursor, self._objects)
                else:
                    watch.registered(message.epoch, message.revision)
            self._owner.resume_if_wanted()
        elif isinstance(message, Error):
            self._owner.settled(self._request, self._watches)
            self._owner.refused(self._watches, refusal_of(message))

    def lost(self, error: WireError) -> None:
        """Nothing: every watch is registered anew on the next connection."""
