"""SCRAM-SHA-256 (RFC 5802, RFC 7677), both sides, and the verifiers that servers keep.

Pure: nonces and salts are arguments, and the slow derivation stands alone so that a caller can
run it in a thread. It knows no messages, accounts or connections. Channel binding does not exist
here: the GS2 header is always "n,,".
"""

from __future__ import annotations

import hashlib
import hmac
import re
import stringprep
import unicodedata
from base64 import b64encode
from binascii import a2b_base64
from dataclasses import dataclass
from functools import lru_cache

from confwire import mac
from confwire.errors import (
    AuthenticationFailed,
    InvalidParameter,
    LocalProtocolError,
    RemoteProtocolError,
)

MECHANISM = "SCRAM-SHA-256"
DEFAULT_ITERATIONS = 600_000
MIN_ITERATIONS = 4_096
"""The least that RFC 7677 allows."""
MAX_ITERATIONS = 10_000_000
"""More would let a server keep a client busy for seconds."""
SALT_SIZE = 16
"""Bytes of a salt; fake salts have as many, else they would tell that a name is unknown."""
LONGEST_PASSWORD = 1_024
"""Characters; to look at a longer one would keep a server busy for who need not be known to it."""

_NO_BINDING = "n,,"
_BINDING_DATA = "biws"  # base64 of "n,,"
_NONCE = re.compile(r"[\x21-\x2b\x2d-\x7e]+")  # RFC 5802: printable without comma
_PROHIBITED = (
    stringprep.in_table_c21_c22,  # controls
    stringprep.in_table_c3,  # private use
    stringprep.in_table_c4,  # no characters
    stringprep.in_table_c5,  # surrogates
    stringprep.in_table_c6,
    stringprep.in_table_c7,
    stringprep.in_table_c8,  # changes of direction
    stringprep.in_table_c9,
)


@dataclass(frozen=True, slots=True)
class Verifier:
    """What a server keeps instead of a password (RFC 5803)."""

    iterations: int
    salt: bytes
    stored_key: bytes
    server_key: bytes

    def __str__(self) -> str:
        return (
            f"{MECHANISM}${self.iterations}:{_base64(self.salt)}"
            f"${_base64(self.stored_key)}:{_base64(self.server_key)}"
        )

    def __repr__(self) -> str:
        return f"<Verifier {self.iterations} iterations>"


@dataclass(frozen=True, slots=True)
class Salting:
    """What a client needs to derive its key: the salt and the number of rounds."""

    salt: bytes
    iterations: int


def normalise(password: str) -> bytes:
    """Bring a password into the one form that is hashed (SASLprep without its bidi rule).

    The bidi rule is left out because it refuses any Arabic or Hebrew text that ends in a digit.

    Raises:
        InvalidParameter: the password is empty, too long, or has characters that cannot be typed
            again.
    """
    if len(password) > LONGEST_PASSWORD:
        raise InvalidParameter(
            f"the password has more than {LONGEST_PASSWORD} characters: choose a shorter one"
        )
    mapped = "".join(
        " " if stringprep.in_table_c12(char) else char
        for char in password
        if not stringprep.in_table_b1(char)
    )
    # Unicode 3.2 as RFC 3454 says: the same on every Python version.
    text = unicodedata.ucd_3_2_0.normalize("NFKC", mapped)
    if not text:
        raise InvalidParameter("the password is empty: choose one")
    for char in text:
        if any(prohibited(char) for prohibited in _PROHIBITED):
            raise InvalidParameter(
                f"the password has the character U+{ord(char):04X}, which is not allowed: "
                "leave out control and private characters"
            )
    return text.encode()


def derive(password: str, salt: bytes, iterations: int) -> bytes:
    """Return the salted password (32 bytes); takes 0.1 s and more, so run it in a thread.

    Raises:
        InvalidParameter: the password has characters that are not allowed.
    """
    return hashlib.pbkdf2_hmac("sha256", normalise(password), salt, iterations)


def make_verifier(password: str, salt: bytes, iterations: int = DEFAULT_ITERATIONS) -> str:
    """Return the verifier of a password, as text to be stored.

    Raises:
        InvalidParameter: the password or the number of iterations is not allowed.
    """
    if not MIN_ITERATIONS <= iterations <= MAX_ITERATIONS:
        raise InvalidParameter(f"{iterations} iterations: use {MIN_ITERATIONS} to {MAX_ITERATIONS}")
    return str(_verifier_of(derive(password, salt, iterations), salt, iterations))


def check_password(verifier: str, password: str) -> bool:
    """Whether the password belongs to the verifier; slow as `derive`, in constant time.

    Raises:
        InvalidParameter: the verifier is not in the form of RFC 5803.
    """
    known = parse_verifier(verifier)
    try:
        salted = derive(password, known.salt, known.iterations)
    except InvalidParameter:
        return False  # such a password can never have been set
    found = _verifier_of(salted, known.salt, known.iterations)
    return hmac.compare_digest(found.stored_key, known.stored_key)


