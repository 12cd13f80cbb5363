"""Small facts about the other end of a socket."""

from __future__ import annotations

import errno
import ipaddress
import secrets
from base64 import b64encode
from collections.abc import Iterable
from functools import lru_cache
from typing import Any

FORWARDED = "behind a reverse proxy"
"""In place of the address of somebody for whom a reverse proxy asks."""
_OF_REVERSE_PROXIES = ("forwarded", "x-forwarded-", "x-real-ip")


def format_address(peer: tuple[Any, ...]) -> str:
    """Return "address:port", with IPv6 addresses in brackets."""
    host = peer[0].removeprefix("::ffff:")
    return f"[{host}]:{peer[1]}" if ":" in host else f"{host}:{peer[1]}"


def host_of(address: str) -> str:
    """Return the host of "1.2.3.4:80", "[::1]:80" or a bare address."""
    if address.startswith("["):
        return address[1:].partition("]")[0]
    return address.partition(":")[0] if address.count(":") == 1 else address


@lru_cache(1024)
def is_loopback(host: str) -> bool:
    """Whether the address is of this machine alone."""
    try:
        address = ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return False
    mapped = getattr(address, "ipv4_mapped", None)
    return (mapped or address).is_loopback


def is_end(broken_by: Exception | None) -> bool:
    """Whether a live host has ended a connection that nobody had closed: its process is gone."""
    return broken_by is None or isinstance(broken_by, ConnectionError)


def is_refusal(error: Exception) -> bool:
    """Whether a live host has refused a connection: nobody listens there."""
    if isinstance(error, ConnectionRefusedError | ConnectionResetError):
        return True
    # A name with several addresses: one error tells of them all.
    text = str(error)
    return text.count("[Errno") == text.count(f"[Errno {errno.ECONNREFUSED}]") > 0


def is_forwarded(headers: Iterable[str]) -> bool:
    """Whether an HTTP request with headers of these names came through a reverse proxy."""
    return any(name.lower().startswith(_OF_REVERSE_PROXIES) for name in headers)


def new_nonce() -> str:
    """Return 18 random bytes in base64."""
    return b64encode(secrets.token_bytes(18)).decode()
