"""Whose connections come through load balancers: who is trusted, and what they say of clients.

Reads the header of the PROXY protocol from a socket before anything else is read from it. What is
refused is logged once for each address.
"""

from __future__ import annotations

import socket
from collections.abc import Iterable
from typing import NoReturn

import structlog
from msgspec import Struct

from proxyapp.balancer import proxyheader
from proxyapp.balancer.forwarded import client_of
from proxyapp.balancer.networks import Networks
from proxyapp.runtime.peers import host_of

log = structlog.get_logger(__name__)

PROXY_V2, FORWARDED_FOR = "proxy-v2", "x-forwarded-for"
NAME_THEM = "name the balancers in the option balancer-networks"
_ADDRESSES_LOGGED = 1000
_PEEK = len(proxyheader.SIGNATURE)
_CLIENT_HELLO = b"\x16"


class Origin(Struct, frozen=True, gc=False):
    """What is known of a connection before anything of its handshakes is read."""

    peer: str
    """ "address:port" of the other end."""
    by_tls: bool = False
    """It begins as TLS does."""
    client: str = ""
    """The client's "address:port" as a balancer told it; empty: the other end is the client."""
    unannounced: bool = False
    """It comes from a balancer that ought to say whom it speaks for, and has not."""


class Refused(Exception):
    """The connection is not taken; the text says why."""


class Balancers:
    """The trusted balancers of a server."""

    def __init__(self) -> None:
        self.configure("", PROXY_V2)

    def configure(self, networks: str, protocol: str) -> list[str]:
        """Trust these networks, which speak this protocol; return what is wrong with the text."""
        self._networks = Networks(networks)
        self._protocol = protocol
        self._logged: set[str] = set()
        return self._networks.complaints

    def origin(self, client: socket.socket, peer: str, header: bytearray) -> Origin | None:
        """Return where a connection comes from, None while more is to be read.

        Args:
            client: a socket that may have something to read.
            peer: "address:port" of its other end.
            header: the part of a header that was read before; grows.

        Raises:
            BlockingIOError: it has nothing to read now.
            Refused: it says what it may not say; or it has ended.
        """
        if not header:
            start = _peek(client, _PEEK)
            if not proxyheader.begins(start):
                return Origin(peer, start[:1] == _CLIENT_HELLO, "", self._is_silent(peer))
            if host_of(peer) not in self._networks or self._protocol != PROXY_V2:
                self._refuse(peer, "a PROXY header comes from where no balancer is trusted")
        try:
            if not self._read(client, header):
                return None
            source = proxyheader.source_of(bytes(header))
        except proxyheader.MalformedHeader as error:
            self._refuse(peer, str(error))
        # What follows may be on its way still, and tells by which handshake it goes on.
        return Origin(peer, _peek(client, 1) == _CLIENT_HELLO, source)

    @property
    def read_http(self) -> bool:
        """Whether X-Forwarded-For counts on listening ports; on the web's it does always."""
        return self._protocol == FORWARDED_FOR

    def forwarded_in(self, peer: str, values: Iterable[str]) -> str:
        """Return the client's address in the headers X-Forwarded-For of an HTTP request.

        Args:
            peer: the address that the request came from, with or without its port.
        """
        return client_of(host_of(peer), values, self._networks)

    def _is_silent(self, peer: str) -> bool:
        """Whether a connection that begins without a header comes from where one is sent."""
        told = bool(self._networks) and self._protocol == PROXY_V2
        return told and host_of(peer) in self._networks

    def _read(self, client: socket.socket, header: bytearray) -> bool:
        """Read more of a header; tell whether it is whole."""
        # Not a byte more than the header has: the rest is read by others.
        while count := proxyheader.missing(bytes(header)) if header else 1:
            try:
                more = client.recv(count)
            except BlockingIOError:
                return False
            if not more:
                raise Refused("")
            header += more
        return True

    def refuse_unannounced(self, peer: str) -> str:
        """Log and return why a balancer's connection without a header is not taken."""
        reason = (
            "connections from this balancer's address begin with a PROXY header: set send-proxy-v2"
            " there, or connect from another address"
        )
        self._log(peer, reason, "or take it out of the option balancer-networks")
        return reason

    def _refuse(self, peer: str, reason: str) -> NoReturn:
        self._log(peer, reason)
        raise Refused(reason)

    def _log(self, peer: str, reason: str, remedy: str = NAME_THEM) -> None:
        peer = host_of(peer)
        if peer not in self._logged and len(self._logged) < _ADDRESSES_LOGGED:
            self._logged.add(peer)
            log.warning(
                "connection refused",
                peer=peer,
                reason=reason,
                remedy=remedy,
            )


def _peek(client: socket.socket, size: int) -> bytes:
    """Return what a socket begins with, and leave it there. Raises Refused: it has ended."""
    start = client.recv(size, socket.MSG_PEEK)
    if not start:
        raise Refused("")  # a port probe
    return start
