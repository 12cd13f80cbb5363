"""One listening port: in clear, by TLS, or whichever of the two a client begins with.

The first byte of a connection has told TLS from HTTP. Handshakes that do not get on are bounded in
number and in time, as each keeps tens of kilobytes. Knows the accept loop and TLS; of WebSocket
only that a protocol waits for its own handshake.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
import time
from collections.abc import Callable
from typing import Any, Protocol, cast

import structlog

from confwire.tls import explain
from proxyapp.engine.commands import ListeningPort
from proxyapp.engine.transport import Tls
from proxyapp.runtime import tls
from proxyapp.runtime.accept import Doorway, Receive
from proxyapp.runtime.balancers import Origin

log = structlog.get_logger(__name__)

HANDSHAKE_LIMIT = 5.0
"""Seconds for each of the two handshakes, of TLS and of WebSocket."""
GOODBYE_LIMIT = 5.0
"""Seconds that a client has to answer the end of TLS."""
HALF_OPEN_LIMIT = 1_000
"""Connections of one port whose handshakes by TLS are not done; the oldest make room."""
LOG_PAUSE = 1.0
"""Seconds between log records of failed handshakes."""
_BROKEN_OFF: dict[type[OSError], str] = {
    ConnectionAbortedError: f"the client did not finish within {HANDSHAKE_LIMIT:g} s",
    ConnectionResetError: "the client broke off: it may not trust the certificate, or its name",
}
_REFUSAL = b"HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain\r\nConnection: close\r\n\r\n%b\n"


class Greeted(Protocol):
    """A protocol that has a handshake of its own."""

    async def wait_until_handshake_complete(self) -> None:
        """Return when the handshake is done; TimeoutError when it takes too long."""


class Entrance:
    """One open port."""

    def __init__(
        self,
        listening: socket.socket,
        port: ListeningPort,
        receive: Receive,
        make: Callable[[str, socket.socket, Origin], Greeted],
        call: Callable[[Doorway], None],
    ) -> None:
        """Accept from now on.

        Args:
            receive: reads what comes before a handshake.
            make: makes the protocol of a connection: of the port's id, the socket, its origin.
            call: asks for `door.start_handshake` to be called soon.

        Raises:
            TlsError: the port's certificate cannot be used.
        """
        self.port = port
        self.identity = _identity_of(port)
        self.failed = 0
        """Handshakes by TLS that failed."""
        self._make = make
        self._loop = asyncio.get_running_loop()
        self._half_open: dict[asyncio.Task[Any], None] = {}
        self._logged_at = 0.0
        self.door: Doorway = Doorway(listening, receive, self._shake_hands, lambda: call(self.door))

    def change(self, port: ListeningPort) -> None:
        """Take over another mode, id or certificate for connections from now on.

        Raises:
            TlsError: the certificate cannot be used; all stays as it is.
        """
        if port.mode == "unsecured" or port.tls != self.port.tls or self.identity is None:
            self.identity = _identity_of(port)
        self.port = port

    def lets_in_the_same(self, port: ListeningPort) -> bool:
        """Whether who may come in would be the same if the port were so; its certificate aside."""
        return port.mode == self.port.mode and _demands(port) == _demands(self.port)

    async def follow(self) -> None:
        """Use the files of the certificate that are there now."""
        identity = self.identity
        if identity is None:
            return
        before = identity.failure
        changed = await self._loop.run_in_executor(None, identity.follow)
        words = {"port": self.port.port, "id": self.port.id}
        if changed:
            log.info("certificate renewed", expires=str(identity.certificate.expires), **words)
        elif identity.failure and identity.failure != before:
            log.error("certificate not renewed", reason=identity.failure, **words)

    def complaint(self) -> str:
        """Return what operators should know of the port's certificate; "" when all is well."""
        text = self.identity.complaint(tls.now()) if self.identity is not None else ""
        return f"port {self.port.port} ({self.port.id}): {text}" if text else ""

    def status(self) -> dict[str, Any]:
        """Return what is in use, for status pages."""
        found = {"failedHandshakes": self.failed, "halfOpen": len(self._half_open)}
        return found if self.identity is None else {**found, **self.identity.status()}

    async def _shake_hands(self, client: socket.socket, origin: Origin) -> None:
        if origin.by_tls and self.identity is not None:
            await self._connect_by_tls(client, origin, self.identity.context)
        elif origin.by_tls:
            _refuse(client, b"this port speaks no TLS: connect in clear")
        elif self.port.mode == "secured":
            _refuse(client, b"this port speaks TLS only: connect with TLS")
        else:
            await self._connect(client, origin, None)

    async def _connect_by_tls(
        self, client: socket.socket, origin: Origin, context: ssl.SSLContext
    ) -> None:
        task = asyncio.current_task()
        assert task is not None
        if len(self._half_open) >= HALF_OPEN_LIMIT:
            next(iter(self._half_open)).cancel()
        self._half_open[task] = None
        try:
            await self._connect(client, origin, context)
        finally:
            self._half_open.pop(task, None)
            del task  # Cancelled, it keeps this frame, and would keep itself.

    async def _connect(
        self, client: socket.socket, origin: Origin, context: ssl.SSLContext | None
    ) -> None:
        protocol: Greeted = self._make(self.port.id, client, origin)
        try:
            await self._loop.connect_accepted_socket(
                lambda: cast("asyncio.BaseProtocol", protocol),
                client,
                ssl=context,
                ssl_handshake_timeout=HANDSHAKE_LIMIT if context else None,
                ssl_shutdown_timeout=GOODBYE_LIMIT if context else None,
            )
        except OSError as error:
            client.close()  # The peer went away in between, or TLS failed.
            if context is not None:
                self._tell_failure(origin.client or origin.peer, error)
            return
        try:
            await protocol.wait_until_handshake_complete()
        except TimeoutError:
            log.debug("a handshake was cut", port=self.port.id, seconds=HANDSHAKE_LIMIT)

    def _tell_failure(self, peer: str, error: OSError) -> None:
        """Log why a handshake failed, but let nobody fill the log."""
        self.failed += 1
        now = time.monotonic()
        if now - self._logged_at >= LOG_PAUSE:
            self._logged_at = now
            reason = explain(error) or _BROKEN_OFF.get(type(error), str(error))
            log.warning(
                "TLS handshake failed", port=self.port.id, peer=peer, reason=reason, all=self.failed
            )


def _identity_of(port: ListeningPort) -> tls.Identity | None:
    return None if port.mode == "unsecured" else tls.Identity(port.tls or Tls())


def _demands(port: ListeningPort) -> tuple[bool, str, str]:
    wanted = port.tls or Tls()
    return wanted.mutual, wanted.trusted_ca, wanted.crl


def _refuse(client: socket.socket, reason: bytes) -> None:
    """Say in clear what this port speaks; to TLS it shows that nobody here does."""
    try:
        client.recv(4096)  # What is left unread would turn the end into a reset.
        client.send(_REFUSAL % reason)
    except OSError:
        pass
    finally:
        client.close()
