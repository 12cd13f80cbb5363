"""Rights on chosen objects as a client is told of them: how things stand, and what is new.

To the server all that a session wants to hear of is one list, which each registration replaces
and which ends with the connection. What is told is the state, so a watch keeps the newest of each
object and tells what differs from what it told before, over any number of connections.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from msgspec import UNSET

from confwire.client.events import Events
from confwire.client.exchange import Exchanges
from confwire.client.failures import LinkLost
from confwire.client.link import Link, refusal_of
from confwire.client.reading import unexpected
from confwire.errors import LocalProtocolError, RequestError, WireError
from confwire.messages import (
    Error,
    ObjectId,
    Permission,
    PermissionsChanged,
    PermissionsRegistered,
    PermissionState,
    RegisterPermissions,
    ServerMessage,
)
from confwire.messages.permissions import MAX_WATCHED


@dataclass(frozen=True, slots=True)
class ObjectRights:
    """The rights on one object."""

    object_type: str
    dbid: int
    mask: int
    """Of the session's own account; 0: there is no such object that it may read."""
    permissions: tuple[Permission, ...] | None = None
    """All grants on the object; None: they may not be read."""


@dataclass(frozen=True, slots=True)
class RightsChange:
    """Rights that are others than was told before; the first one tells of every object."""

    epoch: str
    revision: int
    """As of which revision of the server that told it; another server may be behind."""
    objects: tuple[ObjectRights, ...] = field(repr=False)


class RightsWatch(Events[RightsChange]):
    """An asynchronous iterator of changes of rights; made by `Client.watch_permissions`.

    What happens while nobody takes it is told at once, each object as it is then.
    """

    def __init__(self, objects: Sequence[ObjectId], ended: Callable[[RightsWatch], None]) -> None:
        super().__init__(ended)
        self.objects = dict.fromkeys(objects)
        """Each once, in the order that was asked for."""
        self._told: dict[ObjectId, ObjectRights] = {}
        self._news: dict[ObjectId, ObjectRights] = {}
        self._at = ("", 0)

    def __repr__(self) -> str:
        return f"<RightsWatch of {len(self.objects)} objects, {len(self._news)} of them new>"

    def _next(self) -> RightsChange | None:
        news, self._news = self._news, {}
        self._told.update(news)
        return RightsChange(*self._at, tuple(news.values())) if news else None

    def take(self, epoch: str, revision: int, states: Sequence[PermissionState]) -> None:
        """Keep what is new of its own objects; what is as it was told is no news."""
        for state in states:
            key = ObjectId(state.object_type, state.dbid)
            if key not in self.objects:
                continue
            rights = _rights_of(state)
            if rights == self._told.get(key):
                self._news.pop(key, None)
            else:
                self._news[key] = rights
        self._at = (epoch, revision)
        if self._news:
            self._arrived.set()


def _rights_of(state: PermissionState) -> ObjectRights:
    grants = None if state.permissions is UNSET else tuple(state.permissions)
    return ObjectRights(state.object_type, state.dbid, state.mask, grants)


