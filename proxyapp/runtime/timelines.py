"""Timelines: the histories of a PostgreSQL cluster, of which each promotion begins another one.

The latest one that a master has seen is kept in a file: also after a restart it leads on no former
primary. Knows no elections.
"""

from __future__ import annotations

import asyncio
import re
import threading
from pathlib import Path
from typing import Any, NamedTuple

import psycopg
import structlog

from proxyapp.runtime import files
from proxyapp.runtime.tasks import spawn

log = structlog.get_logger(__name__)

Connection = psycopg.AsyncConnection[Any]

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
_KEPT = re.compile(r"(\d{1,20})/(\d{1,10})\n?", re.ASCII)


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


async def timeline_of(connection: Connection) -> Timeline:
    """Return the timeline; raises psycopg.Error at a standby, which has none of its own."""
    try:
        # No statement of several steps, so the connection is in no transaction afterwards.
        rows = await (await connection.execute(_TIMELINE)).fetchall()
    except _UNTOLD:
        return UNTOLD
    ((system, file),) = rows
    return Timeline(system, int(file[:_TIMELINE_DIGITS], 16))


class TimelineFile:
    """A file with the latest timeline that a master has seen."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock = threading.Lock()
        self._latest = UNTOLD

    def read(self) -> Timeline:
        """Return what was kept; UNTOLD where there is none, or nothing to be read."""
        try:
            found = _KEPT.fullmatch(self.path.read_text())
        except FileNotFoundError:
            return UNTOLD
        except (OSError, UnicodeDecodeError) as error:
            log.warning("the file of the database's timeline cannot be read", reason=str(error))
            return UNTOLD
        if found is None:
            log.warning("the file of the database's timeline is damaged", file=str(self.path))
            return UNTOLD
        self._latest = Timeline(int(found[1]), int(found[2]))
        return self._latest

    def keep(self, timeline: Timeline) -> asyncio.Task[None]:
        """Begin to write a timeline; needs a running loop."""
        return spawn(f"timeline {timeline}", asyncio.to_thread(self.write, timeline))

    def write(self, timeline: Timeline) -> None:
        """Replace what is there, unless it is later. A disk that takes nothing is logged."""
        with self._lock:
            if timeline == self._latest or timeline.precedes(self._latest):
                return
            try:
                files.write(self.path, [f"{timeline}\n".encode()])
            except OSError as error:
                log.warning("the database's timeline was not kept", reason=str(error))
                return
            self._latest = timeline
