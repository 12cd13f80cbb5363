"""Resume tokens: signed statements of whose session it was, which any server can check alone.

Keys are derived for each period of time from one secret of the masters, so that they need no
table, and coming ones can be given away ahead. To clients a token is opaque; it is a bearer's
proof, like a password that ends soon. Knows no sessions and no clock.
"""

from __future__ import annotations

import hmac
import re
import struct
from base64 import urlsafe_b64decode, urlsafe_b64encode
from hashlib import blake2b

from msgspec import Struct

from confwire import mac
from confwire.errors import TokenRefused
from confwire.messages import TokenKeys

PERIOD = 86_400
"""Seconds for which one key signs."""
TOLERANCE = 60.0
"""Seconds by which the clocks of two servers may differ."""
PART_SIZE = 7
WHOLE = b"\0" * PART_SIZE
"""Names all data, where a server's limit shows a part of it."""
UNTOLD = (1 << 64) - 1
"""In place of a revision: the session has told nothing yet, so its client may know other parts."""
_FORMAT = 2
_BODY = struct.Struct(">HIIQQQ12s8sdd7sQ")
_MAC_SIZE = 32
_TEXT = re.compile(f"[A-Za-z0-9_-]{{{(_BODY.size + _MAC_SIZE) * 4 // 3}}}")
_FINGERPRINT_SIZE = 16
_MARK_SIZE = 8
_INFO = b"csproxy resume token "


class Holder(Struct, frozen=True, gc=False):
    """Whose session it is, as a login or a token has proved it."""

    session: str
    application: int
    person: int
    fingerprint: bytes
    """Of the account's verifier at the time of the login: another password is another one."""
    generation: int


class Token(Struct, frozen=True, gc=False):
    """What a token says whose signature is right."""

    session: str
    application: int
    """DBIDs of the application, of the account, and of the server that gave it out."""
    person: int
    server: int
    generation: int
    issued_at: float
    expires_at: float
    period: int
    mark: bytes
    """Proves the verifier, and shows nothing of it."""
    part: bytes
    """Names the part of the data that the server showed …"""
    part_since: int
    """… and the revision from which on the client's cursors are of it; UNTOLD: nothing is known."""


class Ring:
    """The keys that a server has, and what it needs to know to use them."""

    def __init__(self, given: TokenKeys) -> None:
        self.given = given
        self.generation = given.generation
        self.life = float(given.life)
        """Seconds for which a token counts."""
        self._period = given.period
        self._keys = {period: _Key(key) for period, key in given.keys}

    def __repr__(self) -> str:
        return f"<Ring of {len(self._keys)} keys, generation {self.generation}>"

    @property
    def ends_at(self) -> float:
        """When the last key has been used up, in seconds since 1970 UTC."""
        return float((max(self._keys, default=-1) + 1) * self._period)

    def issue(
        self, holder: Holder, server: int, now: float, part: bytes = WHOLE, part_since: int = UNTOLD
    ) -> str:
        """Return a new token, empty where there is no key for this time."""
        period = int(now // self._period)
        key = self._keys.get(period)
        if key is None:
            return ""
        body = _BODY.pack(
            _FORMAT,
            period,
            holder.generation,
            holder.application,
            holder.person,
            server,
            bytes.fromhex(holder.session),
            key.mark(holder.fingerprint),
            now,
            now + self.life,
            part,
            part_since,
        )
        return urlsafe_b64encode(body + key.sign(body)).decode("ascii")

    def read(self, text: str, now: float) -> Token:
        """Return what a token says, after its signature, its age and its generation.

        Raises:
            TokenRefused: it is forged, damaged, foreign, expired or revoked.
        """
        data = _decode(text)
        body, signature = data[: _BODY.size], data[_BODY.size :]
        (form, period, generation, application, person, server, session, mark, issued, expires,
         part, part_since) = _BODY.unpack(body)  # fmt: skip
        key = self._keys.get(period) if form == _FORMAT else None
        if key is None:
            raise TokenRefused("the token was signed with a key that this server does not have")
        if not hmac.compare_digest(key.sign(body), signature):
            raise TokenRefused("the token's signature is wrong")
        if now > expires + TOLERANCE:
            raise TokenRefused("the token has expired")
        if generation != self.generation:
            raise TokenRefused("all tokens of that time were revoked")
        return Token(
            session.hex(), application, person, server, generation, issued, expires, period, mark,
            part, part_since,
        )  # fmt: skip

    def proves(self, token: Token, fingerprint: bytes) -> bool:
        """Whether the account still has the verifier that it had at the login."""
        return hmac.compare_digest(token.mark, self._keys[token.period].mark(fingerprint))


class _Key:
    """What one key of a ring makes."""

    def __init__(self, key: bytes) -> None:
        self._key = key
        self._mac = mac.Key(key)

    def sign(self, body: bytes) -> bytes:
        """Return the signature of a token."""
        return self._mac.digest(b"token" + body)

    def mark(self, fingerprint: bytes) -> bytes:
        """Return what proves a verifier in a token, and shows nothing of it."""
        # Beside the signature: shorter, and cheaper than HMAC where ten thousand come at once.
        made = blake2b(fingerprint, key=self._key, digest_size=_MARK_SIZE, person=b"verifier")
        return made.digest()


def fingerprint_of(verifier: str) -> bytes:
    """Return what tells one verifier from another; of no verifier as well."""
    return blake2b(verifier.encode(), digest_size=_FINGERPRINT_SIZE).digest()


def make_keys(secret: bytes, generation: int, life: int, outage: int, now: float) -> TokenKeys:
    """Return the keys that a master uses and gives to its proxies.

    Args:
        secret: the one secret of all masters of an environment.
        generation: tokens of another one are void.
        life: seconds for which a token counts.
        outage: seconds for which proxies must be able to go on without a master.
        now: seconds since 1970 UTC.
    """
    first, last = int((now - life - TOLERANCE) // PERIOD), int((now + outage) // PERIOD)
    keys = [(period, _derive(secret, period)) for period in range(max(first, 0), last + 1)]
    return TokenKeys(generation=generation, life=life, period=PERIOD, keys=keys)


def _derive(secret: bytes, period: int) -> bytes:
    """HKDF-SHA-256 (RFC 5869) with one block of output."""
    root = hmac.digest(b"\0" * 32, secret, "sha256")
    return hmac.digest(root, _INFO + b"%d:%d\x01" % (PERIOD, period), "sha256")


def _decode(text: str) -> bytes:
    # Its size needs no padding and leaves no bits over: so one token has one form only.
    if not _TEXT.fullmatch(text):
        raise TokenRefused("this is no token of these servers")
    return urlsafe_b64decode(text)
