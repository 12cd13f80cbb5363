"""WebSocket frames as a server sends them (RFC 6455, section 5): unmasked, never fragmented.

Pure bytes; knows no socket. Receiving is the listening library's part.
"""

from __future__ import annotations

from collections.abc import Sequence
from struct import Struct

_SHORT = [bytes((0x81, size)) for size in range(126)]
_MEDIUM = Struct(">HH").pack
_LONG = Struct(">HQ").pack
_CLOSE_REASON_LIMIT = 123

PING = b"\x89\x00"


def header(size: int) -> bytes:
    """Return the header of a text frame of `size` bytes."""
    if size < 126:
        return _SHORT[size]
    if size < 65536:
        return _MEDIUM(0x817E, size)
    return _LONG(0x817F, size)


def frame(messages: Sequence[bytes]) -> bytes:
    """Return the messages as text frames, joined."""
    parts = []
    for message in messages:
        parts.append(header(len(message)))
        parts.append(message)
    return b"".join(parts)


def pong(payload: bytes) -> bytes:
    """Return the answer to a PING of at most 125 bytes."""
    return bytes((0x8A, len(payload))) + payload


def close(code: int, reason: str) -> bytes:
    """Return a CLOSE frame; a code below 1000 gives one without body. Long reasons are cut."""
    if code < 1000:
        return b"\x88\x00"
    text = reason.encode()[:_CLOSE_REASON_LIMIT].decode(errors="ignore").encode()
    return bytes((0x88, len(text) + 2)) + code.to_bytes(2, "big") + text
