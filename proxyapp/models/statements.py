"""Statements of fixed text that run with every transaction, by hand and not through the models.

PostgreSQL parses and plans them once a connection, which is most of what they cost; the setting
`prepare_threshold` says from which time on. SQLite keeps compiled statements by itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import psycopg
from django.db import connection


def run(sql: str, parameters: Sequence[Any]) -> list[tuple[Any, ...]]:
    """Run a statement; return its rows, none where it gives none."""
    with _cursor() as cursor:
        cursor.execute(sql, parameters)
        rows: list[tuple[Any, ...]] = cursor.fetchall() if cursor.description else []
    return rows


def is_postgresql() -> bool:
    """Whether the database is PostgreSQL."""
    return connection.vendor == "postgresql"


def _cursor() -> Any:
    if not is_postgresql():
        return connection.cursor()
    connection.ensure_connection()
    # Django's own puts the values into the text, which then is another one each time.
    cursor: Any = psycopg.Cursor(connection.connection)
    debug = connection.queries_logged
    return connection.make_debug_cursor(cursor) if debug else connection.make_cursor(cursor)
