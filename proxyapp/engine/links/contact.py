"""How a server reaches another one: in clear or by TLS, and from which local address.

What the command line says counts first, so that no slip in the administration can lock a server
out; then its Connection, its Application, its host, and the port of the other server.
"""

from __future__ import annotations

import msgspec

from confwire.objects import ObjectType
from proxyapp.engine.commands import ConnectLink
from proxyapp.engine.serving import Serving
from proxyapp.engine.transport import (
    Parameters,
    client_tls,
    local_address,
    parameters_of,
    security_of,
)

CONFIG_SERVER = "configserver"
_OF_THE_MASTER = ("tls", "tls-target-name-check")
"""What the command line says of the master alone."""


def contact(
    serving: Serving,
    host: str,
    port: int,
    delay: float,
    keep_alive: float,
    patience: float,
    *,
    backup: bool = False,
) -> ConnectLink:
    """Return the command that connects to a master at this host and port.

    Args:
        delay: seconds to wait before.
        keep_alive: seconds of silence after which the link is polled.
        patience: seconds for the connection.
        backup: whether it is the backup of the server that the Connection names.
    """
    application, given = serving.application, serving.settings.link_parameters
    connection, server = _connection(serving)
    of_connection = parameters_of(connection.get("transportParams", ""))
    of_host = security_of(serving.host_of(application))
    levels = [given, of_connection, security_of(application), of_host]
    linked = _linked_port(server, connection.get("id", "") or "default")
    return ConnectLink(
        host,
        port,
        delay,
        keep_alive,
        tls=client_tls(levels, linked),
        local_address=local_address({**of_connection, **given}, backup=backup),
        patience=patience,
    )


def peer_contact(
    serving: Serving, host: str, port: int, delay: float, keep_alive: float, other: Parameters
) -> ConnectLink:
    """Return the command that connects to the other server of a pair.

    Args:
        other: its Application document.
    """
    application = serving.application
    given = {
        name: value
        for name, value in serving.settings.link_parameters.items()
        if name not in _OF_THE_MASTER
    }
    levels = [given, security_of(application), security_of(serving.host_of(application))]
    ports = (item for item in other.get("portInfos", ()) if item.get("haSync"))
    tls = client_tls(levels, next(ports, {}))
    return ConnectLink(host, port, delay, keep_alive, link="peer", tls=tls)


def _connection(serving: Serving) -> tuple[Parameters, Parameters]:
    """Return the own Connection to a configuration server, and the document of that server."""
    for connection in serving.application.get("appServers", ()):
        row = serving.store.get(ObjectType.APPLICATION, connection.get("appServerDBID", 0))
        server = msgspec.json.decode(row.body) if row is not None else {}
        if server.get("type") == CONFIG_SERVER:
            return connection, server
    return {}, {}


def _linked_port(server: Parameters, port_id: str) -> Parameters:
    ports = (port for port in server.get("portInfos", ()) if port.get("id") == port_id)
    return next(ports, {})
