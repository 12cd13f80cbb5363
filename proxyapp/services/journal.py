"""Writing the journal of one transaction: documents, changes, the commit and the revision.

On PostgreSQL this is one statement, the wake-up of the nodes included, since the locked revision
row is what all writers wait for; on SQLite it is a few.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple

from django.db import connection

from proxyapp.models import Document

CHANNEL = "csproxy"
"""Where PostgreSQL tells the number of each new revision."""

_BATCH = 500  # rows named in one statement


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
_SQLITE_REVISION = "UPDATE proxyapp_revision SET number = %s, tree = %s, hash = %s WHERE id = 1"


def write(head: Head, lines: Sequence[Line], gone: Sequence[Document]) -> None:
    """Write one transaction; the revision row is locked already."""
    position = head.revision, head.tree, head.hash
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            columns = [list(column) for column in zip(*lines, strict=True)]
            number = head.revision
            cursor.execute(
                _POSTGRESQL, [*columns, number, number, *head, *position, CHANNEL, str(number)]
            )
        else:
            cursor.executemany(_SQLITE_DOCUMENT, [_document(head, line) for line in _put(lines)])
            cursor.executemany(_SQLITE_CHANGE, [(head.revision, *line[:-1]) for line in lines])
            cursor.execute(_SQLITE_COMMIT, [head.revision, _text_of(head.at), *head[2:]])
            cursor.execute(_SQLITE_REVISION, position)
    for start in range(0, len(gone), _BATCH):
        doomed = [row.pk for row in gone[start : start + _BATCH]]
        Document.objects.filter(pk__in=doomed).delete()


def _put(lines: Sequence[Line]) -> list[Line]:
    return [line for line in lines if line.action == "put"]


def _document(head: Head, line: Line) -> tuple[Any, ...]:
    return head.revision, line.type, line.dbid, *line[4:]


def _text_of(at: datetime) -> str:
    # As Django keeps times on SQLite: in UTC, without saying so.
    return at.replace(tzinfo=None).isoformat(" ")
