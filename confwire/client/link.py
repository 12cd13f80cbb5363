"""One connection to one server: opening, sending, receiving, keep-alive, and its end.

It reconnects to nothing and knows no subscriptions; whoever opened it decides what comes next.
"""

from __future__ import annotations

import asyncio
import ipaddress
import socket as socket_module
import ssl
from collections.abc import Callable
from dataclasses import dataclass
from secrets import token_urlsafe
from typing import Any, NoReturn

from websockets import Subprotocol
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus, WebSocketException
from websockets.http11 import Response

from confwire.addp import DEFAULT_TIMEOUT, SilenceWatch, Step
from confwire.client.backoff import Address, address_text
from confwire.client.credentials import Credentials
from confwire.client.failures import LinkLost, TlsFailed, closed_text
from confwire.client.logins import login_of
from confwire.client.resuming import Resumption, is_about_the_token
from confwire.codec import decode_server, encode
from confwire.errors import (
    LocalProtocolError,
    RemoteProtocolError,
    RequestError,
    error_of,
)
from confwire.messages import (
    RELEASE,
    SUBPROTOCOL,
    Challenge,
    Cursor,
    Error,
    KeepAlive,
    Message,
    Open,
    Opened,
    Proof,
    ServerMessage,
)
from confwire.tls import BROKEN_OFF, explain

PATH = "/ws/confwire"
"""Where the web port serves the protocol; listening ports take any path."""

MAX_MESSAGE_SIZE = 256 * 2**20
"""Bytes; packets are far smaller, but one object travels whole."""


ANY_ADDRESS = "0.0.0.0"  # noqa: S104 - the side that connects may use any

LONGEST_REASON = 300
"""Characters of a refusal in plain text that are repeated."""

CLOSE_TIMEOUT = 2.0
"""Seconds that an orderly end may take."""


DEFAULT_KEEP_ALIVE = KeepAlive(DEFAULT_TIMEOUT, DEFAULT_TIMEOUT)


@dataclass(frozen=True, slots=True)
class Opening:
    """How to open a session, on whatever server."""

    credentials: Credentials
    application_type: str = ""
    keep_alive: KeepAlive = DEFAULT_KEEP_ALIVE
    tls: ssl.SSLContext | None = None
    timeout: float = 10.0
    """Seconds that connecting and logging in may take."""
    monotonic: bool = False
    """Reads from older data than was seen are to be refused."""
    tls_name: str = ""
    """Whom the server's certificate must be for, where it is not the host that is connected to."""
    local_address: tuple[str, int] | None = None
    """Where the connection goes out from; "" and 0 are any."""


class Link:
    """An open session on one connection; made by `open_link`."""

    def __init__(
        self,
        address: Address,
        socket: ClientConnection,
        opened: Opened,
        resumption: Resumption | None = None,
    ) -> None:
        self.address = address
        self.opened = opened
        self.resumption = resumption if opened.restored else None
        """What the session went on with; None after a login."""
        self._socket = socket
        self._outgoing: asyncio.Queue[bytes] = asyncio.Queue()
        self._silence = SilenceWatch(0.0, 0.0)
        self._timeout_changed = asyncio.Event()

    def __repr__(self) -> str:
        return f"<Link to {address_text(self.address)}, session {self.opened.session}>"

    def send(self, message: Message) -> None:
        """Send a message as soon as the line takes it.

        Raises:
            LocalProtocolError: the message is larger than the server takes.
        """
        data = encode(message)
        most = self.opened.max_message_size
        if most and len(data) > most:
            raise LocalProtocolError(
                f"the message has {len(data)} bytes, and the server takes {most}: send less at once"
            )
        self._outgoing.put_nowait(data)

    async def run(self, receive: Callable[[ServerMessage], None], local_timeout: float) -> NoReturn:
        """Give every message to `receive` until the connection ends.

        Raises:
            LinkLost: the connection has ended; or what `receive` raised.
        """
        self.watch_silence(local_timeout)
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._write(), name="confwire writer")
                tasks.create_task(self._keep_alive(), name="confwire keep-alive")
                await self._read(receive)
        except BaseExceptionGroup as group:  # what `except*` raises, Python 3.11.2 wraps again
            error = first_of(group)
            raise (_lost(error) if isinstance(error, ConnectionClosed) else error) from None
        finally:
            self._socket.transport.abort()
        raise AssertionError("a link ends by an exception only")

    def watch_silence(self, timeout: float) -> None:
        """Poll the server after this many seconds of silence from now on; 0 never does."""
        self._silence.change(timeout, asyncio.get_running_loop().time())
        self._timeout_changed.set()

    async def close(self) -> None:
        """Send what is waiting and end the connection in an orderly way: answers still come."""
        try:
            async with asyncio.timeout(CLOSE_TIMEOUT):
                while not self._outgoing.empty():
                    await self._socket.send(self._outgoing.get_nowait(), text=True)
                await self._socket.close()
        except (TimeoutError, ConnectionClosed):
            self._socket.transport.abort()  # the server does not listen any more

    def abort(self) -> None:
        """End the connection without a word."""
        self._socket.transport.abort()

    async def _read(self, receive: Callable[[ServerMessage], None]) -> None:
        now = asyncio.get_running_loop().time
        while True:
            data = await self._socket.recv(decode=False)
            self._silence.heard(now())
            receive(_message(data))

    async def _write(self) -> None:
        while True:
            await self._socket.send(await self._outgoing.get(), text=True)

    async def _keep_alive(self) -> None:
        now = asyncio.get_running_loop().time
        while True:
            await self._until_due()
            if self._overslept(now()):
                self._silence.heard(now())
            step = self._silence.step(now())
            if step is Step.LOST:
                timeout = 2 * self._silence.timeout
                raise LinkLost(f"{address_text(self.address)} was silent for {timeout:g} s")
            if step is Step.POLL:
                await self._poll()

    async def _until_due(self) -> None:
        """Wait until the silence watch has something to say, or got another timeout."""
        self._timeout_changed.clear()
        due = self._silence.due_at()
        try:
            async with asyncio.timeout_at(due):
                await self._timeout_changed.wait()
        except TimeoutError:
            return

    def _overslept(self, now: float) -> bool:
        """Whether this process was stopped: then it was deaf, and the server not silent."""
        due = self._silence.due_at()
        return due is not None and now - due > self._silence.timeout

    async def _poll(self) -> None:
        try:
            async with asyncio.timeout(self._silence.timeout):
                pong = await self._socket.ping()
                await asyncio.shield(pong)
        except TimeoutError:
            return  # other messages may have come meanwhile; the watch knows
        self._silence.heard(asyncio.get_running_loop().time())


