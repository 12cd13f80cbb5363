"""What nodes read: where the data stands, all records, and the transactions after a revision.

Plain SQL that both databases understand; no model instances, since a load is of millions.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from itertools import groupby
from typing import Any, NamedTuple

import msgspec
from django.db import connection
from msgspec import Raw

from confwire.errors import DatabaseUnavailable
from confwire.messages import Record, Transaction
from proxyapp.models.statements import run


class Position(NamedTuple):
    """Where the data stands."""

    epoch: str
    revision: int
    tree: int
    hash: str


def current_revision() -> Position:
    """Return where the data stands now.

    Raises:
        DatabaseUnavailable: the database was never migrated.
    """
    rows = run("SELECT epoch, number, tree, hash FROM proxyapp_revision WHERE id = 1", [])
    if not rows:
        raise DatabaseUnavailable("the database is empty: run manage.py migrate")
    epoch, number, tree, hash_ = rows[0]
    return Position(epoch, number, int(tree, 16), hash_)


def count_records() -> int:
    """Return how many objects there are."""
    count: int = _query("SELECT count(*) FROM proxyapp_document", [])[0][0]
    return count


def load_records(after: tuple[int, int] = (0, 0), limit: int = 5000) -> list[Record]:
    """Return the next records in order of (type, DBID); fewer than `limit` are the last.

    Pages are read one by one while others write: whoever loads must also follow the
    transactions after the revision that it knew before the first page.
    """
    rows = _query(
        "SELECT type, dbid, folder, body, acl, verifier FROM proxyapp_document"
        " WHERE (type, dbid) > (%s, %s) ORDER BY type, dbid LIMIT %s",
        [*after, limit],
    )
    return [_record(*row) for row in rows]


def document_of(type_: int, dbid: int) -> dict[str, Any]:
    """Return the published document of an object, empty where there is none."""
    rows = run("SELECT body FROM proxyapp_document WHERE type = %s AND dbid = %s", [type_, dbid])
    found: dict[str, Any] = msgspec.json.decode(rows[0][0]) if rows else {}
    return found


def oldest_revision() -> int:
    """Return the revision before the oldest transaction that the journal still holds."""
    rows = _query("SELECT min(revision) FROM proxyapp_commit", [])
    oldest: int | None = rows[0][0]
    return current_revision().revision if oldest is None else oldest - 1


def hash_at(revision: int) -> str | None:
    """Return the change hash of a revision that the journal still holds, else None."""
    rows = run("SELECT hash FROM proxyapp_commit WHERE revision = %s", [revision])
    return rows[0][0] if rows else None


def transactions_since(
    revision: int, limit: int = 100, part: int = 5000, epoch: str = ""
) -> list[Transaction]:
    """Return up to `limit` transactions after a revision, in order and whole.

    The epoch is read where it is not given.

    A transaction of more than `part` records comes in several parts, each in a Transaction of
    its own; the last one has `last` set, and the hashes. The list ends early, after a whole
    transaction, once it holds more than `part` records.
    """
    epoch = epoch or current_revision().epoch
    heads = run(
        "SELECT revision, at, by, tree, hash FROM proxyapp_commit"
        " WHERE revision > %s ORDER BY revision LIMIT %s",
        [revision, limit],
    )
    result: list[Transaction] = []
    total = 0
    for start in range(0, len(heads), 20):
        batch = heads[start : start + 20]
        changes = _changes(batch[0][0], batch[-1][0])
        for head in batch:
            records = changes.get(head[0], [])
            result += _parts(epoch, head, records, part)
            total += len(records)
        if total > part:
            break
    return result


def _changes(first: int, last: int) -> dict[int, list[Record]]:
    rows = run(
        "SELECT revision, type, dbid, folder, body, acl, verifier FROM proxyapp_change"
        " WHERE revision BETWEEN %s AND %s ORDER BY revision, seq",
        [first, last],
    )
    return {
        revision: [_record(*row[1:]) for row in group]
        for revision, group in groupby(rows, key=lambda row: row[0])
    }


def _parts(epoch: str, head: Sequence[Any], records: list[Record], part: int) -> list[Transaction]:
    revision, at, by, tree, hash_ = head
    seconds = _seconds(at)
    parts = [
        Transaction(
            epoch=epoch,
            revision=revision,
            at=seconds,
            by=by,
            records=records[start : start + part],
            last=False,
        )
        for start in range(0, max(len(records), 1), part)
    ]
    parts[-1].last, parts[-1].tree, parts[-1].hash = True, tree, hash_
    return parts


def _seconds(at: datetime | str) -> float:
    # SQLite keeps times as text in UTC.
    moment = datetime.fromisoformat(at) if isinstance(at, str) else at
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


def _record(type_: int, dbid: int, folder: int, body: str, acl: str, verifier: str) -> Record:
    grants = [tuple(entry) for entry in msgspec.json.decode(acl)] if acl else None
    return Record(type_, dbid, folder, Raw((body or "null").encode()), grants, verifier)


def _query(sql: str, parameters: Sequence[Any]) -> list[tuple[Any, ...]]:
    """Run a statement that is to be planned for these parameters."""
    with connection.cursor() as cursor:
        cursor.execute(sql, parameters)
        rows: list[tuple[Any, ...]] = cursor.fetchall()
    return rows
