"""Whatever a connection begins with: the port goes on, and nobody else notices.

Garbage, cut and bent beginnings of what is right, headers without end and handshakes that are left
halfway, over real sockets. What they are comes from a fixed seed.
"""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from pathlib import Path
from random import Random
from typing import Any

import pytest
from structlog.testing import capture_logs

from confwire.tls import client_context
from proxyapp.engine.transport import Mode
from tests.certificates import Authority
from tests.proxyapp.runtime.test_entrances import (
    HELLO,
    PROXY_HEADER,
    UPGRADE,
    echoes,
    eventually,
    link,
    secured,
)

pytestmark = pytest.mark.asyncio

OPENINGS, AT_ONCE = 240, 40
PATIENCE = 0.05
"""Seconds that a visitor waits for an answer before it goes."""


def client_hello(trusting: ssl.SSLContext) -> bytes:
    """Return what a client of TLS begins with."""
    outgoing = ssl.MemoryBIO()
    line = trusting.wrap_bio(ssl.MemoryBIO(), outgoing, server_hostname="localhost")
    with contextlib.suppress(ssl.SSLWantReadError):
        line.do_handshake()
    return outgoing.read()


def some_opening(random: Random, right: list[bytes]) -> bytes:
    """Return something that no client would begin with, or not end with."""
    good = random.choice(right)
    choice = random.randrange(7)
    if choice == 0:
        return random.randbytes(random.choice((1, 2, 16, 300, 20_000)))
    if choice == 1:
        return good[: random.randrange(len(good))]
    if choice == 2:
        bent = bytearray(good)
        for _ in range(random.randrange(1, 6)):
            bent[random.randrange(len(bent))] = random.randrange(256)
        return bytes(bent)
    if choice == 3:
        name = b"X-" + b"a" * random.choice((10, 5_000, 70_000))
        return b"GET / HTTP/1.1\r\nHost: x\r\n" + (name + b": b\r\n") * random.randrange(1, 30)
    if choice == 4:
        return b"GET /" + b"a" * random.choice((9_000, 200_000))
    if choice == 5:  # a header of the PROXY protocol that promises more than there is, or too much
        length = random.randrange(1 << 16).to_bytes(2, "big")
        return PROXY_HEADER[:14] + length + random.randbytes(random.randrange(200)) + good
    return good + random.randbytes(random.randrange(1, 2_000))


async def visit(port: int, data: bytes, random: Random) -> None:
    """Begin with some bytes, perhaps in two parts, and go away in one of several ways."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    at = random.randrange(len(data) + 1)
    with contextlib.suppress(OSError):
        for part in (data[:at], data[at:]):
            writer.write(part)
            await asyncio.sleep(0)
        if random.random() < 0.3:
            writer.write_eof()
        async with asyncio.timeout(PATIENCE):
            await reader.read()
    writer.transport.abort() if random.random() < 0.5 else writer.close()


@pytest.mark.parametrize("balanced", [False, True])
@pytest.mark.parametrize("mode", ["unsecured", "secured", "autodetect"])
async def test_no_beginning_harms_the_port_or_who_is_there(
    port: Any, tmp_path: Path, caplog: Any, mode: Mode, balanced: bool
) -> None:
    ca = Authority(tmp_path)
    trusting = client_context(trusted_ca=str(ca.file))
    wanted = secured(port, ca.issue(), "autodetect" if mode == "unsecured" else mode)
    number = port.number if mode == "unsecured" else wanted.port
    right = [UPGRADE + HELLO, client_hello(trusting), PROXY_HEADER + UPGRADE + HELLO]
    random = Random(f"{mode} {balanced}")
    faults: list[Any] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, fault: faults.append(fault))
    async with link(wanted, trusting) as witness:
        assert await echoes(witness)
        if balanced:
            port.listeners.balancers.configure("127.0.0.1", "proxy-v2")
        with capture_logs() as logs:
            for _ in range(OPENINGS // AT_ONCE):
                openings = [some_opening(random, right) for _ in range(AT_ONCE)]
                await asyncio.gather(*(visit(number, data, random) for data in openings if data))
            await eventually(lambda: len(port.listeners.connections) == 1)
        assert await echoes(witness)
        if balanced:
            port.listeners.balancers.configure("", "proxy-v2")
        async with link(wanted, trusting) as late:
            assert await echoes(late)
    assert not faults
    assert [line for line in logs if line["log_level"] in ("error", "critical")] == []
    assert len(logs) < 20, "nobody fills the log"
    assert not caplog.records