async def open_link(
    address: Address,
    opening: Opening,
    seen: Cursor | None = None,
    resumption: Resumption | None = None,
) -> Link:
    """Connect to a server; go on with a session, or log in where that is refused.

    Args:
        seen: the newest data that any server has shown.
        resumption: the session to go on with; None: log in.

    Raises:
        LinkLost: there is no connection, or it was closed during the opening.
        RequestError: the server refused the login; the class says why.
        RemoteProtocolError: what listens there is no configuration server, or a false one.
    """
    try:
        async with asyncio.timeout(opening.timeout):
            socket = await _connect(address, opening)
            try:
                opened = None
                if resumption is not None:
                    opened = await _resume(socket, opening, seen, resumption)
                if opened is None:
                    opened = await _log_in(socket, opening, seen)
                return Link(address, socket, opened, resumption)
            except BaseException:
                socket.transport.abort()
                raise
    except TimeoutError:
        text = f"{address_text(address)} did not answer within {opening.timeout:g} s"
        raise LinkLost(text) from None
    except (ConnectionClosed, WebSocketException, OSError) as error:
        raise _failure(address, error, opening.tls is not None) from None


async def _connect(address: Address, opening: Opening) -> ClientConnection:
    scheme = "wss" if opening.tls else "ws"
    host = f"[{address[0]}]" if ":" in address[0] else address[0]
    try:
        socket = await connect(
            f"{scheme}://{host}:{address[1]}{PATH}",
            subprotocols=[Subprotocol(SUBPROTOCOL)],
            compression=None,
            proxy=None,  # a configuration server is never behind a web proxy
            ssl=opening.tls,
            **outgoing(address[0], opening.tls_name, opening.local_address),
            open_timeout=None,
            ping_interval=None,  # ADDP is ours
            close_timeout=CLOSE_TIMEOUT,
            max_size=MAX_MESSAGE_SIZE,
            user_agent_header=f"confwire/{RELEASE}",
        )
    except UnicodeError:  # of the codec for host names
        text = f"cannot connect to {address_text(address)}: that is no host name"
        raise LinkLost(text) from None
    if socket.subprotocol != SUBPROTOCOL:
        socket.transport.abort()
        raise RemoteProtocolError(f"{address_text(address)} does not speak {SUBPROTOCOL}")
    return socket


async def _log_in(socket: ClientConnection, opening: Opening, seen: Cursor | None) -> Opened:
    credentials = opening.credentials
    login = login_of(credentials, _secure(socket, opening))
    first = _first(opening, seen, "")
    first.mechanism = credentials.mechanism
    first.data = await login.first()
    opened = await _ask(socket, first)
    if isinstance(opened, Challenge):
        opened = await _ask(socket, Proof(data=await login.answer(opened.data)))
    elif credentials.mechanism != "PLAIN":
        raise RemoteProtocolError("the server sent no challenge")
    if not isinstance(opened, Opened):
        raise RemoteProtocolError("the server did not say whether the session is open")
    login.verify(opened.data)
    return opened


