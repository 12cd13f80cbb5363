"""The tables of the journal: where the data stands, the documents, and a transaction's changes.

On PostgreSQL a transaction is written with one statement, its history and the wake-up of the
nodes included, since the locked revision row is what all writers wait for; on SQLite it is a few.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from django.db import connection

from historylog import writing
from proxyapp.models.door import Key
from proxyapp.models.statements import is_postgresql, run
from proxyapp.services.drafts import Recording, Row
from proxyapp.services.leadership import NOBODY, Standing, deposed

CHANNEL = "csproxy"
"""Where PostgreSQL tells the number of each new revision."""

_BATCH = 500  # rows named in one statement


class Position(NamedTuple):
    """Where the data stands."""

    revision: int
    tree: str
    hash: str
    epoch: str
    chain: str
    keeps_former: bool
    """Whether the history is to have former values: option write-former-value of the master."""
    standing: Standing = NOBODY
    """Which master leads."""


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


_POSTGRESQL = f"""
WITH step AS (
    SELECT * FROM unnest(%s::int[], %s::smallint[], %s::bigint[], %s::text[], %s::bigint[],
        %s::text[], %s::text[], %s::text[], %s::text[], {writing.POSTGRESQL_COLUMNS})
        AS t (seq, type, dbid, action, folder, body, acl, verifier, digest,
            {writing.POSTGRESQL_NAMES})
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
    UPDATE proxyapp_revision SET number = %s, tree = %s, hash = %s, chain = %s
    WHERE id = 1 AND term = %s RETURNING id
), {writing.POSTGRESQL}
SELECT pg_notify(%s, %s) FROM counted
"""  # noqa: S608 - the parts are constants

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
_SQLITE_REVISION = (
    "UPDATE proxyapp_revision SET number = %s, tree = %s, hash = %s, chain = %s"
    " WHERE id = 1 AND term = %s"
)

_POSITION = (
    "SELECT number, tree, hash, epoch, chain,"
    " (SELECT {option} FROM proxyapp_application WHERE key = %s), term, leader, instance, web_port"
    " FROM proxyapp_revision WHERE id = 1"
)
_POSTGRESQL_POSITION = (
    _POSITION.format(option="options -> 'history-log' ->> 'write-former-value'") + " FOR UPDATE"
)
_SQLITE_POSITION = _POSITION.format(
    option="""json_extract(options, '$."history-log"."write-former-value"')"""
)
_DOCUMENTS = (
    "SELECT type, dbid, folder, body, acl, verifier, digest FROM proxyapp_document"
    " WHERE type = %s AND dbid"
)


def lock(master: str) -> Position | None:
    """Keep all other writers out until the transaction ends; None in an empty database.

    Args:
        master: the key of the Application object whose options count.
    """
    # On SQLite the transaction itself has kept them out from its beginning.
    rows = run(_POSTGRESQL_POSITION if is_postgresql() else _SQLITE_POSITION, [master])
    if not rows:
        return None
    number, tree, hash_, epoch, chain, option, *standing = rows[0]
    return Position(number, tree, hash_, epoch, chain, is_true(option), Standing._make(standing))


def is_true(option: str | None) -> bool:
    """Whether a switch that is on by default is on."""
    return str(option).strip().lower() not in ("false", "no", "off", "0")


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


def write(head: Head, lines: Sequence[Line], history: Recording, term: int) -> None:
    """Write one transaction; the revision row is locked already.

    Raises:
        MasterUnavailable: the term is not that of the row.
    """
    position = head.revision, head.tree, head.hash, history.chain, term
    if is_postgresql():
        columns = [list(column) for column in zip(*lines, strict=True)]
        columns += writing.postgresql_columns(history.steps)
        number = head.revision
        kept = writing.postgresql_parameters(*history)
        journal = [*columns, number, number, *head, *position]
        if not run(_POSTGRESQL, [*journal, *kept, CHANNEL, str(number)]):
            raise deposed()
        return
    put = [line for line in lines if line.action == "put"]
    gone = [(line.type, line.dbid) for line in lines if line.action == "remove"]
    with connection.cursor() as cursor:
        cursor.executemany(_SQLITE_DOCUMENT, [_document(head, line) for line in put])
        cursor.executemany(_SQLITE_REMOVAL, gone)
        cursor.executemany(_SQLITE_CHANGE, [(head.revision, *line[:-1]) for line in lines])
        cursor.execute(_SQLITE_COMMIT, [head.revision, _text_of(head.at), *head[2:]])
        cursor.execute(_SQLITE_REVISION, position)
        if not cursor.rowcount:
            raise deposed()
        writing.write_sqlite(cursor, *history)


def _document(head: Head, line: Line) -> tuple[Any, ...]:
    return head.revision, line.type, line.dbid, *line[4:]


def _text_of(at: datetime) -> str:
    # As Django keeps times on SQLite: in UTC, without saying so.
    return at.replace(tzinfo=None).isoformat(" ")
