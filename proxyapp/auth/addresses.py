"""Whether a host name means this machine: what goes there crosses no network."""

from __future__ import annotations

import ipaddress


def is_here(host: str) -> bool:
    """Whether the name or address is of the loopback interface; nothing is looked up."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host.lower() == "localhost"
