"""Writes under way: asked for by a session, carried out in the database, answered by their change.

An answer leaves only when the change has come back and was applied here, so nobody sees an
answer before its data. Knows no database: a write is a command, and its end an event.
"""

from __future__ import annotations

from typing import Any

from msgspec import Raw

from confwire.errors import EpochChanged
from confwire.messages import (
    CreateObject,
    DeleteObject,
    ObjectCreated,
    ObjectDeleted,
    ObjectUpdated,
)
from confwire.objects import BY_NAME
from proxyapp.engine.commands import Write
from proxyapp.engine.events import WriteRefused, Written
from proxyapp.engine.serving import Serving, WriteRequest


class Writes:
    """All writes of a node that are not answered yet."""

    def __init__(self, serving: Serving) -> None:
        self._serving = serving
        self._tickets: dict[int, tuple[int, int | str, WriteRequest]] = {}
        self._written: list[tuple[str, Written]] = []
        """Those that are committed and not yet applied here, with the epoch that they are of."""
        self._next_ticket = 1

    def begin(
        self, connection: int, ref: int | str, request: WriteRequest, person: int, origin: str
    ) -> None:
        """Have a write carried out for a session, as a person."""
        ticket, self._next_ticket = self._next_ticket, self._next_ticket + 1
        self._tickets[ticket] = (connection, ref, request)
        self._serving.out.append(Write(ticket, request, person, origin))

    def take(self, event: Written) -> None:
        """A write was committed; its change is here already, or is on its way."""
        self._written.append((self._serving.epoch, event))
        self.answer()

    def refuse(self, event: WriteRefused) -> None:
        """A write failed: tell who asked for it."""
        connection, ref, _ = self._tickets.pop(event.ticket)
        session = self._serving.roster.get(connection)
        if session is not None:
            session.refuse(event.error, ref)
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
        connection, ref, request = self._tickets.pop(event.ticket)
        session = self._serving.roster.get(connection)
        if session is not None:
            session.answer(self._result(ref, request, event.dbid))
            session.written()

    def _result(
        self, ref: int | str, request: WriteRequest, dbid: int
    ) -> ObjectCreated | ObjectUpdated | ObjectDeleted:
        serving = self._serving
        base: dict[str, Any] = {
            "ref": ref,
            "epoch": serving.epoch,
            "revision": serving.revision,
            "object_type": request.object_type,
            "dbid": dbid,
        }
        if isinstance(request, CreateObject):
            row = serving.store.get(BY_NAME[request.object_type].type, dbid)
            return ObjectCreated(**base, object=Raw(row.body if row is not None else b"null"))
        if isinstance(request, DeleteObject):
            return ObjectDeleted(**base)
        return ObjectUpdated(**base)
