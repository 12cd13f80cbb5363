"""Connections over real sockets: what is told, what is answered, how each ends."""

from __future__ import annotations

import asyncio
import errno
import gc
import socket
import struct
import weakref
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio
from structlog.testing import capture_logs
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from proxyapp.engine.commands import ListeningPort
from proxyapp.engine.events import Blocked, Connected, Disconnected, Drained, Received
from proxyapp.runtime import accept, connections, frames, lifewatch, listeners, metering
from proxyapp.runtime.accept import bind

HANDSHAKE = (
    b"GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: keep-alive, Upgrade\r\n"
    b"Sec-WebSocket-Key: MDEyMzQ1Njc4OWFiY2RlZg==\r\nSec-WebSocket-Version: 13\r\n\r\n"
)
TEXT, BINARY, CONTINUATION, CLOSE, PING = 1, 2, 0, 8, 9


def client_frame(opcode: int, payload: bytes, *, fin: bool = True, rsv: int = 0) -> bytes:
    """Return a frame as clients send it, masked with zeros."""
    first = (0x80 if fin else 0) | (rsv << 4) | opcode
    size = len(payload)
    if size < 126:
        head = struct.pack("!BB", first, 0x80 | size)
    elif size < 65536:
        head = struct.pack("!BBH", first, 0x80 | 126, size)
    else:
        head = struct.pack("!BBQ", first, 0x80 | 127, size)
    return head + bytes(4) + payload


