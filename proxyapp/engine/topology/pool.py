"""Pools of proxies behind a load balancer, by their Application objects.

Each member names the Application object that stands for the balancer: an external server, which
nobody starts. Specification, chapter "Using Load Balancing". Pure questions to the store.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec
from msgspec import Struct

from confwire.objects import ObjectType
from proxyapp.engine.data.store import Store
from proxyapp.engine.topology.partners import client_address, partner_dbid

OPTION = "proxy-cluster-name"
_SECTION = "csproxy"
_CONFIG_SERVER = "configserver"
_NO_LCA = "0"


class Pool(Struct, frozen=True):
    """The object that stands for a pool, and where its balancer listens."""

    dbid: int
    name: str
    host: str
    port: str


def pool_of(store: Store, name: str) -> Pool | None:
    """Return the pool that an application of this name stands for, None where there is none."""
    document = _application(store, name)
    if document is None or document.get("type") != _CONFIG_SERVER:
        return None
    host, port = client_address(store, document)
    return Pool(document["DBID"], document.get("name", ""), host, port)


def objection(store: Store, own: Mapping[str, Any], name: str) -> str:
    """Return why a server cannot be a member of a pool, empty where it can."""
    pool = _application(store, name)
    if pool is None or pool.get("type") != _CONFIG_SERVER:
        return f"there is no Configuration Server '{name}' to stand for the pool: create it"
    if pool["DBID"] == own.get("DBID"):
        return f"'{name}' stands for the balancer and cannot be a member: name another one"
    if partner_dbid(store, own["DBID"]):
        return "a member of a pool has no backup server: the others stand in for it"
    if not client_address(store, pool)[0]:
        return f"'{name}' has no host: give it that of the balancer"
    if _lca_port(store, pool) != _NO_LCA:
        return (
            f"the host of '{name}' is the balancer's, with nothing to watch: set its LCA port to 0"
        )
    return ""


def stands_for_a_pool(store: Store, name: str) -> bool:
    """Whether some server names this application as its pool: nobody starts it."""
    mark = OPTION.encode()
    return any(
        mark in row.body and chosen(msgspec.json.decode(row.body)).casefold() == name.casefold()
        for row in store.tables[ObjectType.APPLICATION].rows()
    )


def chosen(application: Mapping[str, Any]) -> str:
    """Return the name of the pool that an application names, empty where it names none."""
    section = application.get("options", {}).get(_SECTION, {})
    return str(section.get(OPTION, "")).strip()


def _application(store: Store, name: str) -> dict[str, Any] | None:
    rows = store.tables[ObjectType.APPLICATION].named(name)
    document: dict[str, Any] | None = msgspec.json.decode(rows[0].body) if rows else None
    return document


def _lca_port(store: Store, application: Mapping[str, Any]) -> str:
    host = store.get(ObjectType.HOST, application.get("serverInfo", {}).get("hostDBID", 0))
    return str(msgspec.json.decode(host.body).get("lcaPort", "")) if host is not None else ""
