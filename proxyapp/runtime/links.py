"""A server's connection to another one: connect, prove, send, and tell what comes.

A proxy has one to its master, and a server of a pair one to the other server.

The only file that knows the client side of picows. When to connect, what to say and what a
loss means is the node's; the application's secret stays here and in a thread.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Callable, Sequence
from typing import Any, cast

import structlog
from picows import WSError, WSFrame, WSListener, WSMsgType, WSTransport, ws_connect

from confwire.addp import DEFAULT_TIMEOUT, SilenceWatch, Step
from confwire.errors import CloseCode
from confwire.handshake import derive
from confwire.messages import SUBPROTOCOL
from confwire.tls import BROKEN_OFF, TlsError, explain
from proxyapp.engine.commands import ConnectLink
from proxyapp.engine.events import Event, LinkLost, LinkOpened, LinkProved, LinkReceived
from proxyapp.runtime.peers import is_end, is_loopback, is_refusal, new_nonce
from proxyapp.runtime.slices import LARGE, Slices
from proxyapp.runtime.tasks import spawn
from proxyapp.runtime.tls import context_for

log = structlog.get_logger(__name__)

CLOSE_LIMIT = 2.0
"""Seconds that the closing handshake may take."""
MESSAGE_LIMIT = 256 * 1024 * 1024
"""Bytes of one message of the other server."""
READ_AT_ONCE = 64 * 1024
"""Bytes of one read. The loop reads again in the same turn whenever a read fills its buffer."""

ANY_ADDRESS = "0.0.0.0"  # noqa: S104 - the side that connects may use any

_TEXT, _CONTINUATION, _PING = WSMsgType.TEXT, WSMsgType.CONTINUATION, WSMsgType.PING
_PONG, _CLOSE = WSMsgType.PONG, WSMsgType.CLOSE


class _Sips(asyncio.BufferedProtocol):
    """Lets a protocol of the library read a little at a time.

    Its buffer doubles whenever a read fills it, and never shrinks: a load, which comes faster
    than it is taken in, would leave it with as much as the kernel keeps, which is tens of MB.
    """

    def __init__(self, protocol: asyncio.BufferedProtocol, line: Line) -> None:
        self._protocol = protocol
        self._line = line
        self.buffer_updated = protocol.buffer_updated  # type: ignore[method-assign]
        self.eof_received = protocol.eof_received  # type: ignore[method-assign]
        self.pause_writing = protocol.pause_writing  # type: ignore[method-assign]
        self.resume_writing = protocol.resume_writing  # type: ignore[method-assign]

    def get_buffer(self, sizehint: int) -> memoryview:
        """Return where the next bytes go."""
        return memoryview(self._protocol.get_buffer(sizehint))[:READ_AT_ONCE]

    def connection_lost(self, exc: Exception | None) -> None:
        """Pass it on, and why to the line."""
        self._line.broken_by = exc
        self._protocol.connection_lost(exc)


class Line(WSListener):
    """One connection to a server, from its handshake to its end."""

    def __init__(self, link: Link, keep_alive: float) -> None:
        self._link = link
        self._transport: WSTransport
        self._inbox: list[bytes] = []
        self._size = 0
        self._ahead = 0
        """Bytes that the next turn may tell, as the last one did: no more is read ahead."""
        self._left_at: float | None = None
        """When the last turn ended with something left to be told; None if nothing was."""
        self._fragments: bytearray | None = None
        self._delivery: asyncio.Handle | None = None
        self._reading = True
        self._silence = SilenceWatch(keep_alive or DEFAULT_TIMEOUT, time.monotonic())
        self._abort: asyncio.TimerHandle | None = None
        self._reason = ""
        self.broken_by: Exception | None = None
        """What the kernel said when the socket ended; None: the other side closed it."""

    def on_ws_connected(self, transport: WSTransport) -> None:
        """The handshake is done."""
        self._transport = transport
        socket = transport.underlying_transport
        socket.set_protocol(_Sips(cast("asyncio.BufferedProtocol", socket.get_protocol()), self))
        peer = transport.underlying_transport.get_extra_info("peername")
        secure = transport.is_secure or is_loopback(peer[0])
        self._link.opened(self, LinkOpened(new_nonce(), secure, self._link.name))

    def on_ws_frame(self, transport: WSTransport, frame: WSFrame) -> None:
        """Take in one frame; its payload is copied."""
        self._silence.heard(time.monotonic())
        kind = frame.msg_type
        if kind is _TEXT and frame.fin and self._fragments is None:
            self._take(frame.get_payload_as_bytes())
        elif kind is _TEXT or kind is _CONTINUATION:
            self._take_fragment(kind is _TEXT, frame.fin, frame.get_payload_as_bytes())
        elif kind is _PING:
            transport.send_pong(frame.get_payload_as_bytes())
        elif kind is _CLOSE:
            transport.send_close(frame.get_close_code())
            transport.disconnect()
        elif kind is not _PONG:
            self.close("the other server sent a binary frame", CloseCode.UNSUPPORTED_DATA)

    def on_ws_disconnected(self, transport: WSTransport) -> None:
        """The socket is gone. What came before is told first."""
        if self._abort is not None:
            self._abort.cancel()
        if self._delivery is not None:
            self._delivery.cancel()
        if self._inbox:
            self._link.tell_of(self, LinkReceived(self._inbox, self._link.name))
        handshake = transport.close_handshake
        said = handshake.recv if handshake is not None else None
        if self._reason:
            self._link.lost(self, self._reason)
        elif said is not None:
            text, code = said.reason or "without a reason", said.code.value
            self._link.lost(
                self, f"the {self._link.name} closed: {text}", code, code == CloseCode.GOING_AWAY
            )
        else:
            self._link.lost(self, "the connection broke", gone=is_end(self.broken_by))

    def send(self, messages: Sequence[bytes]) -> None:
        """Send text messages."""
        for message in messages:
            self._transport.send(_TEXT, message)

    def close(self, reason: str, code: int = CloseCode.NORMAL) -> None:
        """Say CLOSE, and end when the master answers or the time is over."""
        if self._reason:
            return
        self._reason = reason
        self._transport.send_close(code, reason.encode()[:100])  # type: ignore[arg-type]
        loop = asyncio.get_running_loop()
        abort = self._transport.underlying_transport.abort
        self._abort = loop.call_later(CLOSE_LIMIT, abort)

    def sever(self) -> None:
        """End at once."""
        self._transport.underlying_transport.abort()

    def sweep(self, now: float) -> None:
        """Poll a silent server, and give it up; call it several times a second."""
        if not self._reading:
            self._silence.heard(now)
        step = self._silence.step(now)
        if step is Step.POLL:
            self._transport.send_ping()
        elif step is Step.LOST:
            self._reason = f"nothing was heard for {2 * self._silence.timeout:g} s"
            self._transport.underlying_transport.abort()

    def _take(self, message: bytes) -> None:
        self._inbox.append(message)
        self._size += len(message)
        if self._size >= self._ahead and self._reading:
            self._reading = False
            self._transport.underlying_transport.pause_reading()
        if self._delivery is None:
            self._delivery = asyncio.get_running_loop().call_soon(self._deliver)

    def _take_fragment(self, first: bool, last: bool, payload: bytes) -> None:
        if first is not (self._fragments is None):
            self.close("fragments are out of order", CloseCode.PROTOCOL_ERROR)
            return
        if self._fragments is None:
            self._fragments = bytearray()
        self._fragments += payload
        if len(self._fragments) > MESSAGE_LIMIT:
            self.close("a message is too big", CloseCode.MESSAGE_TOO_BIG)
        elif last:
            message = bytes(self._fragments)
            self._fragments = None
            self._take(message)

    def _deliver(self) -> None:
        self._delivery = None
        slice_ = self._link.slices.next(self._left_at)
        until = time.monotonic() + slice_.least
        size = self._tell(slice_.told)
        while self._inbox and time.monotonic() < until:
            size += self._tell(slice_.told)
        # What the time would have allowed is not known before there is enough to be told.
        self._ahead = min(max(slice_.told, 2 * size), LARGE.told) if slice_.least else slice_.told
        self._left_at = time.monotonic() if self._inbox or not self._reading else None
        if self._inbox and self._delivery is None:
            self._delivery = asyncio.get_running_loop().call_soon(self._deliver)
        if not self._reading and self._size < self._ahead:
            self._reading = True
            if not self._transport.underlying_transport.is_closing():
                self._transport.underlying_transport.resume_reading()

    def _tell(self, limit: int) -> int:
        """Tell what has come, up to so many bytes and one message more; return how many."""
        size = count = 0
        while count < len(self._inbox) and size < limit:
            size += len(self._inbox[count])
            count += 1
        messages, self._inbox = self._inbox[:count], self._inbox[count:]
        self._size -= size
        self._link.tell_of(self, LinkReceived(messages, self._link.name))
        return size


class Link:
    """The one connection to another server, or the attempt at it."""

    def __init__(
        self,
        tell: Callable[[Event], None],
        secret: str,
        slices: Slices,
        name: str = "master",
    ) -> None:
        self.slices = slices
        """How much is told in one turn; the rest waits, so that clients do not."""
        self.name = name
        """Which of the process's links it is; every event bears it."""
        self._tell = tell
        self._secret = secret
        self._line: Line | None = None
        self._attempt: asyncio.Task[None] | None = None
        self._derived: tuple[bytes, int, bytes] | None = None
        """Salt and iterations of the last challenge, and the keys that they gave."""

    def connect(self, to: ConnectLink) -> None:
        """Connect after the delay; what there was before is dropped without a word."""
        self._drop()
        self._attempt = spawn(f"connect to {to.host}:{to.port}", self._connect(to))

    def send(self, messages: Sequence[bytes]) -> None:
        """Send text messages; without a connection they are dropped, as its loss is on its way."""
        if self._line is not None:
            self._line.send(messages)

    def close(self, reason: str) -> None:
        """End the connection or the attempt; told as LinkLost."""
        if self._line is not None:
            self._line.close(reason)
        elif self._attempt is not None:
            self._drop()
            lost = LinkLost(reason, jitter=random.random(), link=self.name)
            asyncio.get_running_loop().call_soon(self._tell, lost)

    def stop(self) -> None:
        """End at once, without a word: the process ends."""
        self._drop()

    def prove(self, salt: bytes, iterations: int) -> None:
        """Derive the keys of the secret in a thread, at first use; told as LinkProved."""
        if self._derived is not None and self._derived[:2] == (salt, iterations):
            proved = LinkProved(self._derived[2], self.name)
            asyncio.get_running_loop().call_soon(self._tell, proved)
        else:
            spawn("prove", self._prove(salt, iterations))

    def sweep(self, now: float) -> None:
        """Look after a silent server; call it several times a second."""
        if self._line is not None:
            self._line.sweep(now)

    # ------------------------------------------------------------ what a line tells

    def opened(self, line: Line, opened: LinkOpened) -> None:
        """The line's handshake is done."""
        self._line = line
        self._tell(opened)

    def tell_of(self, line: Line, event: Event) -> None:
        """Tell an event of a line, unless the line was dropped."""
        if line is self._line:
            self._tell(event)

    def lost(self, line: Line, reason: str, close_code: int = 0, gone: bool = False) -> None:
        """The line's socket is gone."""
        if line is self._line:
            self._line = None
            self._tell(LinkLost(reason, close_code, random.random(), self.name, gone))

    # ------------------------------------------------------------ inside

    async def _connect(self, to: ConnectLink) -> None:
        await asyncio.sleep(to.delay)
        try:
            async with asyncio.timeout(to.patience):
                await self._open(to)
        except (OSError, WSError, TlsError) as error:
            self._attempt = None
            # By TLS, a server that breaks off is there, and does not want us so.
            broken_off = to.tls is not None and isinstance(error, ConnectionResetError)
            reason = explain(error) or str(error) or type(error).__name__
            if isinstance(error, TimeoutError):
                reason = f"no answer within {to.patience:g} s"
            elif broken_off:
                reason = BROKEN_OFF
            reason = f"cannot connect to {to.host}:{to.port}: {reason}"
            gone = is_refusal(error) and not broken_off
            self._tell(LinkLost(reason, 0, random.random(), self.name, gone))
        else:
            self._attempt = None

    async def _open(self, to: ConnectLink) -> None:
        address = f"[{to.host}]" if ":" in to.host else to.host
        options: dict[str, Any] = {}
        if to.tls is not None:
            loop = asyncio.get_running_loop()
            context, name = await loop.run_in_executor(None, context_for, to.tls)
            options = {"ssl_context": context}
            if name is not None:
                options["server_hostname"] = name
        if to.local_address is not None:
            options["local_addr"] = _local(to.local_address, to.host)
        _, line = await ws_connect(
            lambda: Line(self, to.keep_alive),
            f"{'ws' if to.tls is None else 'wss'}://{address}:{to.port}/",
            enable_auto_pong=False,
            max_frame_size=MESSAGE_LIMIT,
            max_redirects=0,
            extra_headers={"Sec-WebSocket-Protocol": SUBPROTOCOL},
            # The loop's own transports: one kind of transport to know the traps of.
            use_aiofastnet=False,
            **options,
        )
        # The library takes an end before the server's answer for a success.
        if line is None:
            raise ConnectionResetError("it closed the connection before it answered")

    async def _prove(self, salt: bytes, iterations: int) -> None:
        loop = asyncio.get_running_loop()
        keys = await loop.run_in_executor(None, derive, self._secret, salt, iterations)
        self._derived = (salt, iterations, keys)
        self._tell(LinkProved(keys, self.name))

    def _drop(self) -> None:
        if self._attempt is not None:
            self._attempt.cancel()
            self._attempt = None
        if self._line is not None:
            line, self._line = self._line, None
            line.sever()


def _local(address: tuple[str, int], host: str) -> tuple[str, int]:
    """Return the local address of a connection to this host; any, where none is given."""
    return address[0] or ("::" if ":" in host else ANY_ADDRESS), address[1]
