"""The form of a proxy's local copy: framed, checked, and sealed by a cipher that is handed in.

A snapshot is a header, pages of records and an end that proves them all. A log is a header and
the transactions after a revision; what a crash has torn off its end is not read. Keys of resume
tokens have a file of their own: a header and one frame. Knows no files.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable, Iterator, Sequence
from hashlib import blake2b
from typing import Literal, Protocol

import msgspec
from msgspec import Struct

from confwire import codec
from confwire.errors import WireError
from confwire.messages import Record, TokenKeys, Transaction

FORMAT = 1
_FRAME = struct.Struct(">II")
_LONGEST = 1 << 30
_TRANSACTION, _CURRENT = b"t", b"c"
_ENCODER = msgspec.json.Encoder()


class Damaged(ValueError):
    """The bytes are not what was written; the text says in what way."""


class Header(Struct, kw_only=True, frozen=True):
    """The first frame of a file, in clear."""

    kind: Literal["snapshot", "log", "keys"]
    format: int = FORMAT
    application: str
    key: str
    """Tells whether a cipher's secret is the one that the file was written with."""
    salt: str
    """Random, so that no two files are sealed with one key."""
    epoch: str = ""
    revision: int = 0
    """Of a snapshot: each page is at least as new. Of a log: its transactions come after it."""
    tree: str = ""
    hash: str = ""
    """Tree hash and change hash at that revision."""
    count: int = 0
    """Objects at that revision."""
    at: float
    """When it was made, and the data was as current as it says, in seconds since 1970 UTC."""


class End(Struct, kw_only=True, frozen=True):
    """The last frame of a snapshot: with the transactions up to `revision` it is whole."""

    revision: int
    tree: str
    hash: str
    records: int
    digest: str
    """Over all frames before it."""


class Cipher(Protocol):
    """Seals the frames of one file; bound to its header, and each frame to its place."""

    def seal(self, data: bytes, place: int) -> bytes:
        """Return what only the same secret can read."""

    def unseal(self, data: bytes, place: int) -> bytes:
        """Return what was sealed at this place.

        Raises:
            Damaged: it was not.
        """


def frame(payload: bytes) -> bytes:
    """Return the payload with its length and checksum before it."""
    return _FRAME.pack(len(payload), zlib.crc32(payload, len(payload))) + payload


def frames(read: Callable[[int], bytes]) -> Iterator[bytes]:
    """Yield the payloads of a file up to its end.

    Args:
        read: returns the next so many bytes, fewer only at the end.

    Raises:
        Damaged: what comes next is not a whole frame.
    """
    while head := read(_FRAME.size):
        if len(head) < _FRAME.size:
            raise Damaged("it ends within a frame")
        size, checksum = _FRAME.unpack(head)
        if not 0 < size <= _LONGEST:
            raise Damaged(f"a frame claims {size} bytes")
        payload = read(size)
        if len(payload) < size:
            raise Damaged("it ends within a frame")
        if zlib.crc32(payload, size) != checksum:
            raise Damaged("a checksum is wrong")
        yield payload


def encode_header(header: Header) -> bytes:
    """Return the payload of a header."""
    return _ENCODER.encode(header)


def decode_header(payload: bytes) -> Header:
    """Return the header of a payload.

    Raises:
        Damaged: it is none, or one of another format.
    """
    try:
        format_ = msgspec.json.decode(payload, type=dict[str, msgspec.Raw]).get("format", b"")
        if bytes(format_) != b"%d" % FORMAT:
            raise Damaged(f"it has the format {bytes(format_).decode()!s}, not {FORMAT}")
        return msgspec.json.decode(payload, type=Header)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise Damaged(f"it has no valid header: {error}") from error


class Digest:
    """The digest over the frames of a snapshot."""

    def __init__(self) -> None:
        self._hash = blake2b(digest_size=16)

    def add(self, payload: bytes) -> None:
        self._hash.update(payload)

    def text(self) -> str:
        return self._hash.hexdigest()


def encode_page(records: Sequence[Record]) -> bytes:
    """Return records as they are sealed."""
    return _ENCODER.encode(records)


def encode_end(end: End) -> bytes:
    """Return the end of a snapshot as it is sealed."""
    return _ENCODER.encode(end)


_decode_page = msgspec.json.Decoder(list[Record]).decode
_decode_end = msgspec.json.Decoder(End).decode


def decode_page(data: bytes) -> list[Record]:
    """Return the records of a page.

    Raises:
        Damaged: there are none.
    """
    try:
        return _decode_page(data)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise Damaged(f"a page cannot be read: {error}") from error


def decode_end(data: bytes) -> End:
    """Return the end of a snapshot.

    Raises:
        Damaged: it is none.
    """
    try:
        return _decode_end(data)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise Damaged("it has no end: it was not finished") from error


def encode_part(part: bytes) -> bytes:
    """Return an encoded Transaction, or a part of one, as it is sealed."""
    return _TRANSACTION + part


def encode_current(at: float) -> bytes:
    """Return the note that the data was current at a time, as it is sealed."""
    return _CURRENT + b"%r" % at


def encode_keys(keys: TokenKeys) -> bytes:
    """Return the keys of resume tokens as they are sealed."""
    return codec.encode(keys)


def decode_keys(data: bytes) -> TokenKeys:
    """Return the keys of resume tokens.

    Raises:
        Damaged: there are none.
    """
    try:
        found = codec.decode_server(data)
    except (WireError, ValueError) as error:
        raise Damaged(f"the keys cannot be read: {error}") from error
    if not isinstance(found, TokenKeys):
        raise Damaged("it has no keys")
    return found


def read_log(payloads: Iterator[bytes], cipher: Cipher) -> Iterator[list[Transaction] | float]:
    """Yield what a log has behind its header: whole transactions, in parts, and times.

    A time tells when the data up to there was known to be current. A transaction of which a part
    is missing at the end is left out.

    Raises:
        Damaged: it cannot be read further.
    """
    parts: list[Transaction] = []
    for place, payload in enumerate(payloads, 1):
        data = cipher.unseal(payload, place)
        try:
            if data[:1] == _CURRENT:
                yield float(data[1:])
                continue
            part = codec.decode_server(data[1:])
        except (WireError, ValueError) as error:
            raise Damaged(f"a transaction cannot be read: {error}") from error
        if not isinstance(part, Transaction):
            raise Damaged("a frame is no transaction")
        parts.append(part)
        if part.last:
            yield parts
            parts = []
