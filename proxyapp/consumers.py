"""The wire protocol for browsers: a Channels consumer as one more connection of the node.

It adapts and decides nothing. Since the web server has no back-pressure and would keep all that
a client does not read, a session may have only so many bytes unanswered: any message of the
client, such as `acknowledge`, shows that it follows.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Sequence
from typing import Any

from channels.exceptions import StopConsumer
from channels.generic.websocket import AsyncWebsocketConsumer

from confwire.errors import CloseCode
from confwire.messages import SUBPROTOCOL
from proxyapp.engine.events import Blocked, Connected, Disconnected, Drained, Received
from proxyapp.runtime import collector, present
from proxyapp.runtime.connections import OPENING_LIMIT
from proxyapp.runtime.peers import format_address, is_loopback, new_nonce
from proxyapp.runtime.tasks import cancel, spawn
from proxyapp.runtime.worker import Worker

PORT = "web"
_TOLD = b"x-forwarded-for"
UNANSWERED_LIMIT = 8 * 1024 * 1024
"""Bytes sent without a message of the client, at which it is cut."""
INBOX_LIMIT = 1000
"""Messages that may wait while the node reads none."""


def code_for_browsers(code: int) -> int:
    """Return the close code as the web server can send it: the protocol's 1001 as 3001, and so on.

    It takes 1000 and the codes from 3000 on only.
    """
    return code + 2000 if 1000 < code < 3000 else int(code)


class Browser:
    """One browser session, as the worker sees it."""

    def __init__(self, worker: Worker, consumer: WireConsumer) -> None:
        self.id = worker.next_id()
        self._worker = worker
        self._consumer = consumer
        self._outbox: deque[bytes] = deque()
        self._inbox: deque[bytes] = deque()
        self._wake = asyncio.Event()
        self._unanswered = 0
        self._blocked_since: float | None = None
        self._held = False
        self._admitted = False
        self._verdict: tuple[int, str] | None = None
        self._pump = spawn(f"browser {self.id}", self._send_all())

    # ------------------------------------------------------------ from the worker

    def send(self, messages: Sequence[bytes]) -> None:
        """Send text messages."""
        if self._verdict is not None:
            return
        self._outbox.extend(messages)
        self._unanswered += sum(map(len, messages))
        self._wake.set()
        if self._unanswered > UNANSWERED_LIMIT:
            self._outbox.clear()
            self.close(CloseCode.TOO_SLOW, "too much was sent without an acknowledge")
        elif self._blocked_since is None and (
            self._unanswered > self._worker.listeners.output_limit
        ):
            self._blocked_since = time.monotonic()
            # In a turn of its own: the node is in the middle of its commands.
            self._worker.tell_later(Blocked(self.id))

    def close(self, code: int, reason: str) -> None:
        """Close after what was sent."""
        if self._verdict is None:
            self._verdict = (code, reason)
            self._wake.set()

    def admit(self) -> None:
        """The session is open: the web server's own limit of message size is enough."""
        self._admitted = True

    def hold(self) -> None:
        """Tell no messages until `release`."""
        self._held = True

    def release(self) -> None:
        """Tell the messages that wait, and then all."""
        self._held = False
        if self._inbox:
            messages = list(self._inbox)
            self._inbox.clear()
            self._worker.tell_later(Received(self.id, messages))

    def probe(self) -> None:
        """The web server's own pings find dead lines."""

    def set_keep_alive(self, timeout: float) -> None:
        """The web server's own pings find dead lines."""

    def sweep(self, now: float) -> None:
        """Cut a session that has been blocked for too long."""
        since = self._blocked_since
        if since is not None and now - since > self._worker.listeners.response_timeout:
            self._outbox.clear()
            self.close(CloseCode.TOO_SLOW, "no acknowledge came in time")

    # ------------------------------------------------------------ from the consumer

    def receive(self, message: bytes) -> None:
        """Take in a message of the client."""
        if self._verdict is not None:
            return
        if not self._admitted and len(message) > OPENING_LIMIT:
            self.close(CloseCode.MESSAGE_TOO_BIG, f"a message is over {OPENING_LIMIT} bytes")
            return
        self._unanswered = 0
        if self._blocked_since is not None:
            self._blocked_since = None
            self._worker.tell(Drained(self.id))
        if not self._held and not self._inbox:
            self._worker.tell(Received(self.id, [message]))
        elif len(self._inbox) < INBOX_LIMIT:
            self._inbox.append(message)
        else:
            self.close(CloseCode.TOO_SLOW, "too many requests wait")

    async def end(self) -> None:
        """The socket is gone."""
        await cancel(self._pump)
        code, reason = self._verdict or (CloseCode.NORMAL, "closed by the browser")
        self._worker.web_outlets.pop(self.id, None)
        self._worker.tell(Disconnected(self.id, f"{int(code)} {reason}"))
        collector.left_circle()

    # ------------------------------------------------------------ inside

    async def _send_all(self) -> None:
        while True:
            while self._outbox:
                await self._consumer.send(text_data=self._outbox.popleft().decode())
            if self._verdict is not None:
                await self._consumer.close(code=code_for_browsers(self._verdict[0]))
                return
            self._wake.clear()
            await self._wake.wait()


class WireConsumer(AsyncWebsocketConsumer):
    """Connects one WebSocket of the web server with the node of this process."""

    browser: Browser

    async def dispatch(self, message: dict[str, Any]) -> None:
        """Handle one message, without the database housekeeping of the base class."""
        await _HANDLERS[message["type"]](self, message)

    async def connect(self) -> None:
        """Tell the node of a new connection."""
        worker = present.worker()
        offered = self.scope.get("subprotocols") or []
        await self.accept(SUBPROTOCOL if SUBPROTOCOL in offered else None)
        self.browser = Browser(worker, self)
        client: Any = self.scope.get("client") or ("unknown", 0)
        peer = (str(client[0]), int(client[1]))
        told = [value.decode("latin-1") for name, value in self.scope["headers"] if name == _TOLD]
        forwarded = worker.listeners.balancers.forwarded_in(peer[0], told) if told else ""
        worker.web_outlets[self.browser.id] = self.browser
        worker.tell(
            Connected(
                connection=self.browser.id,
                peer=format_address(peer),
                port=PORT,
                secure=self.scope.get("scheme") == "wss" or is_loopback(forwarded or peer[0]),
                nonce=new_nonce(),
                forwarded=forwarded,
            )
        )

    async def receive(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:
        """Tell the node of a message."""
        if text_data is None:
            self.browser.close(CloseCode.UNSUPPORTED_DATA, "binary frames are not understood")
        else:
            self.browser.receive(text_data.encode())

    async def disconnect(self, code: int) -> None:
        """Tell the node that the connection is gone."""
        await self.browser.end()


async def _disconnect(consumer: WireConsumer, message: dict[str, Any]) -> None:
    await consumer.disconnect(message["code"])
    raise StopConsumer


_HANDLERS: dict[str, Any] = {
    "websocket.connect": AsyncWebsocketConsumer.websocket_connect,
    "websocket.receive": AsyncWebsocketConsumer.websocket_receive,
    "websocket.disconnect": _disconnect,
}
