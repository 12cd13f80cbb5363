"""What the database knows of how its tables are filled, by which it chooses the way to the rows.

PostgreSQL looks by itself. SQLite looks when it is told, and else takes the wrong index for
searches of long histories.
"""

from __future__ import annotations

from django.apps import apps
from django.db import connection

_LOOKED_AT = 400
"""Rows of each index: enough to tell, and a matter of milliseconds however many there are."""


def refresh() -> None:
    """Let SQLite look anew at the tables of the history; it writes what it finds."""
    if connection.vendor != "sqlite":
        return
    with connection.cursor() as cursor:
        cursor.execute(f"PRAGMA analysis_limit = {_LOOKED_AT}")
        for model in apps.get_app_config("historylog").get_models():
            cursor.execute(f"ANALYZE {model._meta.db_table}")
