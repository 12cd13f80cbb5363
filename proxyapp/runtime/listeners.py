"""The listening ports: picows connections, read in batches and written once a loop turn.

With `connections`, `outlet` and `metering`, all that knows the server side of picows. It tells
events and opens and closes ports; what is said on them it does not know.
"""

from __future__ import annotations

import asyncio
import socket
import time
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from heapq import heappop, heappush
from http import HTTPStatus
from typing import Any

import msgspec
import structlog
from picows import (
    WSListener,
    WSUpgradeRequest,
    WSUpgradeResponse,
    WSUpgradeResponseWithListener,
)

from confwire.errors import CloseCode
from confwire.messages import SUBPROTOCOL
from confwire.tls import TlsError
from proxyapp.engine.commands import ListeningPort
from proxyapp.engine.events import Connected, Disconnected, Event
from proxyapp.runtime import health
from proxyapp.runtime.accept import Doorway, bind, explain_bind_failure
from proxyapp.runtime.anteroom import Anteroom, Standing
from proxyapp.runtime.balancers import Balancers, Origin
from proxyapp.runtime.connections import Connection
from proxyapp.runtime.entrances import Entrance
from proxyapp.runtime.metering import MeteredProtocol

log = structlog.get_logger(__name__)

OUTPUT_LIMIT = 1024 * 1024
"""Unsent bytes at which a connection is blocked, unless configured."""
HARD_LIMIT = 64 * 1024 * 1024
"""Unsent bytes, in multiples of no less than 16 output limits, at which it is cut at once."""
SOCKETS_A_TURN = 250
TURN = 0.005
"""Seconds that reading may take of one turn."""
ASIDE = 0.00005
"""Seconds of one turn for those who come and go: one step or two, as the others wait meanwhile."""
ASIDE_SHARE = 0.25
"""Their share of a turn that takes longer: storms of reads must not keep anyone out."""
RESPONSE_TIMEOUT = 60.0
"""Seconds in which a slow reader must take STALL_PROGRESS bytes, unless configured."""

ANOTHER_PORT = "give the application another port, in the administration or by manage.py setport"

_PATHS = ("/", "/ws/confwire")

Probe = Callable[[str, str], tuple[bool, str]]
"""Answers a health path: whether all is well, and a line of text."""


