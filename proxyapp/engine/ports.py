"""Which ports a server listens on: what its Application object says, while it would serve.

Knows the document of an application and nothing else.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from proxyapp.engine.commands import ListeningPort


def client_ports(application: Mapping[str, Any]) -> tuple[ListeningPort, ...]:
    """Return the ports for clients of an Application document.

    The HA-sync port is apart: it is for the other server of a pair.
    """
    return tuple(_client_ports(application))


def _client_ports(application: Mapping[str, Any]) -> Iterator[ListeningPort]:
    for port in application.get("portInfos", ()):
        number = str(port.get("port", ""))
        if not port.get("haSync") and number.isdecimal() and 0 < int(number) < 65_536:
            yield ListeningPort(
                port.get("id", ""), int(number), port.get("listeningMode", "unsecured")
            )


def default_port(application: Mapping[str, Any]) -> str:
    """Return the number of the port "default", or of the first, as text; "" without ports."""
    ports = client_ports(application)
    chosen = next((port for port in ports if port.id == "default"), ports[0] if ports else None)
    return "" if chosen is None else str(chosen.port)
