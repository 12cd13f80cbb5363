"""The rules of pairs, ports and connections.

Specification, chapters "Deploying Configuration Server Proxy" and "Redundant Configuration
Server Proxies".
They bind applications of type Configuration Server; for other types they are warnings. Each
rule gives (field, message).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

from django.core.exceptions import ValidationError

if TYPE_CHECKING:
    from proxyapp.models.applications import Application
    from proxyapp.models.connections import Connection
    from proxyapp.models.ports import Port

Refusal = tuple[str, str]
"""(name of the model's field, message)"""


def refusals_of(application: Application) -> list[Refusal]:
    """Return what the redundancy rules have against an application."""
    return [*_type_refusals(application), *_backup_refusals(application)]


def raise_refusals(refusals: Iterable[Refusal]) -> None:
    """Raise what there is as one error, each message at its field.

    Raises:
        ValidationError: there is something.
    """
    fields: dict[str, list[str]] = {}
    for name, message in refusals:
        fields.setdefault(name, []).append(message)
    if fields:
        raise ValidationError(fields)


def _type_refusals(application: Application) -> Iterator[Refusal]:
    paired = application.backup_server_id is not None or is_backup(application)
    if application.redundancy_type == "hotstandby":
        yield "redundancy_type", "Hot Standby does not exist here: use Warm Standby for a pair"
    elif paired and application.redundancy_type != "warmstandby":
        yield "redundancy_type", "a server of a pair needs redundancy type Warm Standby"
    elif not paired and application.redundancy_type != "coldstandby":
        yield "redundancy_type", "a single server needs redundancy type Not Specified"


def _backup_refusals(application: Application) -> Iterator[Refusal]:
    backup = application.backup_server
    if backup is None:
        return
    if backup.pk == application.pk:
        yield "backup_server", "a server cannot be its own backup"
        return
    if backup.type != application.type:
        yield "backup_server", f"the backup server must be of type {application.type}, too"
    if backup.account_id != application.account_id:
        yield "backup_server", "the backup server logs on as another account: give both the same"
    if backup.backup_server_id is not None or is_backup(application):
        yield "backup_server", "a backup server cannot have a backup itself"
    if backup.primaries.exclude(pk=application.pk).exists():
        yield "backup_server", "the backup server is that of another server already"


def is_backup(application: Application) -> bool:
    """Whether another server names this one as its backup."""
    return application.pk is not None and (
        application.primaries.exclude(pk=application.pk).exists()
    )


def lacks_sync_port(application: Application) -> bool:
    """Whether it is of a pair of Configuration Servers whose link has no port on one side."""
    partner = application.backup_server or application.primaries.first()
    if partner is None or not application.is_configuration_server:
        return False
    return not all(server.ports.filter(ha_sync=True).exists() for server in (application, partner))


def port_refusals(ports: Sequence[Port]) -> list[Refusal]:
    """Return what the rules have against the ports of one application, seen together."""
    refusals = [refusal for port in ports for refusal in refusals_of_port(port)]
    numbers = Counter(port.port for port in ports)
    refusals += [
        ("port", f"port number {number} is given twice: choose another")
        for number, count in numbers.items()
        if count > 1
    ]
    defaults = sum(port.port_id == "default" for port in ports)
    if ports and defaults != 1:
        refusals.append(("port_id", 'exactly one port has the ID "default"'))
    return refusals


def connection_refusals(connections: Sequence[Connection]) -> list[Refusal]:
    """Return what the rules have against the connections of one application."""
    circular = any(one.server_id == one.application_id for one in connections)
    return [("server", "an application cannot connect to itself")] if circular else []


def refusals_of_port(port: Port) -> Iterator[Refusal]:
    """Yield what the rules have against one port alone."""
    if not (port.port.isascii() and port.port.isdecimal() and 1 <= int(port.port) <= 65535):
        yield "port", f"{port.port or 'nothing'} is no port number: 1 to 65535"
    if port.ha_sync and port.is_dedicated:
        yield "clients_only", "a port for HA sync cannot be for client applications only"
