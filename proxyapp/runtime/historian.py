"""The history log beside the loop: entries are gathered, and written by a thread in batches.

What happened waits here at most FLUSH seconds, and longer only while the database does not take
it: then the newest are kept up to a bound, and what was lost is counted. When it takes them again
all goes on by itself. Knows no rules of the node: it carries out its commands.
"""

from __future__ import annotations

import asyncio
import os
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import datetime
from itertools import islice
from typing import Any, TypeVar

import structlog
from django.db import DatabaseError, InterfaceError, connection, connections

from confwire.messages import HistoryEntry
from historylog import clock, forwarding, past, sessions, statistics, writer
from historylog.retention import EntryLimits, Pruned, prune_entries
from historylog.writer import Position
from proxyapp.engine import commands as c
from proxyapp.engine import events as e
from proxyapp.runtime import backthen
from proxyapp.runtime.tasks import cancel, spawn

log = structlog.get_logger(__name__)

FLUSH = 0.2
"""Seconds for which entries are gathered; the death of the process loses no older ones."""
BATCH = 2_000
"""Entries of one statement."""
WAITING = 100_000
"""Entries that wait at most; beyond, the oldest are lost."""
RETRY_FIRST = 0.5
RETRY_LIMIT = 5.0
LOOK = 2.0
"""Seconds after which it looks whether another process has kept something."""
STOP_LIMIT = 3.0
BUSY = 100
"""Entries that come within FLUSH when many clients come or go at once."""
BURST = 10.0
"""Seconds for which forwarding waits then; what takes longer is no burst."""
NICENESS = 5
"""Of the thread that writes, above the loop's: on one core clients come first."""

_FAILURES = (DatabaseError, InterfaceError, OSError)
"""What a database that cannot be used does. What else goes wrong in the writing must not end it
either, unseen as that would be."""
Order = c.ReadSession | c.ReadEntries | c.TakeEntries
Result = TypeVar("Result")


