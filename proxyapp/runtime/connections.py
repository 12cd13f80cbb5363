"""One client on a listening port: frames in, messages told; messages sent, frames out.

Told by picows, and by the runtime what to send; what the messages mean it does not know. Each
limit of the transport is kept here: sizes, slow readers, silence, the closing handshake.
"""

from __future__ import annotations

import socket
from typing import Protocol

from picows import WSFrame, WSMsgType, WSTransport

from confwire.addp import Step
from confwire.errors import CloseCode
from proxyapp.engine.events import Blocked, Connected, Drained, Event, Received
from proxyapp.runtime import frames
from proxyapp.runtime.anteroom import Standing, standing_of
from proxyapp.runtime.balancers import Origin
from proxyapp.runtime.lifewatch import LifeWatch
from proxyapp.runtime.outlet import CLOSE_LIMIT, Outlet, Rounds
from proxyapp.runtime.peers import host_of, is_end, is_loopback, new_nonce

MESSAGE_LIMIT = 4 * 1024 * 1024
"""Bytes of one message of an open session, all fragments together."""
OPENING_LIMIT = 64 * 1024
"""Bytes of one message before the session is open."""
HIGH_WATER = 64 * 1024
"""Bytes in the transport above which a connection is blocked."""
LOW_WATER = 16 * 1024
MESSAGES_A_TURN = 256
"""Messages of one connection told at once; the rest waits a turn, behind its answers."""
STALL_PROGRESS = 16 * 1024
"""Bytes that a slow reader must take within the response timeout."""
SILENT_CLOSE_LIMIT = 0.5
"""Seconds for it where nothing was heard from the peer for too long."""
_TEXT, _BINARY, _CONTINUATION = WSMsgType.TEXT, WSMsgType.BINARY, WSMsgType.CONTINUATION
_PING, _CLOSE = WSMsgType.PING, WSMsgType.CLOSE
_NEW = Standing.NEW


class Owner(Rounds, Protocol):
    """What a connection needs of the listening ports that it came in by."""

    crowded: bool
    output_limit: int
    hard_limit: int
    response_timeout: float

    def next_id(self) -> int:
        """Return a number that no connection had."""

    def tell(self, event: Event) -> None:
        """Take in what happened."""

    def add(self, connection: Connection, connected: Connected) -> None:
        """Take in a connection whose handshake is done."""

    def remove(self, connection: Connection, reason: str, gone: bool) -> None:
        """Forget a connection whose socket is gone, and perhaps the other side's process."""

    def queue(self, connection: Connection) -> None:
        """Call `deliver` in the next turn."""

    def unwatch(self, connection: Connection) -> None:
        """Call `sweep` no more."""

    def schedule_beat(self, connection: Connection, due: float | None) -> None:
        """Call `look_for_life` at this time."""


