"""Writing a transaction's history in the statement, or at least the transaction, of its commit.

On PostgreSQL the rows go into the one statement of the journal: `POSTGRESQL` is a part of it. On
SQLite they are a few statements beside its own.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from historylog.records import Head, Step, key_of

_TRANSACTION = (
    "INSERT INTO historylog_transaction (revision, epoch, at, by, person, origin, application,"
    " session, server, through, created, changed, deleted, chain)"
    " VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)"
)
_RECORD = (
    "INSERT INTO historylog_changerecord (revision, seq, kind, type, dbid, name, key, tenant,"
    " folder, body, former, acl, former_acl, secret)"
)
_PROPERTY = "INSERT INTO historylog_changedproperty (revision, seq, path)"

POSTGRESQL_COLUMNS = (
    "%s::text[], %s::text[], %s::text[], %s::bigint[], %s::text[], %s::text[], %s::boolean[]"
)
POSTGRESQL_NAMES = "kind, name, key, tenant, former, former_acl, secret"
"""What the statement's list of steps has for the history, beside seq, type, dbid, folder, body
and acl."""

POSTGRESQL = f"""
history_transaction AS (
    {_TRANSACTION}
), history_record AS (
    {_RECORD}
    SELECT %s, seq, kind, type, dbid, name, key, tenant, folder, body, former, acl, former_acl,
        secret
    FROM step
), history_property AS (
    {_PROPERTY}
    SELECT %s, seq, path FROM unnest(%s::int[], %s::text[]) AS t (seq, path)
)"""  # noqa: S608 - the parts are constants
"""Parts of a WITH whose part `step` has these columns; takes `postgresql_parameters`."""


def postgresql_columns(steps: Sequence[Step]) -> list[list[Any]]:
    """Return the values for `POSTGRESQL_COLUMNS`."""
    return [
        [step.kind for step in steps],
        [step.name for step in steps],
        [key_of(step.name) for step in steps],
        [step.tenant for step in steps],
        [step.former for step in steps],
        [step.former_acl for step in steps],
        [step.secret for step in steps],
    ]


def postgresql_parameters(head: Head, steps: Sequence[Step], chain: str) -> list[Any]:
    """Return the values for `POSTGRESQL`."""
    paths = [(step.seq, path) for step in steps for path in step.paths]
    columns = [seq for seq, _ in paths], [path for _, path in paths]
    return [*head, chain, head.revision, head.revision, *columns]


def write_sqlite(cursor: Any, head: Head, steps: Sequence[Step], chain: str) -> None:
    """Write the rows on SQLite."""
    # As Django keeps times on SQLite: in UTC, without saying so.
    at = head.at.replace(tzinfo=None).isoformat(" ")
    cursor.execute(_TRANSACTION, [*head._replace(at=at), chain])  # type: ignore[arg-type]
    records = f"{_RECORD} VALUES ({', '.join(['%s'] * 14)})"
    cursor.executemany(records, list(_records(head.revision, steps)))
    properties = [(head.revision, step.seq, path) for step in steps for path in step.paths]
    cursor.executemany(f"{_PROPERTY} VALUES (%s, %s, %s)", properties)


def _records(revision: int, steps: Sequence[Step]) -> Iterator[tuple[Any, ...]]:
    for step in steps:
        place = revision, step.seq, step.kind, step.type, step.dbid
        names = step.name, key_of(step.name)
        yield (*place, *names, *step[5:-1])
