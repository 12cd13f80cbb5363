"""The client's address in X-Forwarded-For, as far as balancers that are trusted wrote it.

Each balancer appends whom it was connected by. So the list is read from its end, and what stands
left of the first stranger may have been made up by that stranger.
"""

from __future__ import annotations

from collections.abc import Iterable

from proxyapp.balancer.networks import Networks, address_of


def client_of(peer: str, values: Iterable[str], trusted: Networks) -> str:
    """Return the client's address, empty where the peer is itself the client or tells none.

    Args:
        peer: the address of the other end of the connection.
        values: of all headers X-Forwarded-For, in their order.
    """
    if peer not in trusted:
        return ""
    client = ""
    for part in reversed([part for value in values for part in value.split(",")]):
        address = address_of(_without_port(part.strip()))
        if address is None:
            break
        client = str(address)
        if client not in trusted:
            break
    return client


def _without_port(text: str) -> str:
    """Return the host of "1.2.3.4:80" and of "[::1]:80"; some balancers write the port."""
    if text.startswith("["):
        return text.partition("]")[0]
    host, _, port = text.partition(":")
    return text if ":" in port else host
