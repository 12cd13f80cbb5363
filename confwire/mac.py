"""HMAC-SHA-256 (RFC 2104) of short messages, for who makes thousands in a row.

The same bytes as `hmac.digest`, which lets go of the interpreter each time: where other threads
have work, it then waits for them, and that takes much longer than the hashes.
"""

from __future__ import annotations

from hashlib import sha256

_BLOCK = 64
_INNER = bytes(byte ^ 0x36 for byte in range(256))
_OUTER = bytes(byte ^ 0x5C for byte in range(256))


class Key:
    """A key that is used again and again."""

    __slots__ = ("_inner", "_outer")

    def __init__(self, key: bytes) -> None:
        block = (key if len(key) <= _BLOCK else sha256(key).digest()).ljust(_BLOCK, b"\0")
        self._inner = sha256(block.translate(_INNER))
        self._outer = sha256(block.translate(_OUTER))

    def digest(self, message: bytes) -> bytes:
        """Return the 32 bytes that only who has the key can make of the message."""
        inner, outer = self._inner.copy(), self._outer.copy()
        inner.update(message)
        outer.update(inner.digest())
        return outer.digest()


def digest(key: bytes, message: bytes) -> bytes:
    """Return the same for a key that is used once."""
    return Key(key).digest(message)