class Listeners:
    """All listening ports and their connections."""

    def __init__(
        self,
        tell: Callable[[Event], None],
        probe: Probe,
        next_id: Callable[[], int],
        address: str = "",
    ) -> None:
        self.tell = tell
        self.next_id = next_id
        self.connections: dict[int, Connection] = {}
        self._probe = probe
        self._address = address
        self._loop = asyncio.get_running_loop()
        self._entrances: dict[int, Entrance] = {}
        """The open ports, by their numbers."""
        self._ready: list[Connection] = []
        self._opening: Anteroom[Connection] = Anteroom()
        """Those with messages whose sessions are not open: they come after all others."""
        self._gone: deque[Disconnected] = deque()
        self._calling: dict[Doorway, None] = {}
        """Where handshakes can start, in the order of their calls."""
        self._delivery: asyncio.Handle | None = None
        self._dirty: list[Connection] = []
        self._first: list[Connection] = []
        """Those with answers: they do not wait behind what is told to many."""
        self._flushing: asyncio.Handle | None = None
        self._watched: dict[int, Connection] = {}
        self._beats: list[tuple[float, int]] = []
        self.now = time.monotonic()
        """The time of the last sweep: exact enough for limits of seconds, and free to read."""
        self.asked_at = 0.0
        """When clients last wanted anything, by the monotonic clock."""
        self.balancers = Balancers()
        self.crowded = False
        """All slow readers together have more output than is allowed: each waits at once."""
        self.configure(OUTPUT_LIMIT, 0, RESPONSE_TIMEOUT)

    def configure(self, output_limit: int, total_limit: int, response_timeout: float) -> None:
        """Take over the limits of slow readers: bytes of one, of all (0: any), and seconds."""
        self.output_limit = output_limit
        self.total_limit = total_limit
        self.hard_limit = max(HARD_LIMIT, 16 * output_limit)
        self.response_timeout = response_timeout

    # ------------------------------------------------------------ ports

    def listen(self, ports: Iterable[ListeningPort]) -> list[str]:
        """Listen on exactly these ports; return a sentence for each that failed.

        A port that stays is not closed meanwhile, whatever else of it changes.
        """
        wanted = {port.port: port for port in ports}
        for number in [number for number in self._entrances if number not in wanted]:
            self._close(number)
        failures = [self._see_to(port) for _, port in sorted(wanted.items())]
        return [failure for failure in failures if failure]

    @property
    def is_listening(self) -> bool:
        """Whether any port is open."""
        return bool(self._entrances)

    def open_on(self, listening: socket.socket, port: ListeningPort) -> None:
        """Accept connections of a bound socket.

        Raises:
            TlsError: the port's certificate cannot be used.
        """
        self._entrances[port.port] = Entrance(
            listening,
            port,
            self.balancers.origin,
            self._protocol,
            self._call,
        )

    def _protocol(self, port: str, client: socket.socket, origin: Origin) -> MeteredProtocol:
        return MeteredProtocol(Connection(self, port, client, origin), self)

    async def follow_certificates(self) -> None:
        """Use the certificates that are in the files now."""
        for entrance in list(self._entrances.values()):
            await entrance.follow()

    def complaints(self) -> list[str]:
        """Return what operators should know of the ports that are open."""
        found = (entrance.complaint() for entrance in self._entrances.values())
        return [complaint for complaint in found if complaint]

    def status(self) -> dict[int, dict[str, Any]]:
        """Return what each open port shows and has refused, by its number."""
        return {number: entrance.status() for number, entrance in self._entrances.items()}

    def _see_to(self, port: ListeningPort) -> str:
        """Open a port, or change an open one; return why it cannot be as it should, or ""."""
        entrance = self._entrances.get(port.port)
        try:
            if entrance is None:
                self._open(port)
            elif entrance.port != port:
                entrance.change(port)
                log.info("changed a listening port", port=port.port, id=port.id, mode=port.mode)
        except TlsError as error:
            if entrance is not None and entrance.lets_in_the_same(port):
                return f"port {port.port} ({port.id}) goes on as it was: {error}"
            if entrance is not None:
                self._close(port.port)
            return f"port {port.port} ({port.id}) is to speak TLS, and is not open: {error}"
        except OSError as error:
            return explain_bind_failure(port.id, port.port, error, ANOTHER_PORT)
        return ""

    def _open(self, port: ListeningPort) -> None:
        listening = bind(self._address, port.port)
        try:
            self.open_on(listening, port)
        except TlsError:
            listening.close()
            raise
        log.info("listening", port=port.port, id=port.id, mode=port.mode)

    def _close(self, number: int) -> None:
        entrance = self._entrances.pop(number)
        entrance.door.close()
        log.info("closed a listening port", port=number, id=entrance.port.id)

    def close_doors(self) -> None:
        """Accept no more connections."""
        self.listen(())

    # ------------------------------------------------------------ connections

    @property
    def has_clients(self) -> bool:
        """Whether there are connections, or some whose end was not told yet."""
        return bool(self.connections or self._gone)

    def greet(
        self, request: WSUpgradeRequest, connection: Connection
    ) -> WSListener | WSUpgradeResponseWithListener:
        """Answer the HTTP request that opens a connection: a health probe or a WebSocket."""
        path, _, query = request.path.decode("latin-1").partition("?")
        if path in health.PATHS:
            return _answer_probe(*self._probe(path, query))
        if path not in _PATHS:
            return _refuse(HTTPStatus.NOT_FOUND, "there is nothing here; connect to / instead")
        headers = request.headers
        if connection.origin.unannounced:
            reason = self.balancers.refuse_unannounced(connection.origin.peer)
            return _refuse(HTTPStatus.BAD_REQUEST, reason)
        told = headers.getall("x-forwarded-for", []) if self.balancers.read_http else ()
        if told and (client := self.balancers.forwarded_in(connection.origin.peer, told)):
            connection.origin = msgspec.structs.replace(connection.origin, client=client)
        if "upgrade" not in headers:
            return _refuse(HTTPStatus.UPGRADE_REQUIRED, "this port speaks WebSocket")
        # Browsers send "keep-alive, Upgrade", which the library's check does not take.
        tokens = {token.strip().lower() for token in headers.get("connection", "").split(",")}
        if "upgrade" in tokens:
            headers["connection"] = "upgrade"
        offered = [
            token.strip()
            for value in headers.getall("sec-websocket-protocol", [])
            for token in value.split(",")
        ]
        if offered and SUBPROTOCOL not in offered:
            return _refuse(HTTPStatus.BAD_REQUEST, f"this server speaks {SUBPROTOCOL}")
        chosen = {"Sec-WebSocket-Protocol": SUBPROTOCOL} if offered else None
        response = WSUpgradeResponse.create_101_response(chosen)
        return WSUpgradeResponseWithListener(response, connection)

    def add(self, connection: Connection, connected: Connected) -> None:
        """A connection's handshake is done."""
        self.connections[connection.id] = connection
        self.tell(connected)

    def remove(self, connection: Connection, reason: str, gone: bool) -> None:
        """A connection's socket is gone."""
        if self.connections.pop(connection.id, None) is not None:
            self._watched.pop(connection.id, None)
            self._gone.append(Disconnected(connection.id, reason, gone))
            self._deliver_soon()

    def watch(self, connection: Connection) -> None:
        """Sweep this connection until it is unwatched or gone."""
        if connection.id in self.connections:
            self._watched[connection.id] = connection

    def unwatch(self, connection: Connection) -> None:
        """The connection is well again."""
        self._watched.pop(connection.id, None)

    def schedule_beat(self, connection: Connection, due: float | None) -> None:
        """Look at the connection's silence at this time; what was scheduled before is void."""
        connection.beat = due or 0.0
        if due is not None:
            heappush(self._beats, (due, connection.id))

    def sweep(self, now: float) -> None:
        """Look after deadlines and silence; call it several times a second."""
        self.now = now
        for entrance in self._entrances.values():
            entrance.door.sweep(now)
        self._see_to_slow_readers(now)
        while self._beats and self._beats[0][0] <= now:
            due, number = heappop(self._beats)
            beating = self.connections.get(number)
            if beating is not None and beating.beat == due:
                beating.look_for_life()

    def _see_to_slow_readers(self, now: float) -> None:
        slow = list(self._watched.values())
        for connection in slow:
            connection.sweep(now)
        unread = sum(connection.unread for connection in slow) if self.total_limit else 0
        self.crowded = unread > self.total_limit > 0
        if self.crowded:
            for connection in slow:
                connection.crowd_out()

    # ------------------------------------------------------------ turns of the loop

    def queue(self, connection: Connection) -> None:
        """The connection has messages to tell in the next turn."""
        if connection.admitted:
            self._ready.append(connection)
        else:
            self._opening.add(connection, self.now)
        self._deliver_soon()

    def mark(self, connection: Connection) -> None:
        """The connection has output to write in this turn."""
        self._dirty.append(connection)
        if self._flushing is None and self._delivery is None:
            self._flushing = self._loop.call_soon(self._flush_later)

    def broadcast(self, numbers: Sequence[int], data: bytes) -> list[int]:
        """Send frames that were made once to many connections; return those that are not here."""
        connections, dirty, elsewhere = self.connections, self._dirty, []
        for number in numbers:
            connection = connections.get(number)
            if connection is None:
                elsewhere.append(number)
            elif connection.take_frames(data):
                dirty.append(connection)
        self._flush_rest()
        return elsewhere

    def mark_first(self, connection: Connection) -> None:
        """The connection has an answer to write in this turn, before what is told to many."""
        self._first.append(connection)
        if self._flushing is None and self._delivery is None:
            self._flushing = self._loop.call_soon(self._flush_later)

    def answer_now(self) -> None:
        """Deliver now what would be delivered later in this turn."""
        if self._delivery is not None:
            self._delivery.cancel()
            self._deliver()

    def _deliver_soon(self) -> None:
        if self._delivery is None:
            self._delivery = self._loop.call_soon(self._deliver)

    def _deliver(self) -> None:
        ready, self._ready = self._ready, []
        begun = self.asked_at = time.monotonic()
        until = begun + TURN
        done = 0
        for connection in ready:
            connection.deliver()
            done += 1
            if not done & 15 and time.monotonic() > until:
                break
        self._flush()
        self._ready[:0] = ready[done:]
        aside = self._deliver_aside(begun)
        self._delivery = None
        if aside or self._ready:
            self._deliver_soon()
        self._flush_rest()

    def _call(self, door: Doorway) -> None:
        self._calling[door] = None
        self._deliver_soon()

    def _deliver_aside(self, begun: float) -> bool:
        """See to those who come and go, for a short while; tell whether more is to be done.

        First to those who went, as who comes back may be refused while the old session stands;
        then to those who have come furthest.
        """
        now = time.monotonic()
        until = now + max(ASIDE, ASIDE_SHARE * (now - begun))
        while now < until:
            if self._gone:
                self.tell(self._gone.popleft())
            elif self._opening:
                guest, is_late = self._opening.next(now)
                if is_late:
                    guest.close(CloseCode.BUSY, "too many log in at once: try again in a moment")
                else:
                    guest.deliver()
                guest.standing = Standing.BEGUN
                self._flush_first()
            elif self._calling:
                door = next(iter(self._calling))
                if door.start_handshake():
                    return True  # What it takes it takes in the next turn.
                del self._calling[door]
            else:
                return False
            now = time.monotonic()
        return True

    def _flush_later(self) -> None:
        self._flushing = None
        self._flush()
        self._flush_rest()

    def _flush_first(self) -> None:
        first, self._first = self._first, []
        for connection in first:
            connection.flush()

    def _flush(self) -> None:
        self._flush_first()
        dirty = self._dirty
        if len(dirty) > SOCKETS_A_TURN:
            dirty, self._dirty = dirty[:SOCKETS_A_TURN], dirty[SOCKETS_A_TURN:]
        else:
            self._dirty = []
        for connection in dirty:
            connection.flush()

    def _flush_rest(self) -> None:
        """Let what is still to be written be written in the next turn."""
        if (self._first or self._dirty) and self._flushing is None and self._delivery is None:
            self._flushing = self._loop.call_soon(self._flush_later)


def _answer_probe(good: bool, text: str) -> WSUpgradeResponseWithListener:
    body = f"{text}\n".encode()
    if good:
        response = WSUpgradeResponse.create_ok_response(body)
    else:
        response = WSUpgradeResponse.create_error_response(HTTPStatus.SERVICE_UNAVAILABLE, body)
    return WSUpgradeResponseWithListener(response, None)


def _refuse(status: HTTPStatus, text: str) -> WSUpgradeResponseWithListener:
    response = WSUpgradeResponse.create_error_response(status, f"{text}\n".encode())
    return WSUpgradeResponseWithListener(response, None)