@lru_cache(1024)
def parse_verifier(text: str) -> Verifier:
    """Read the text form of a verifier; those that are asked for again and again only once.

    Raises:
        InvalidParameter: it is not in the form of RFC 5803.
    """
    try:
        mechanism, salting, keys = text.split("$")
        iterations, salt = salting.split(":")
        stored_key, server_key = keys.split(":")
        verifier = Verifier(
            int(iterations), _bytes_of(salt), _bytes_of(stored_key), _bytes_of(server_key)
        )
    except ValueError:
        raise InvalidParameter("the verifier is damaged: set the password anew") from None
    if mechanism != MECHANISM or {len(verifier.stored_key), len(verifier.server_key)} != {32}:
        raise InvalidParameter("the verifier is of another mechanism: set the password anew")
    return verifier


def parse_challenge(server_first: str) -> Salting:
    """Return the salt and the iterations that a server-first-message asks for.

    Raises:
        RemoteProtocolError: the message is not in the form of RFC 5802, or its number of
            iterations is out of bounds.
    """
    return _parse_server_first(server_first)[1]


class ClientHandshake:
    """One login, seen by who logs in: `first`, `final` and `verify`, in this order.

    Args:
        user: whom to log in as, as the server knows the name.
        nonce: at least 18 random bytes in base64, never used before.
    """

    __slots__ = ("_bare", "_nonce", "_server_signature")

    def __init__(self, user: str, nonce: str) -> None:
        _check_nonce(nonce)
        _check_user(user)
        self._nonce = nonce
        self._bare = f"n={user.replace('=', '=3D').replace(',', '=2C')},r={nonce}"
        self._server_signature = b""

    def first(self) -> str:
        """Return the client-first-message."""
        return _NO_BINDING + self._bare

    def final(self, server_first: str, salted_password: bytes) -> str:
        """Return the client-final-message: the proof, made with `derive`'s result.

        Raises:
            RemoteProtocolError: the server's message is wrong or is no answer to ours.
        """
        nonce, salting = _parse_server_first(server_first)
        if not nonce.startswith(self._nonce) or nonce == self._nonce:
            raise RemoteProtocolError("the server's nonce does not extend the client's")
        without_proof = f"c={_BINDING_DATA},r={nonce}"
        message = f"{self._bare},{server_first},{without_proof}".encode()
        client_key = _hmac(salted_password, b"Client Key")
        verifier = _verifier_of(salted_password, salting.salt, salting.iterations)
        self._server_signature = _hmac(verifier.server_key, message)
        proof = _xor(client_key, _hmac(verifier.stored_key, message))
        return f"{without_proof},p={_base64(proof)}"

    def verify(self, server_final: str) -> None:
        """Check that the server knows the verifier, too.

        Raises:
            RemoteProtocolError: it does not: this is not the server that it claims to be.
        """
        if not self._server_signature:
            raise LocalProtocolError("the server's proof can be verified only after `final`")
        expected = f"v={_base64(self._server_signature)}"
        if not hmac.compare_digest(expected.encode(), server_final.encode("utf-8", "replace")):
            raise RemoteProtocolError("the server could not prove that it knows this account")


def server_key(salted_password: bytes) -> bytes:
    """Return what a server that knows the account proves itself with."""
    return _hmac(salted_password, b"Server Key")


def resume_proof(key: bytes, nonce: str, token: str) -> str:
    """Return by what a server shows at a resume that it knows the account.

    Args:
        key: `server_key`, or that of the account's verifier.
        nonce: random text of the client, never used before.
    """
    return f"v={_base64(_hmac(key, f'resume,{nonce},{token}'.encode()))}"


