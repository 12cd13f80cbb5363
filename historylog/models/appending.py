"""Triggers that let rows be added only: on PostgreSQL by the models, on SQLite by migrations."""

from __future__ import annotations

import pgtrigger

_REFUSAL = "the history is append-only: manage.py prunehistory removes what is too old"


def refusing(operation: pgtrigger.Operation, unless: str = "") -> pgtrigger.Trigger:
    """Return the PostgreSQL trigger that refuses an operation.

    Args:
        unless: statements of PL/pgSQL that come first, and return where it is allowed.
    """
    return pgtrigger.Trigger(
        name=f"no_{str(operation).lower()}",
        operation=operation,
        when=pgtrigger.Before,
        level=pgtrigger.Statement if operation is pgtrigger.Truncate else pgtrigger.Row,
        func=f"{unless}RAISE EXCEPTION '{_REFUSAL}';",
    )


def sqlite_refusing(table: str, operation: str, unless: str = "") -> str:
    """Return the statement that makes the same trigger on SQLite.

    Args:
        unless: an expression that is true where the operation is allowed.
    """
    condition = f"WHEN NOT coalesce({unless}, 0)" if unless else ""
    return (
        f"CREATE TRIGGER {table}_no_{operation.lower()} BEFORE {operation} ON {table} {condition}"
        f" BEGIN SELECT RAISE(ABORT, '{_REFUSAL}'); END"
    )


def drop_sqlite(table: str, operation: str) -> str:
    """Return the statement that removes it."""
    return f"DROP TRIGGER IF EXISTS {table}_no_{operation.lower()}"
