"""Connections that come through a balancer: whose word about the client counts, over sockets."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct

import pytest
from structlog.testing import capture_logs

from proxyapp.balancer.proxyheader import SIGNATURE
from proxyapp.engine.events import Blocked, Connected
from proxyapp.runtime import accept
from tests.proxyapp.runtime.test_listeners import HANDSHAKE, TEXT, Raw, client_frame, get, open_raw

pytestmark = pytest.mark.asyncio

ENDS = socket.inet_aton("198.51.100.7") + socket.inet_aton("10.0.0.1")
HEADER = SIGNATURE + struct.pack("!BBH", 0x21, 0x11, 12) + ENDS + struct.pack("!HH", 4711, 2020)
LOCAL = SIGNATURE + struct.pack("!BBH", 0x20, 0, 0)


@pytest.fixture
def behind(port):
    """A port that trusts balancers on this machine."""
    assert port.listeners.balancers.configure("127.0.0.0/8", "proxy-v2") == []
    return port


async def say(port, *parts: bytes, pause: float = 0.0) -> tuple[Raw, bytes]:
    """Send bytes, with a pause after each part; return what is answered up to an empty line."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port.number)
    for part in parts:
        writer.write(part)
        await writer.drain()
        await asyncio.sleep(pause)
    async with asyncio.timeout(10):
        try:
            answer = await reader.readuntil(b"\r\n\r\n")
        except asyncio.IncompleteReadError as error:
            answer = error.partial
        if b" 400 " in answer:
            answer += await reader.read()
    return Raw(reader, writer), answer


async def test_the_client_of_a_balancer_is_known_and_so_is_the_balancer(behind) -> None:
    raw, answer = await say(behind, HEADER + HANDSHAKE)
    assert b" 101 " in answer
    told = await behind.told(Connected)
    assert (told.forwarded, told.peer[:10]) == ("198.51.100.7:4711", "127.0.0.1:")
    assert not told.secure, "that the balancer is on this machine hides nothing"
    raw.say(client_frame(TEXT, b"hello"))
    assert await raw.hear() == (TEXT, b"hello")
    raw.writer.close()


async def test_a_header_that_comes_byte_by_byte_is_read(behind) -> None:
    pieces = [HEADER[at : at + 1] for at in range(len(HEADER))]
    raw, answer = await say(behind, *pieces, HANDSHAKE, pause=0.002)
    assert b" 101 " in answer
    assert (await behind.told(Connected)).forwarded == "198.51.100.7:4711"
    raw.writer.close()


@pytest.mark.parametrize("path", ["/livez", "/readyz", "/freshz"])
@pytest.mark.parametrize("header", [b"", LOCAL, HEADER])
async def test_a_balancer_may_check_the_health_with_and_without_a_header(
    behind, path, header
) -> None:
    request = f"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode()
    raw, answer = await say(behind, header + request)
    assert b" 200 " in answer
    raw.writer.close()


async def test_a_balancer_that_does_not_say_for_whom_it_speaks_is_refused(behind) -> None:
    with capture_logs() as logs:
        for _ in range(3):
            raw, answer = await say(behind, HANDSHAKE)
            assert b" 400 " in answer
            assert b"send-proxy-v2" in answer
            raw.writer.close()
    assert [line["event"] for line in logs if line["log_level"] == "warning"] == [
        "connection refused"
    ]


@pytest.mark.parametrize(
    "data",
    [
        SIGNATURE + b"\x11\x11\0\x0c" + ENDS + b"\0\0\0\0",
        SIGNATURE + b"\x21\x11\xff\xff",
        SIGNATURE + b"\x21\x11\0\x04abcd",
    ],
)
async def test_a_broken_header_is_refused_with_a_reason_and_logged_once(behind, data) -> None:
    with capture_logs() as logs:
        for _ in range(3):
            raw, answer = await say(behind, data)
            assert b" 400 " in answer
            raw.writer.close()
    assert len([line for line in logs if line["event"] == "connection refused"]) == 1


