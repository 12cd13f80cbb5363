"""The accept loop of one listening socket: storms are let in a few at a time.

The library's own loop takes every waiting connection in one turn; ten thousand at once stall
all others. Here a handshake starts only when its socket has sent a byte and when it is called
for, and few run together; one that waits for its client gives its place up. So neither a storm
nor silent or halting sockets hold anyone up. A port probe, which connects and leaves, costs no
handshake. Knows nothing of WebSocket.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import os
import resource
import socket
import time
from collections import deque
from collections.abc import Callable, Coroutine
from typing import Any

import structlog

from proxyapp.runtime.balancers import Origin, Refused
from proxyapp.runtime.peers import format_address
from proxyapp.runtime.tasks import spawn

log = structlog.get_logger(__name__)

ACCEPTS_A_TURN = 4
HANDSHAKES_IN_FLIGHT = 64
PLACE_LIMIT = 0.05
"""Seconds that a handshake has a place: one that takes longer waits for its client, for free."""
SILENCE_LIMIT = 10.0
"""Seconds after which a socket that sent no byte is closed."""
BACKLOG = 4096
_EXHAUSTED = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM})

Receive = Callable[[socket.socket, str, bytearray], Origin | None]
"""Reads what comes before a handshake: from a socket, of a peer, behind what was read before.

