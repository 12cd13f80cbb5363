"""Secret option values: sealed by the masters of an environment, opened by all its servers.

AES-256-GCM under a key that is derived from the masters' secret, so that there is no table of
keys. A sealed value is bound to its place: at another object, or under another name, it does not
open. Random bytes are given; knows no documents.
"""

from __future__ import annotations

import hmac
import re
from base64 import b64decode, b64encode
from collections.abc import Sequence
from typing import NamedTuple

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from confwire.opaque import PREFIX

NONCE_SIZE = 12
_KEY = b"csproxy secret options 1\x01"
_DOMAIN = "csproxy secret option 1"
_TEXT = re.compile(re.escape(PREFIX) + r"([0-9a-f]{16}):([A-Za-z0-9+/]+={0,2})")
_BLOCK = 32
"""Bytes to whose multiple a plain text is filled up, so that its length is not told."""


class Unreadable(Exception):
    """A text was not sealed with a key that is known here, or not for this place."""


class Place(NamedTuple):
    """Where a value stands."""

    type: int
    dbid: int
    field: str
    section: str
    option: str


class SecretKeys:
    """The keys that a server has; the first one seals."""

    def __init__(self, given: Sequence[tuple[str, bytes]]) -> None:
        self._ciphers = {id_: AESGCM(key) for id_, key in given}
        self._first = given[0][0] if given else ""

    def __repr__(self) -> str:
        return f"<SecretKeys {' '.join(self._ciphers)}>"

    def __bool__(self) -> bool:
        return bool(self._ciphers)

    def seal(self, plain: str, place: Place, nonce: bytes) -> str:
        """Return the opaque text of a plain one.

        Args:
            nonce: random bytes, NONCE_SIZE, never used before.
        """
        data = plain.encode() + b"\x80"
        data += bytes(-len(data) % _BLOCK)
        sealed = nonce + self._ciphers[self._first].encrypt(nonce, data, _bound(place))
        return f"{PREFIX}{self._first}:{b64encode(sealed).decode('ascii')}"

    def open(self, text: str, place: Place) -> str:
        """Return the plain text of an opaque one.

        Raises:
            Unreadable: it is damaged, of another place, or sealed with another key.
        """
        found = _TEXT.fullmatch(text)
        cipher = self._ciphers.get(found[1]) if found else None
        if found is None or cipher is None:
            raise Unreadable("it was sealed with a key that this server does not have")
        try:
            sealed = b64decode(found[2], validate=True)
            if b64encode(sealed) != found[2].encode():
                raise ValueError("one value has one form only")
            nonce, data = sealed[:NONCE_SIZE], sealed[NONCE_SIZE:]
            return cipher.decrypt(nonce, data, _bound(place)).rstrip(b"\0")[:-1].decode()
        except (ValueError, InvalidTag) as error:
            raise Unreadable("it is damaged, or was sealed for another place") from error

    def is_newest(self, text: str) -> bool:
        """Whether a text names the key that seals now."""
        return text.startswith(f"{PREFIX}{self._first}:")


def derive(secrets: Sequence[str]) -> list[tuple[str, bytes]]:
    """Return id and key for each secret of the masters, the present one first."""
    return [_derive(secret.encode()) for secret in dict.fromkeys(secrets) if secret]


def _derive(secret: bytes) -> tuple[str, bytes]:
    """HKDF-SHA-256 (RFC 5869) with one block of output; the id tells nothing of the key."""
    key = hmac.digest(hmac.digest(b"\0" * 32, secret, "sha256"), _KEY, "sha256")
    return hmac.digest(key, b"id", "sha256")[:8].hex(), key


def _bound(place: Place) -> bytes:
    return msgspec.json.encode([_DOMAIN, *place])
