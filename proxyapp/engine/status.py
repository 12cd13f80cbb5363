"""The state of a node as plain data, for status pages and programs.

Knows the node's parts by their public attributes; changes nothing.
"""

from __future__ import annotations

from typing import Any

from msgspec.structs import asdict

from confwire.objects import OBJECTS
from proxyapp.engine.data.journal import tree_text
from proxyapp.engine.ports import port_notices, ports_status
from proxyapp.engine.serving import Serving
from proxyapp.engine.sessions.session import Session


def status_of(serving: Serving, loads: int, now: float, *, whole: bool = True) -> dict[str, Any]:
    """Return everything that operators ask of a server, as JSON-able data.

    Without `whole` sessions are counted (`crowd`), not told one by one.
    """
    identity = serving.identity()
    crowd: dict[str, Any] = (
        {"sessions": [session_of(session, serving.revision, now) for session in serving.roster]}
        if whole
        else {"crowd": crowd_of(serving)}
    )
    return {
        "application": serving.settings.application,
        "DBID": serving.application.get("DBID", 0),
        "pool": identity.application if identity.member else "",
        "release": identity.release,
        "mode": identity.mode,
        "ready": serving.ready and not (serving.withheld or serving.standby or serving.draining),
        "withheld": serving.withheld,
        "siteLimit": serving.site.text,
        "tokensUntil": ring.ends_at if (ring := serving.issuing.ring) is not None else 0.0,
        "epoch": serving.epoch,
        "revision": serving.revision,
        "age": round(serving.age(now), 3),
        "source": serving.source(),
        "treeHash": tree_text(serving.store.tree),
        "loads": loads,
        "journal": {"from": serving.journal.compacted, "to": serving.revision},
        "authority": serving.authority.status(now),
        "alarms": [
            {"alarm": name, "text": text, "since": round(now - since, 1)}
            for name, (text, since) in serving.alarms.items()
        ],
        "notices": [
            *serving.options.complaints,
            *serving.options.notices,
            *port_notices(serving.application),
        ],
        "ports": ports_status(serving.application),
        "objects": {
            info.name: count
            for type_, info in OBJECTS.items()
            if (count := serving.store.tables[type_].count)
        },
        "objectCount": serving.store.count,
        "views": len(serving.subscriptions),
        "counters": asdict(serving.counters),
        **crowd,
    }


def crowd_of(serving: Serving) -> dict[str, Any]:
    """Return how many sessions there are, and how far behind other servers are."""
    found = {"clients": 0, "servers": 0, "peers": 0, "behind": 0, "blocked": 0}
    kinds = {"client": "clients", "peer": "peers"}
    for session in serving.roster:
        found[kinds.get(session.role, "servers")] += 1
        found["behind"] += session.follower.behind
        found["blocked"] += session.blocked
    lags = {
        link.name: serving.revision - link.cursor
        for link in serving.servers.values()
        if link.replication is not None
    }
    return {**found, "lags": lags}


def session_of(session: Session, revision: int, now: float) -> dict[str, Any]:
    """Return one session's state."""
    return {
        "session": session.id,
        "application": session.name,
        "type": session.application_type,
        "user": session.user,
        "peer": session.peer,
        "forwarded": session.forwarded,
        "port": session.port,
        "server": session.role != "client",
        "connected": round(now - session.connected_at, 1),
        "subscriptions": sorted(session.follower.specs),
        "cursor": session.cursor,
        "acknowledged": session.acknowledged,
        "behind": session.cursor < revision,
    }