class Connection(Outlet):
    """One client on a listening port."""

    __slots__ = (
        "_blocked",
        "_fragments",
        "_heard_at",
        "_held",
        "_inbox",
        "_life",
        "_parted",
        "_port",
        "_queued",
        "_reading",
        "_taken",
        "_verdict",
        "beat",
        "broken_by",
        "id",
        "limit",
        "origin",
        "standing",
    )

    _listeners: Owner

    def __init__(self, listeners: Owner, port: str, client: socket.socket, origin: Origin) -> None:
        super().__init__(listeners, client)
        self.id = listeners.next_id()
        self.origin = origin
        self.standing = Standing.NEW
        """How far it has come before its session is open."""
        self.limit = OPENING_LIMIT
        self.broken_by: Exception | None = None
        """What the kernel said when the socket ended; None: the other side closed it."""
        self._port = port
        self._inbox: list[bytes] = []
        self._fragments: bytearray | None = None
        self._verdict: tuple[int, str] | None = None
        """Close with this code and reason, once the inbox is told."""
        self._parted = False
        """The peer's CLOSE has come."""
        self._queued = False
        self._blocked = False
        """It was slow until the output limit: nothing is read from it."""
        self._held = False
        """The node wants nothing read from it."""
        self._reading = True
        self._heard_at = 0.0
        """When a frame came since the last look, else 0."""
        self._life = LifeWatch(listeners.now)
        self.beat = 0.0
        """When the silence is looked at next."""
        self._taken = 0

    def __repr__(self) -> str:
        return f"<Connection {self.id} on {self._port}>"

    @property
    def admitted(self) -> bool:
        """Whether its session is open."""
        return self.limit == MESSAGE_LIMIT

    # ------------------------------------------------------------ what picows tells

    def on_ws_connected(self, transport: WSTransport) -> None:
        """The handshake is done."""
        self._transport = transport
        self._wire = wire = transport.underlying_transport
        wire.set_write_buffer_limits(HIGH_WATER, LOW_WATER)
        origin = self.origin
        # A balancer on this machine hides nothing of what is said beyond it.
        far = host_of(origin.client or origin.peer)
        self._listeners.add(
            self,
            Connected(
                connection=self.id,
                peer=origin.peer,
                port=self._port,
                secure=transport.is_secure or is_loopback(far),
                nonce=new_nonce(),
                forwarded=origin.client,
            ),
        )

    def on_ws_frame(self, transport: WSTransport, frame: WSFrame) -> None:
        """Take in one frame. The frame dies with this call, so its payload is copied."""
        kind = frame.msg_type
        if self._verdict is not None:
            if kind is _CLOSE:
                self._part()
            return
        self._heard_at = self._listeners.now
        if frame.rsv1 or frame.rsv2 or frame.rsv3:
            self._fail(CloseCode.PROTOCOL_ERROR, "reserved bits are set")
        elif kind is _TEXT and frame.fin and self._fragments is None:
            self._take(frame.get_payload_as_bytes())
        elif kind is _TEXT or kind is _CONTINUATION:
            self._take_fragment(kind is _TEXT, frame.fin, frame.get_payload_as_bytes())
        elif kind is _BINARY:
            self._fail(CloseCode.UNSUPPORTED_DATA, "binary frames are not understood")
        elif kind is _PING:
            self._queue_frames(frames.pong(frame.get_payload_as_bytes()))
        elif kind is _CLOSE:
            # Answered after the answers to what came before it.
            self._parted = True
            self._fail(frame.get_close_code().value, "")

    def on_ws_disconnected(self, transport: WSTransport) -> None:
        """The socket is gone."""
        self.closing = True
        self._forget_output()
        self._inbox.clear()
        self._listeners.remove(self, self._reason(), self._is_peer_gone())

    # ------------------------------------------------------------ what the runtime asks

    def close(self, code: int, reason: str) -> None:
        """Send CLOSE after what is queued, and end the connection when it is answered."""
        if self.closing:
            return
        self.closing = True
        self._inbox.clear()
        self._verdict = (code, reason)
        self._deadline = self._listeners.now + CLOSE_LIMIT
        self._listeners.watch(self)
        self._queue_frames(frames.close(code, reason))

    def admit(self) -> None:
        """The session is open: allow messages of full size."""
        self.limit = MESSAGE_LIMIT
        # The library keeps the HTTP of the opening to the end of the connection.
        for said in (self._transport.request, self._transport.response):
            said.headers.clear()
        stop_metering = getattr(self._wire.get_protocol(), "stop_metering", None)
        if stop_metering is not None:
            stop_metering(self._wire)

    def abort(self, code: int, reason: str) -> None:
        """End the connection at once; nothing more is sent."""
        self.closing = True
        self._verdict = (code, reason)
        self._forget_output()
        self._wire.abort()

    def overrun(self) -> None:
        """More came than a connection may send before its session is open."""
        self._fail(CloseCode.MESSAGE_TOO_BIG, "too much data before the session is open")

    def deliver(self) -> None:
        """Tell the messages of this turn, unless the connection does not take their answers."""
        self._queued = False
        if self._blocked or self._held or self.closing:
            return
        if messages := self._inbox:
            if len(messages) > MESSAGES_A_TURN:
                messages, self._inbox = messages[:MESSAGES_A_TURN], messages[MESSAGES_A_TURN:]
                self._queue()
            else:
                self._inbox = []
            self._listeners.tell(Received(self.id, messages))
        if not self._inbox:
            if self._verdict is not None:
                self.close(*self._verdict)
            elif not self._reading:
                self._read_again()

    def flush(self) -> None:
        """Write what is queued, until the transport has enough."""
        self._marked = False
        if self._transport.is_close_frame_sent:
            self._end_unclean()
            return
        if (mail := self._mail) is not None:
            self._mail = None
            self._write(mail)
            if not self._paused:
                return
        output = self._output
        if output.size > self._listeners.hard_limit:
            self.abort(CloseCode.TOO_SLOW, "its output is over the limit")
            return
        while output.size and not self._paused:
            self._write(output.take())
        if self._paused:
            self._slow_down()
        elif self.closing:
            self._finish()
        elif self._slow:
            self._drain()
        if self._reading and (self._held or self._blocked) and not self.closing:
            self._stop_reading()

    def sweep(self, now: float) -> None:
        """Cut the connection if it does not read or does not finish its closing handshake."""
        if now < self._deadline:
            return
        if self.closing or self._transport.is_close_frame_sent:
            self._wire.abort()
            return
        taken = self._measure_taken()
        if taken - self._taken < STALL_PROGRESS:
            self.abort(CloseCode.TOO_SLOW, "it does not read what it is sent")
            return
        self._taken = taken
        self._deadline = now + self._listeners.response_timeout

    def crowd_out(self) -> None:
        """Let a slow reader wait at once: all together have too much unread."""
        if self._slow and not self._blocked and not self.closing:
            self._block()
            if self._reading:
                self._stop_reading()

    def set_keep_alive(self, timeout: float) -> None:
        """Poll after so many seconds of silence, and end after as many more; 0 is never."""
        self._heard_at = 0.0
        self._life.keep(timeout, self._listeners.now)
        self._listeners.schedule_beat(self, self._life.due_at())

    def probe(self) -> None:
        """Poll now; end the connection when it does not answer in time."""
        if self._life.probe(self._listeners.now, self._heard_at, self._measure_taken()):
            self._heard_at = 0.0
        self.look_for_life()

    def look_for_life(self) -> None:
        """Poll the connection if it was silent for too long, and give it up after the poll."""
        now = self._listeners.now
        heard_at, self._heard_at = self._heard_at, 0.0
        unread = self._blocked or self._held or not self._reading
        taken = self._measure_taken() if self._blocked else None
        step = self._life.look(now, heard_at, unread, taken)
        if step is Step.LOST:
            self.close(CloseCode.KEEP_ALIVE_LOST, "nothing was heard")
            # Who is silent answers no CLOSE either, and others wait for the end of its session.
            self._deadline = min(self._deadline, now + SILENT_CLOSE_LIMIT)
            return
        if step is Step.POLL:
            self._queue_frames(frames.PING)
        self._listeners.schedule_beat(self, self._life.due_at())

    def hold(self) -> None:
        """Read and tell nothing more until `release`."""
        # The socket itself is paused with the turn's write: most holds are over by then.
        self._held = True
        self._join_mail()
        self._mark()

    def release(self) -> None:
        """Read and tell again."""
        self._held = False
        self._read_again()

    # ------------------------------------------------------------ inside

    def _take(self, message: bytes) -> None:
        if len(message) > self.limit:
            self._fail(CloseCode.MESSAGE_TOO_BIG, f"a message is over {self.limit} bytes")
            return
        if not message.isascii():
            try:
                message.decode()
            except UnicodeDecodeError:
                self._fail(CloseCode.INVALID_TEXT, "a message is not UTF-8")
                return
        self._inbox.append(message)
        self._queue()
        if self._reading and len(self._inbox) > MESSAGES_A_TURN:
            # Not told as fast as they come: the rest is better kept by who sends it.
            self._stop_reading()

    def _take_fragment(self, first: bool, last: bool, payload: bytes) -> None:
        if first is not (self._fragments is None):
            self._fail(CloseCode.PROTOCOL_ERROR, "fragments are out of order")
            return
        if self._fragments is None:
            self._fragments = bytearray()
        self._fragments += payload
        if len(self._fragments) > self.limit:
            self._fail(CloseCode.MESSAGE_TOO_BIG, f"a message is over {self.limit} bytes")
        elif last:
            message = bytes(self._fragments)
            self._fragments = None
            self._take(message)

    def _fail(self, code: int, reason: str) -> None:
        """Close as soon as the whole messages before this are told."""
        self._verdict = (code, reason)
        self._fragments = None
        self._queue()

    def _queue(self) -> None:
        if not self._queued:
            if self.standing is _NEW and self._inbox:
                self.standing = standing_of(self._inbox[0])
            self._queued = True
            self._listeners.queue(self)

    def _slow_down(self) -> None:
        """The transport has enough: watch the reader, and block it at the output limit."""
        if not self._slow:
            self._slow = True
            self._taken = self._measure_taken()
            if not self.closing:
                self._deadline = self._listeners.now + self._listeners.response_timeout
                self._listeners.watch(self)
        if self._output.size >= self._listeners.output_limit or self._listeners.crowded:
            self._block()

    def _block(self) -> None:
        if not self._blocked:
            self._blocked = True
            if not self.closing:
                self._listeners.tell(Blocked(self.id))

    def _drain(self) -> None:
        self._slow = False
        self._listeners.unwatch(self)
        if self._blocked:
            self._blocked = False
            self._read_again()
            self._listeners.tell(Drained(self.id))

    def _read_again(self) -> None:
        if self._held or self._blocked or self._wire.is_closing():
            return
        if not self._reading:
            self._reading = True
            self._heard_at = self._listeners.now
            self._wire.resume_reading()
        if self._inbox or self._verdict is not None:
            self._queue()

    def _stop_reading(self) -> None:
        # Neither a full output nor a full inbox holds reads back: without this pause, requests of
        # a client that does not read, or never ends, would fill the memory.
        self._reading = False
        self._wire.pause_reading()

    def _part(self) -> None:
        """The peer answers our CLOSE, or wants to close while ours is on its way."""
        self._parted = True
        self._mark()

    def _finish(self) -> None:
        """All is written: end when the peer's CLOSE is there too, else wait for it.

        Closing earlier resets the connection when the peer still sends, and the reset can
        overtake our CLOSE.
        """
        if self._parted:
            self._wire.close()
        elif not (self._reading or self._wire.is_closing()):
            self._reading = True
            self._wire.resume_reading()

    def _is_peer_gone(self) -> bool:
        """Whether the other side's process has ended, by all that its host says."""
        if self._verdict is not None:
            return self._parted and self._verdict == (CloseCode.GOING_AWAY, "")
        return is_end(self.broken_by) and not self._transport.is_close_frame_sent

    def _reason(self) -> str:
        if self._verdict is not None:
            code, reason = self._verdict
            return f"{int(code)} {reason}" if reason else f"closed by the client ({int(code)})"
        if self._transport.is_close_frame_sent:
            return "a frame broke the WebSocket rules"
        return "the client's socket closed"