Returns None, or raises BlockingIOError, while more has to come.
"""

Handshake = Callable[[socket.socket, Origin], Coroutine[Any, Any, None]]
"""Takes over an accepted socket; returns when its handshake has succeeded or failed."""


class _Arrival:
    """A socket that has not said yet what a handshake begins with."""

    __slots__ = ("header", "peer", "since")

    def __init__(self, peer: str) -> None:
        self.peer = peer
        self.since = time.monotonic()
        self.header = bytearray()


class Doorway:
    """Accepts connections of one listening socket and runs their handshakes."""

    def __init__(
        self,
        listening: socket.socket,
        receive: Receive,
        handshake: Handshake,
        call: Callable[[], None],
    ) -> None:
        """Accept from now on.

        Args:
            receive: called when a socket has something to read.
            call: asks for `start_handshake` to be called soon, until none can start.
        """
        self._listening = listening
        self._receive = receive
        self._handshake = handshake
        self._call = call
        self._loop = asyncio.get_running_loop()
        self._silent: dict[socket.socket, _Arrival] = {}
        self._waiting: deque[tuple[socket.socket, Origin]] = deque()
        self._placed: dict[asyncio.Task[None], float] = {}
        """Handshakes that have a place, and since when."""
        self._expiry: asyncio.TimerHandle | None = None
        # Half of what may be open: silent sockets cannot keep those out that speak.
        self._silence_places = resource.getrlimit(resource.RLIMIT_NOFILE)[0] // 2
        _keep_alive_by_tcp(listening)
        self._loop.add_reader(listening, self._accept)

    def close(self) -> None:
        """Stop listening; connections past their first byte go on."""
        self._loop.remove_reader(self._listening)
        self._listening.close()
        for client in list(self._silent):
            self._drop(client)
        while self._waiting:
            self._waiting.popleft()[0].close()

    def sweep(self, now: float) -> None:
        """Close the sockets that kept silent for too long; call it every second or so.

        Args:
            now: the monotonic time in seconds.
        """
        oldest = now - SILENCE_LIMIT
        # In order of arrival, so the first young one ends the search.
        for client, arrival in list(self._silent.items()):
            if arrival.since > oldest:
                break
            self._drop(client)

    def _accept(self) -> None:
        for _ in range(ACCEPTS_A_TURN):
            try:
                client, peer = self._listening.accept()
            except BlockingIOError:
                return
            except OSError as error:
                if error.errno in _EXHAUSTED:
                    self._rest(error)
                    return
                continue  # It failed before it was taken, which says nothing of the next.
            client.setblocking(False)
            arrival = _Arrival(format_address(peer))
            if self._take(client, arrival):
                continue
            if len(self._silent) >= self._silence_places:
                self._drop(next(iter(self._silent)))
            self._silent[client] = arrival
            self._loop.add_reader(client, self._speak, client)

    def _rest(self, error: OSError) -> None:
        """Stop accepting for a second: out of descriptors or memory, the loop would spin."""
        log.error("cannot accept connections now", reason=str(error), remedy="raise LimitNOFILE")
        self._loop.remove_reader(self._listening)
        self._loop.call_later(1.0, self._resume)

    def _resume(self) -> None:
        if self._listening.fileno() >= 0:
            self._loop.add_reader(self._listening, self._accept)

    def _speak(self, client: socket.socket) -> None:
        """Something of a connection is there."""
        self._loop.remove_reader(client)
        if self._take(client, self._silent[client]):
            del self._silent[client]
        else:
            self._loop.add_reader(client, self._speak, client)

    def _take(self, client: socket.socket, arrival: _Arrival) -> bool:
        """Let a socket wait for its handshake, or close it; False while it has to say more."""
        try:
            origin = self._receive(client, arrival.peer, arrival.header)
        except BlockingIOError:
            return False
        except Refused as refused:
            _refuse(client, str(refused))
            return True
        except OSError:
            client.close()
            return True
        if origin is None:
            return False
        self._waiting.append((client, origin))
        self._call_for()
        return True

    def _call_for(self) -> None:
        """Have the next handshake started, now or when there is a place."""
        if not self._waiting:
            return
        if len(self._placed) < HANDSHAKES_IN_FLIGHT:
            self._call()
        elif self._expiry is None:
            oldest = next(iter(self._placed.values()))
            self._expiry = self._loop.call_at(oldest + PLACE_LIMIT, self._expire)

    def start_handshake(self) -> bool:
        """Start one handshake; tell whether one could start."""
        if not self._waiting or len(self._placed) >= HANDSHAKES_IN_FLIGHT:
            self._call_for()
            return False
        task = spawn("handshake", self._handshake(*self._waiting.popleft()))
        self._placed[task] = self._loop.time()
        task.add_done_callback(self._leave)
        return True

    def _leave(self, task: asyncio.Task[None]) -> None:
        """A handshake has ended; it may have lost its place before."""
        self._placed.pop(task, None)
        self._call_for()

    def _expire(self) -> None:
        """Take the places of those back that have waited for their clients for long."""
        self._expiry = None
        oldest = self._loop.time() - PLACE_LIMIT
        while self._placed and next(iter(self._placed.values())) <= oldest:
            del self._placed[next(iter(self._placed))]
        self._call_for()

    def _drop(self, client: socket.socket) -> None:
        self._loop.remove_reader(client)
        del self._silent[client]
        client.close()


def _refuse(client: socket.socket, reason: str) -> None:
    """Say why a connection is not taken, if anybody listens, and close it."""
    answer = f"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n{reason}\n".encode()
    if reason:
        with contextlib.suppress(OSError):
            client.recv(4096)  # What is left unread would turn the end into a reset.
        with contextlib.suppress(OSError):
            client.send(answer)
    client.close()


def _keep_alive_by_tcp(listening: socket.socket) -> None:
    """Let the kernel find out that a peer's host is gone, for clients without keep-alive.

    Accepted sockets inherit it, which saves four calls for each.
    """
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, 60)
    listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, 15)
    listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPCNT, 4)


def bind(address: str, port: int) -> socket.socket:
    """Return a non-blocking socket that listens on address and port; "" is every address.

    Raises: OSError when the port is taken or not allowed.
    """
    if not address and socket.has_dualstack_ipv6():
        listening = socket.create_server(
            ("", port), family=socket.AF_INET6, dualstack_ipv6=True, backlog=BACKLOG
        )
    else:
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        listening = socket.create_server((address, port), family=family, backlog=BACKLOG)
    listening.setblocking(False)
    return listening


def explain_bind_failure(what: str, port: int, error: OSError, another: str) -> str:
    """Return a sentence that names the port and the remedy.

    Args:
        what: the name of the port.
        another: how another one is chosen, such as "give -web-port PORT".
    """
    if error.errno == errno.EADDRINUSE:
        remedy = f"stop the program that holds it (ss -ltnp 'sport = :{port}'), or {another}"
    elif error.errno == errno.EACCES:
        remedy = f"{another} from 1024 on, or grant CAP_NET_BIND_SERVICE"
    else:
        remedy = "check the address and the port"
    reason = os.strerror(error.errno) if error.errno else str(error)  # strerror names sockets
    return f"cannot listen on port {port} ({what}): {reason}; {remedy}"