@pytest.mark.parametrize("networks", ["", "10.0.0.0/8"])
async def test_a_header_from_a_stranger_is_refused(port, networks) -> None:
    port.listeners.balancers.configure(networks, "proxy-v2")
    with capture_logs() as logs:
        for _ in range(3):
            raw, answer = await say(port, HEADER + HANDSHAKE)
            assert b"no balancer is trusted" in answer
            raw.writer.close()
    (line,) = [line for line in logs if line["event"] == "connection refused"]
    assert (line["peer"], line["remedy"][-17:]) == ("127.0.0.1", "balancer-networks")


async def test_a_balancer_without_its_header_is_told_what_to_set(port) -> None:
    port.listeners.balancers.configure("127.0.0.1", "proxy-v2")
    with capture_logs() as logs:
        raw, answer = await say(port, HANDSHAKE)
        assert b"set send-proxy-v2 there, or connect from another" in answer
        raw.writer.close()
    (line,) = [line for line in logs if line["event"] == "connection refused"]
    assert line["remedy"] == "or take it out of the option balancer-networks"


async def test_a_stranger_needs_no_header(port) -> None:
    port.listeners.balancers.configure("10.0.0.0/8", "proxy-v2")
    raw = await open_raw(port)
    assert (await port.told(Connected)).forwarded == ""
    raw.writer.close()


@pytest.mark.parametrize(
    ("networks", "client"), [("127.0.0.1", "198.51.100.7"), ("10.0.0.1", ""), ("", "")]
)
async def test_x_forwarded_for_counts_from_trusted_balancers_alone(port, networks, client) -> None:
    port.listeners.balancers.configure(networks, "x-forwarded-for")
    told = b"\r\nX-Forwarded-For: 1.2.3.4, 198.51.100.7\r\n\r\n"
    raw, answer = await say(port, HANDSHAKE.removesuffix(b"\r\n\r\n") + told)
    assert b" 101 " in answer
    assert (await port.told(Connected)).forwarded == client
    raw.writer.close()


async def test_x_forwarded_for_does_not_count_where_the_proxy_protocol_does(behind) -> None:
    told = b"\r\nX-Forwarded-For: 1.2.3.4\r\n\r\n"
    raw, _ = await say(behind, HEADER + HANDSHAKE.removesuffix(b"\r\n\r\n") + told)
    assert (await behind.told(Connected)).forwarded == "198.51.100.7:4711"
    raw.writer.close()


async def test_half_a_header_is_cut_in_the_end(behind, monkeypatch) -> None:
    monkeypatch.setattr(accept, "SILENCE_LIMIT", 0.0)
    reader, writer = await asyncio.open_connection("127.0.0.1", behind.number)
    writer.write(HEADER[:20])
    await get(behind, "/livez")
    behind.listeners.sweep(asyncio.get_running_loop().time() + 1)
    async with asyncio.timeout(10):
        assert await reader.read() == b""
    writer.close()


async def test_a_probe_that_connects_and_leaves_costs_no_handshake_and_no_line(port) -> None:
    started = []
    door = next(iter(port.listeners._entrances.values())).door
    handshake = door._handshake

    async def counted(*arguments):
        started.append(arguments)
        await handshake(*arguments)

    door._handshake = counted
    with capture_logs() as logs:
        for _ in range(50):
            _, writer = await asyncio.open_connection("127.0.0.1", port.number)
            writer.close()
            await writer.wait_closed()
        await get(port, "/livez")
    assert len(started) == 1
    assert not logs


async def test_slow_readers_that_have_too_much_together_wait(port) -> None:
    port.listeners.configure(50_000_000, 1_000_000, 60.0)
    readers = [await open_raw(port) for _ in range(3)]
    await port.told(Connected, 3)
    connections = list(port.listeners.connections.values())
    for connection in connections:
        connection.send([bytes(8_000_000)])
    async with asyncio.timeout(10):
        while sum(isinstance(event, Blocked) for event in port.events) < 3:
            port.listeners.sweep(asyncio.get_running_loop().time())
            await asyncio.sleep(0.001)
    assert port.listeners.crowded
    for connection in connections:
        connection.abort(1001, "the test is over")
    for raw in readers:
        raw.writer.transport.abort()
        with contextlib.suppress(OSError):
            await raw.writer.wait_closed()
