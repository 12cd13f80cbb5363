"""Which of the database servers that DATABASE_URL names is the one to lead on.

After a failover PostgreSQL's history goes on under a higher timeline. A former primary that comes
back alone takes writes, too, and is the first in the list: by its lower timeline it is known.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from typing import Any, NamedTuple

import psycopg
import structlog
from django.conf import settings

from proxyapp.runtime.tasks import cancel, spawn
from proxyapp.runtime.timelines import UNTOLD, Connection, Timeline, TimelineFile, timeline_of

log = structlog.get_logger(__name__)

LOOK = 2.0
"""Seconds between two looks at the other servers."""
LOOK_LIMIT = 2.0
"""Seconds that a look is waited for before the lead is taken: a server that is silent is away."""

Place = dict[str, Any]
"""Host and port of a database server, as libpq has them."""


class _Found(NamedTuple):
    place: Place
    connection: Connection
    timeline: Timeline


class Cluster:
    """The database servers of one master, and which of them all its connections go to."""

    def __init__(
        self,
        parameters: dict[str, Any],
        kept: TimelineFile,
        moved: Callable[[], None] = lambda: None,
    ) -> None:
        """Connect to nothing yet.

        Args:
            parameters: what `feed.parameters` gives; hosts and ports may be lists, as libpq has
                them.
            kept: the latest timeline that a former run has seen.
            moved: is called when all connections have to be made anew, to another server.
        """
        self._parameters = parameters
        self._places = places_of(parameters)
        self._chosen = self._places[0] if len(self._places) == 1 else None
        self._refused = ""
        self._kept = kept
        self._moved = moved
        self._looks: set[asyncio.Task[None]] = set()
        self._keeping: asyncio.Task[None] | None = None
        self._looked = 0.0
        self.present = UNTOLD
        """That of the connection which was made last."""
        self.timeline = kept.read()
        """The latest one that was seen."""

    async def connect(self, name: str) -> Connection:
        """Connect to the server that takes writes and has the latest timeline.

        Django's connections that are made from then on go to the same one. A server with an
        earlier timeline than was seen before is never taken.

        Raises psycopg.Error: there is none.
        """
        found = await self._choose(name)
        moves = found.place is not self._chosen or self.present.precedes(found.timeline)
        self._refused, self.present, self._chosen = "", found.timeline, found.place
        self._note(found.timeline)
        if moves:
            log.info("a database server was chosen", timeline=str(found.timeline), **found.place)
            settings.DATABASES["default"].update(
                {key.upper(): value for key, value in found.place.items()}
            )
            self._moved()
        return found.connection

    def check(self) -> None:
        """Look from time to time whether another server was promoted; to be called again and again.

        Raises psycopg.OperationalError: one was, and the present one is to be left.
        """
        self._check()
        if not self._looks and asyncio.get_running_loop().time() >= self._looked + LOOK:
            self._begin_to_look()

    async def look(self) -> None:
        """Look at all other servers now, for LOOK_LIMIT seconds at most.

        Raises psycopg.OperationalError: one was promoted, and the present one is to be left.
        """
        # Not one that is under way: it may have begun before what is asked about.
        if looks := self._begin_to_look():
            await asyncio.wait(looks, timeout=LOOK_LIMIT)
        self._check()

    async def stop(self) -> None:
        """Look no more."""
        for look in list(self._looks):
            await cancel(look)
        if self._keeping is not None:
            await asyncio.wait([self._keeping])

    def _check(self) -> None:
        if self.present.precedes(self.timeline):
            raise psycopg.OperationalError(
                f"another database server was promoted: timeline {self.timeline.number} follows"
                f" {self.present.number}"
            )

    def _begin_to_look(self) -> list[asyncio.Task[None]]:
        self._looked = asyncio.get_running_loop().time()
        looks = [
            spawn("look for a promotion", self._look_at(place))
            for place in self._places
            if place is not self._chosen
        ]
        for look in looks:
            self._looks.add(look)
            look.add_done_callback(self._looks.discard)
        return looks

    async def _look_at(self, place: Place) -> None:
        """Take note of the timeline of another server; most of them are standbys, or away."""
        with suppress(psycopg.Error, OSError):
            found = await self._open(place, "csproxy look")
            await found.connection.close()
            if self.present.precedes(found.timeline):
                self._note(found.timeline)

    def _note(self, timeline: Timeline) -> None:
        """Let no earlier one be taken from now on, nor after a restart."""
        if timeline != self.timeline and not timeline.precedes(self.timeline):
            self.timeline = timeline
            if timeline.system:
                self._keeping = self._kept.keep(timeline)

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

    async def _open(self, place: Place, name: str) -> _Found:
        connection = await psycopg.AsyncConnection.connect(
            autocommit=True, application_name=name, **{**self._parameters, **place}
        )
        try:
            timeline = await timeline_of(connection)
            if timeline.precedes(self.timeline):
                self._refuse(place, timeline)
        except BaseException:
            await connection.close()
            raise
        return _Found(place, connection, timeline)

    def _refuse(self, place: Place, timeline: Timeline) -> None:
        reason = (
            f"the database server {place.get('host', '')}:{place.get('port', '')} is a former"
            f" primary: it is on timeline {timeline.number}, and {self.timeline.number} was seen:"
            " stop it, and make it a standby of the present one (if it was restored on purpose,"
            f" remove {self._kept.path} and start this server again)"
        )
        if reason != self._refused:
            self._refused = reason
            log.error("a database server was refused", reason=reason)
        raise psycopg.OperationalError(reason)


def places_of(parameters: dict[str, Any]) -> list[Place]:
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
