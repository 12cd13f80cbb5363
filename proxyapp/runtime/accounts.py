"""Where the states of accounts are kept: the database of a master, a file of a proxy.

Written in a thread, soon and together. A master also reads what its web pages have written
there. Losing the newest second of it harms nobody; what cannot be written is tried again.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Protocol, TypeVar

import msgspec
import structlog
from django.db import DatabaseError, connection, connections

from confwire.messages import AccountState
from proxyapp.engine.events import AccountsTold, Event
from proxyapp.engine.trust.locks import merged
from proxyapp.models import accounts
from proxyapp.runtime import files
from proxyapp.runtime.tasks import cancel, spawn

log = structlog.get_logger(__name__)

PERIOD = 1.0
"""Seconds between looks at what others have written, and between writes."""
MOST = 1_000
"""States of one write: when everybody logs in at once, writing must not take the loop's time."""
OVERLAP = 5.0
"""Seconds that a look goes back: whose clock differs, or who commits late, is seen, too."""
Result = TypeVar("Result")
_decode = msgspec.json.Decoder(list[AccountState]).decode


class Keeper(Protocol):
    """A place for states; its functions run in a thread."""

    def read(self) -> list[AccountState]:
        """Return what is new there since the last call; all at the first one."""

    def write(self, states: Iterable[AccountState]) -> None:
        """Merge states into what is there."""


class InDatabase:
    """The table that a master and its web pages share."""

    def __init__(self) -> None:
        self._read_to = 0.0

    def read(self) -> list[AccountState]:
        """Return the rows that were written lately."""
        since, self._read_to = self._read_to, time.time() - OVERLAP
        try:
            return accounts.states_since(since)
        except DatabaseError:
            self._read_to = since
            connection.close()
            raise

    def write(self, states: Iterable[AccountState]) -> None:
        """Merge into the rows."""
        try:
            accounts.keep(states)
        except DatabaseError:
            connection.close()
            raise


class InFile:
    """A file that only the proxy's account can read, replaced as a whole."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._known: dict[int, AccountState] = {}
        self._first = True

    def read(self) -> list[AccountState]:
        """Return what was there at the start: nobody else writes it."""
        if not self._first:
            return []
        self._first = False
        try:
            states = _decode(self._path.read_bytes())
        except FileNotFoundError:
            return []
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            log.warning("the file of accounts is damaged", file=str(self._path), reason=str(error))
            return []
        self._known = {state.person: state for state in states}
        return states

    def write(self, states: Iterable[AccountState]) -> None:
        """Merge, and replace the file."""
        for state in states:
            self._known[state.person] = merged(self._known.get(state.person, state), state)
        files.write(self._path, [msgspec.json.encode(list(self._known.values()))])


class AccountKeeper:
    """Keeps what a node says of accounts, and tells it what was kept."""

    def __init__(self, tell: Callable[[Event], None], keeper: Keeper) -> None:
        self._tell = tell
        self._keeper = keeper
        self._waiting: dict[int, AccountState] = {}
        self._failing = False
        self._task: asyncio.Task[None] | None = None
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="accounts")

    def start(self) -> None:
        """Begin to read and write."""
        self._task = spawn("accounts", self._run())

    async def stop(self) -> None:
        """Write what waits, and end."""
        await cancel(self._task)
        self._failing = False
        while self._waiting and not self._failing:
            await self._write()
        await self._in_thread(connections.close_all)
        self._thread.shutdown(wait=False)

    def move(self) -> None:
        """Keep states from now on where the database is now."""
        self._thread.submit(connections.close_all)

    def keep(self, states: Sequence[AccountState]) -> None:
        """Keep states, soon."""
        for state in states:
            self._waiting[state.person] = state  # each is all that is known of its account

    async def _run(self) -> None:
        while True:
            await self._read()
            if self._waiting:
                await self._write()
            await asyncio.sleep(PERIOD)

    async def _read(self) -> None:
        try:
            states = await self._in_thread(self._keeper.read)
        except (DatabaseError, OSError) as error:
            self._failed(error)
            return
        if states:
            self._tell(AccountsTold(states))

    async def _write(self) -> None:
        persons = list(self._waiting)[:MOST]
        states = {person: self._waiting.pop(person) for person in persons}
        try:
            await self._in_thread(self._keeper.write, list(states.values()))
        except (DatabaseError, OSError) as error:
            self._failed(error)
            self._waiting = states | self._waiting
            return
        if self._failing:
            self._failing = False
            log.info("accounts are kept again")

    async def _in_thread(self, work: Callable[..., Result], *arguments: Any) -> Result:
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._thread, work, *arguments)

    def _failed(self, error: Exception) -> None:
        if not self._failing:
            self._failing = True
            reason = " ".join(str(error).split())
            log.warning("accounts cannot be kept now", reason=reason)
