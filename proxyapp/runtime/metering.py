"""What the library does for one connection, bounded until its session is open.

What is wrong in the frames of strangers is not logged: the close code tells them.
"""

from __future__ import annotations

import asyncio
import logging
from typing import Protocol

from picows import WSListener, WSUpgradeRequest, WSUpgradeResponseWithListener
from picows.picows import WSAutoPingStrategy, WSProtocol  # type: ignore[attr-defined]

from proxyapp.runtime.connections import MESSAGE_LIMIT, OPENING_LIMIT, Connection
from proxyapp.runtime.entrances import HANDSHAKE_LIMIT

OPENING_TOTAL = 2 * OPENING_LIMIT
"""Bytes that a connection may send in all before its session is open."""

_NOBODY = asyncio.BufferedProtocol()
# An adapter, since the library makes a logger of its own for each connection of a plain logger.
_LOG_ADAPTER = logging.LoggerAdapter(logging.getLogger("picows.server"), {})
logging.getLogger("picows").setLevel(logging.WARNING)


def _is_ours(record: logging.LogRecord) -> bool:
    """Whether a line is not of what a client did wrong: that the close code tells it, and strangers
    are not to fill the log.
    """
    return not str(record.msg).startswith("WS parser error")


_LOG_ADAPTER.logger.addFilter(_is_ours)


class Host(Protocol):
    """Who takes connections in."""

    def greet(
        self, request: WSUpgradeRequest, connection: Connection
    ) -> WSListener | WSUpgradeResponseWithListener:
        """Answer the HTTP request that opens a connection."""


class MeteredProtocol(WSProtocol):  # type: ignore[misc]
    """Counts what a connection sends before its session is open.

    The library keeps an unfinished frame until it is whole, and its limit cannot be changed
    later: without the count, strangers could make the server hold MESSAGE_LIMIT bytes each.
    """

    def __init__(self, connection: Connection, host: Host) -> None:
        self._connection = connection
        self._left = OPENING_TOTAL
        super().__init__(
            None,
            None,
            False,
            lambda request: host.greet(request, connection),
            _LOG_ADAPTER,
            True,
            HANDSHAKE_LIMIT,
            False,
            0,
            0,
            WSAutoPingStrategy.PING_WHEN_IDLE,
            False,
            MESSAGE_LIMIT,
            None,
            1024,
        )

    def buffer_updated(self, size: int) -> None:
        """Take in `size` bytes, or drop them when the connection has used up its allowance."""
        self._left -= size
        if self._left >= 0:
            self._take(size)
        elif self.transport.request is None:
            self.transport.underlying_transport.abort()
        else:
            self._connection.overrun()

    def _take(self, size: int) -> None:
        try:
            super().buffer_updated(size)
        except UnicodeError:  # the library fails to say what is wrong in words that are no text
            self.transport.underlying_transport.abort()

    def connection_lost(self, error: Exception | None) -> None:
        """Pass it on, and break the circle with the bound method of `stop_metering`."""
        self._connection.broken_by = error
        super().connection_lost(error)
        self.__dict__.pop("buffer_updated", None)
        if self.transport is not None and self.transport.is_secure:
            # What TLS is spoken by keeps the bound methods of its last protocol.
            self.transport.underlying_transport.set_protocol(_NOBODY)

    def stop_metering(self, transport: asyncio.Transport) -> None:
        """Let the library's own method be called without this detour."""
        self.buffer_updated = super().buffer_updated  # type: ignore[method-assign]
        # The transport keeps bound methods of its protocol: make it fetch them anew.
        transport.set_protocol(self)
