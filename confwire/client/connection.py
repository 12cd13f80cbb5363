"""Keeps one link open: connects, reconnects with back-off, goes to the backup, gives up in the end.

It knows no requests and no subscriptions: its owner is told of links, messages and losses.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Protocol

from confwire.client.backoff import Backoff
from confwire.client.failures import ClientClosed, LinkLost
from confwire.client.link import Link, Opening, State, open_link
from confwire.errors import CloseCode, RemoteProtocolError, RequestError, WireError
from confwire.messages import ServerMessage

STABLE_AFTER = 5.0
"""Seconds; a session that ends earlier counts as a failed attempt."""

KNOWN = set(CloseCode) - {CloseCode.GOING_AWAY}
"""Close codes after which the same server is the first choice; others mean: go elsewhere."""


class Owner(Protocol):
    """Who uses the connection."""

    def opened(self, link: Link) -> None:
        """A session is open; messages follow."""

    def receive(self, message: ServerMessage) -> None:
        """A message came."""

    def lost(self, error: WireError) -> None:
        """The session is gone; another may follow."""

    def ended(self, error: ClientClosed) -> None:
        """No session will follow."""


class Connection:
    """The supervised connection of a client.

    Args:
        opening: how to log in.
        backoff: where and when to connect.
        owner: who is told.
        on_state: called with each new state and the reason for it.
    """

    def __init__(
        self,
        opening: Opening,
        backoff: Backoff,
        owner: Owner,
        on_state: Callable[[State, str], None] | None,
    ) -> None:
        self._opening = opening
        self._backoff = backoff
        self._owner = owner
        self._on_state = on_state
        self.state = State.CONNECTING
        self.link: Link | None = None
        self.failure: ClientClosed | None = None
        """Why there will be no link any more."""
        self._changed = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._was_open = False

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
                link = await self._connect(patient_until)
                await self._serve(link)
                # A task group that ends with an error swallows the cancelling by `close`.
                if self.failure is not None:
                    return
                # Not at once: thousands of clients lost their server in the same moment.
                await asyncio.sleep(self._backoff.delay())
        except Exception as error:
            closed = ClientClosed(f"the connection was given up: {error}")
            closed.__cause__ = error
            self._end(closed, str(error))

    async def _connect(self, patient_until: float) -> Link:
        """Try the servers in turn until one opens a session.

        Raises:
            WireError: no server does, and none will.
        """
        refusals: list[WireError] = []
        while True:
            try:
                link = await open_link(self._backoff.server, self._opening)
            except WireError as error:
                refusals.append(error)
                self._backoff.failed()
                self._enter(State.CONNECTING, str(error))
            else:
                return link
            if len(refusals) == len(self._backoff):
                self._give_up(refusals, patient_until)
                refusals = []
            await asyncio.sleep(self._backoff.delay())

    def _give_up(self, refusals: list[WireError], patient_until: float) -> None:
        """Raise the most telling refusal of a round, if another round would be in vain."""
        final = all(isinstance(error, RequestError) and error.permanent for error in refusals)
        late = not self._was_open and asyncio.get_running_loop().time() >= patient_until
        if final or late:
            answers = [error for error in refusals if isinstance(error, RequestError)]
            raise next(iter(answers or refusals))

    async def _serve(self, link: Link) -> None:
        now = asyncio.get_running_loop().time
        self.link, self._was_open, since = link, True, now()
        server = link.opened.server
        if server.backup_host and server.backup_port.isdecimal():
            self._backoff.learn((server.backup_host, int(server.backup_port)))
        self._enter(State.OPEN, repr(link))
        self._changed.set()
        agreed = link.opened.keep_alive or self._opening.keep_alive
        try:
            self._owner.opened(link)
            await link.run(self._receive, agreed.local)
        except (LinkLost, RemoteProtocolError) as error:
            self._leave(error, now() - since)

    def _leave(self, error: LinkLost | RemoteProtocolError, age: float) -> None:
        """Note the loss; raises it again when connecting anew would be in vain."""
        self.link = None
        self._enter(State.LOST, str(error))
        if age >= STABLE_AFTER:
            self._backoff.succeeded()
        code = error.close_code
        if age < STABLE_AFTER or (code and code not in KNOWN):
            self._backoff.failed()
        self._owner.lost(error)
        if isinstance(error, LinkLost) and error.is_final:
            raise error

    def _receive(self, message: ServerMessage) -> None:
        try:
            self._owner.receive(message)
        except RequestError as error:
            raise RemoteProtocolError(f"the server sent a damaged document: {error}") from error

    def _end(self, failure: ClientClosed, reason: str) -> None:
        if self.failure is None:
            self.link, self.failure = None, failure
            self._enter(State.CLOSED, reason)
            self._owner.ended(failure)
            self._changed.set()

    def _enter(self, state: State, reason: str) -> None:
        if state is not self.state and self.state is not State.CLOSED:
            self.state = state
            if self._on_state is not None:
                self._on_state(state, reason)
