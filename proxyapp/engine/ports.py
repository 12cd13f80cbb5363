"""Which ports a server listens on: what its Application object says, while it would serve.

Knows the documents of an application and of its host, and nothing else.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from proxyapp.engine.commands import ListeningPort
from proxyapp.engine.transport import is_dedicated, mode_of, server_tls

_NOTHING: Mapping[str, Any] = {}


def client_ports(
    application: Mapping[str, Any], host: Mapping[str, Any] = _NOTHING
) -> tuple[ListeningPort, ...]:
    """Return the ports for clients of an Application document.

    The HA-sync port is apart: it is for the other server of a pair.

    Args:
        host: the document of the host that it runs on; it may give TLS parameters.
    """
    return tuple(_ports(application, host, for_sync=False))


def sync_ports(
    application: Mapping[str, Any], host: Mapping[str, Any] = _NOTHING
) -> tuple[ListeningPort, ...]:
    """Return the ports of an Application document for the other server of its pair."""
    return tuple(_ports(application, host, for_sync=True))


def _ports(
    application: Mapping[str, Any], host: Mapping[str, Any], for_sync: bool
) -> Iterator[ListeningPort]:
    for port in _with_numbers(application):
        if bool(port.get("haSync")) is for_sync:
            mode = mode_of(port)
            tls = None if mode == "unsecured" else server_tls(port, application, host)
            yield ListeningPort(port.get("id", ""), int(port["port"]), mode, tls)


def default_port(application: Mapping[str, Any]) -> str:
    """Return the number of the port "default", or of the first, as text; "" without ports."""
    ports = client_ports(application)
    chosen = next((port for port in ports if port.id == "default"), ports[0] if ports else None)
    return "" if chosen is None else str(chosen.port)


def is_for_people(application: Mapping[str, Any], port_id: str) -> bool:
    """Whether a port takes client user interface applications only."""
    return any(
        port.get("id") == port_id and is_dedicated(port) and not port.get("haSync")
        for port in application.get("portInfos", ())
    )


def open_port(application: Mapping[str, Any]) -> str:
    """Return the number of the first port that takes every application; "" without one."""
    ports = (port for port in _with_numbers(application) if not port.get("haSync"))
    return next((str(port["port"]) for port in ports if not is_dedicated(port)), "")


def link_port(application: Mapping[str, Any], port_id: str) -> int:
    """Return the number of the port that a proxy connects to; 0 without one.

    Args:
        port_id: the ID that it has preferably, before the ID "default".
    """
    ports = [
        port
        for port in _with_numbers(application)
        if not port.get("haSync") and not is_dedicated(port)
    ]
    for wanted in (port_id, "default"):
        for port in ports:
            if wanted and port.get("id") == wanted:
                return int(port["port"])
    return int(ports[0]["port"]) if ports else 0


def ports_status(application: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the ports for status pages: what each is for, and how it listens."""
    return [
        {
            "id": port.get("id", ""),
            "port": int(port["port"]),
            "mode": mode_of(port),
            "haSync": bool(port.get("haSync")),
            "clientsOnly": is_dedicated(port),
        }
        for port in _with_numbers(application)
    ]


def port_notices(application: Mapping[str, Any]) -> list[str]:
    """Return what operators should know of the ports."""
    notices = []
    for port in _with_numbers(application):
        if not is_dedicated(port):
            continue
        if port.get("haSync"):
            notices.append(
                f"port {port['port']} ({port.get('id')}) is for HA sync and cannot be for client"
                " user interface applications only: the restriction is ignored"
            )
        elif port.get("id") == "default":
            notices.append(
                f"the default port {port['port']} takes client user interface applications only:"
                " the backup server and all other servers are refused there"
            )
    return notices


def _with_numbers(application: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    for port in application.get("portInfos", ()):
        number = str(port.get("port", ""))
        if number.isdecimal() and 0 < int(number) < 65_536:
            yield port
