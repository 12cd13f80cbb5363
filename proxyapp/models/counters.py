"""DBIDs: unique in their type, never reused.

PostgreSQL has a sequence for each type, so writers do not wait for each other; SQLite, which has
one writer anyway, counts in a table.
"""

from __future__ import annotations

from django.db import connection, models

from confwire.objects import ObjectType

FIRST = 101
"""The first DBID of ordinary objects; lower ones belong to the system."""


class Counter(models.Model):
    """The last DBID given to an object of a type (SQLite)."""

    type = models.PositiveSmallIntegerField(primary_key=True)
    value = models.BigIntegerField()

    def __str__(self) -> str:
        return f"{self.type}: {self.value}"


def sequence_of(type_: ObjectType) -> str:
    """Return the name of the sequence of a type (PostgreSQL)."""
    return f"proxyapp_dbid_{int(type_)}"


def allocate(type_: ObjectType, count: int = 1) -> list[int]:
    """Return so many DBIDs that no object of the type ever had."""
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute(
                "SELECT nextval(%s) FROM generate_series(1, %s)", [sequence_of(type_), count]
            )
            return [row[0] for row in cursor.fetchall()]
        cursor.execute(
            "INSERT INTO proxyapp_counter (type, value) VALUES (%s, %s) ON CONFLICT (type)"
            " DO UPDATE SET value = value + %s RETURNING value",
            [int(type_), FIRST + count - 1, count],
        )
        last: int = cursor.fetchone()[0]
    return list(range(last - count + 1, last + 1))