class ServerHandshake:
    """One login, seen by the server: `challenge`, then `check`.

    Args:
        nonce: at least 18 random bytes in base64, never used before.
        iterations: what unknown users are challenged with: the number that new verifiers have.
    """

    __slots__ = ("_expected", "_iterations", "_known", "_message", "_nonce", "user")

    def __init__(self, nonce: str, iterations: int = DEFAULT_ITERATIONS) -> None:
        _check_nonce(nonce)
        self._nonce = nonce
        self._iterations = iterations
        self._known: Verifier | None = None
        self._message = ""
        self._expected = ""
        self.user = ""
        """Whom the client wants to be; known after `challenge`."""

    def challenge(self, client_first: str, verifier: str | None, fake_salt_key: bytes) -> str:
        """Return the server-first-message.

        Without a verifier the salt is made from the name and `fake_salt_key` (secret, the same
        for as long as possible), so that nobody can tell which names exist.

        Raises:
            InvalidParameter: the client's message is not in the form of RFC 5802.
        """
        self.user, client_nonce, bare = _parse_client_first(client_first)
        self._known = parse_verifier(verifier) if verifier else None
        shown = self._known or self._fake(fake_salt_key)
        nonce = client_nonce + self._nonce
        server_first = f"r={nonce},s={_base64(shown.salt)},i={shown.iterations}"
        self._expected = f"c={_BINDING_DATA},r={nonce}"
        self._message = f"{bare},{server_first},{self._expected}"
        return server_first

    def check(self, client_final: str) -> str:
        """Check the client's proof and return the server-final-message.

        Raises:
            AuthenticationFailed: the proof is wrong or the name unknown; which, is not told.
        """
        if not self._message:
            raise LocalProtocolError("a proof can be checked only after `challenge`")
        message, self._message = self._message.encode(), ""  # one attempt a challenge
        without_proof, _, proof_text = client_final.rpartition(",p=")
        try:
            proof = _bytes_of(proof_text)
        except ValueError:
            raise AuthenticationFailed from None
        if self._known is None or without_proof != self._expected or len(proof) != 32:
            raise AuthenticationFailed
        client_key = _xor(proof, _hmac(self._known.stored_key, message))
        if not hmac.compare_digest(hashlib.sha256(client_key).digest(), self._known.stored_key):
            raise AuthenticationFailed
        return f"v={_base64(_hmac(self._known.server_key, message))}"

    def _fake(self, key: bytes) -> Verifier:
        # Names that differ only in case are one account, so they must not have two salts.
        salt = _hmac(key, self.user.casefold().encode())[:SALT_SIZE]
        return Verifier(self._iterations, salt, b"", b"")


def _verifier_of(salted_password: bytes, salt: bytes, iterations: int) -> Verifier:
    stored_key = hashlib.sha256(_hmac(salted_password, b"Client Key")).digest()
    return Verifier(iterations, salt, stored_key, server_key(salted_password))


def _parse_client_first(text: str) -> tuple[str, str, str]:
    """Return (user, nonce, the message without the GS2 header)."""
    if text.startswith("p="):
        raise InvalidParameter("data: channel binding does not exist here: begin with 'n,,'")
    if text.startswith("y,"):
        raise InvalidParameter("data: SCRAM-SHA-256-PLUS does not exist here: begin with 'n,,'")
    if not text.startswith(_NO_BINDING):
        raise InvalidParameter("data: a SCRAM client-first-message begins with 'n,,'")
    bare = text[len(_NO_BINDING) :]
    name, _, rest = bare.partition(",")
    nonce = rest.partition(",")[0].removeprefix("r=")
    if not name.startswith("n=") or not rest.startswith("r=") or not _NONCE.fullmatch(nonce):
        raise InvalidParameter("data: a SCRAM client-first-message is 'n,,n=<user>,r=<nonce>'")
    user = name[2:]
    if re.search(r"=(?!2C|3D)", user):
        raise InvalidParameter("data: in a SCRAM user name '=' is written =3D and ',' =2C")
    user = user.replace("=2C", ",").replace("=3D", "=")
    _check_user(user)
    return user, nonce, bare


def _parse_server_first(text: str) -> tuple[str, Salting]:
    """Return (nonce, salting)."""
    try:
        nonce, salt, iterations = text.split(",")[:3]
        if not (nonce.startswith("r=") and salt.startswith("s=") and iterations.startswith("i=")):
            raise ValueError(text)
        salting = Salting(_bytes_of(salt[2:]), int(iterations[2:]))
    except ValueError:
        raise RemoteProtocolError("the server's challenge is no SCRAM message") from None
    if not MIN_ITERATIONS <= salting.iterations <= MAX_ITERATIONS:
        raise RemoteProtocolError(
            f"the server asks for {salting.iterations} iterations: "
            f"{MIN_ITERATIONS} to {MAX_ITERATIONS} are accepted"
        )
    return nonce[2:], salting


def _check_nonce(nonce: str) -> None:
    if not _NONCE.fullmatch(nonce):
        raise LocalProtocolError("a nonce has printable characters without commas")


def _check_user(user: str) -> None:
    # Names are compared as they stand, since they name objects; only what no name can have
    # is refused.
    if user.isascii() and user.isprintable() and user:
        return
    if not user or any(stringprep.in_table_c21_c22(char) or char == "\0" for char in user):
        raise InvalidParameter("the user name is empty or has control characters")
    if any(stringprep.in_table_c5(char) for char in user):
        raise InvalidParameter("the user name is not valid Unicode")


def _hmac(key: bytes, message: bytes) -> bytes:
    return mac.digest(key, message)


def _xor(left: bytes, right: bytes) -> bytes:
    return (int.from_bytes(left, "big") ^ int.from_bytes(right, "big")).to_bytes(32, "big")


def _base64(data: bytes) -> str:
    return b64encode(data).decode("ascii")


def _bytes_of(text: str) -> bytes:
    """Decode base64; raises ValueError (of which binascii's error is one)."""
    return a2b_base64(text, strict_mode=True)
