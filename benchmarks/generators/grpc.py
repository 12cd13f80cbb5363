"""As much of HTTP/2 and gRPC as loading etcd takes: prepared requests, frames counted.

Headers are written without compression and never read: what a call answered is known by its
data, whether it ended by its flags.
"""

from __future__ import annotations

import socket
from collections.abc import Iterable, Iterator

RANGE = "/etcdserverpb.KV/Range"
PUT = "/etcdserverpb.KV/Put"
TXN = "/etcdserverpb.KV/Txn"
WATCH = "/etcdserverpb.Watch/Watch"

DATA = 0
HEADERS = 1
SETTINGS = 4
_WINDOW_UPDATE = 8
END_STREAM = 1
_END_HEADERS = 4
_ACK = 1
_LARGEST_WINDOW = 2**31 - 1
_FIRST_WINDOW = 65535
_FRAME_HEADER = 9


def _frame(kind: int, flags: int, stream: int, payload: bytes) -> bytes:
    return (
        len(payload).to_bytes(3, "big") + bytes([kind, flags]) + stream.to_bytes(4, "big") + payload
    )


def opening() -> bytes:
    """Return what a client sends first; the server never waits for its windows."""
    initial_window_size = (4).to_bytes(2, "big") + _LARGEST_WINDOW.to_bytes(4, "big")
    more = (_LARGEST_WINDOW - _FIRST_WINDOW).to_bytes(4, "big")
    return (
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
        + _frame(SETTINGS, 0, 0, initial_window_size)
        + _frame(_WINDOW_UPDATE, 0, 0, more)
    )


def settings_taken() -> bytes:
    """Return the answer to the server's settings."""
    return _frame(SETTINGS, _ACK, 0, b"")


def request(stream: int, method: str, message: bytes, *, last: bool = True) -> bytes:
    """Return a call on an odd stream; without `last` more messages may follow."""
    headers = {
        ":method": "POST",
        ":scheme": "http",
        ":path": method,
        ":authority": "localhost",
        "content-type": "application/grpc",
        "te": "trailers",
    }
    block = b"".join(b"\0" + _short(name) + _short(value) for name, value in headers.items())
    data = b"\0" + len(message).to_bytes(4, "big") + message
    return _frame(HEADERS, _END_HEADERS, stream, block) + _frame(
        DATA, END_STREAM if last else 0, stream, data
    )


def _short(text: str) -> bytes:
    assert len(text) < 127, text
    return bytes([len(text)]) + text.encode()


def frames(buffer: bytes) -> Iterator[tuple[int, int, int]]:
    """Yield (type, flags, end) of each whole frame; what is after the last end is a part."""
    at = 0
    while at + _FRAME_HEADER <= len(buffer):
        end = at + _FRAME_HEADER + int.from_bytes(buffer[at : at + 3], "big")
        if end > len(buffer):
            return
        yield buffer[at + 3], buffer[at + 4], end
        at = end


# ---------------------------------------------------------------- etcd's messages


def _field(number: int, value: bytes) -> bytes:
    size, length = b"", len(value)
    while length > 127:
        size, length = size + bytes([length & 127 | 128]), length >> 7
    return bytes([number << 3 | 2]) + size + bytes([length]) + value


def put(key: bytes, value: bytes) -> bytes:
    """Return a PutRequest."""
    return _field(1, key) + _field(2, value)


def serializable_range(key: bytes) -> bytes:
    """Return a RangeRequest that may be answered from a cache."""
    return _field(1, key) + bytes([7 << 3, 1])


def transaction(puts: Iterable[bytes]) -> bytes:
    """Return a TxnRequest that carries out PutRequests together."""
    return b"".join(_field(2, _field(2, message)) for message in puts)


def watch(prefix: bytes) -> bytes:
    """Return a WatchRequest that creates a watcher of all keys with a prefix."""
    end = prefix[:-1] + bytes([prefix[-1] + 1])
    return _field(1, _field(1, prefix) + _field(2, end))


def call(port: int, method: str, message: bytes) -> None:
    """Carry out one call and wait for its end."""
    with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
        connection.sendall(opening() + request(1, method, message))
        buffer = b""
        while True:
            data = connection.recv(65536)
            if not data:
                raise ConnectionError(f"{method} was not answered")
            buffer += data
            if any(kind == HEADERS and flags & END_STREAM for kind, flags, _ in frames(buffer)):
                return
