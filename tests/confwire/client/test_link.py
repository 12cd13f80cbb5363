"""One connection: how it is opened, kept alive, and what is said when that fails."""

from __future__ import annotations

import asyncio
import re

import pytest
from websockets.asyncio.server import serve

from confwire.client import KeepAlive, LinkLost, State
from confwire.errors import RemoteProtocolError

pytestmark = pytest.mark.asyncio


async def test_a_silent_server_is_given_up_after_twice_the_timeout(peer, states):
    await peer.connect(on_status=states, keep_alive=KeepAlive(0.05, 0))
    session = await peer.session()
    session.socket.transport.pause_reading()  # it answers no ping
    assert await states.reach(State.LOST) == f"127.0.0.1:{peer.port} was silent for 0.1 s"
    session.cut()


async def test_a_server_that_answers_pings_is_kept(peer, start, states):
    client = await peer.connect(on_status=states, keep_alive=KeepAlive(0.02, 0))
    session = await peer.session()
    await states.reach(State.OPEN)
    reading = start(client.read("host"))
    request = await session.receive()
    # Its own pings tell that several of the client's have been answered meanwhile.
    for _ in range(10):
        await asyncio.wait_for(await session.socket.ping(), 5)
        await asyncio.sleep(0.01)
    await session.packet(request, 1, last=True)
    assert len(await reading) == 1
    assert states.seen == []


@pytest.mark.parametrize(
    ("kind", "body", "said"),
    [
        ("text/plain", "", "no configuration server: it answers with HTTP 400"),
        ("text/html", "<p>go away</p>", "no configuration server: it answers with HTTP 400"),
        ("text/plain", "two\nlines", "no configuration server: it answers with HTTP 400"),
        ("text/plain", "x" * 301, "no configuration server: it answers with HTTP 400"),
        ("text/plain", "this port speaks TLS", "refuses the connection: this port speaks TLS"),
    ],
)
async def test_a_refusal_by_http_is_told_with_the_reason_in_it(peer, kind, body, said):
    async def handle(reader, writer):
        await reader.readuntil(b"\r\n\r\n")
        head = f"HTTP/1.1 400 Bad\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\n\r\n"
        writer.write((head + body).encode())
        writer.close()

    server = await asyncio.start_server(handle, "127.0.0.1", 0)
    peer.port = server.sockets[0].getsockname()[1]
    with pytest.raises(RemoteProtocolError, match=said):
        await peer.connect()
    server.close()


async def test_a_websocket_of_another_protocol_is_refused(peer):
    async with serve(lambda socket: socket.wait_closed(), "127.0.0.1", 0) as server:
        peer.port = server.sockets[0].getsockname()[1]
        with pytest.raises(RemoteProtocolError, match=r"does not speak confwire\.1"):
            await peer.connect()


@pytest.mark.parametrize(
    ("name", "reason"), [("no-such-host.invalid", "unknown"), ("a..b", "that is no host name")]
)
async def test_what_is_wrong_with_a_host_name_is_said(peer, monkeypatch, name, reason):
    monkeypatch.setattr(type(peer), "address", (name, 2020))
    with pytest.raises(LinkLost, match=rf"cannot connect to {re.escape(name)}:2020: {reason}"):
        await peer.connect()


async def test_a_server_that_says_nothing_is_given_up(peer, monkeypatch):
    async def handle(reader, writer):
        await reader.read()
        writer.close()

    server = await asyncio.start_server(handle, "127.0.0.1", 0)
    peer.port = server.sockets[0].getsockname()[1]
    with pytest.raises(LinkLost, match=r"did not answer within 0\.05 s"):
        await peer.connect(opening_timeout=0.05)
    server.close()
