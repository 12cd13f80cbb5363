"""Who leads of the masters of one database: a lock in it, held by a connection of its own.

On PostgreSQL the lock is an advisory one, and the database itself ends the connection of a holder
that says nothing for LEASE seconds, so a frozen process loses it. The holder gives it up for lost
before that. On SQLite there is one master; it holds a lock on a file beside the database.
"""

from __future__ import annotations

import asyncio
import os
import random
import socket
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, Protocol

import psycopg
import structlog
from django.conf import settings
from django.db import DatabaseError, connections

from proxyapp.engine import events as e
from proxyapp.runtime import feed
from proxyapp.runtime.bootstrap import StartError
from proxyapp.runtime.cluster import Cluster
from proxyapp.runtime.filelock import FileLock, Held
from proxyapp.runtime.tasks import cancel, spawn
from proxyapp.runtime.timelines import TimelineFile
from proxyapp.services import epochs, leadership

log = structlog.get_logger(__name__)

LOCK = 0x637370726F7879
"""Key of the advisory lock, of each database: "csproxy" in ASCII."""
LEASE = 5.0
"""Seconds of silence after which PostgreSQL ends the holder's connection."""
BEAT = 1.0
ANSWER_LIMIT = 2.5
"""With BEAT less than LEASE: who hears nothing for so long knows before the others do."""
POLL = 0.25
"""Seconds between two attempts at the lock."""
HEAD_START = 2.0
"""Seconds that the one which led last is first, when all come back to the database at once."""

_DOUBT = "it is not certain which master leads: try again in some seconds"
_ATTEMPT = (
    "SELECT pg_try_advisory_lock(%s), epoch, term, leader, instance, web_port"
    " FROM proxyapp_revision WHERE id = 1"
)
_BEAT = "SELECT instance = %s AND term = %s FROM proxyapp_revision WHERE id = 1"
_IS_BACKUP = (
    "SELECT EXISTS (SELECT FROM proxyapp_application backup JOIN proxyapp_application one"
    " ON one.backup_server_id = backup.dbid WHERE backup.name = %s)"
)


class Election(Protocol):
    """One master's part in it."""

    def start(
        self,
        announce: Callable[[e.Elected | None], None],
        tell: Callable[[e.Event], None],
        halt: Callable[[str], None],
        moved: Callable[[], None],
    ) -> None:
        """Stand for the lead; must be called with a running loop.

        Args:
            announce: takes the outcome to the node behind all data that came before; None takes
                it back.
            tell: tells the node the other events.
            halt: ends the process.
            moved: makes all connections to the database anew: the lock is on another server.
        """

    async def stop(self) -> None:
        """Let another one lead."""


class Candidate:
    """What every election needs: who stands, and whom to tell."""

    _announce: Callable[[e.Elected | None], None]
    _tell: Callable[[e.Event], None]
    _halt: Callable[[str], None]
    _moved: Callable[[], None]

    def __init__(self, application: str, instance: str, web_port: int) -> None:
        """Write nothing until elected.

        Args:
            application: name of the master's Application object.
            instance: names this process.
            web_port: of its web site; 0 without one.
        """
        self._application = application
        self._instance = instance
        self._web_port = web_port
        self._task: asyncio.Task[None] | None = None
        leadership.forbid(instance, _DOUBT)

    def start(
        self,
        announce: Callable[[e.Elected | None], None],
        tell: Callable[[e.Event], None],
        halt: Callable[[str], None],
        moved: Callable[[], None],
    ) -> None:
        """Stand for the lead; see `Election`."""
        self._announce, self._tell, self._halt, self._moved = announce, tell, halt, moved
        self._task = spawn("election", self._run(), self._failed)

    async def stop(self) -> None:
        """Let another one lead."""
        await cancel(self._task)

    async def _run(self) -> None:
        raise NotImplementedError

    def _failed(self, error: BaseException) -> None:
        self._halt(f"the election of the leading master failed: {error}")

    def _lead(self, term: int, former: str) -> None:
        leadership.claim(self._instance, term)
        self._announce(e.Elected(term, former))