async def _resume(
    socket: ClientConnection, opening: Opening, seen: Cursor | None, resumption: Resumption
) -> Opened | None:
    """Go on with a session; None: the server does not take the token, and a login may follow."""
    first = _first(opening, seen, resumption.token)
    first.data = nonce = token_urlsafe(24)
    first.since, first.subscriptions = resumption.since, list(resumption.subscriptions)
    try:
        opened = await _ask(socket, first)
    except RequestError as error:
        if is_about_the_token(error):
            return None
        raise
    if not isinstance(opened, Opened):
        raise RemoteProtocolError("the server did not say whether the session goes on")
    resumption.verify(nonce, opened.data)
    return opened


def _first(opening: Opening, seen: Cursor | None, token: str) -> Open:
    """Return the first message, without what proves who sends it."""
    return Open(
        application=opening.credentials.application,
        application_type=opening.application_type,
        release=RELEASE,
        user=opening.credentials.user,
        keep_alive=opening.keep_alive,
        seen=seen,
        monotonic=opening.monotonic,
        token=token,
    )


def _secure(socket: ClientConnection, opening: Opening) -> bool:
    """Whether a password may cross this line."""
    address = str(socket.remote_address[0]).partition("%")[0]
    return opening.tls is not None or ipaddress.ip_address(address).is_loopback


async def _ask(socket: ClientConnection, message: Message) -> ServerMessage:
    await socket.send(encode(message), text=True)
    answer = _message(await socket.recv(decode=False))
    if isinstance(answer, Error):
        raise refusal_of(answer)
    return answer


def refusal_of(message: Error) -> RequestError:
    """Return the error that the server sent, as an exception."""
    try:
        error = error_of(message.code, message.text, message.data)
    except TypeError:  # its data has names that no error has
        error = error_of(message.code, message.text, {})
    error.permanent = message.permanent  # all that is known of a code that is new
    return error


def _message(data: str | bytes) -> ServerMessage:
    assert isinstance(data, bytes), "received with decode=False"
    try:
        return decode_server(data)
    except RequestError as error:
        raise RemoteProtocolError(f"the server sent what is no message: {error}") from None


def _failure(
    address: Address, error: ConnectionClosed | WebSocketException | OSError, by_tls: bool
) -> LinkLost | RemoteProtocolError:
    """Return why no session could be opened, in the words of this library."""
    where = f"cannot connect to {address_text(address)}"
    cause: BaseException | None = error
    while cause is not None:
        # What a server says of the client's certificate comes after its own handshake.
        if text := explain(cause):
            return TlsFailed(f"{where}: {text}")
        if by_tls and isinstance(cause, ConnectionResetError | EOFError):
            return TlsFailed(f"{where}: {BROKEN_OFF}")
        cause = cause.__cause__ or cause.__context__
    if isinstance(error, ConnectionClosed):
        return _lost(error)
    if isinstance(error, WebSocketException):
        return RemoteProtocolError(_refusal(address, error))
    return LinkLost(f"{where}: {_reason(error)}")


def _lost(error: ConnectionClosed) -> LinkLost:
    if error.rcvd is None:
        return LinkLost("the connection was lost")
    return LinkLost(closed_text(error.rcvd.code, error.rcvd.reason), error.rcvd.code)


def first_of(group: BaseExceptionGroup[BaseException]) -> BaseException:
    """Return the first error of a task group, however deep it lies."""
    error = group.exceptions[0]
    return first_of(error) if isinstance(error, BaseExceptionGroup) else error


def _refusal(address: Address, error: WebSocketException) -> str:
    if isinstance(error, InvalidStatus):
        response = error.response
        reason = _plain_text(response)
        if reason:
            return f"{address_text(address)} refuses the connection: {reason}"
        status = response.status_code
        return f"{address_text(address)} is no configuration server: it answers with HTTP {status}"
    return f"{address_text(address)} is no configuration server: {error}"


def _plain_text(response: Response) -> str:
    """Return what a server says in a line of plain text, where it is one of ours."""
    text = (response.body or b"").decode("utf-8", "replace").strip()
    kind = response.headers.get("Content-Type", "")
    ours = kind.startswith("text/plain") and text.isprintable() and len(text) <= LONGEST_REASON
    return text if ours else ""


def outgoing(host: str, tls_name: str, local: tuple[str, int] | None) -> dict[str, Any]:
    """Return what the loop must know of a connection beside the server's address."""
    options: dict[str, Any] = {}
    if tls_name:
        options["server_hostname"] = tls_name
    if local is not None:
        options["local_addr"] = (local[0] or ("::" if ":" in host else ANY_ADDRESS), local[1])
    return options


def _reason(error: OSError) -> str:
    if isinstance(error, socket_module.gaierror):
        return "unknown host name"
    if isinstance(error, ConnectionRefusedError) or "Connect call failed" in str(error):
        return "connection refused, no server listens there"
    return error.strerror or str(error)
