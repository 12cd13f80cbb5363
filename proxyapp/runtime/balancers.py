"""Whose connections come through load balancers: who is trusted, and what they say of clients.

Reads the header of the PROXY protocol from a socket before anything else is read from it. What is
refused is logged once for each address.
"""

from __future__ import annotations

import socket
from collections.abc import Iterable
from dataclasses import dataclass
from typing import NoReturn

import structlog

from proxyapp.balancer import proxyheader
from proxyapp.balancer.forwarded import client_of
from proxyapp.balancer.networks import Networks

log = structlog.get_logger(__name__)

PROXY_V2, FORWARDED_FOR = "proxy-v2", "x-forwarded-for"
_ADDRESSES_LOGGED = 1000
_PEEK = len(proxyheader.SIGNATURE)


@dataclass(frozen=True, slots=True)
class Origin:
    """What is known of a connection before its first byte is read."""

    client: str = ""
    """The client's "address:port" as a balancer told it; empty: the other end is the client."""
    unannounced: bool = False
    """It comes from a balancer that ought to say whom it speaks for, and has not."""


DIRECT = Origin()


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
            client: a socket that has something to read.
            peer: the address of its other end.
            header: the part of a header that was read before; grows.

        Raises:
            Refused: it says what it may not say; or it has ended.
        """
        if not header:
            start = client.recv(_PEEK, socket.MSG_PEEK)
            if not start:
                raise Refused("")  # a port probe
            if not proxyheader.begins(start):
                return self._silent(peer)
            if peer not in self._networks or self._protocol != PROXY_V2:
                self._refuse(peer, "a PROXY header comes from where no balancer is trusted")
        try:
            return self._read(client, header)
        except proxyheader.MalformedHeader as error:
            self._refuse(peer, str(error))

    @property
    def read_http(self) -> bool:
        """Whether X-Forwarded-For counts on listening ports; on the web's it does always."""
        return self._protocol == FORWARDED_FOR

    def forwarded_in(self, peer: str, values: Iterable[str]) -> str:
        """Return the client's address in the headers X-Forwarded-For of an HTTP request."""
        return client_of(peer, values, self._networks)

    def _silent(self, peer: str) -> Origin:
        """Return the origin of a connection that begins without a header."""
        if self._networks and self._protocol == PROXY_V2 and peer in self._networks:
            return Origin(unannounced=True)
        return DIRECT

    def _read(self, client: socket.socket, header: bytearray) -> Origin | None:
        # Not a byte more than the header has: the rest is read by others.
        while count := proxyheader.missing(bytes(header)) if header else 1:
            try:
                more = client.recv(count)
            except BlockingIOError:
                return None
            if not more:
                raise Refused("")
            header += more
        return Origin(proxyheader.source_of(bytes(header)))

    def refuse_unannounced(self, peer: str) -> str:
        """Log and return why a balancer's connection without a header is not taken."""
        reason = "this balancer is to send a PROXY header: set send-proxy-v2 there"
        self._log(peer, reason)
        return reason

    def _refuse(self, peer: str, reason: str) -> NoReturn:
        self._log(peer, reason)
        raise Refused(reason)

    def _log(self, peer: str, reason: str) -> None:
        if peer not in self._logged and len(self._logged) < _ADDRESSES_LOGGED:
            self._logged.add(peer)
            log.warning(
                "connection refused",
                peer=peer,
                reason=reason,
                remedy="name the balancers in the option balancer-networks",
            )
