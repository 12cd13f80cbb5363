"""Whether a server would serve is asked without a login."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from confwire.client.credentials import Credentials
from confwire.client.link import Opening
from confwire.client.probing import first_ready, is_ready

pytestmark = pytest.mark.asyncio
READY = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"
OPENING = Opening(Credentials("default", "anna", "", ""))


@pytest_asyncio.fixture
async def answering() -> AsyncIterator[Any]:
    """Start servers that answer every request with the same bytes."""
    servers: list[asyncio.Server] = []
    requests: list[bytes] = []

    async def begin(answer: bytes, host: str = "127.0.0.1") -> tuple[str, int]:
        async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            try:
                requests.append(await reader.readuntil(b"\r\n\r\n"))
                writer.write(answer)
                await reader.read()
            except (OSError, asyncio.IncompleteReadError):
                pass  # the prober has gone
            finally:
                writer.close()

        servers.append(await asyncio.start_server(handle, host, 0))
        port: int = servers[-1].sockets[0].getsockname()[1]
        return (host, port)

    begin.requests = requests  # type: ignore[attr-defined]
    yield begin
    for server in servers:
        server.close()


async def test_a_server_that_would_serve_says_200(answering):
    address = await answering(READY)
    assert await is_ready(address, OPENING, 20)
    (request,) = answering.requests
    assert request.startswith(b"GET /readyz HTTP/1.1\r\nHost: 127.0.0.1:%d\r\n" % address[1])


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 503 Service Unavailable\r\n\r\n",
        b"SSH-2.0-OpenSSH_9.2\r\n",
        b"\n",
        b"x" * 100_000,  # a line without an end
    ],
)
async def test_whatever_else_is_said_is_no_readiness(answering, answer):
    assert not await is_ready(await answering(answer), OPENING, 20)


async def test_who_says_nothing_is_not_ready(answering):
    assert not await is_ready(await answering(b""), OPENING, 0.05)


async def test_who_is_not_there_is_not_ready(unused_port):
    assert not await is_ready(("127.0.0.1", unused_port), OPENING, 20)
    assert not await is_ready(("no-such-host.invalid", 2020), OPENING, 20)


async def test_the_first_that_would_serve_is_chosen(answering, unused_port):
    away, busy = ("127.0.0.1", unused_port), await answering(b"HTTP/1.1 503 Not yet\r\n\r\n")
    first, second = await answering(READY), await answering(READY)
    assert await first_ready([away, busy, first, second], OPENING, 20) == first
    assert await first_ready([away, busy], OPENING, 20) is None
