"""Which of the database servers that DATABASE_URL names is the one to lead on.

After a failover PostgreSQL's history goes on under a higher timeline. A former primary that comes
back alone takes writes, too, and is the first in the list: by its lower timeline it is known.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import Any, NamedTuple

import psycopg
import structlog
from django.conf import settings

from proxyapp.runtime import feed
from proxyapp.runtime.tasks import cancel, spawn

log = structlog.get_logger(__name__)

_TIMELINE = (
    "SELECT system_identifier, pg_walfile_name(pg_current_wal_lsn()) FROM pg_control_system()"
)
_UNTOLD = (
    psycopg.errors.UndefinedFunction,
    psycopg.errors.InsufficientPrivilege,
    psycopg.errors.FeatureNotSupported,
)
_TIMELINE_DIGITS = 8
"""Hexadecimal digits of a log file's name that are the timeline."""

LOOK = 2.0
"""Seconds between two looks at the other servers."""

Connection = psycopg.AsyncConnection[Any]


class Timeline(NamedTuple):
    """A history of a PostgreSQL cluster; its text is at most 32 characters long."""

    system: int
    """The cluster; 0 where it does not tell."""
    number: int
    """Grows with each promotion."""

    def __str__(self) -> str:
        return f"{self.system}/{self.number}" if self.system else ""

    def precedes(self, other: Timeline) -> bool:
        """Whether the other one is of the same cluster and later."""
        return self.system == other.system and self.number < other.number


UNTOLD = Timeline(0, 0)


class _Found(NamedTuple):
    place: dict[str, Any]
    connection: Connection
    timeline: Timeline


class Cluster:
    """The database servers of one master, and which of them all its connections go to."""

    def __init__(self, parameters: dict[str, Any]) -> None:
        """Take what `feed.parameters` gives; hosts and ports may be lists, as libpq has them."""
        self._parameters = parameters
        self._places = places_of(parameters)
        self._chosen = self._places[0] if len(self._places) == 1 else None
        self._refused = ""
        self._present = UNTOLD
        """That of the connection which was made last."""
        self._looking: asyncio.Task[None] | None = None
        self._looked = 0.0
        self.timeline = UNTOLD
        """The latest one that was seen."""

    async def connect(self, name: str) -> Connection:
        """Connect to the server that takes writes and has the latest timeline.

        Django's connections that are made from then on go to the same one. A server with an
        earlier timeline than was seen before is never taken.

        Raises psycopg.Error: there is none.
        """
        found = await self._choose(name)
        if found.place is not self._chosen:
            self._chosen = found.place
            log.info("a database server was chosen", timeline=str(found.timeline), **found.place)
        if len(self._places) > 1:
            settings.DATABASES["default"].update(
                {key.upper(): value for key, value in found.place.items()}
            )
        self._refused, self._present, self.timeline = "", found.timeline, found.timeline
        return found.connection

    def check(self) -> None:
        """Look from time to time whether another server was promoted; to be called again and again.

        Raises psycopg.OperationalError: one was, and the present one is to be left.
        """
        if self._present.precedes(self.timeline):
            raise psycopg.OperationalError(
                f"another database server was promoted: timeline {self.timeline.number} follows"
                f" {self._present.number}"
            )
        now = asyncio.get_running_loop().time()
        if len(self._places) > 1 and self._looking is None and now >= self._looked + LOOK:
            self._looked = now
            self._looking = spawn("look for a promotion", self._look())

    async def stop(self) -> None:
        """Look no more."""
        await cancel(self._looking)

    async def _look(self) -> None:
        """Take the latest timeline of the other servers; most of them are standbys, or away."""
        try:
            for place in self._places:
                if place is not self._chosen:
                    with suppress(psycopg.Error, OSError):
                        found = await self._open(place, "csproxy look")
                        await found.connection.close()
                        if self._present.precedes(found.timeline):
                            self.timeline = max(self.timeline, found.timeline)
        finally:
            self._looking = None

    async def _choose(self, name: str) -> _Found:
        """The one of last time, if it is still right; else the best of all."""
        if self._chosen is not None:
            try:
                return await self._open(self._chosen, name)
            except (psycopg.Error, OSError):
                if len(self._places) == 1:
                    raise
        opened = await asyncio.gather(
            *(self._open(place, name) for place in self._places), return_exceptions=True
        )
        found = [one for one in opened if isinstance(one, _Found)]
        if not found:
            raise next(one for one in opened if isinstance(one, BaseException))
        best = max(found, key=lambda one: one.timeline.number)
        for one in found:
            if one is not best:
                await one.connection.close()
        return best

    async def _open(self, place: dict[str, Any], name: str) -> _Found:
        connection = await psycopg.AsyncConnection.connect(
            autocommit=True, application_name=name, **{**self._parameters, **place}
        )
        try:
            timeline = await _timeline_of(connection)
            if timeline.precedes(self.timeline):
                self._refuse(place, timeline)
        except BaseException:
            await connection.close()
            raise
        return _Found(place, connection, timeline)

    def _refuse(self, place: dict[str, Any], timeline: Timeline) -> None:
        reason = (
            f"the database server {place.get('host', '')}:{place.get('port', '')} is a former"
            f" primary: it is on timeline {timeline.number}, and {self.timeline.number} was seen:"
            " stop it, and make it a standby of the present one"
        )
        if reason != self._refused:
            self._refused = reason
            log.error("a database server was refused", reason=reason)
        raise psycopg.OperationalError(reason)


def places_of(parameters: dict[str, Any]) -> list[dict[str, Any]]:
    """Return host and port of each server that connection parameters name.

    Raises psycopg.OperationalError: there are several ports, and not one for each host.
    """
    hosts = str(parameters.get("host", "")).split(",")
    ports = str(parameters.get("port", "")).split(",")
    if len(ports) == 1:
        ports *= len(hosts)
    if len(ports) != len(hosts):
        raise psycopg.OperationalError("DATABASE_URL names a port for some of its hosts only")
    return [
        {key: value for key, value in (("host", host), ("port", port)) if value}
        for host, port in zip(hosts, ports, strict=True)
    ]


async def _timeline_of(connection: Connection) -> Timeline:
    """Return the timeline; raises psycopg.Error at a standby, which has none of its own."""
    try:
        # No statement of several steps, so the connection is in no transaction afterwards.
        rows = await (await connection.execute(_TIMELINE)).fetchall()
    except _UNTOLD:
        return UNTOLD
    ((system, file),) = rows
    return Timeline(system, int(file[:_TIMELINE_DIGITS], 16))


def cluster() -> Cluster:
    """Return the servers of the configuration database."""
    return Cluster(feed.parameters())