class PostgresElection(Candidate):
    """Stands for the lead again and again, and keeps it."""

    def __init__(self, application: str, instance: str, web_port: int, timeline: Path) -> None:
        """Take the arguments of `Candidate`, and the file of the latest timeline."""
        super().__init__(application, instance, web_port)
        kept = TimelineFile(timeline)
        self._cluster = Cluster(feed.parameters(), kept, lambda: self._moved())
        self._leads = False
        self._deposed_by = ""
        self._highest = 0
        """The highest term that was seen: terms go on above it, also after a restore."""

    async def stop(self) -> None:
        """Let another one lead."""
        await super().stop()
        await self._cluster.stop()

    async def _run(self) -> None:
        while True:
            try:
                connection = await self._cluster.connect("csproxy lead")
                async with connection:
                    await self._stand(connection)
            except (psycopg.Error, OSError) as error:
                if self._leads:
                    self._doubt(" ".join(str(error).split()) or type(error).__name__)
                    continue  # at once: before a backup tries, unless the database is away
            await asyncio.sleep(POLL * (0.5 + random.random()))

    async def _stand(self, connection: psycopg.AsyncConnection[Any]) -> None:
        """Wait for the lock, take the lead, and hold it; ends by an error."""
        await _ask(connection, f"SET idle_session_timeout = {int(LEASE * 1000)}")
        until = asyncio.get_running_loop().time()
        if not await self._goes_first(connection):
            until += HEAD_START
        while True:
            self._cluster.check()
            if asyncio.get_running_loop().time() >= until:
                rows = await _ask(connection, _ATTEMPT, LOCK)
                if rows and rows[0][0]:
                    # Who let it go may have left this server for one that was promoted.
                    await self._cluster.look()
                    break
                if rows:
                    self._follow(leadership.Standing(*rows[0][2:]))
            else:
                await _ask(connection, "SELECT 1")
            await asyncio.sleep(POLL)
        _, epoch, term, former, *_ = rows[0]
        self._highest = max(self._highest, term)
        term = await self._take(connection, epoch)
        self._leads, self._deposed_by = True, ""
        log.info("the lead was taken", term=term)
        self._lead(term, former)
        while True:
            await asyncio.sleep(BEAT)
            self._cluster.check()
            rows = await _ask(connection, _BEAT, self._instance, term)
            if rows != [(True,)]:
                raise psycopg.OperationalError("the database was restored: it names another leader")

    async def _take(self, connection: psycopg.AsyncConnection[Any], epoch: str) -> int:
        """Begin a new term, and a new epoch where commits may have been lost; return the term."""
        fresh = epochs.new_name(epoch)
        values = leadership.taking(
            self._application,
            self._instance,
            self._web_port,
            above=self._highest,
            timeline=str(self._cluster.timeline),
            epoch=fresh,
        )
        # No limit: a large transaction of a command that is being committed is waited for.
        cursor = await connection.execute(leadership.TAKE, values)
        ((term, epoch),) = await cursor.fetchall()
        self._highest = term
        if epoch == fresh:
            log.warning(
                "a new epoch begins: the database has failed over, and who led before is gone",
                timeline=str(self._cluster.timeline),
            )
            await asyncio.to_thread(_sign_epoch)
        return int(term)

    async def _goes_first(self, connection: psycopg.AsyncConnection[Any]) -> bool:
        rows = await _ask(connection, "SELECT leader FROM proxyapp_revision WHERE id = 1")
        leader = rows[0][0] if rows else ""
        if leader:
            return bool(leader == self._application)
        return not (await _ask(connection, _IS_BACKUP, self._application))[0][0]

    def _follow(self, standing: leadership.Standing) -> None:
        """Another connection has the lock."""
        self._highest = max(self._highest, standing.term)
        if standing.instance == self._instance or standing.instance == self._deposed_by:
            return  # known; or an old connection of this one, which the database ends soon
        if not standing.leader:
            return  # the first one that ever leads is just taking it
        self._deposed_by = standing.instance
        self._tell(e.Deposed(standing.leader, standing.term))

    def _doubt(self, reason: str) -> None:
        self._leads = False
        leadership.forbid(self._instance, _DOUBT)
        log.error("the lock of the lead was lost", reason=reason)
        self._announce(None)
        self._tell(e.LeadDoubted(reason))


