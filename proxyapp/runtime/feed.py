"""Wake-ups from the database: PostgreSQL says when there is a new revision.

Only hints: whoever is woken reads the rows, and reads them from time to time anyway. On SQLite
there are none, and the poll is quick.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from typing import Any

import psycopg
import structlog
from django.conf import settings

log = structlog.get_logger(__name__)

CHANNEL = "csproxy"
POLL_WITH_WAKE_UPS = 1.0
POLL_WITHOUT = 0.1
RETRY_LIMIT = 10.0
_DJANGOS_OWN = {
    "assume_role",
    "isolation_level",
    "pool",
    "prepare_threshold",
    "server_side_binding",
}
"""Of the OPTIONS those that are no connection parameters."""
LISTEN_ROUND = 60.0
"""Seconds after which the connection is checked though nothing came."""


def is_postgres() -> bool:
    """Whether the configuration database is PostgreSQL."""
    engine: str = settings.DATABASES["default"]["ENGINE"]
    return engine.endswith("postgresql")


def poll_interval() -> float:
    """Return the seconds between two looks at the revision."""
    return POLL_WITH_WAKE_UPS if is_postgres() else POLL_WITHOUT


async def listen(wake: Callable[[], None]) -> None:
    """Call `wake` at each notification, until cancelled; connects anew when it must."""
    delay = 0.5
    while True:
        try:
            # A connection of its own: one that waits for notifications can do nothing else.
            connection = await psycopg.AsyncConnection.connect(
                autocommit=True, application_name="csproxy listen", **parameters()
            )
        except psycopg.Error as error:
            log.debug("cannot listen to the database", reason=str(error).strip())
            await asyncio.sleep(delay * (0.5 + random.random()))
            delay = min(2 * delay, RETRY_LIMIT)
            continue
        delay = 0.5
        try:
            async with connection:
                await connection.execute(f"LISTEN {CHANNEL}")
                wake()  # what was committed before the LISTEN is not told
                while True:
                    async for _ in connection.notifies(timeout=LISTEN_ROUND):
                        wake()
                    await connection.execute("SELECT 1")
        except psycopg.Error as error:
            log.debug("no longer listening to the database", reason=str(error).strip())
            wake()


def parameters() -> dict[str, Any]:
    """Return how to connect to the configuration database, for connections beside Django's."""
    database = settings.DATABASES["default"]
    given = {
        key: value
        for key, value in database.get("OPTIONS", {}).items()
        if key not in _DJANGOS_OWN and value is not None
    }
    named = {
        "dbname": database.get("NAME"),
        "user": database.get("USER"),
        "password": database.get("PASSWORD"),
        "host": database.get("HOST"),
        "port": database.get("PORT"),
    }
    return {**given, **{key: value for key, value in named.items() if value}}
