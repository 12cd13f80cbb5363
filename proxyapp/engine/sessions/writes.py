"""Writes under way: asked for by a session, carried out in the database, answered by their change.

An answer leaves only when the change has come back and was applied here, so nobody sees an
answer before its data. Knows no database: a write is a command, and its end an event.
"""

from __future__ import annotations

from typing import Any

import msgspec
from msgspec import Raw

from confwire.errors import EpochChanged, RequestError
from confwire.messages import (
    CreateObject,
    DeleteObject,
    ObjectCreated,
    ObjectDeleted,
    ObjectUpdated,
    PermissionsUpdated,
    RelayWrite,
    UpdateObject,
    UpdatePermissions,
    WriteRelayed,
)
from confwire.objects import BY_NAME, ObjectType
from proxyapp.engine.applicationfaults import faults_of
from proxyapp.engine.commands import Write
from proxyapp.engine.data.rows import Row
from proxyapp.engine.events import WriteRefused, Written
from proxyapp.engine.parts import WriteRequest
from proxyapp.engine.reading.requests import refusal
from proxyapp.engine.serving import Serving


class Writes:
    """All writes of a node that are not answered yet."""

    def __init__(self, serving: Serving) -> None:
        self._serving = serving
        self._tickets: dict[int, tuple[int, WriteRequest | RelayWrite]] = {}
        """Who asked, and for what."""
        self._written: list[tuple[str, Written]] = []
        """Those that are committed and not yet applied here, with the epoch that they are of."""

    def begin(self, connection: int, request: WriteRequest, person: int, origin: str) -> None:
        """Have a write carried out for a session, as a person."""
        ticket = self._ticket_for(connection, request)
        write = Write(ticket, request, person, origin, request.request_id)
        self._serving.authority.write(write)

    def relay(self, connection: int, message: RelayWrite, proxy: str) -> None:
        """Have a write carried out for a client of a proxy."""
        ticket = self._ticket_for(connection, message)
        request = UpdateObject(
            ref=ticket, object_type=message.object_type, dbid=message.dbid, delta=message.delta
        )
        try:
            self._serving.authority.check_write(connection, request)
        except RequestError as error:
            self.refuse(WriteRefused(ticket, error))
            return
        person, name = message.person_dbid, message.request_id
        write = Write(ticket, request, person, message.origin, name, proxy)
        self._serving.authority.write(write)

    def _ticket_for(self, connection: int, asked: WriteRequest | RelayWrite) -> int:
        ticket = next(self._serving.tickets)
        self._tickets[ticket] = (connection, asked)
        return ticket

    def end(self, event: Written | WriteRefused) -> None:
        """A write has ended."""
        if isinstance(event, Written):
            self.take(event)
        else:
            self.refuse(event)

    def take(self, event: Written) -> None:
        """A write was committed; its change is here already, or is on its way."""
        if isinstance(self._tickets[event.ticket][1], RelayWrite):
            # The proxy waits for the change itself.
            self._end_relayed(event.ticket, revision=event.revision)
            return
        self._written.append((self._serving.epoch, event))
        self.answer()

    def refuse(self, event: WriteRefused) -> None:
        """A write failed: tell who asked for it."""
        connection, asked = self._tickets[event.ticket]
        if isinstance(asked, RelayWrite):
            self._end_relayed(event.ticket, error=refusal(event.error))
            return
        del self._tickets[event.ticket]
        session = self._serving.roster.get(connection)
        if session is not None:
            session.refuse(event.error, asked.ref)
            session.written()

    def _end_relayed(self, ticket: int, **end: Any) -> None:
        connection, asked = self._tickets.pop(ticket)
        session = self._serving.roster.get(connection)
        if session is not None:
            assert isinstance(asked, RelayWrite)
            session.answer(WriteRelayed(ticket=asked.ticket, **end))
            session.written()

    def answer(self) -> None:
        """Answer the writes whose changes were applied."""
        serving = self._serving
        waiting, self._written = self._written, []
        for epoch, event in waiting:
            if epoch != serving.epoch:
                error = EpochChanged("the data was replaced before the write came back: read anew")
                self.refuse(WriteRefused(event.ticket, error))
            elif event.revision > serving.revision:
                self._written.append((epoch, event))
            else:
                self._answer(event)

    def _answer(self, event: Written) -> None:
        connection, request = self._tickets.pop(event.ticket)
        session = self._serving.roster.get(connection)
        if session is not None:
            assert not isinstance(request, RelayWrite)
            session.answer(self._result(request, event))
            session.written()

    def _result(
        self, request: WriteRequest, event: Written
    ) -> ObjectCreated | ObjectUpdated | ObjectDeleted | PermissionsUpdated:
        serving = self._serving
        base: dict[str, Any] = {
            "ref": request.ref,
            "epoch": serving.epoch,
            "revision": serving.revision,
            "object_type": request.object_type,
            "dbid": event.dbid,
        }
        if isinstance(request, DeleteObject):
            return ObjectDeleted(**base)
        if isinstance(request, UpdatePermissions):
            return PermissionsUpdated(**base)
        row = serving.store.get(BY_NAME[request.object_type].type, event.dbid)
        base["warnings"] = _warnings_of(row)
        if isinstance(request, CreateObject):
            return ObjectCreated(**base, object=Raw(row.body if row is not None else b"null"))
        return ObjectUpdated(**base, unchanged=not event.revision)


def _warnings_of(row: Row | None) -> list[str]:
    """Return what is worth a word of an object that was stored."""
    if row is None or row.type != ObjectType.APPLICATION:
        return []
    return faults_of(msgspec.json.decode(row.body))