class FileElection(Candidate):
    """The only master of an SQLite database: it leads, or does not start."""

    def __init__(self, application: str, instance: str, web_port: int) -> None:
        """Take the lock, and the arguments of `Candidate`.

        Raises:
            StartError: another master has it.
        """
        super().__init__(application, instance, web_port)
        database = Path(settings.DATABASES["default"]["NAME"]).resolve()
        path = database.with_name(f"{database.name}.master")
        try:
            self._lock = FileLock(path)
        except Held as error:
            raise StartError(
                f"another master (process {error.holder}) has the database {database} open: SQLite"
                " knows one master only; put the data into PostgreSQL to have a backup master"
            ) from error
        except OSError as error:
            raise StartError(f"cannot open {path}: {error.strerror}") from error

    async def stop(self) -> None:
        """Let another one lead."""
        await super().stop()
        self._lock.release()

    async def _run(self) -> None:
        while True:
            taken = await asyncio.to_thread(self._take)
            if taken is not None:
                self._lead(*taken)
                return
            await asyncio.sleep(POLL)  # the database is not migrated, or away: others say so

    def _take(self) -> tuple[int, str] | None:
        try:
            former = leadership.standing().leader
            term = leadership.take(self._application, self._instance, self._web_port)
        except DatabaseError:
            return None
        finally:
            connections.close_all()
        return None if term is None else (term, former)


def _sign_epoch() -> None:
    """Sign where the history was when an epoch began; whoever checks it can do without."""
    try:
        epochs.sign()
    except DatabaseError as error:
        log.error("the end of the history was not signed", reason=str(error).strip())
    finally:
        connections.close_all()


async def _ask(
    connection: psycopg.AsyncConnection[Any], statement: str, *values: Any
) -> list[tuple[Any, ...]]:
    """Run a statement that is answered at once, or end the connection."""
    # Not by a cancellation: the library would then wait for the answer to its own question.
    limit = asyncio.get_running_loop().call_later(ANSWER_LIMIT, _sever, connection)
    try:
        cursor = await connection.execute(statement, values)
        return await cursor.fetchall() if cursor.description else []
    finally:
        limit.cancel()


def _sever(connection: psycopg.AsyncConnection[Any]) -> None:
    with suppress(OSError), socket.socket(fileno=os.dup(connection.fileno())) as line:
        line.shutdown(socket.SHUT_RDWR)


def bound_transactions(seconds: float) -> None:
    """Let PostgreSQL end the connections of this process that pause in a transaction for so long.

    Else a frozen process keeps its locks, and who leads in its place can write nothing.
    """
    if feed.is_postgres():
        options = settings.DATABASES["default"].setdefault("OPTIONS", {})
        bound = f"-c idle_in_transaction_session_timeout={int(seconds * 1000)}"
        options["options"] = f"{options.get('options', '')} {bound}".strip()


def stand(application: str, instance: str, web_port: int, folder: Path) -> Election:
    """Return the election of the configuration database.

    Args:
        application, instance, web_port: see `Candidate`.
        folder: the data folder of the master.

    Raises:
        StartError: there is a master already, and the database knows one only.
    """
    if feed.is_postgres():
        return PostgresElection(application, instance, web_port, folder / "timeline")
    return FileElection(application, instance, web_port)
