"""Steps of many at once on one row of PostgreSQL, so that none is done before all have come."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any, TypeVar

from django.db import connection, transaction
from django.db.models import QuerySet

from tests.servers import eventually

T = TypeVar("T")


def all_at_once(row: QuerySet[Any], *steps: Callable[[], T]) -> list[T]:
    """Run steps in threads of their own, which all come to the row before one goes on."""
    found: list[T] = []

    def run(step: Callable[[], T]) -> None:
        try:
            found.append(step())
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=(step,)) for step in steps]
    with transaction.atomic():
        assert row.select_for_update().get()
        for thread in threads:
            thread.start()
        eventually(lambda: _waiting() == len(steps), "all of them at the row", 20)
    for thread in threads:
        thread.join()
    assert len(found) == len(steps), "all of them came to an end"
    return found


def _waiting() -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_stat_clear_snapshot()")
        cursor.execute(
            "SELECT count(*) FROM pg_stat_activity"
            " WHERE datname = current_database() AND wait_event_type = 'Lock'"
        )
        return int(cursor.fetchone()[0])