class Historian:
    """Writes and reads entries for one node. Must be started with a running loop."""

    def __init__(
        self,
        tell: Callable[[e.Event], None],
        prepare: Callable[[c.ConfigureHistory], None] = lambda options: None,
        *,
        forwards: bool = False,
        held: bool = False,
    ) -> None:
        """Write nothing until `configure`.

        Args:
            tell: tells the node an event.
            prepare: makes the database usable; runs in the thread at the start and after failures.
            forwards: whether others must hear of each new position.
            held: whether it is held from the beginning.
        """
        self._tell = tell
        self._prepare = prepare
        self._forwards = forwards
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="history", initializer=_give_way)
        self._readers = ThreadPoolExecutor(1, thread_name_prefix="past")
        self._options: c.ConfigureHistory | None = None
        self._queue: deque[HistoryEntry] = deque()
        self._orders: dict[tuple[type[Order], int], Order] = {}
        """What to do after the entries are written; a newer order replaces one of its kind."""
        self._wake, self._urgent = asyncio.Event(), asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._opened = False
        self._held = held
        self._holding = False
        """It is to be held behind what waits now."""
        self._moves = False
        """The connection to the database is to be made anew."""
        self._position: Position | None = None
        self._error = ""
        self._failing_since = 0.0
        self._lost = 0
        self._busy_since: float | None = None
        """Since when many entries come; None: few do."""
        self._stopping = asyncio.Event()

    def start(self) -> None:
        """Begin to gather."""
        self._task = spawn("history", self._run())

    async def stop(self) -> None:
        """Write what waits, if the database takes it in time, and end."""
        self._stopping.set()
        self._wake.set()
        self._urgent.set()
        if self._task is not None:
            await asyncio.wait([self._task], timeout=STOP_LIMIT)
            await cancel(self._task)
        if self._queue and not self._held:
            log.error(
                "history log error", code=writer.ERROR_CODE, lost=self._lost + len(self._queue),
                reason=self._error,
            )  # fmt: skip
        with suppress(TimeoutError, *_FAILURES):
            async with asyncio.timeout(1.0):
                await self._in_thread(connections.close_all)
        for thread in (self._thread, self._readers):
            thread.shutdown(wait=False, cancel_futures=True)

    def configure(self, command: c.ConfigureHistory) -> None:
        """Take over the options; the first ones begin the writing."""
        self._options = command
        self._wake.set()

    def hold(self, held: bool) -> None:
        """Write what waits now and nothing more, or go on to write: entries wait meanwhile."""
        self._holding = held
        self._held &= held
        self._wake.set()

    def move(self) -> None:
        """Write from now on to the server that the database is on now."""
        self._moves = True
        self._wake.set()

    def keep(self, entries: Sequence[HistoryEntry]) -> None:
        """Keep entries, soon."""
        self._queue.extend(entries)
        self._trim()
        self._wake.set()

    def order(self, command: Order) -> None:
        """Carry out a command behind all that is to be kept; its event is told."""
        key = 0 if isinstance(command, c.ReadEntries) else command.connection
        self._orders[type(command), key] = command
        if not (self._queue and isinstance(command, c.ReadEntries)):
            self._urgent.set()  # what is forwarded may wait for what is gathered
        self._wake.set()

    def read_history(self, command: c.ReadHistory | c.FindPast | c.FindDifferences) -> None:
        """Read; what was read is told later, whatever else is being written."""
        spawn("past", self._read_history(command))

    def prune(self, now: datetime, wait: Callable[[float], bool | None]) -> Pruned:
        """Remove the entries that are too old from a proxy's file; blocks, for another thread."""
        while (options := self._options) is None or not self._opened:
            if wait(LOOK):
                return Pruned(0, 0, 0)
        limits = EntryLimits(options.session_days, options.days)
        judged = clock.judged(now)
        entries = prune_entries(limits, judged, wait, forwards=self._forwards)
        statistics.refresh()
        return Pruned(0, 0, 0, entries, judged if judged != now else None)

    def status(self) -> dict[str, Any]:
        """Return its state as JSON-able data."""
        state = "failing" if self._error else "live" if self._opened else "waiting"
        if self._held:
            state = "held"
        return {
            "state": state,
            "error": self._error,
            "failingFor": round(time.monotonic() - self._failing_since, 1) if self._error else 0.0,
            "waiting": len(self._queue),
            "lost": self._lost,
            "last": self._position.last if self._position is not None else 0,
        }

    # ------------------------------------------------------------ the work

    async def _run(self) -> None:
        delay = RETRY_FIRST
        stopping = False
        while not stopping:
            await self._gather()
            stopping = self._stopping.is_set()
            options = self._options
            if self._held:
                continue
            if options is None:
                if not stopping:
                    continue
                options = c.ConfigureHistory("", True, 1, 1)  # it never had any data
            try:
                await self._open(options)
                self._measure(await self._write_all())
                await self._look()
                await self._carry_out()
            except Exception as error:
                if not isinstance(error, _FAILURES):
                    log.exception("the history log has a fault")
                await self._fail(error)
                await self._pause(delay)
                delay = min(2 * delay, RETRY_LIMIT)
            else:
                delay = RETRY_FIRST
                self._recover()
                self._held = self._holding

    async def _pause(self, seconds: float) -> None:
        """Wait before the next attempt, or until the process stops."""
        until = asyncio.get_running_loop().time() + seconds
        while not self._stopping.is_set() and asyncio.get_running_loop().time() < until:
            self._wake.clear()
            with suppress(TimeoutError):
                async with asyncio.timeout_at(until):
                    await self._wake.wait()
        self._wake.set()
        self._urgent.set()

    async def _gather(self) -> None:
        """Wait until there is something to do, and for what comes soon after it."""
        with suppress(TimeoutError):
            async with asyncio.timeout(LOOK if self._opened and self._forwards else None):
                await self._wake.wait()
        with suppress(TimeoutError):
            async with asyncio.timeout(FLUSH):
                await self._urgent.wait()
        self._wake.clear()
        self._urgent.clear()

    async def _open(self, options: c.ConfigureHistory) -> None:
        if self._moves:
            self._moves = self._opened = False
            await self._in_thread(connections.close_all)
        if not self._opened:
            opened = await self._in_thread(_open, self._prepare, options, self._forwards)
            self._position, former = opened
            self._tell(e.EntriesKept(*self._position, former))
            self._opened = True

    async def _write_all(self) -> int:
        """Write what waits now; what comes meanwhile is gathered first, but for a stop.

        Returns how many entries there were.

        Written at once it would be a transaction for every few entries while many come.
        """
        count = waiting = len(self._queue)
        while self._queue and (waiting > 0 or self._stopping.is_set()):
            batch = list(islice(self._queue, BATCH))
            waiting -= len(batch)
            for _ in batch:
                self._queue.popleft()
            try:
                position = await self._in_thread(writer.keep, batch)
            except Exception:
                self._queue.extendleft(reversed(batch))
                self._trim()
                raise
            self._moved(position)
        return count

    def _measure(self, written: int) -> None:
        """Take note of how much comes."""
        if written < BUSY:
            self._busy_since = None
        elif self._busy_since is None:
            self._busy_since = time.monotonic()

    def _next_order(self) -> tuple[type[Order], int] | None:
        """Return the key of the order to carry out now; what is forwarded waits in a burst."""
        since = self._busy_since
        burst = since is not None and time.monotonic() - since < BURST
        return next((key for key in self._orders if not (burst and key[0] is c.ReadEntries)), None)

    async def _look(self) -> None:
        """Find out whether another process has kept something, too."""
        if self._forwards:
            self._moved(await self._in_thread(writer.position))

    def _moved(self, position: Position) -> None:
        if position != self._position:
            self._position = position
            self._tell(e.EntriesKept(position.store, position.last))

    async def _carry_out(self) -> None:
        while (key := self._next_order()) is not None:
            await self._write_all()
            order = self._orders[key]
            event = await self._in_thread(_carry_out, order)
            if self._orders.get(key) is order:
                del self._orders[key]
            self._tell(event)

    def _trim(self) -> None:
        while len(self._queue) > WAITING:
            self._queue.popleft()
            self._lost += 1

    async def _read_history(self, command: c.ReadHistory | c.FindPast | c.FindDifferences) -> None:
        loop = asyncio.get_running_loop()
        self._tell(await loop.run_in_executor(self._readers, _read, command))

    # ------------------------------------------------------------ failures

    async def _fail(self, error: Exception) -> None:
        text = " ".join(str(error).split()) or type(error).__name__
        if not self._error:
            self._failing_since = time.monotonic()
            log.error("history log error", code=writer.ERROR_CODE, reason=text)
        self._error = text
        self._opened = False
        for key, order in list(self._orders.items()):
            if isinstance(order, c.ReadSession):
                del self._orders[key]
                self._tell(e.SessionRead(order.connection, None))
        # A broken connection stays broken: the next attempt makes its own.
        with suppress(*_FAILURES):
            await self._in_thread(connections.close_all)

    def _recover(self) -> None:
        if self._error:
            self._error = ""
            log.warning("history log works again", code=writer.ERROR_CODE, lost=self._lost)

    def _in_thread(
        self, function: Callable[..., Result], *arguments: Any
    ) -> asyncio.Future[Result]:
        return asyncio.get_running_loop().run_in_executor(self._thread, function, *arguments)


