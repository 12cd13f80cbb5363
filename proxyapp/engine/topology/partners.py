"""Which two servers are a pair, by their Application objects, and how one reaches the other.

Pure questions to the store; who leads is not asked here.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from confwire.addp import DEFAULT_TIMEOUT
from confwire.messages import KeepAlive
from confwire.objects import ObjectType
from proxyapp.engine.data.store import Store
from proxyapp.engine.ports import default_port, sync_ports
from proxyapp.engine.topology.pair import Configured

Document = Mapping[str, Any]

BACKUP = b'"backupServerDBID"'
"""What the document of an application has that has a backup."""


class Partner(msgspec.Struct, frozen=True):
    """The other server of a pair."""

    dbid: int
    name: str
    own: Configured
    """What the configuration says of the server that asks."""
    document: dict[str, Any]


def partner_of(store: Store, dbid: int) -> Partner | None:
    """Return the other server of the pair that an application is of, None where it is of none."""
    table = store.tables[ObjectType.APPLICATION]
    own = table.get(dbid)
    if own is None:
        return None
    backup = table.get(_backup_of(msgspec.json.decode(own.body)))
    if backup is not None:
        document = msgspec.json.decode(backup.body)
        return Partner(backup.dbid, backup.name, Configured.PRIMARY, document)
    for row in table.rows():
        # Few have one, and most of them need not be decoded.
        if BACKUP in row.body and row.dbid != dbid:
            document = msgspec.json.decode(row.body)
            if _backup_of(document) == dbid:
                return Partner(row.dbid, row.name, Configured.BACKUP, document)
    return None


def primary_of(store: Store, dbid: int) -> int:
    """Return the server that has this one as its backup, 0 where none has."""
    rows = store.tables[ObjectType.APPLICATION].rows()
    return next((row.dbid for row in rows if backup_in(row.body) == dbid != row.dbid), 0)


def partner_dbid(store: Store, dbid: int) -> int:
    """Return the DBID of the other server of a pair, 0 where there is none."""
    partner = partner_of(store, dbid)
    return partner.dbid if partner is not None else 0


def objection(own: Document, partner: Partner) -> str:
    """Return why two servers cannot work as a pair, empty where they can."""
    other = partner.document
    if other.get("type") != own.get("type"):
        return f"'{partner.name}' is of another type: give both the same"
    if other.get("accountDBID") != own.get("accountDBID"):
        return f"'{partner.name}' logs on as another account: give both the same"
    for document in (own, other):
        if not sync_ports(document):
            name = document.get("name", "")
            return f"'{name}' has no port for HA sync: mark one of its ports, on both servers"
    return ""


def address_of(store: Store, document: Document) -> tuple[str, int]:
    """Return host and port for HA sync of a server; an empty host where it is on none."""
    host = store.get(ObjectType.HOST, document.get("serverInfo", {}).get("hostDBID", 0))
    ports = sync_ports(document)
    if host is None or not ports:
        return "", 0
    return msgspec.json.decode(host.body).get("ipAddress") or host.name, ports[0].port


def client_address(store: Store, document: Document) -> tuple[str, str]:
    """Return host and default port of a server, as clients connect to it."""
    host = store.get(ObjectType.HOST, document.get("serverInfo", {}).get("hostDBID", 0))
    return host.name if host is not None else "", default_port(document)


def keep_alive_of(application: Document, master: int) -> KeepAlive:
    """Return the ADDP timeouts of a server's connection to its master: the pair uses them, too."""
    servers = application.get("appServers", ())
    chosen = [item for item in servers if item.get("appServerDBID") == master] or servers
    for item in chosen:
        if item.get("connProtocol") == "addp" and item.get("timeoutLocal"):
            local = float(item["timeoutLocal"])
            return KeepAlive(local, float(item.get("timeoutRemote") or local))
    return KeepAlive(DEFAULT_TIMEOUT, DEFAULT_TIMEOUT)


def backup_in(body: bytes) -> int:
    """Return the backup that an application's document names, 0 for none."""
    return _backup_of(msgspec.json.decode(body)) if BACKUP in body else 0


def _backup_of(document: Document) -> int:
    return int(document.get("serverInfo", {}).get("backupServerDBID", 0))
