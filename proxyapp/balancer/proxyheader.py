"""The header of the PROXY protocol, version 2: who the client of a balancer is.

It comes before all else on a connection. Knows bytes alone: it says how many are still needed,
and what they mean.
"""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address

SIGNATURE = b"\r\n\r\n\0\r\nQUIT\n"
_HEAD = 16
"""Bytes of signature, version and command, family, and length."""
MAX_LENGTH = 4096
"""Bytes after those: addresses take 36 at most, the rest are extensions that nobody reads."""
_IPV4, _IPV6 = 1, 2
_SIZES = {_IPV4: 12, _IPV6: 36}


class MalformedHeader(ValueError):
    """The header is not one of the PROXY protocol in version 2; the text says why."""


def begins(data: bytes) -> bool:
    """Whether this may be the beginning of a header; anything else is said by a client."""
    return data[:1] == b"\r" and data[:12] == SIGNATURE[: len(data)]


def missing(data: bytes) -> int:
    """Return how many bytes are to be read next; 0: the header is whole.

    Raises MalformedHeader.
    """
    if not begins(data):
        raise MalformedHeader("the signature of the PROXY protocol is broken")
    if len(data) < _HEAD:
        return _HEAD - len(data)
    if data[12] >> 4 != 2:
        raise MalformedHeader(f"the PROXY protocol has no version {data[12] >> 4}: use version 2")
    length = int.from_bytes(data[14:16], "big")
    if length > MAX_LENGTH:
        raise MalformedHeader(f"a PROXY header of {length} bytes is longer than {MAX_LENGTH}")
    return _HEAD + length - len(data)


def source_of(header: bytes) -> str:
    """Return "address:port" of the client; empty where the balancer speaks for itself.

    Raises MalformedHeader.
    """
    command, family = header[12] & 15, header[13] >> 4
    if command == 0:  # a health check
        return ""
    if command != 1:
        raise MalformedHeader(f"the PROXY protocol has no command {command}")
    size = _SIZES.get(family)
    if size is None:  # a family that has no address that could be shown
        return ""
    if len(header) - _HEAD < size:
        raise MalformedHeader("the addresses of a PROXY header are cut off")
    if family == _IPV4:
        host, port = str(IPv4Address(header[16:20])), header[24:26]
    else:
        address = IPv6Address(header[16:32])
        mapped = address.ipv4_mapped
        host, port = str(mapped) if mapped is not None else f"[{address}]", header[48:50]
    return f"{host}:{int.from_bytes(port, 'big')}"
