"""A subscription as its consumer sees it: notifications in order, each once, none missing.

Decides what to deliver, what to drop as seen already, and when the server has to be asked anew.
It knows no connection: the client feeds it.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from msgspec import UNSET, Raw, UnsetType

from confwire.client.events import Events
from confwire.codec import decode_document
from confwire.epochs import is_behind
from confwire.errors import WireError
from confwire.messages import (
    Change,
    Cursor,
    FilterValue,
    LoggedChange,
    ObjectId,
    PastDifference,
    Subscription,
)

MAX_WAITING = 10_000
"""Notifications that wait for a slow consumer; beyond, the rest is fetched when it catches up."""

ChangeKind = Literal["created", "updated", "deleted", "entered", "left"]


@dataclass(frozen=True, slots=True)
class Interest:
    """What a watch is for. All that is given must match; what is empty is no condition."""

    types: tuple[str, ...] = ()
    tenants: tuple[int, ...] = ()
    folders: tuple[int, ...] = ()
    """These folders and all below them."""
    objects: tuple[ObjectId, ...] = ()
    filter: tuple[tuple[str, FilterValue], ...] = ()
    mode: Literal["log", "state"] = "log"

    @property
    def is_narrowed(self) -> bool:
        """Whether only the server can tell which changes are meant."""
        return bool(self.tenants or self.folders or self.filter)

    def clashes_with(self, other: Interest) -> bool:
        """Whether the changes of both could not be told apart on one connection."""
        mine = set(self.types) | {item.object_type for item in self.objects}
        theirs = set(other.types) | {item.object_type for item in other.objects}
        apart = mine and theirs and mine.isdisjoint(theirs)
        alike = not self.is_narrowed and not other.is_narrowed and self.mode == other.mode
        return not apart and not alike

    def wants(self, change: Change) -> bool:
        """Whether a change that the connection brought is for this watch."""
        if self.types and change.object_type not in self.types:
            return False
        return not self.objects or ObjectId(change.object_type, change.dbid) in self.objects


@dataclass(frozen=True, slots=True)
class ObjectChange:
    """What happened to one object."""

    kind: ChangeKind
    object_type: str
    dbid: int
    object: dict[str, Any] | None = None
    """The whole document: created, entered, and updated in mode state."""
    delta: dict[str, Any] | None = None
    """What changed: updated in mode log."""
    former: dict[str, Any] | None = None
    """The values before, of what the delta names."""


@dataclass(frozen=True, slots=True)
class Notification:
    """All that one transaction changed for a watch; or, with `reset`, the whole data anew."""

    epoch: str
    revision: int
    changes: list[ObjectChange] = field(repr=False)
    reset: bool = False
    """Forget what was known: `changes` brings every object, each as entered."""

    @property
    def cursor(self) -> Cursor:
        """The place to go on from in another session."""
        return Cursor(epoch=self.epoch, revision=self.revision)


class Watch(Events[Notification]):
    """An asynchronous iterator of notifications; made by `Client.watch`."""

    def __init__(
        self,
        name: str,
        interest: Interest,
        since: Cursor | None,
        snapshot: bool,
        consumed: Callable[[Watch], None],
        ended: Callable[[Watch], None],
    ) -> None:
        super().__init__(ended)
        self.name = name
        self.interest = interest
        self.received = since
        """The cursor behind which everything was received."""
        self.is_live = False
        """Whether the server sends this watch's changes on the present connection."""
        self.is_lagging = False
        """Whether changes were left out, to be fetched when the consumer has caught up."""
        self.needs_snapshot = snapshot
        """Whether the next registration asks for the whole data."""
        self.may_go_back = False
        """Whether a server said that the revisions that were received are not those of its data."""
        self._is_ahead = False
        """Whether the server has still to reach `received`: a proxy may be behind another."""
        self._waiting: deque[Notification] = deque()
        self._consumed = consumed

    def __repr__(self) -> str:
        state = "live" if self.is_live else "lagging" if self.is_lagging else "registering"
        return f"<Watch {self.name} {state} at {self.received}, {len(self._waiting)} waiting>"

    def _next(self) -> Notification | None:
        if not self._waiting:
            return None
        notification = self._waiting.popleft()
        self._consumed(self)
        return notification

    def fail(self, error: WireError) -> None:
        """Give the consumer what is waiting, and then this error."""
        self.is_live = False
        super().fail(error)

    @property
    def has_caught_up(self) -> bool:
        """Whether changes were left out and can be fetched now."""
        return self.is_lagging and not self._waiting

    @property
    def consumed(self) -> int:
        """The revision up to which the consumer has taken everything."""
        if self._waiting:
            return self._waiting[0].revision - 1
        return self.received.revision if self.received is not None else 0

    def subscription(self) -> Subscription:
        """Return what the server is asked for."""
        interest = self.interest
        return Subscription(
            name=self.name,
            types=list(interest.types),
            tenants=list(interest.tenants),
            folders=list(interest.folders),
            objects=list(interest.objects),
            filter=dict(interest.filter),
            mode=interest.mode,
        )

    def registered(self, epoch: str, revision: int) -> None:
        """The server goes on from `received`, or begins here."""
        if self.received is None:
            self.received = Cursor(epoch=epoch, revision=revision)
        self._is_ahead = revision < self.received.revision
        self._go_live()

    def restarted(self, epoch: str, revision: int, objects: list[ObjectChange]) -> None:
        """The server sent everything anew; what waits is older and no longer wanted."""
        self._waiting.clear()
        self.received = Cursor(epoch=epoch, revision=revision)
        self.needs_snapshot = self._is_ahead = self.may_go_back = False
        self._go_live()
        self._deliver(Notification(epoch, revision, objects, reset=True))

    def interrupted(self) -> None:
        """The connection, or the subscription on it, is gone."""
        self.is_live = False

    def is_cut_off(self, epoch: str) -> bool:
        """Whether the epoch changed before the server had reached what was received."""
        if self.received is None or not self.is_live:
            return False
        return self._is_ahead and epoch != self.received.epoch

    def is_ahead_of(self, epoch: str, revision: int) -> bool:
        """Whether data of this revision is older than what was received."""
        if self.received is None or self.may_go_back:
            return False
        return is_behind(epoch, revision, self.received.epoch, self.received.revision)

    def take(self, epoch: str, revision: int, changes: Sequence[Change]) -> None:
        """Take a whole transaction of the connection; what was seen already is dropped."""
        if not self.is_live or self.received is None:
            return
        # A new epoch begins with the difference to the old one; its revisions count anew.
        if epoch == self.received.epoch and revision <= self.received.revision:
            return
        if len(self._waiting) >= MAX_WAITING:
            self.is_live, self.is_lagging = False, True
            return
        # First of all: what cannot be decoded was not received.
        wanted = [change_of(change) for change in changes if self.interest.wants(change)]
        self.received = Cursor(epoch=epoch, revision=revision)
        self._is_ahead = False
        if wanted:
            self._deliver(Notification(epoch, revision, wanted))

    def _go_live(self) -> None:
        self.is_live, self.is_lagging = True, False
        self.settled.set()

    def _deliver(self, notification: Notification) -> None:
        self._waiting.append(notification)
        self._arrived.set()


def change_of(change: Change | LoggedChange | PastDifference) -> ObjectChange:
    """Return a change with its documents decoded."""
    return ObjectChange(
        change.change,
        change.object_type,
        change.dbid,
        _document(change.object),
        _document(change.delta),
        _document(change.former),
    )


def entered(object_type: str, objects: Iterable[Raw]) -> list[ObjectChange]:
    """Return the objects of a snapshot's packet as changes."""
    documents = map(decode_document, objects)
    return [
        ObjectChange("entered", object_type, document["DBID"], document) for document in documents
    ]


def _document(raw: Raw | UnsetType) -> dict[str, Any] | None:
    return None if raw is UNSET else decode_document(raw)
