"""Whose word counts about the address of a client: the networks of trusted balancers."""

from __future__ import annotations

from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

Address = IPv4Address | IPv6Address


class Networks:
    """A list of addresses and networks.

    Args:
        text: such as "10.1.0.5, 10.2.0.0/24, fd00::/8"; empty: nobody.
    """

    def __init__(self, text: str) -> None:
        self.complaints: list[str] = []
        """Parts of the text that are neither, each as a sentence."""
        self._networks = []
        for part in filter(None, (part.strip() for part in text.split(","))):
            try:
                self._networks.append(ip_network(part, strict=False))
            except ValueError:
                self.complaints.append(
                    f"'{part}' is no address and no network: write one such as 10.2.0.0/24"
                )

    def __bool__(self) -> bool:
        return bool(self._networks)

    def __contains__(self, host: str) -> bool:
        address = address_of(host)
        return address is not None and any(address in network for network in self._networks)


@lru_cache(16)
def networks(text: str) -> Networks:
    """Return the networks of a text, which is asked about again and again."""
    return Networks(text)


@lru_cache(4096)
def address_of(host: str) -> Address | None:
    """Return the address that a text names, an IPv4 one also where it is mapped; None for none."""
    try:
        address = ip_address(host.strip().removeprefix("[").removesuffix("]").partition("%")[0])
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address