class RightsWatches:
    """The watches of rights of one client.

    Args:
        exchanges: where answers are waited for.
        link: gives the open link, None while there is none.
    """

    def __init__(self, exchanges: Exchanges, link: Callable[[], Link | None]) -> None:
        self._exchanges = exchanges
        self._link = link
        self._watches: list[RightsWatch] = []
        self._is_registering = False
        self._end: WireError | None = None
        self._is_wanted = False  # once more, when the registration under way is answered

    def add(self, watch: RightsWatch) -> None:
        """Register a watch, now or as soon as there is a link.

        Raises:
            LocalProtocolError: a session cannot have so many objects, or the watch has none.
            ClientClosed: no session will follow.
        """
        if self._end is not None:
            raise self._end
        if not watch.objects:
            raise LocalProtocolError("a watch of rights needs an object")
        everything = {item for other in (*self._watches, watch) for item in other.objects}
        if len(everything) > MAX_WATCHED:
            raise LocalProtocolError(
                f"one session may have {MAX_WATCHED} objects watched for their rights, and this"
                f" would make {len(everything)}: use another client"
            )
        self._watches.append(watch)
        self._register()

    def remove(self, watch: RightsWatch) -> None:
        """Forget a watch that has ended."""
        if watch in self._watches:
            self._watches.remove(watch)
            self._register()

    # ------------------------------------------------------------ the link comes and goes

    def opened(self) -> None:
        """A session is open: no server goes on with registrations by itself."""
        if self._watches:
            self._register()

    def lost(self) -> None:
        """The session is gone; another may follow."""
        self._is_registering = self._is_wanted = False

    def ended(self, error: WireError) -> None:
        """No session will follow."""
        self._end = error
        self._fail(error)

    def changed(self, message: PermissionsChanged) -> None:
        """Rights are others now."""
        for watch in self._watches:
            watch.take(message.epoch, message.revision, message.objects)

    # ------------------------------------------------------------ registering

    def _register(self) -> None:
        """Register what was taken before, and one that is new: so it is known who is refused."""
        link = self._link()
        if link is None:
            return
        if self._is_registering:
            self._is_wanted = True
            return
        settled = [watch for watch in self._watches if watch.settled.is_set()]
        new = next((watch for watch in self._watches if not watch.settled.is_set()), None)
        watches = settled if new is None else [*settled, new]
        objects = dict.fromkeys(item for watch in watches for item in watch.objects)
        request = RegisterPermissions(
            ref=self._exchanges.new_ref(), objects=list(objects), current=True
        )
        link.send(request)
        self._exchanges.expect(request, _Registration(self, request, new))
        self._is_registering, self._is_wanted = True, False

    def forget(self, request: RegisterPermissions) -> None:
        """A registration was answered."""
        self._exchanges.forget(request)
        self._is_registering = False

    def registered(self, answer: PermissionsRegistered, new: RightsWatch | None) -> None:
        """The server told how things stand, and tells what changes from there on.

        Raises:
            RemoteProtocolError: it did not tell it.
        """
        if answer.objects is UNSET:
            raise unexpected(answer)
        for watch in self._watches:
            watch.take(answer.epoch, answer.revision, answer.objects)
        if new is not None:
            new.settled.set()
        self._go_on()

    def refused(self, error: RequestError, new: RightsWatch | None) -> None:
        """The server did not take a registration.

        Raises:
            LinkLost: another one may.
        """
        if new is not None:
            new.fail(error)
            self._watches = [watch for watch in self._watches if watch is not new]
            # The others may not be registered on this connection yet.
            self._is_wanted = self._is_wanted or bool(self._watches)
        elif error.permanent:
            self._fail(error)
        else:
            raise LinkLost(f"the server cannot go on with a watch of rights: {error}")
        self._go_on()

    def _fail(self, error: WireError) -> None:
        watches, self._watches = self._watches, []
        for watch in watches:
            watch.fail(error)

    def _go_on(self) -> None:
        if self._is_wanted or not all(watch.settled.is_set() for watch in self._watches):
            self._register()


class _Registration:
    """A registration on its way to the server."""

    def __init__(
        self, owner: RightsWatches, request: RegisterPermissions, new: RightsWatch | None
    ) -> None:
        self._owner = owner
        self._request = request
        self._new = new

    def receive(self, message: ServerMessage) -> None:
        """Take the one answer."""
        self._owner.forget(self._request)
        if isinstance(message, PermissionsRegistered):
            self._owner.registered(message, self._new)
        elif isinstance(message, Error):
            self._owner.refused(refusal_of(message), self._new)
        else:
            raise unexpected(message)

    def lost(self, error: WireError) -> None:
        """Nothing: all is registered anew on the next connection."""
