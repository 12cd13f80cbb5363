"""Connections to directories that cannot block for longer than they may.

The LDAP library waits without end when a server stalls in a TLS handshake of `ldaps`. So this
side connects itself, does that handshake itself, and hands the library a socket in clear whose
other end is here. Knows no LDAP.
"""

from __future__ import annotations

import contextlib
import select
import socket
import ssl
import struct
import threading
from collections.abc import Iterator

from proxyapp.auth.verdict import left

_CHUNK = 65_536
_SHORTEST = 0.01


@contextlib.contextmanager
def connection(
    host: str, port: int, context: ssl.SSLContext | None, until: float, ready: float
) -> Iterator[socket.socket]:
    """Connect, by TLS if there is a context for it; what is read and written ends by `until`.

    Args:
        ready: when it must stand.

    Raises:
        TimeoutError: there was no answer in time.
        OSError: the connection was refused, or the certificate is not to be trusted.
    """
    outer = socket.create_connection((host, port), max(left(ready), _SHORTEST))
    try:
        if context is None:
            _bound(outer, until)
            yield outer
        else:
            outer.settimeout(max(left(ready), _SHORTEST))
            secured = context.wrap_socket(outer, server_hostname=host)
            secured.settimeout(max(left(until), _SHORTEST))
            with secured, _pumped(secured, until) as inner:
                yield inner
    finally:
        outer.close()


@contextlib.contextmanager
def _pumped(secured: ssl.SSLSocket, until: float) -> Iterator[socket.socket]:
    inner, ours = socket.socketpair()
    thread = threading.Thread(target=_pump, args=(secured, ours, until), daemon=True)
    thread.start()
    try:
        _bound(inner, until)
        yield inner
    finally:
        with contextlib.suppress(OSError):
            inner.shutdown(socket.SHUT_RDWR)
        inner.close()
        thread.join()


def _pump(secured: ssl.SSLSocket, ours: socket.socket, until: float) -> None:
    """Carry data both ways until one side ends, or the time is over."""
    with ours, contextlib.suppress(OSError):
        while (rest := left(until)) > 0:
            ready: list[socket.socket] = [secured] if secured.pending() else []
            ready = ready or select.select([secured, ours], [], [], rest)[0]
            for socket_ in ready:
                data = socket_.recv(_CHUNK)
                if not data:
                    return
                (ours if socket_ is secured else secured).sendall(data)


def _bound(plain: socket.socket, until: float) -> None:
    """Let the kernel end what blocks on this socket, whoever reads it."""
    plain.settimeout(None)
    seconds = max(left(until), _SHORTEST)
    value = struct.pack("ll", int(seconds), int(seconds % 1 * 1_000_000))
    plain.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, value)
    plain.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, value)
