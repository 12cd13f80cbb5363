"""Writes of clients, carried out in the database one after another in a thread.

Each becomes one transaction of the one door; its outcome comes back as an event. The thread
keeps its connection to the database from write to write, and lets go of a broken one.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from hashlib import blake2b

import msgspec
import structlog
from django.conf import settings
from django.db import InterfaceError, OperationalError, connection, connections

from confwire.errors import DatabaseUnavailable, InternalError, NoPermission, RequestError
from confwire.messages import CreateObject, UpdateObject, UpdatePermissions
from proxyapp.engine.commands import SetPassword, Write
from proxyapp.engine.events import Event, WriteRefused, Written
from proxyapp.engine.parts import WriteRequest
from proxyapp.models import Person
from proxyapp.runtime import passwords
from proxyapp.runtime.tasks import spawn
from proxyapp.services import objects, permissions, receipts
from proxyapp.services.objects import Outcome
from proxyapp.services.receipts import Name

log = structlog.get_logger(__name__)

_TRUSTED = 1.0  # seconds for which a connection that has just served needs no check


class Writer:
    """The thread that writes."""

    def __init__(self, tell: Callable[[Event], None]) -> None:
        self._tell = tell
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="writer")
        self._served = 0.0  # when the last write ended; of the thread alone
        self._stopping = threading.Event()

    def write(self, command: Write) -> None:
        """Begin a write; its outcome is told."""
        spawn(f"write {command.ticket}", self._write(command))

    def set_password(self, command: SetPassword) -> None:
        """Begin to set a password that a person has chosen; its outcome is told."""
        spawn(f"password {command.ticket}", self._set_password(command))

    async def _set_password(self, command: SetPassword) -> None:
        loop = asyncio.get_running_loop()
        self._tell(await loop.run_in_executor(self._thread, passwords.change, command))

    def renew(self) -> None:
        """Make a new connection to the database for the next write."""
        if not self._stopping.is_set():
            self._thread.submit(connections.close_all)

    async def stop(self) -> None:
        """End after the write under way; those behind it are dropped."""
        self._stopping.set()
        loop = asyncio.get_running_loop()
        await loop.run_in_executor(self._thread, connections.close_all)
        self._thread.shutdown(wait=False, cancel_futures=True)

    async def _write(self, command: Write) -> None:
        loop = asyncio.get_running_loop()
        self._tell(await loop.run_in_executor(self._thread, self._in_thread, command))

    def _in_thread(self, command: Write) -> Event:
        if (pause := self._served + command.interval - time.monotonic()) > 0:
            self._stopping.wait(pause)
        # The database may have been restarted in a pause; what breaks later fails one write.
        if time.monotonic() - self._served > _TRUSTED and not connection.is_usable():
            connection.close()
        event = carry_out(command)
        self._served = time.monotonic()
        return event


def carry_out(command: Write) -> Event:
    """Write, and return the outcome; blocks on the database.

    The connection stays open, unless the database had an error on it.
    """
    try:
        outcome = _carry_out(command)
        # Without a revision nothing has changed: the answer need not wait for one.
        return Written(command.ticket, outcome.result.revision or 0, outcome.dbid)
    except RequestError as error:
        return WriteRefused(command.ticket, error)
    except (OperationalError, InterfaceError) as error:
        log.error("a write failed", origin=command.origin, reason=str(error).strip())
        return WriteRefused(
            command.ticket, DatabaseUnavailable("the database cannot be written now: try again")
        )
    except Exception:
        log.exception("a write failed", origin=command.origin)
        return WriteRefused(command.ticket, InternalError())
    finally:
        if connection.errors_occurred:
            connection.close()


def _carry_out(command: Write) -> Outcome:
    request, origin = command.request, command.origin
    by = Person.objects.filter(dbid=command.person).first()
    if by is None:
        raise NoPermission("the account does not exist any more")
    return receipts.once(
        Name(command.name, _digest(request)),
        partial(_write, request, by, origin),
        by=by,
        origin=origin,
        through=command.through,
    )


def _write(request: WriteRequest, by: Person, origin: str) -> Outcome:
    type_ = request.object_type
    if isinstance(request, CreateObject):
        return objects.create(type_, request.object, request.folder_dbid, by=by, origin=origin)
    if isinstance(request, UpdateObject):
        return objects.update(type_, request.dbid, request.delta, by=by, origin=origin)
    if isinstance(request, UpdatePermissions):
        return permissions.update(
            type_, request.dbid, request.permissions, request.recursive, by=by, origin=origin
        )
    return objects.delete(type_, request.dbid, by=by, origin=origin)


def _digest(request: WriteRequest) -> str:
    """Return a digest of what a write is, whoever sends it and however often.

    With a key, since it is stored: short secrets could be guessed from it otherwise.
    """
    body = msgspec.json.encode(
        msgspec.structs.replace(request, ref=0, request_id=""), order="sorted"
    )
    key = blake2b(settings.SECRET_KEY.encode(), person=b"receipts").digest()
    return blake2b(body, digest_size=16, key=key).hexdigest()
