"""Asks whether a server would serve a client, without a login: `GET /readyz` on its port.

One small request, which no server writes to a log and no session results from.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from confwire.client.backoff import Address
from confwire.client.link import Opening, outgoing


async def first_ready(
    servers: Sequence[Address], opening: Opening, timeout: float
) -> Address | None:
    """Ask all at once; return the first of them, in their order, that would serve.

    Args:
        servers: whom to ask.
        opening: how to connect to them.
        timeout: seconds for all answers.
    """
    answers = await asyncio.gather(*(is_ready(server, opening, timeout) for server in servers))
    return next((server for server, ready in zip(servers, answers, strict=True) if ready), None)


async def is_ready(server: Address, opening: Opening, timeout: float) -> bool:
    """Whether the server says within this many seconds that it would serve."""
    try:
        async with asyncio.timeout(timeout):
            return await _ask(server, opening)
    except (OSError, TimeoutError, ValueError):  # ValueError: a line without an end
        return False


async def _ask(server: Address, opening: Opening) -> bool:
    host, port = server
    # Not from the local address of the session: that is taken as long as the session is open.
    options = outgoing(host, opening.tls_name, None)
    reader, writer = await asyncio.open_connection(host, port, ssl=opening.tls, **options)
    try:
        name = f"[{host}]" if ":" in host else host.encode("idna").decode()
        request = f"GET /readyz HTTP/1.1\r\nHost: {name}:{port}\r\nConnection: close\r\n\r\n"
        writer.write(request.encode())
        words = (await reader.readline()).split()
        return words[1:2] == [b"200"]
    finally:
        writer.transport.abort()
