"""The database as a master's authority: loads all data, then follows the transactions.

Reads in one thread of its own, by `proxyapp.selectors`; rows are the truth, a notification only
says when to look. A database that was restored is noticed by its epoch, revision or hash.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple, TypeVar

import structlog
from django.db import DatabaseError, connections

from confwire.errors import RequestError
from confwire.messages import Transaction
from proxyapp import selectors
from proxyapp.engine import events as e
from proxyapp.engine.commands import NewEpoch, ReadTransactions, SetPassword, Write
from proxyapp.runtime import feed
from proxyapp.runtime.tasks import cancel, spawn
from proxyapp.runtime.writes import Writer
from proxyapp.selectors import Position
from proxyapp.services import epochs

log = structlog.get_logger(__name__)

PAGE = 5000
"""Records of one query."""
BATCH = 500
"""Records told in one turn of the loop."""
RETRY_FIRST = 0.25
RETRY_LIMIT = 5.0

Result = TypeVar("Result")


class _News(NamedTuple):
    """What came after a revision."""

    revision: int
    """The last one that the database had."""
    transactions: list[Transaction]
    """The first of them."""
    broken: str = ""
    """Why the journal does not continue what is known."""


class Unmigrated(Exception):
    """The database has no data to serve and will not get any by waiting."""


class Authority:
    """Tells a node everything that the database holds and each transaction after it."""

    def __init__(self, tell: Callable[[e.Event], None], halt: Callable[[str], None]) -> None:
        self._tell = tell
        self._halt = halt
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="authority")
        self._writer = Writer(self._written)
        self._wake = asyncio.Event()
        self._known: Position | None = None
        self._reload_reason = "first"
        self._lost = False
        self._elected: e.Elected | None = None
        """To be told behind everything that the database has now."""
        self._moves = False
        """The connection to the database is to be made anew."""
        self._elsewhere = asyncio.Event()
        """What listens to the database is to listen to another server."""
        self._tasks: list[asyncio.Task[Any]] = []

    def start(self) -> None:
        """Begin to load; must be called with a running loop."""
        self._tasks.append(spawn("authority", self._run(), self._failed))
        if feed.is_postgres():
            self._tasks.append(spawn("listening", self._listen(), self._failed))

    async def stop(self) -> None:
        """Let go of the database."""
        for task in self._tasks:
            await cancel(task)
        await self._writer.stop()
        await self._in_thread(connections.close_all)
        self._thread.shutdown(wait=False)

    def write(self, command: Write) -> None:
        """Begin a write; Written or WriteRefused is told later."""
        self._writer.write(command)

    def set_password(self, command: SetPassword) -> None:
        """Begin to set a password; PasswordSet is told later."""
        self._writer.set_password(command)

    def reload(self, reason: str) -> None:
        """Load everything anew."""
        log.info("loading anew", reason=reason)
        self._known = None
        self._reload_reason = reason
        self._wake.set()

    def announce(self, elected: e.Elected | None) -> None:
        """Tell that this master leads, behind all that was committed before; None: it does not."""
        self._elected = elected
        self._renew()

    def move(self) -> None:
        """Go to the server that the database is on now."""
        self._renew()
        self._elsewhere.set()

    def _renew(self) -> None:
        self._moves = True
        self._writer.renew()
        self._wake.set()

    def read_transactions(self, command: ReadTransactions) -> None:
        """Read the journal table; TransactionsRead is told later."""
        spawn("journal", self._read_transactions(command))

    def new_epoch(self, command: NewEpoch) -> None:
        """Begin a new epoch; the load that follows from it is told."""
        spawn("new epoch", self._new_epoch(command))

    async def _read_transactions(self, command: ReadTransactions) -> None:
        try:
            read = await self._in_thread(
                _transactions_after, command.connection, command.revision, command.hash
            )
        except DatabaseError as error:
            log.error("the journal cannot be read", reason=str(error).strip())
            read = e.TransactionsRead(command.connection, False, [])
        self._tell(read)

    async def _new_epoch(self, command: NewEpoch) -> None:
        log.warning("beginning a new epoch", reason=command.reason)
        try:
            await self._in_thread(epochs.begin, command.proven)
        except (DatabaseError, RequestError) as error:
            log.error("no new epoch could be begun", reason=str(error).strip())
            await self._in_thread(connections.close_all)  # a broken connection stays broken
        self._wake.set()

    # ------------------------------------------------------------ following

    async def _listen(self) -> None:
        while True:
            self._elsewhere.clear()
            task = spawn("listen", feed.listen(self._wake.set), self._failed)
            try:
                await self._elsewhere.wait()
            finally:
                task.cancel()

    async def _run(self) -> None:
        delay = RETRY_FIRST
        while True:
            self._wake.clear()
            elected = self._elected
            if self._moves:
                self._moves = False
                await self._in_thread(connections.close_all)
            try:
                if self._known is None:
                    await self._load()
                else:
                    await self._follow(self._known)
            except Unmigrated as error:
                self._halt(str(error))
                return
            except DatabaseError as error:
                await self._lose(error)
                await self._wait(delay * (0.5 + random.random()))
                delay = min(2 * delay, RETRY_LIMIT)
                continue
            delay = RETRY_FIRST
            if elected is not None and self._known is not None and elected is self._elected:
                self._elected = None
                self._tell(elected)
            await self._wait(feed.poll_interval())

    async def _wait(self, seconds: float) -> None:
        """Wait for a wake-up, and no longer than that."""
        try:
            async with asyncio.timeout(seconds):
                await self._wake.wait()
        except TimeoutError:
            pass  # The poll is due.

    async def _load(self) -> None:
        """Hand over all records, and the transactions that overtook them on the way."""
        reason = self._reload_reason
        start, total = await self._in_thread(_read_start)
        self._regain()
        self._tell(e.LoadStarted(start.epoch, start.revision, total, reason))
        page = await self._in_thread(selectors.load_records, (0, 0), PAGE)
        while page:
            last = page[-1]
            # The next page is read while this one is told.
            reading = self._in_thread(selectors.load_records, (last.type, last.dbid), PAGE)
            for first in range(0, len(page), BATCH):
                self._tell(e.RecordsLoaded(page[first : first + BATCH]))
                await asyncio.sleep(0)
            page = await reading
        end = await self._catch_up(start)
        if end.epoch != start.epoch:
            self.reload("epoch")  # which has begun meanwhile
            return
        self._known = end
        self._tell(e.LoadEnded(end.revision, end.tree, end.hash))

    async def _follow(self, known: Position) -> None:
        news = await self._in_thread(_read_news, known)
        self._regain()
        if news.broken:
            self.reload(news.broken)
            return
        reached = await self._tell_all(news.transactions, known)
        if reached.revision < news.revision:
            reached = await self._catch_up(reached)
        if self._known is known:  # else a reload was asked for on the way
            self._known = reached

    async def _catch_up(self, known: Position) -> Position:
        """Tell all transactions after `known`; return where they lead to."""
        while found := await self._in_thread(selectors.transactions_since, known.revision):
            known = await self._tell_all(found, known)
        return known

    async def _tell_all(self, transactions: list[Transaction], known: Position) -> Position:
        for transaction in transactions:
            self._tell(e.Committed(transaction))
            await asyncio.sleep(0)
        return _position_after(transactions[-1]) if transactions else known

    # ------------------------------------------------------------ the database goes and comes

    async def _lose(self, error: DatabaseError) -> None:
        text = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        if self._known is None and not self._lost and _is_unmigrated(text):
            self._halt("the configuration database has no tables: run manage.py migrate")
        # A broken connection stays broken: the next attempt makes its own.
        await self._in_thread(connections.close_all)
        if not self._lost:
            self._lost = True
            log.error("the database is away", reason=text)
            self._tell(e.AuthorityLost(text))

    def _regain(self) -> None:
        if self._lost:
            self._lost = False
            log.info("the database is back")
            self._tell(e.AuthorityBack())

    def _written(self, event: e.Event) -> None:
        self._tell(event)
        known = self._known.revision if self._known is not None else 0
        if isinstance(event, e.Written) and event.revision > known:
            self._wake.set()

    def _failed(self, error: BaseException) -> None:
        self._halt(f"reading the database failed: {error}")

    def _in_thread(
        self, function: Callable[..., Result], *arguments: Any
    ) -> asyncio.Future[Result]:
        return asyncio.get_running_loop().run_in_executor(self._thread, function, *arguments)


def _read_start() -> tuple[Position, int]:
    try:
        # In this order: what comes between the two is told as transactions.
        return selectors.current_revision(), selectors.count_records()
    except RequestError as error:
        raise Unmigrated(str(error)) from error


def _read_news(known: Position) -> _News:
    position = selectors.current_revision()
    if position == known:
        return _News(known.revision, [])
    if broken := _find_break(known, position):
        return _News(position.revision, [], broken)
    found = selectors.transactions_since(known.revision, epoch=position.epoch)
    return _News(position.revision, found)


def _find_break(known: Position, position: Position) -> str:
    """Return why the journal does not continue what is known, empty when it does."""
    if position.epoch != known.epoch or position.revision <= known.revision:
        return "epoch"
    found = selectors.hash_at(known.revision)
    if found is not None:
        return "" if found == known.hash else "epoch"
    return "" if selectors.oldest_revision() <= known.revision else "compacted"


def _transactions_after(connection: int, revision: int, hash_: str) -> e.TransactionsRead:
    """Return whether the journal has this place, and what came after it."""
    found = selectors.hash_at(revision)
    foreign = bool(hash_) and found not in (None, hash_)
    # A cursor with a hash that nothing confirms may be of another history.
    known = found == hash_ if hash_ else selectors.oldest_revision() <= revision
    later = selectors.transactions_since(revision) if known else []
    return e.TransactionsRead(connection, known, later, foreign)


def _position_after(transaction: Transaction) -> Position:
    return Position(
        transaction.epoch, transaction.revision, int(transaction.tree, 16), transaction.hash
    )


def _is_unmigrated(text: str) -> bool:
    return "no such table" in text or ("does not exist" in text and "relation" in text)
