"""The tables of the journal: where the data stands, the documents, and a transaction's changes.

On PostgreSQL a transaction is written with one statement, the wake-up of the nodes included,
since the locked revision row is what all writers wait for; on SQLite it is a few.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from django.db import connection

from proxyapp.models.door import Key
from proxyapp.models.statements import is_postgresql, run

CHANNEL = "csproxy"
"""Where PostgreSQL tells the number of each new revision."""

_BATCH = 500  # rows named in one statement


class Position(NamedTuple):
    """Where the data stands."""

    revision: int
    tree: str
    hash: str


class Row(NamedTuple):
    """The published form of an object: a row of Document."""

    type: int
    dbid: int
    folder: int
    body: str
    acl: str
    verifier: str
    digest: str = ""


class Line(NamedTuple):
    """One object's step: a row of Change, and of Document unless it is removed."""

    seq: int
    type: int
    dbid: int
    action: str
    folder: int
    body: str
    acl: str
    verifier: str
    digest: str


class Head(NamedTuple):
    """The row of Commit."""

    revision: int
    at: datetime
    by: str
    origin: str
    tree: str
    hash: str


_POSTGRESQL = """
WITH step AS (
    SELECT * FROM unnest(%s::int[], %s::smallint[], %s::bigint[], %s::text[], %s::bigint[],
        %s::text[], %s::text[], %s::text[], %s::text[])
        AS t (seq, type, dbid, action, folder, body, acl, verifier, digest)
), published AS (
    INSERT INTO proxyapp_document (type, dbid, revision, folder, body, acl, verifier, digest)
    SELECT type, dbid, %s, folder, body, acl, verifier, digest FROM step WHERE action = 'put'
    ON CONFLICT (type, dbid) DO UPDATE SET revision = excluded.revision,
        folder = excluded.folder, body = excluded.body, acl = excluded.acl,
        verifier = excluded.verifier, digest = excluded.digest
), withdrawn AS (
    DELETE FROM proxyapp_document document USING step
    WHERE document.type = step.type AND document.dbid = step.dbid AND step.action = 'remove'
), changed AS (
    INSERT INTO proxyapp_change
        (revision, seq, type, dbid, action, folder, body, acl, verifier)
    SELECT %s, seq, type, dbid, action, folder, body, acl, verifier FROM step
), committed AS (
    INSERT INTO proxyapp_commit (revision, at, by, origin, tree, hash)
    VALUES (%s, %s, %s, %s, %s, %s)
), counted AS (
    UPDATE proxyapp_revision SET number = %s, tree = %s, hash = %s WHERE id = 1
)
SELECT pg_notify(%s, %s)
"""

_SQLITE_DOCUMENT = """
INSERT INTO proxyapp_document (revision, type, dbid, folder, body, acl, verifier, digest)
VALUES (%s, %s, %s, %s, %s, %s, %s, %s)
ON CONFLICT (type, dbid) DO UPDATE SET revision = excluded.revision, folder = excluded.folder,
    body = excluded.body, acl = excluded.acl, verifier = excluded.verifier,
    digest = excluded.digest
"""
_SQLITE_CHANGE = """
INSERT INTO proxyapp_change (revision, seq, type, dbid, action, folder, body, acl, verifier)
VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s)
"""
_SQLITE_COMMIT = """
INSERT INTO proxyapp_commit (revision, at, by, origin, tree, hash) VALUES (%s, %s, %s, %s, %s, %s)
"""
_SQLITE_REMOVAL = "DELETE FROM proxyapp_document WHERE type = %s AND dbid = %s"
_SQLITE_REVISION = "UPDATE proxyapp_revision SET number = %s, tree = %s, hash = %s WHERE id = 1"

_POSITION = "SELECT number, tree, hash FROM proxyapp_revision WHERE id = 1"
_DOCUMENTS = (
    "SELECT type, dbid, folder, body, acl, verifier, digest FROM proxyapp_document"
    " WHERE type = %s AND dbid"
)


def lock() -> Position | None:
    """Keep all other writers out until the transaction ends; None in an empty database."""
    # On SQLite the transaction itself has kept them out from its beginning.
    rows = run(f"{_POSITION} FOR UPDATE" if is_postgresql() else _POSITION, [])
    return Position(*rows[0]) if rows else None


def read(keys: Iterable[Key]) -> Iterator[Row]:
    """Yield the published objects of these."""
    by_type: dict[int, list[int]] = {}
    for type_, dbid in keys:
        by_type.setdefault(type_, []).append(dbid)
    for type_, dbids in by_type.items():
        for start in range(0, len(dbids), _BATCH):
            for row in _read(type_, dbids[start : start + _BATCH]):
                yield Row(*row)


def _read(type_: int, dbids: list[int]) -> list[tuple[Any, ...]]:
    if is_postgresql():
        return run(f"{_DOCUMENTS} = ANY(%s::bigint[])", [type_, dbids])
    places = ", ".join(["%s"] * len(dbids))
    return run(f"{_DOCUMENTS} IN ({places})", [type_, *dbids])


def write(head: Head, lines: Sequence[Line]) -> None:
    """Write one transaction; the revision row is locked already."""
    position = Position(head.revision, head.tree, head.hash)
    if is_postgresql():
        columns = [list(column) for column in zip(*lines, strict=True)]
        number = head.revision
        run(_POSTGRESQL, [*columns, number, number, *head, *position, CHANNEL, str(number)])
        return
    put = [line for line in lines if line.action == "put"]
    gone = [(line.type, line.dbid) for line in lines if line.action == "remove"]
    with connection.cursor() as cursor:
        cursor.executemany(_SQLITE_DOCUMENT, [_document(head, line) for line in put])
        cursor.executemany(_SQLITE_REMOVAL, gone)
        cursor.executemany(_SQLITE_CHANGE, [(head.revision, *line[:-1]) for line in lines])
        cursor.execute(_SQLITE_COMMIT, [head.revision, _text_of(head.at), *head[2:]])
        cursor.execute(_SQLITE_REVISION, position)


def _document(head: Head, line: Line) -> tuple[Any, ...]:
    return head.revision, line.type, line.dbid, *line[4:]


def _text_of(at: datetime) -> str:
    # As Django keeps times on SQLite: in UTC, without saying so.
    return at.replace(tzinfo=None).isoformat(" ")