def _give_way() -> None:
    thread = threading.get_native_id()
    niceness = os.getpriority(os.PRIO_PROCESS, thread) + NICENESS
    os.setpriority(os.PRIO_PROCESS, thread, min(niceness, 19))


def _open(
    prepare: Callable[[c.ConfigureHistory], None], options: c.ConfigureHistory, forwards: bool
) -> tuple[Position, list[str]]:
    """Return where the database stands, and under which names it has entries to forward."""
    prepare(options)
    connection.ensure_connection()
    # A new name must outlive a power cut.
    writer.set_durable(True)
    position = writer.open_store(anew=forwards)
    writer.set_durable(options.durable)
    return position, forwarding.former_stores() if forwards else []


def _read(
    command: c.ReadHistory | c.FindPast | c.FindDifferences,
) -> e.HistoryRead | e.PastFound | e.DifferencesFound:
    failed: type[e.HistoryRead | e.PastFound | e.DifferencesFound] = e.HistoryRead
    try:
        if isinstance(command, c.FindPast):
            failed = e.PastFound
            return backthen.find(command)
        if isinstance(command, c.FindDifferences):
            failed = e.DifferencesFound
            return backthen.find_differences(command)
        found = past.page(command.revision, command.since_time, command.place)
    except _FAILURES as error:
        log.error("the history cannot be read", reason=str(error).strip())
        return failed(command.connection, None)
    except Exception:  # a client waits for the answer
        log.exception("the history cannot be read")
        return failed(command.connection, None)
    finally:
        connections.close_all()
    changes = [e.PastChange(*step) for step in found.steps]
    return e.HistoryRead(command.connection, changes, found.expired, found.last)


def _carry_out(order: Order) -> e.Event:
    if isinstance(order, c.ReadSession):
        return e.SessionRead(order.connection, sessions.life_of(order.session, order.limit))
    if isinstance(order, c.TakeEntries):
        taken = writer.take(order.store, order.entries)
        return e.EntriesTaken(order.connection, order.store, taken)
    forwarding.mark_forwarded(order.store, order.number)
    found = forwarding.next_entries(order.store, order.number)
    return e.EntriesRead(order.store, order.number, found)
