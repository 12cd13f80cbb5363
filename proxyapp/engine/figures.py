"""The table of a server's metrics: their names, what they mean, and where its status has them.

Names follow the conventions of Prometheus; no label is a session, a client, a user or an object.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from enum import Enum
from typing import Any, NamedTuple

Status = dict[str, Any]
Sample = tuple[str, float]
"""The value of the label, "" without one, and the number."""

PREFIX = "csproxy_"


class Kind(Enum):
    """How a number is to be read."""

    GAUGE = "gauge"
    """It goes up and down."""
    COUNTER = "counter"
    """It grows, from 0 at the start of the process on."""


class Figure(NamedTuple):
    """One metric."""

    name: str
    """Without the prefix; a counter's ends in `_total`."""
    kind: Kind
    meaning: str
    read: Callable[[Status], Iterable[Sample]]
    """Gives the samples that a status has; none where it has no such part."""
    label: str = ""


def _at(*path: str) -> Callable[[Status], Iterable[Sample]]:
    """The number at a place of the status, if there is such a place."""

    def read(status: Status) -> Iterable[Sample]:
        found: Any = status
        for name in path:
            found = found.get(name) if isinstance(found, dict) else None
        return [] if found is None else [("", float(found))]

    return read


def _is(wanted: str, *path: str) -> Callable[[Status], Iterable[Sample]]:
    """1 where the text at a place of the status is a certain one, else 0."""

    def read(status: Status) -> Iterable[Sample]:
        return [("", float(text == wanted)) for text in _text(status, *path)]

    return read


def _named(*path: str) -> Callable[[Status], Iterable[Sample]]:
    """1 with the text at a place of the status as the label."""

    def read(status: Status) -> Iterable[Sample]:
        return [(text, 1.0) for text in _text(status, *path)]

    return read


def _each(*path: str, **names: str) -> Callable[[Status], Iterable[Sample]]:
    """A sample for each member of a part of the status, or for those that are named."""

    def read(status: Status) -> Iterable[Sample]:
        found: Any = status
        for name in path:
            found = found.get(name) if isinstance(found, dict) else None
        if not isinstance(found, dict):
            return []
        if not names:
            return [(key, float(value)) for key, value in found.items()]
        return [(label, float(found[key])) for label, key in names.items() if key in found]

    return read


def _ports(key: str) -> Callable[[Status], Iterable[Sample]]:
    """A sample for each open port that tells this."""

    def read(status: Status) -> Iterable[Sample]:
        ports = status.get("ports", ())
        return [(str(port["port"]), float(port[key])) for port in ports if key in port]

    return read


def _text(status: Status, *path: str) -> list[str]:
    found: Any = status
    for name in path:
        found = found.get(name) if isinstance(found, dict) else None
    return [str(found)] if found else []


def _role(status: Status) -> Iterable[Sample]:
    found = _text(status, "authority", "role") or _text(status, "pair", "running")
    return [(found[0] if found else "alone", 1.0)]


def _term(status: Status) -> Iterable[Sample]:
    return _at("authority", "term")(status) or _at("pair", "term")(status)


def _alarms(status: Status) -> Iterable[Sample]:
    return [(name, 1.0) for name in sorted({one["alarm"] for one in status["alarms"]})]


G, C = Kind.GAUGE, Kind.COUNTER

