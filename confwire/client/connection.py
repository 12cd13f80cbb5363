"""Keeps one link open: connects, reconnects with back-off, changes servers and sites, gives up.

It knows no requests and no subscriptions: its owner is told of links, messages and losses.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Protocol

from confwire.client.backoff import Address, address_text
from confwire.client.failures import ClientClosed, LinkLost, ServerBehind
from confwire.client.link import Link, Opening, first_of, open_link
from confwire.client.probing import first_ready
from confwire.client.resuming import NotProven, Resumption, bounded
from confwire.client.sites import Place, Sites
from confwire.client.status import State, Status, Statuses
from confwire.epochs import is_behind
from confwire.errors import (
    ApplicationInUse,
    CloseCode,
    RemoteProtocolError,
    RequestError,
    WireError,
)
from confwire.messages import (
    Cursor,
    Draining,
    KeepAlive,
    ServerMessage,
    Subscription,
    TokenRenewed,
)

KNOWN = set(CloseCode) - {CloseCode.GOING_AWAY}
"""Close codes after which the same server is the first choice; others mean: go elsewhere."""

SENT_AWAY = {CloseCode.DRAINING, CloseCode.SHED}
"""Close codes of a server that wants its clients to be elsewhere."""

_FAILED = {
    CloseCode.PROTOCOL_ERROR,
    CloseCode.MESSAGE_TOO_BIG,
    CloseCode.INTERNAL_ERROR,
    CloseCode.MALFORMED_OPENING,
}
"""Close codes of an opening that would fail once more."""

HOMEWARD = "returning to the preferred site"

QUIET_TIMEOUT = 10.0
"""Seconds for which a client that changes its site waits for the answers of the old server."""


class Owner(Protocol):
    """Who uses the connection."""

    @property
    def seen(self) -> Cursor | None:
        """The highest revision that any server has shown."""

    @property
    def current_at(self) -> float | None:
        """When the data was last known to be current, in seconds since 1970."""

    def standing(self) -> tuple[Cursor | None, list[Subscription]]:
        """Return where the session stands, and what it subscribes to."""

    def opened(self, link: Link) -> None:
        """A session is open; messages follow."""

    def receive(self, message: ServerMessage) -> None:
        """A message came."""

    async def quiet(self) -> None:
        """Wait until all that was asked is answered."""

    def lost(self, error: WireError) -> None:
        """The session is gone; another may follow."""

    def ended(self, error: ClientClosed) -> None:
        """No session will follow."""


class Connection:
    """The supervised connection of a client.

    Args:
        opening: how to log in.
        sites: where and when to connect.
        owner: who is told.
        on_status: called with each new status.
    """

    def __init__(
        self,
        opening: Opening,
        sites: Sites,
        owner: Owner,
        on_status: Callable[[Status], None] | None,
    ) -> None:
        self.opening = opening
        self._sites = sites
        self._owner = owner
        self._on_status = on_status
        self._statuses: set[Statuses] = set()
        self.status = Status(State.CONNECTING, time.time(), "", sites.server)
        self.link: Link | None = None
        self.failure: ClientClosed | None = None
        """Why there will be no link any more."""
        self._changed = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._was_open = False
        self._token = ""
        """To go on with the session by; empty: a login is needed."""
        self._next: Link | None = None  # at the preferred site, while the old one ends
        self._notices: asyncio.Queue[Draining] = asyncio.Queue()
        self._notice: Draining | None = None
        """What the server said when it sent this client elsewhere."""

    async def start(self, patience: float) -> None:
        """Connect and log in for the first time.

        A server that cannot be reached, or is not ready, is tried again for `patience` seconds.

        Raises:
            LinkLost, RequestError, RemoteProtocolError: why it is not possible.
        """
        loop = asyncio.get_running_loop()
        run = self._run(loop.time() + patience)
        # The task is kept here and `close` waits for it; `_run` lets no error escape unseen.
        self._task = loop.create_task(run, name="confwire connection")
        try:
            await self.ready()
        except ClientClosed as closed:
            await self._task
            raise closed.__cause__ or closed from None
        except BaseException:
            await self.close()
            raise

    async def ready(self) -> Link:
        """Return the open link, waiting for one if need be.

        Raises:
            ClientClosed: there will be none.
        """
        while self.link is None:
            if self.failure is not None:
                raise self.failure
            self._changed.clear()
            await self._changed.wait()
        return self.link

    def statuses(self) -> Statuses:
        """Return an iterator over the present status and all that follow."""
        statuses = Statuses(self.status, self._statuses.discard)
        self._statuses.add(statuses)
        return statuses

    def change_keep_alive(self, keep_alive: KeepAlive) -> None:
        """Use other timeouts: the client's own at once, the server's from the next session on."""
        self.opening = replace(self.opening, keep_alive=keep_alive)
        if self.link is not None:
            self.link.watch_silence(keep_alive.local)

    async def close(self) -> None:
        """End the connection and everything that waits for it."""
        link = self.link
        self._end(ClientClosed("the client was closed"), "closed")
        if link is not None:
            await link.close()
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])

    async def _run(self, patient_until: float) -> None:
        try:
            while True:
                link = self._next or await self._connect(patient_until)
                self._next = None
                await self._serve(link)
                # A task group that ends with an error swallows the cancelling by `close`.
                if self.failure is not None:
                    return
                sent = self._destination() is not None and not self._sites.attempts
                if self._next is None and not sent:
                    # Not at once: thousands of clients lost their server in the same moment.
                    await asyncio.sleep(self._sites.delay())
        except Exception as error:
            closed = ClientClosed(f"the connection was given up: {error}")
            closed.__cause__ = error
            self._end(closed, str(error))
        finally:
            if self._next is not None:
                self._next.abort()

    async def _connect(self, patient_until: float) -> Link:
        """Try the servers in turn until one opens a session.

        Raises:
            WireError: no server does, and none will.
        """
        refusals: list[WireError] = []
        while True:
            try:
                link = await open_link(
                    self._sites.server, self.opening, self._owner.seen, self._resumption()
                )
            except WireError as error:
                refusals.append(error)
                if _ends_token(error):
                    self._token = ""
                self._sites.failed(_now())
                self._tell(State.CONNECTING, str(error), str(error))
            else:
                return link
            if len(refusals) >= self._sites.round:
                self._give_up(refusals, patient_until)
                refusals = []
            await asyncio.sleep(self._sites.delay())

    def _resumption(self) -> Resumption | None:
        if not self._token:
            return None
        return bounded(self._token, self.opening.credentials.server_key, *self._owner.standing())

    def _give_up(self, refusals: list[WireError], patient_until: float) -> None:
        """Raise the most telling refusal of a round, if another round would be in vain."""
        final = all(isinstance(error, RequestError) and error.permanent for error in refusals)
        late = not self._was_open and _now() >= patient_until
        if final or late:
            answers = [error for error in refusals if isinstance(error, RequestError)]
            raise next(iter(answers or refusals))

    # ------------------------------------------------------------ a session

    async def _serve(self, link: Link) -> None:
        """Use a link until it is lost, or until one at the preferred site takes its place.

        Raises:
            LinkLost, RemoteProtocolError: connecting anew would be in vain.
        """
        self._begin(link)
        agreed = link.opened.keep_alive or self.opening.keep_alive
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._look_home(link), name="confwire way back")
                tasks.create_task(self._go_when_told(link), name="confwire departure")
                self._owner.opened(link)
                await link.run(self._receive, agreed.local)
        except BaseExceptionGroup as group:
            error = first_of(group)
            if not isinstance(error, LinkLost | RemoteProtocolError):
                raise error from None
            self._leave(error)

    def _begin(self, link: Link) -> None:
        self.link, self._was_open = link, True
        self._notices, self._notice = asyncio.Queue(), None
        self._token = link.opened.token
        self._sites.opened(_now())
        server = link.opened.server
        told = server.backup_host and server.backup_port.isdecimal()
        self._sites.learn((server.backup_host, int(server.backup_port)) if told else None)
        self._tell(State.OPEN, repr(link))
        self._changed.set()

    def _leave(self, error: LinkLost | RemoteProtocolError) -> None:
        """Note the loss; raises it again when connecting anew would be in vain."""
        self.link = None
        code = error.close_code
        if code == CloseCode.TAKEN_OVER:  # another one has the token: do not take turns with it
            self._token = ""
        if self._next is None and (self._notice is not None or code in SENT_AWAY):
            self._sites.sent_away(_now(), self._destination())
            self._tell(State.CONNECTING, f"sent to {address_text(self._sites.server)}")
        elif self._next is None:
            self._sites.lost(_now(), leave=bool(code) and code not in KNOWN)
            self._tell(State.LOST, str(error), str(error))
        self._owner.lost(error)
        if self._next is None and isinstance(error, LinkLost) and error.is_final:
            raise error

    def _destination(self) -> Address | None:
        """Return where the server has sent this client, None where it has not."""
        notice = self._notice
        if notice is None or not notice.host or not notice.port.isdecimal():
            return None
        return notice.host, int(notice.port)

    def _receive(self, message: ServerMessage) -> None:
        if isinstance(message, Draining):
            self._notices.put_nowait(message)
            return
        if isinstance(message, TokenRenewed):
            self._token = message.token
            return
        try:
            self._owner.receive(message)
        except RequestError as error:
            raise RemoteProtocolError(f"the server sent a damaged document: {error}") from error

    async def _go_when_told(self, link: Link) -> None:
        """Leave at the moment that the server says, when what was asked is answered."""
        notice = await self._notices.get()
        self._notice = notice
        where = self._destination()
        goal = address_text(where) if where is not None else "another server"
        self._tell(State.OPEN, f"sent to {goal} in {notice.retry_after:.1f} s")
        await asyncio.sleep(notice.retry_after)
        if self.link is link:
            await self._say_goodbye(link, f"going to {goal}")

    # ------------------------------------------------------------ the way back

    async def _look_home(self, link: Link) -> None:
        """While the backup site serves, probe the preferred one; return when the rule says so."""
        while (due := self._sites.probe_due_at()) is not None:
            seen = self._owner.seen
            await asyncio.sleep(due - _now())
            sites, place = self._sites, self._sites.place
            server = await first_ready(
                sites.preferred_servers, self.opening, sites.rule.probe_every
            )
            sites.probed(_now(), server)
            if sites.place is Place.RETURNING:
                await self._return(link, seen)
            elif sites.place is not place:
                answers = "answers" if server is not None else "does not answer"
                self._tell(State.OPEN, f"the preferred site {answers}")

    async def _return(self, old: Link, seen: Cursor | None) -> None:
        """Open a session at the preferred site, then leave the old one in an orderly way."""
        try:
            link = await open_link(self._sites.server, self.opening, seen)
            if _is_behind(link, seen):
                link.abort()
                raise ServerBehind(link.opened.server.application, link.opened.revision)
        except ApplicationInUse:  # one session at a time: first leave, then come
            await self._say_goodbye(old, HOMEWARD)
        except WireError as error:
            self._sites.failed(_now())
            self._tell(State.OPEN, f"no return to the preferred site: {error}", str(error))
        else:
            self._next = link
            await self._say_goodbye(old, HOMEWARD)

    async def _say_goodbye(self, old: Link, reason: str) -> None:
        self.link = None  # what is asked from now on waits for the new server
        self._tell(State.CONNECTING, reason)
        try:
            async with asyncio.timeout(QUIET_TIMEOUT):
                await self._owner.quiet()
        except TimeoutError:
            pass  # reads are repeated, and of a write the caller is told that it is unknown
        await old.close()

    # ------------------------------------------------------------ who is told

    def _end(self, failure: ClientClosed, reason: str) -> None:
        if self.failure is None:
            self.link, self.failure = None, failure
            error = reason if failure.__cause__ is not None else ""
            self._tell(State.CLOSED, reason, error)
            self._owner.ended(failure)
            self._changed.set()

    def _tell(self, state: State, reason: str, error: str = "") -> None:
        last = self.status
        if last.state is State.CLOSED:
            return
        self.status = replace(
            last,
            state=state,
            since=last.since if state is last.state else time.time(),
            reason=reason,
            address=self.link.address if self.link is not None else self._sites.server,
            server=self.link.opened.server if self.link is not None else None,
            place=self._sites.place,
            attempts=self._sites.attempts,
            last_error=error or last.last_error,
            current_at=self._owner.current_at,
            restored=self.link is not None and self.link.opened.restored,
        )
        if self._on_status is not None:
            self._on_status(self.status)
        for statuses in self._statuses:
            statuses.add(self.status)


def _ends_token(error: WireError) -> bool:
    """Whether the next attempt must be a login."""
    if isinstance(error, LinkLost):
        return error.close_code in _FAILED
    # What is no server of ours is a balancer's doing, or that of a port that has changed hands.
    return isinstance(error, NotProven) or (isinstance(error, RequestError) and error.permanent)


def _is_behind(link: Link, seen: Cursor | None) -> bool:
    opened = link.opened
    return seen is not None and is_behind(opened.epoch, opened.revision, seen.epoch, seen.revision)


def _now() -> float:
    return asyncio.get_running_loop().time()