class Raw:
    """A client that says exactly what it is told to."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    def say(self, *parts: bytes) -> None:
        self.writer.write(b"".join(parts))

    async def hear(self) -> tuple[int, bytes]:
        """Return opcode and payload of the next frame."""
        async with asyncio.timeout(10):
            first, size = await self.reader.readexactly(2)
            if size == 126:
                (size,) = struct.unpack("!H", await self.reader.readexactly(2))
            elif size == 127:
                (size,) = struct.unpack("!Q", await self.reader.readexactly(8))
            return first & 15, await self.reader.readexactly(size)

    async def hear_close(self) -> int:
        """Return the code of the CLOSE that comes next, and answer it."""
        opcode, payload = await self.hear()
        assert opcode == CLOSE
        self.say(client_frame(CLOSE, payload))
        async with asyncio.timeout(10):
            assert await self.reader.read() == b""
        return int.from_bytes(payload[:2], "big")


async def open_raw(port) -> Raw:
    reader, writer = await asyncio.open_connection("127.0.0.1", port.number)
    writer.write(HANDSHAKE)
    assert b" 101 " in await reader.readuntil(b"\r\n\r\n")
    return Raw(reader, writer)


@pytest_asyncio.fixture
async def raw(port) -> AsyncIterator[Raw]:
    raw = await open_raw(port)
    yield raw
    raw.writer.close()


@pytest_asyncio.fixture
async def client(port) -> AsyncIterator[ClientConnection]:
    async with connect(port.url, compression=None, proxy=None) as client:
        yield client


async def get(port, path: str, extra: str = "") -> str:
    reader, writer = await asyncio.open_connection("127.0.0.1", port.number)
    writer.write(f"GET {path} HTTP/1.1\r\nHost: x\r\n{extra}\r\n".encode())
    answer = await reader.read()
    writer.close()
    return answer.decode()


# -------------------------------------------------------------------- reading


@pytest.mark.asyncio
async def test_a_connection_tells_its_peer_and_port_and_a_fresh_nonce(port, client) -> None:
    event = await port.told(Connected)
    host, number = client.local_address[:2]
    assert (event.peer, event.port, event.secure) == (f"{host}:{number}", "default", True)
    assert len(event.nonce) == 24


@pytest.mark.asyncio
async def test_the_kernel_looks_for_hosts_that_are_gone(port, raw) -> None:
    (connection,) = port.listeners.connections.values()
    found = connection._socket.getsockopt
    assert found(socket.SOL_SOCKET, socket.SO_KEEPALIVE) == 1
    options = (socket.TCP_KEEPIDLE, socket.TCP_KEEPINTVL, socket.TCP_KEEPCNT)
    assert [found(socket.IPPROTO_TCP, option) for option in options] == [60, 15, 4]


@pytest.mark.asyncio
async def test_messages_of_one_read_are_one_event_and_their_answers_one_read(port, raw) -> None:
    raw.say(client_frame(TEXT, b"one"), client_frame(TEXT, b"two"), client_frame(PING, b"!"))
    assert [await raw.hear() for _ in range(3)] == [(10, b"!"), (TEXT, b"one"), (TEXT, b"two")]
    assert port.received() == [[b"one", b"two"]]


@pytest.mark.asyncio
async def test_what_came_in_this_turn_can_be_answered_now_and_is_so_once(port, raw) -> None:
    port.listeners.answer_now()
    assert port.received() == []
    (connection,) = port.listeners.connections.values()
    connection._take(b"?")
    port.listeners.answer_now()
    assert port.received() == [[b"?"]]
    assert await raw.hear() == (TEXT, b"?")
    assert port.received() == [[b"?"]]


@pytest.mark.asyncio
async def test_fragments_are_joined_around_a_ping(port, raw) -> None:
    raw.say(client_frame(TEXT, b"He", fin=False), client_frame(PING, b""))
    raw.say(client_frame(CONTINUATION, b"l", fin=False), client_frame(CONTINUATION, b"lo"))
    assert {await raw.hear(), await raw.hear()} == {(10, b""), (TEXT, b"Hello")}


@pytest.mark.asyncio
async def test_a_message_of_a_megabyte_is_echoed(port, client) -> None:
    message = "é" * 500_000
    await client.send(message)
    assert await client.recv() == message


@pytest.mark.asyncio
async def test_a_character_split_between_fragments_is_whole_again(port, raw) -> None:
    raw.say(client_frame(TEXT, b"\xc3", fin=False), client_frame(CONTINUATION, b"\xa9"))
    assert await raw.hear() == (TEXT, "é".encode())


@pytest.mark.parametrize(
    ("said", "code"),
    [
        ([client_frame(BINARY, b"x")], 1003),
        ([client_frame(TEXT, b"\xff")], 1007),
        ([client_frame(CONTINUATION, b"x")], 1002),
        ([client_frame(TEXT, b"x", fin=False), client_frame(TEXT, b"y")], 1002),
        ([client_frame(TEXT, b"x", rsv=4)], 1002),
        ([client_frame(3, b"")], 1002),
        (
            [client_frame(kind, b"x" * 3_000_000, fin=False) for kind in (TEXT, CONTINUATION)],
            1009,
        ),
        ([client_frame(TEXT, b"x" * 5_000_000)[:20]], 1009),
        ([client_frame(CLOSE, b"\x0f\xa0bye")], 4000),
    ],
    ids=["binary", "text", "orphan", "order", "rsv", "opcode", "sum", "large", "close"],
)
@pytest.mark.asyncio
async def test_a_broken_rule_ends_the_connection_with_its_code(port, raw, said, code) -> None:
    raw.say(*said)
    assert await raw.hear_close() == code
    await port.told(Disconnected)


@pytest.mark.asyncio
async def test_what_came_whole_before_a_broken_frame_is_answered(port, raw) -> None:
    raw.say(client_frame(TEXT, b"one"), client_frame(BINARY, b"x"))
    assert await raw.hear() == (TEXT, b"one")
    assert await raw.hear_close() == 1003


@pytest.mark.asyncio
async def test_requests_before_a_close_are_answered_before_it(port, raw) -> None:
    raw.say(client_frame(TEXT, b"one"), client_frame(CLOSE, b"\x03\xe8"))
    assert await raw.hear() == (TEXT, b"one")
    assert await raw.hear_close() == 1000
    assert (await port.told(Disconnected)).reason == "closed by the client (1000)"


@pytest.mark.asyncio
async def test_before_the_session_is_open_messages_are_small(port) -> None:
    port.admits = False
    async with connect(port.url, compression=None, proxy=None) as client:
        await client.send("x" * (connections.OPENING_LIMIT + 1))
        with pytest.raises(ConnectionClosed) as closed:
            await client.recv()
    assert closed.value.rcvd.code == 1009


@pytest.mark.asyncio
async def test_before_the_session_is_open_an_endless_frame_is_not_kept(port, raw) -> None:
    port.admits = False
    reader, writer = await asyncio.open_connection("127.0.0.1", port.number)
    stranger = Raw(reader, writer)
    stranger.say(HANDSHAKE)
    await reader.readuntil(b"\r\n\r\n")
    stranger.say(client_frame(TEXT, b"x" * 3_000_000)[:1_000_000])
    opcode, payload = await stranger.hear()
    assert (opcode, payload[:2]) == (CLOSE, (1009).to_bytes(2, "big"))
    writer.close()


# -------------------------------------------------------------------- handshake


@pytest.mark.asyncio
async def test_the_subprotocol_is_chosen_when_offered(port) -> None:
    async with connect(port.url, subprotocols=["x", "confwire.1"], proxy=None) as client:
        assert client.subprotocol == "confwire.1"


@pytest.mark.asyncio
async def test_other_subprotocols_alone_are_refused(port) -> None:
    with pytest.raises(InvalidStatus) as refused:
        await connect(port.url, subprotocols=["mqtt"], proxy=None)
    assert refused.value.response.status_code == 400


@pytest.mark.asyncio
async def test_probes_are_answered_over_plain_http(port) -> None:
    assert (await get(port, "/readyz")).startswith("HTTP/1.1 200 OK\r\n")
    port.healthy = False
    answer = await get(port, "/readyz")
    assert answer.startswith("HTTP/1.1 503 ")
    assert answer.endswith("\r\n\r\n/readyz says False\n")
    answer = await get(port, "/freshz?max-age=5")
    assert answer.endswith("\r\n\r\n/freshz max-age=5 says False\n")
    assert port.events == []


@pytest.mark.parametrize(("path", "status"), [("/", 426), ("/elsewhere", 404)])
@pytest.mark.asyncio
async def test_other_http_requests_are_refused_with_a_reason(port, path, status) -> None:
    assert (await get(port, path)).startswith(f"HTTP/1.1 {status} ")


@pytest.mark.asyncio
async def test_many_connections_at_once_all_get_in(port) -> None:
    clients = await asyncio.gather(*(connect(port.url, proxy=None) for _ in range(200)))
    await port.told(Connected, 200)
    await asyncio.gather(*(client.close() for client in clients))
    await port.told(Disconnected, 200)
    assert port.listeners.connections == {}


@pytest.mark.asyncio
async def test_what_a_connection_held_is_freed_without_the_collector(port) -> None:
    gc.collect()
    gc.disable()  # the server freezes what is alive, so circles would stay for ever
    try:
        async with connect(port.url, proxy=None) as client:
            await client.send("hello")
            await client.recv()
            alive = weakref.ref(port.listeners.connections[1])
        await port.told(Disconnected)
        await asyncio.sleep(0)
        assert alive() is None
    finally:
        gc.enable()


# -------------------------------------------------------------------- writing


@pytest.mark.asyncio
async def test_frames_made_for_many_arrive(port, client) -> None:
    event = await port.told(Connected)
    framed = frames.frame([b"a", b"b"])
    assert port.listeners.broadcast([event.connection, -1], framed) == [-1]
    assert [await client.recv(), await client.recv()] == ["a", "b"]


async def take_the_short_way(port, raw) -> connections.Connection:
    """Return a connection by which frames made for many go straight to the socket."""
    await port.told(Connected)
    port.listeners.broadcast([1], frames.frame([b"the first"]))
    assert await raw.hear() == (TEXT, b"the first")
    connection: connections.Connection = port.listeners.connections[1]
    return connection


@pytest.mark.asyncio
async def test_frames_made_for_many_keep_their_place(port, raw) -> None:
    connection = await take_the_short_way(port, raw)
    for letter in (b"a", b"b"):
        port.listeners.broadcast([1], frames.frame([letter]))
    connection.send([b"answer"])
    assert [(await raw.hear())[1] for _ in range(3)] == [b"a", b"b", b"answer"]
    port.listeners.broadcast([1], frames.frame([b"c"]))
    connection.probe()
    assert [await raw.hear() for _ in range(2)] == [(TEXT, b"c"), (PING, b"")]
    port.listeners.broadcast([1], frames.frame([b"d"]))
    connection.send([b"answer"])
    assert [(await raw.hear())[1] for _ in range(2)] == [b"d", b"answer"]
    port.listeners.broadcast([1], frames.frame([b"e"]))
    connection.close(4001, "refused")
    assert [await raw.hear() for _ in range(2)] == [(TEXT, b"e"), (CLOSE, b"\x0f\xa1refused")]


@pytest.mark.asyncio
async def test_who_does_not_take_the_frames_made_for_many_gets_them_in_order(port, raw) -> None:
    await take_the_short_way(port, raw)
    pieces = [b"%03d" % number * 30_000 for number in range(200)]
    for piece in pieces:
        port.listeners.broadcast([1], frames.frame([piece]))
        await asyncio.sleep(0)
    await port.told(Blocked)
    assert [(await raw.hear())[1] for _ in pieces] == pieces
    await port.told(Drained)


@pytest.mark.asyncio
async def test_who_is_held_is_not_read_after_frames_made_for_many(port, raw) -> None:
    connection = await take_the_short_way(port, raw)
    port.listeners.broadcast([1], frames.frame([b"news"]))
    connection.hold()
    assert await raw.hear() == (TEXT, b"news")
    assert not connection._wire.is_reading()
    connection.release()
    raw.say(client_frame(TEXT, b"wait"))
    assert await raw.hear() == (TEXT, b"wait")


@pytest.mark.asyncio
async def test_close_comes_after_what_was_sent(port, client) -> None:
    event = await port.told(Connected)
    connection = port.listeners.connections[event.connection]
    connection.send([b"last words" * 100_000])
    connection.close(4001, "refused")
    connection.send([b"too late"])
    assert len(await client.recv()) == 1_000_000
    with pytest.raises(ConnectionClosed) as closed:
        await client.recv()
    assert (closed.value.rcvd.code, closed.value.rcvd.reason) == (4001, "refused")
    assert (await port.told(Disconnected)).reason == "4001 refused"


@pytest.mark.asyncio
async def test_a_client_that_does_not_read_is_told_and_not_read_until_it_does(port, raw) -> None:
    port.answer = lambda event: [b"a" * 16_000_000 if m == b"big" else m for m in event.messages]
    raw.say(client_frame(TEXT, b"big"))
    await port.told(Blocked)
    raw.say(client_frame(TEXT, b"later"))
    async with connect(port.url, proxy=None) as other:
        await other.send("others do not wait")
        await other.recv()
    assert [b"later"] not in port.received()
    assert len((await raw.hear())[1]) == 16_000_000
    await port.told(Drained)
    assert await raw.hear() == (TEXT, b"later")


@pytest.mark.asyncio
async def test_a_client_that_never_reads_is_cut(port, raw) -> None:
    port.answer = lambda event: [b"a" * 16_000_000]
    raw.say(client_frame(TEXT, b"big"))
    await port.told(Blocked)
    start = port.listeners.now
    port.listeners.sweep(start + listeners.RESPONSE_TIMEOUT + 1)
    port.listeners.sweep(start + 2 * listeners.RESPONSE_TIMEOUT + 2)
    assert "does not read" in (await port.told(Disconnected)).reason


@pytest.mark.asyncio
async def test_a_client_that_reads_a_byte_a_second_is_cut(port, raw) -> None:
    port.answer = lambda event: [b"a" * 16_000_000]
    raw.say(client_frame(TEXT, b"big"))
    await port.told(Blocked)
    start = port.listeners.now
    for second in range(2 * int(listeners.RESPONSE_TIMEOUT) + 3):
        await raw.reader.readexactly(1)
        port.listeners.sweep(start + second)
    assert "does not read" in (await port.told(Disconnected)).reason


@pytest.mark.asyncio
async def test_output_without_bound_is_cut(port, raw) -> None:
    port.listeners.hard_limit = 10_000_000
    port.answer = lambda event: [b"a" * 4_000_000] * 3
    raw.say(client_frame(TEXT, b"big"))
    assert "over the limit" in (await port.told(Disconnected)).reason


@pytest.mark.asyncio
async def test_a_slow_reader_within_its_limit_is_not_blocked(port, raw) -> None:
    port.listeners.configure(50_000_000, 0, 60.0)
    port.answer = lambda event: [b"a" * 16_000_000]
    raw.say(client_frame(TEXT, b"big"))
    await raw.hear()
    assert not any(isinstance(event, Blocked) for event in port.events)


@pytest.mark.asyncio
async def test_a_held_connection_is_not_read_until_it_is_released(port, raw) -> None:
    await port.told(Connected)
    connection = port.listeners.connections[1]
    connection.hold()
    raw.say(client_frame(TEXT, b"wait"))
    async with connect(port.url, proxy=None) as other:
        await other.send("others do not wait")
        await other.recv()
    assert port.received() == [[b"others do not wait"]]
    connection.release()
    assert await raw.hear() == (TEXT, b"wait")


# -------------------------------------------------------------------- keep-alive


@pytest.mark.asyncio
async def test_a_silent_client_is_pinged_then_given_up(port, raw) -> None:
    await port.told(Connected)
    start = port.listeners.now
    port.listeners.connections[1].set_keep_alive(10.0)
    port.listeners.sweep(start + 9.9)
    port.listeners.sweep(start + 10.1)
    assert await raw.hear() == (PING, b"")
    port.listeners.sweep(start + 20.2)
    assert await raw.hear_close() == 4004


@pytest.mark.asyncio
async def test_nobody_waits_for_a_silent_client_to_answer_the_close(port, raw) -> None:
    await port.told(Connected)
    start = port.listeners.now
    port.listeners.connections[1].set_keep_alive(10.0)
    port.listeners.sweep(start + 10.1)
    port.listeners.sweep(start + 20.2)
    port.listeners.sweep(start + 20.2 + connections.SILENT_CLOSE_LIMIT)
    gone = await port.told(Disconnected)
    assert "nothing was heard" in gone.reason
    assert not gone.gone


@pytest.mark.asyncio
async def test_an_answered_ping_counts_as_life(port, raw) -> None:
    await port.told(Connected)
    port.listeners.connections[1].set_keep_alive(10.0)
    for _ in range(3):
        port.listeners.sweep(port.listeners.now + 10.1)
        opcode, payload = await raw.hear()
        assert opcode == PING
        raw.say(client_frame(10, payload), client_frame(PING, b"seen"))
        assert await raw.hear() == (10, b"seen")
        port.listeners.sweep(port.listeners.now)


@pytest.mark.asyncio
async def test_without_keep_alive_nobody_is_pinged(port, raw) -> None:
    await port.told(Connected)
    port.listeners.connections[1].set_keep_alive(10.0)
    port.listeners.connections[1].set_keep_alive(0)
    port.listeners.sweep(port.listeners.now + 1000)
    raw.say(client_frame(TEXT, b"here"))
    assert await raw.hear() == (TEXT, b"here")


@pytest.mark.asyncio
async def test_a_probed_client_that_is_gone_is_given_up(port, raw) -> None:
    await port.told(Connected)
    port.listeners.connections[1].probe()
    assert await raw.hear() == (PING, b"")
    port.listeners.sweep(port.listeners.now + lifewatch.PROBE_LIMIT + 0.1)
    assert await raw.hear_close() == 4004


@pytest.mark.asyncio
async def test_probes_that_come_again_and_again_do_not_put_off_the_end(port, raw) -> None:
    await port.told(Connected)
    connection = port.listeners.connections[1]
    connection.set_keep_alive(10.0)
    connection.probe()
    start = port.listeners.now
    for passed in range(1, 10):
        port.listeners.sweep(start + passed)
        connection.probe()
    assert await raw.hear() == (PING, b"")
    port.listeners.sweep(start + 10.1)
    assert await raw.hear_close() == 4004


@pytest.mark.asyncio
async def test_a_probed_client_that_takes_nothing_of_much_output_is_given_up(port, raw) -> None:
    port.answer = lambda event: [b"a" * 16_000_000]
    raw.say(client_frame(TEXT, b"big"))
    await port.told(Blocked)
    now = port.listeners.now
    port.listeners.connections[1].set_keep_alive(4.0)
    for passed in range(0, 20, 2):  # without a probe its silence proves nothing
        port.listeners.sweep(now + passed)
    assert port.listeners.connections
    port.listeners.connections[1].probe()
    port.listeners.sweep(now + 22.1)
    port.listeners.sweep(now + 30)
    assert "nothing was heard" in (await port.told(Disconnected)).reason


@pytest.mark.asyncio
async def test_a_probed_client_that_answers_stays(port, raw) -> None:
    await port.told(Connected)
    port.listeners.connections[1].probe()
    await raw.hear()
    raw.say(client_frame(TEXT, b"here"))
    await raw.hear()
    port.listeners.sweep(port.listeners.now + lifewatch.PROBE_LIMIT + 0.1)
    raw.say(client_frame(TEXT, b"still"))
    assert await raw.hear() == (TEXT, b"still")


@pytest.mark.asyncio
async def test_a_peer_that_ignores_our_close_is_cut(port, raw) -> None:
    event = await port.told(Connected)
    port.listeners.connections[event.connection].close(1001, "stop")
    await raw.hear()
    port.listeners.sweep(port.listeners.now + connections.CLOSE_LIMIT)
    await port.told(Disconnected)


@pytest.mark.asyncio
async def test_a_socket_that_says_nothing_is_closed(port) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port.number)
    await get(port, "/livez")  # by now the silent one is accepted too
    port.listeners.sweep(port.listeners.now + 3600)
    assert await reader.read() == b""
    writer.close()


@pytest.mark.asyncio
async def test_half_a_request_on_many_sockets_keeps_nobody_out(port) -> None:
    halting = [
        await asyncio.open_connection("127.0.0.1", port.number)
        for _ in range(3 * accept.HANDSHAKES_IN_FLIGHT)
    ]
    for _, writer in halting:
        writer.write(b"G")
    async with asyncio.timeout(metering.HANDSHAKE_LIMIT / 2):
        assert "200 OK" in await get(port, "/livez")
    for _, writer in halting:
        writer.close()


@pytest.mark.asyncio
async def test_half_a_request_is_cut_and_no_fault_of_the_server(port, monkeypatch) -> None:
    monkeypatch.setattr(metering, "HANDSHAKE_LIMIT", 0.1)
    with capture_logs() as logs:
        reader, writer = await asyncio.open_connection("127.0.0.1", port.number)
        writer.write(b"SSH-2.0-scanner\r\n")
        async with asyncio.timeout(metering.HANDSHAKE_LIMIT * 50):
            assert await reader.read() == b""
        await asyncio.sleep(0)  # the task of the handshake ends in the next turn
    writer.close()
    assert [line for line in logs if line["log_level"] == "error"] == []


@pytest.mark.asyncio
async def test_who_has_a_session_does_not_wait_for_those_who_open_one(port) -> None:
    port.admits = False
    raws = [await open_raw(port) for _ in range(30)]
    await port.told(Connected, len(raws))
    port.listeners.connections[len(raws)].admit()
    for raw in raws:
        raw.say(client_frame(TEXT, b"hello"))
    await port.told(Received, len(raws))
    told = [event.connection for event in port.events if isinstance(event, Received)]
    assert told == [len(raws), *range(1, len(raws))]
    for raw in raws:
        raw.writer.close()


@pytest.mark.asyncio
async def test_who_comes_back_by_a_token_passes_those_who_log_in(port) -> None:
    port.admits = False
    crowd = [await open_raw(port) for _ in range(45)]
    for raw in crowd[:40]:
        raw.say(client_frame(TEXT, b'{"message":"open","data":"n,,n=x"}'))
    for raw in crowd[40:]:
        raw.say(client_frame(TEXT, b'{"message":"open","token":"abc"}'))
    await port.told(Received, 45)
    resumes = [at for at, (message,) in enumerate(port.received()) if b"token" in message]
    assert resumes == [0, 1, 2, 3, 4]
    for raw in crowd:
        raw.writer.close()


class Unlucky(socket.socket):
    """A listening socket whose first connection is lost before it is taken."""

    unlucky = True

    def accept(self) -> tuple[socket.socket, Any]:
        if self.unlucky:
            self.unlucky = False
            raise OSError(errno.EPROTO, "the network has changed")
        return super().accept()


@pytest.mark.asyncio
async def test_a_connection_that_fails_before_it_is_taken_leaves_the_port_open(port) -> None:
    listening = Unlucky(fileno=bind("127.0.0.1", 0).detach())
    listening.setblocking(False)
    number = listening.getsockname()[1]
    port.listeners.open_on(listening, ListeningPort("second", number))
    async with connect(f"ws://127.0.0.1:{number}/", proxy=None) as client:
        await client.send("hello")
        assert await client.recv() == "hello"


# -------------------------------------------------------------------- ports


@pytest.mark.asyncio
async def test_listen_opens_and_closes_ports(port) -> None:
    with bind("127.0.0.1", 0) as free:
        number = free.getsockname()[1]
    wanted = ListeningPort("second", number)
    assert port.listeners.listen([wanted]) == []
    async with connect(f"ws://127.0.0.1:{number}/", proxy=None) as client:
        await client.send("hello")
        assert await client.recv() == "hello"
    port.listeners.listen([])
    with pytest.raises(ConnectionRefusedError):
        await connect(f"ws://127.0.0.1:{number}/", proxy=None)


@pytest.mark.asyncio
async def test_a_taken_port_is_explained(port) -> None:
    with bind("127.0.0.1", 0) as taken:
        number = taken.getsockname()[1]
        (failure,) = port.listeners.listen([ListeningPort("default", number)])
    assert f"port {number}" in failure
    assert "ss -ltnp" in failure


@pytest.mark.parametrize("mode", ["secured", "autodetect"])
@pytest.mark.asyncio
async def test_a_secured_port_is_never_opened_in_clear(port, mode) -> None:
    (failure,) = port.listeners.listen([ListeningPort("tls", 29999, mode)])
    assert "TLS" in failure
    assert not port.listeners.is_listening


@pytest.mark.asyncio
async def test_received_is_told_in_bounded_pieces(port, raw) -> None:
    count = 3 * connections.MESSAGES_A_TURN
    raw.say(client_frame(TEXT, b"m") * count)
    for _ in range(count):
        await raw.hear()
    assert max(len(messages) for messages in port.received()) <= connections.MESSAGES_A_TURN
    assert isinstance(await port.told(Received), Received)


@pytest.mark.asyncio
async def test_more_messages_than_are_told_stay_with_the_client(port, raw) -> None:
    port.answer = lambda event: []
    raw.say(client_frame(TEXT, b"m") * 3_000_000)
    await port.told(Received, 400)
    assert raw.writer.transport.get_write_buffer_size() > 0


@pytest.mark.asyncio
async def test_all_of_a_flood_is_told_in_the_end(port, raw) -> None:
    count = 200_000
    raw.say(client_frame(TEXT, b"m") * count, client_frame(TEXT, b"end"))
    port.answer = lambda event: [b"all"] if event.messages[-1] == b"end" else []
    assert await raw.hear() == (TEXT, b"all")
    assert sum(map(len, port.received())) == count + 1