FIGURES: tuple[Figure, ...] = (
    Figure("info", G, "1; the name of the server's Application object", _named("application"),
           "application"),
    Figure("release_info", G, "1; the release of the software", _named("release"), "release"),
    Figure("ready", G, "1 while it serves clients", _at("ready")),
    Figure("role", G, "1; of a master `electing`, `primary`, `doubtful` or `backup`, of a proxy in"
           " a pair its running role, of another one `alone`", _role, "role"),
    Figure("term", G, "Term of the lead, of a master or in a pair", _term),
    Figure("epoch_info", G, "1; the epoch of the data", _named("epoch"), "epoch"),
    Figure("revision", G, "Revision of the data", _at("revision")),
    Figure("journal_first_revision", G, "Cursors from this revision on are resumed from memory",
           _at("journal", "from")),
    Figure("age_seconds", G, "Seconds since the data was known to be current", _at("age")),
    Figure("source_info", G, "1; where the data comes from: `live`, `memory` or `disk`",
           _named("source"), "source"),
    Figure("objects", G, "Objects by their types", _each("objects"), "type"),
    Figure("loads_total", C, "Whole loads of the data", _at("loads")),
    Figure("alarm", G, "1 for each alarm that is raised", _alarms, "alarm"),
    Figure("sessions", G, "Open sessions of clients, of other servers and of the pair's other one",
           _each("crowd", client="clients", server="servers", peer="peers"), "kind"),
    Figure("sessions_behind", G, "Sessions that go through older changes at their own pace",
           _at("crowd", "behind")),
    Figure("sessions_blocked", G, "Sessions whose requests wait until they have read their answers",
           _at("crowd", "blocked")),
    Figure("daemons", G, "Of a master: server applications that have a session, on whichever"
           " server", _at("daemons", "open")),
    Figure("daemons_refused_total", C, "Of a master: second sessions of server applications that"
           " it had closed, or refused", _at("daemons", "refused")),
    Figure("departures", G, "Sessions that were told to leave and are still there",
           _at("departures", "sessions")),
    Figure("connections", G, "Connections, also those without a session yet",
           _at("runtime", "connections")),
    Figure("output_queue_bytes", G, "Bytes that wait for readers, of all connections",
           _at("runtime", "unsent")),
    Figure("output_queue_largest_bytes", G, "Bytes that wait for the slowest reader",
           _at("runtime", "mostUnsent")),
    Figure("logins_total", C, "Sessions that opened by a password, a secret or a ticket (`opened`),"
           " that went on by a token (`resumed`), and openings that were refused (`refused`)",
           _each("counters", opened="logins", resumed="resumes", refused="refusals"), "outcome"),
    Figure("external_logins_total", C, "Checks by external systems, by their outcomes",
           _each("runtime", "authentication", accepted="accepted", rejected="rejected",
                 unavailable="unavailable"), "outcome"),
    Figure("external_logins_waiting", G, "Checks by external systems that are under way",
           _at("runtime", "authentication", "waiting")),
    Figure("reads_total", C, "Requests to read", _at("counters", "reads")),
    Figure("registrations_total", C, "Requests to be notified", _at("counters", "registrations")),
    Figure("notifications_total", C, "Notifications of changes, each counted for each receiver",
           _at("counters", "notifications")),
    Figure("writes_total", C, "Writes of clients that a master has carried out (`done`) or refused",
           _each("counters", done="writes", refused="rejections"), "outcome"),
    Figure("writes_waiting", G, "Writes that wait for the database",
           _at("authority", "writesWaiting")),
    Figure("database_up", G, "Of a master: 1 while its database answers",
           _is("live", "authority", "database")),
    Figure("link_up", G, "Of a proxy: 1 while the link to its master is live",
           _is("live", "authority", "link")),
    Figure("link_to_backup", G, "Of a proxy: 1 while its master is the backup master",
           _at("authority", "backup")),
    Figure("link_resumes_total", C, "Times that the link went on at its cursor, without a load",
           _at("authority", "resumes")),
    Figure("server_lag_revisions", G, "Revisions that were not sent yet to a server that takes its"
           " data from this one", _each("crowd", "lags"), "server"),
    Figure("server_loads", G, "Servers that load everything, and that wait for it",
           _each("authority", "loads", loading="underWay", waiting="waiting"), "state"),
    Figure("pair_link_up", G, "1 while the link to the other server of the pair stands",
           _is("live", "pair", "link")),
    Figure("pair_sessions_mirrored", G, "Sessions of the primary that the backup could go on with",
           _at("pair", "mirrored")),
    Figure("pair_primaries_met_total", C, "Times that both servers of the pair led",
           _at("pair", "primariesMet")),
    Figure("history_waiting", G, "Entries that wait for the history log",
           _at("history", "waiting")),
    Figure("history_lost_total", C, "Entries of the history that were lost",
           _at("history", "lost")),
    Figure("copy_revision", G, "Revision of the local copy", _at("localCopy", "revision")),
    Figure("copy_waiting", G, "Changes that wait for the local copy", _at("localCopy", "waiting")),
    Figure("copy_bytes", G, "Size of the local copy on the disk",
           _each("localCopy", snapshot="snapshotBytes", log="logBytes"), "part"),
    Figure("recent_stall_seconds", G, "Longest time of late that the loop did not turn",
           _at("runtime", "recentStall")),
    Figure("longest_stall_seconds", G, "The same since the start", _at("runtime", "longestStall")),
    Figure("certificate_expiry_timestamp_seconds", G, "When a port's certificate ends; in days:"
           " `(… - time()) / 86400`", _ports("expiresAt"), "port"),
    Figure("failed_handshakes_total", C, "TLS handshakes that failed", _ports("failedHandshakes"),
           "port"),
    Figure("handshakes_waiting", G, "Connections that have not said yet what they are",
           _ports("halfOpen"), "port"),
)  # fmt: skip
