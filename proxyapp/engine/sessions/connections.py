"""The sessions of all connections of a server, and what the runtime tells of each.

A connection that is gone is nobody's: what still comes of it is dropped.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from confwire.errors import CloseCode
from proxyapp.engine import events
from proxyapp.engine.serving import Serving
from proxyapp.engine.sessions.entering import CLOSED
from proxyapp.engine.sessions.session import Session


class Connections:
    """The connections of one server."""

    def __init__(self, serving: Serving) -> None:
        self._serving = serving
        self.sessions: dict[int, Session] = {}
        """By connection."""
        self.openings: dict[int, Session] = {}
        """Of them, those that are not open, or were opened just now."""
        self.handlers: dict[type, Callable[[Any], None]] = {
            events.Received: self._received,
            events.Connected: self._connected,
            events.Blocked: self._blocked,
            events.Drained: self._drained,
            events.TransactionsRead: self._transactions_read,
            events.SessionRead: self._past_read,
            events.HistoryRead: self._past_read,
            events.PastFound: self._past_read,
            events.DifferencesFound: self._past_read,
        }

    def __repr__(self) -> str:
        return f"<Connections {len(self.sessions)}>"

    def remove(self, event: events.Disconnected) -> Session | None:
        """Forget a connection; return the session that it had."""
        session = self.sessions.pop(event.connection, None)
        self.openings.pop(event.connection, None)
        if session is not None:
            session.disconnect(event.reason)
        return session

    def expire(self, now: float) -> None:
        """Close those that do not log in."""
        limit = self._serving.options.number("client-connect-timeout")
        for connection, session in list(self.openings.items()):
            if session.is_open or session.phase is CLOSED:
                del self.openings[connection]
            elif now - session.connected_at > limit:
                del self.openings[connection]
                session.close(CloseCode.OPENING_TIMEOUT, f"no login within {limit} seconds")

    def renew_tokens(self, now: float) -> None:
        """Give new tokens where the old ones are about to end."""
        for connection in self._serving.issuing.due(now):
            session = self._serving.roster.get(connection)
            if session is not None:
                session.renew_token()

    def _connected(self, event: events.Connected) -> None:
        session = Session(self._serving, event)
        self.sessions[event.connection] = self.openings[event.connection] = session

    def _received(self, event: events.Received) -> None:
        session = self.sessions.get(event.connection)
        if session is not None:
            session.receive(event.messages)

    def _blocked(self, event: events.Blocked) -> None:
        session = self.sessions.get(event.connection)
        if session is not None:
            session.block()

    def _drained(self, event: events.Drained) -> None:
        session = self.sessions.get(event.connection)
        if session is not None:
            session.drain()

    def _transactions_read(self, event: events.TransactionsRead) -> None:
        session = self.sessions.get(event.connection)
        if session is not None and session.replication is not None:
            session.replication.answer = event
            session.wake()

    def _past_read(self, event: events.PastAnswer) -> None:
        session = self.sessions.get(event.connection)
        if session is not None and session.past is not None:
            session.past.answer = event
            session.wake()
