"""The writing half of a client's connection: frames to the kernel, in one write a turn.

Frames made once for many are kept apart while nothing else is to be written. When is written, the
runtime says; whether the client reads, `connections` looks after.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Sequence
from typing import Any, Protocol

from picows import WSListener, WSTransport

from proxyapp.runtime.output import PART, Output

CLOSE_LIMIT = 5.0
"""Seconds that the closing handshake may take."""


class Rounds(Protocol):
    """The turns in which connections are written, and looked after."""

    now: float

    def mark(self, connection: Any) -> None:
        """Call `flush` in this turn or the next."""

    def mark_first(self, connection: Any) -> None:
        """The connection has an answer to write, before what is told to many."""

    def watch(self, connection: Any) -> None:
        """Call `sweep` from time to time."""


class Outlet(WSListener):
    """What one connection has to write, and where it goes."""

    # WSListener has room for weak references already.
    __slots__ = (
        "_deadline",
        "_listeners",
        "_mail",
        "_marked",
        "_output",
        "_paused",
        "_slow",
        "_socket",
        "_spilled",
        "_transport",
        "_wire",
        "_written",
        "closing",
    )

    def __init__(self, listeners: Rounds, client: socket.socket) -> None:
        self.closing = False
        """Nothing is told or sent any more; only what is queued goes out."""
        self._listeners = listeners
        self._socket = client
        self._transport: WSTransport
        self._wire: asyncio.Transport
        """What the WebSocket runs over."""
        self._output = Output()
        self._mail: bytes | None = None
        """Frames made once for many, while they are all that there is to write or do in this turn:
        to write them then takes no look at anything else, which for each of thousands in a row
        would be a cache miss."""
        self._marked = False
        self._spilled = True
        """The transport may hold something: nothing may overtake it. By TLS always."""
        self._paused = False
        """The transport has enough."""
        self._slow = False
        """It was paused and has not yet taken everything."""
        self._written = 0
        """Bytes, while it was slow."""
        self._deadline = 0.0
        """When `sweep` does what it is for."""

    # ------------------------------------------------------------ what is to be written

    def pause_writing(self) -> None:
        """The transport holds more than HIGH_WATER."""
        self._paused = True

    def resume_writing(self) -> None:
        """The transport takes data again."""
        self._paused = False
        self._mark()

    def send(self, messages: Sequence[bytes]) -> None:
        """Send text messages, in order, with this turn's write."""
        if self.closing:
            return
        self._join_mail()
        self._output.add(messages)
        if not self._marked:
            self._marked = True
            self._listeners.mark_first(self)

    def take_frames(self, data: bytes) -> bool:
        """Queue frames that were made once for many; return whether they wait for a new flush."""
        if self.closing:
            return False
        is_new, self._marked = not self._marked, True
        if is_new and not self._spilled and len(data) <= PART:
            self._mail = data
        else:
            self._join_mail()
            self._output.add_frames(data)
        return is_new

    @property
    def unread(self) -> int:
        """Bytes that wait here for the client."""
        return self._output.size + self._wire.get_write_buffer_size()

    # ------------------------------------------------------------ inside

    def _queue_frames(self, data: bytes) -> None:
        self._join_mail()
        self._output.add_frames(data)
        self._mark()

    def _join_mail(self) -> None:
        """Queue frames that were kept apart: more is to be written, in this order."""
        if self._mail is not None:
            self._output.add_frames(self._mail)
            self._mail = None

    def _forget_output(self) -> None:
        self._mail = None
        self._output.clear()

    def _mark(self) -> None:
        if not self._marked:
            self._marked = True
            self._listeners.mark(self)

    def _write(self, data: bytes) -> None:
        """Give bytes to the kernel at once, and what it does not take to the transport."""
        # Done for each of thousands in a row, where every object that is looked at is a cache
        # miss: the transport is not asked while there is nothing wrong.
        if self._slow:
            self._written += len(data)
        if self._spilled:
            wire = self._wire
            # By TLS the socket is the transport's alone, and this stays as it is.
            if self._transport.is_secure or wire.is_closing() or wire.get_write_buffer_size():
                self._spill(data)
                return
            self._spilled = False
        try:
            sent = self._socket.send(data)
        except OSError:  # full; or broken, which the transport finds out too
            sent = 0
        if sent < len(data):
            self._spilled = True
            self._spill(data[sent:])

    def _spill(self, data: bytes) -> None:
        if self._wire.is_closing():
            self._end_unclean()
        else:
            self._wire.write(data)

    def _measure_taken(self) -> int:
        """Return how many bytes the kernel has taken, from some time before it was slow on."""
        return self._written - self._wire.get_write_buffer_size()

    def _end_unclean(self) -> None:
        """Picows has closed by itself for a broken frame, or the socket is about to go."""
        self._forget_output()
        self.closing = True
        self._deadline = self._listeners.now + CLOSE_LIMIT
        self._listeners.watch(self)
