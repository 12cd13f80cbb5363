"""A long history, made by PostgreSQL itself: as many changes as years of a large site leave.

Names, persons and properties are spread unevenly: some are in a tenth of all rows, some in a few.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.db import connection

from historylog import writer
from historylog.models import ChangedProperty, ChangeRecord, EntryRecord, Transaction
from proxyapp.models import Revision

RECORDS_EACH = 2
"""Changes of a transaction."""
DAYS = 360
_LIVE = 100_000
"""So many of the newest transactions are of objects that are there."""

_TRANSACTIONS = """
INSERT INTO historylog_transaction
SELECT %(start)s + n, 'epoch',
    now() - interval '1 day' * %(days)s * (1 - n / %(count)s::float),
    'person ' || n * 7919 %% 3001, 101 + n * 7919 %% 3001,
    'application ' || n * n %% 499 || ' 10.0.0.1:1 session s' || n / 100,
    'application ' || n * n %% 499, 's' || n / 100, 'server ' || n %% 23, '',
    0, %(each)s, 0, md5(n::text) || md5(n::text)
FROM generate_series(1, %(count)s::bigint) AS n
"""
_RECORDS = """
INSERT INTO historylog_changerecord (revision, seq, kind, type, dbid, name, key, tenant, folder,
    body, former, acl, former_acl, secret)
SELECT revision, seq, kind, type, dbid, 'Object ' || dbid, 'object ' || dbid, tenant, folder,
    CASE kind WHEN 'deleted' THEN '' ELSE body END,
    CASE kind WHEN 'deleted' THEN body WHEN 'created' THEN ''
        ELSE '{"userProperties":{"load":{"pad":"' || md5((n + 1)::text) || '"}}}' END,
    '', '', false
FROM (
    SELECT *, '{"DBID":' || dbid || ',"tenantDBID":' || tenant || ',"name":"Object ' || dbid
        || '","state":"enabled","folderDBID":' || folder
        || ',"userProperties":{"load":{"pad":"' || md5(n::text) || '"}}}' AS body
    FROM (
        SELECT n, %(start)s + 1 + (n - 1) / %(each)s AS revision, (n - 1) %% %(each)s AS seq,
            CASE WHEN n %% 997 = 0 THEN 'deleted' WHEN n %% 31 = 0 THEN 'created'
                ELSE 'changed' END AS kind,
            (ARRAY[13, 13, 13, 3, 3, 2, 9, 21])[1 + n * 31 %% 8] AS type,
            101 + n * 7907 %% 1000003 AS dbid, 1 + n * n %% 47 AS tenant,
            101 + n * 131 %% 5003 AS folder
        FROM generate_series(1, %(count)s::bigint * %(each)s) AS n
    ) AS step
) AS told
"""
_PROPERTIES = """
INSERT INTO historylog_changedproperty
SELECT %(start)s + 1 + (n - 1) / %(each)s, (n - 1) %% %(each)s,
    CASE WHEN n %% 10 = 0 THEN 'state' WHEN n %% 7 = 0 THEN 'options.log.verbose'
        WHEN n %% 3 = 0 THEN 'userProperties.load.pad'
        ELSE 'userProperties.s' || n * 17 %% 20011 || '.value' END
FROM generate_series(1, %(count)s::bigint * %(each)s) AS n
"""

_DOCUMENTS = """
INSERT INTO proxyapp_document (type, dbid, revision, folder, body, acl, verifier, digest)
SELECT DISTINCT ON (type, dbid) type, dbid, revision, folder, body, '', '', md5(body)
FROM historylog_changerecord
WHERE revision > %(start)s + %(count)s - %(live)s AND kind <> 'deleted'
ORDER BY type, dbid, revision DESC ON CONFLICT DO NOTHING
"""
"""What was changed last is there; all else is gone."""

_ENTRIES = """
INSERT INTO historylog_entryrecord (store, number, at, kind, server, session, application,
    application_type, "user", peer, forwarded, port, epoch, revision, reason)
SELECT %(store)s, %(start)s + n, now() - interval '1 day' * %(days)s * (1 - n / %(count)s::float),
    CASE WHEN n %% 5003 = 0 THEN 'masterLost' WHEN n %% 997 = 0 THEN 'loginRefused'
        WHEN n %% 9973 = 0 THEN 'webLogin' WHEN n %% 31 = 0 THEN 'sessionRestored'
        WHEN n / 1000 %% 2 = 0 THEN 'sessionOpened' ELSE 'sessionClosed' END,
    'server ' || n %% 23, 's' || n / 2000 * 1000 + n %% 1000,
    'application ' || (n %% 1000) * (n %% 1000) %% 499, 'genericClient',
    'person ' || (n %% 1000) * 7919 %% 3001, '10.0.0.1:' || n %% 60000, '', 'default', 'epoch', n,
    CASE WHEN n / 1000 %% 2 = 0 THEN '' ELSE 'the client has gone' END
FROM generate_series(1, %(count)s::bigint) AS n
"""
"""Sessions open and close in turns of a thousand."""


def age(records: int) -> int:
    """Add so many changes to the history; return the first of their revisions."""
    start = Revision.objects.get().number
    values = {"start": start, "count": records // RECORDS_EACH, "each": RECORDS_EACH}
    values |= {"days": DAYS, "live": _LIVE}
    tables = [model._meta.db_table for model in (Transaction, ChangeRecord, ChangedProperty)]
    _fill(tables, (_TRANSACTIONS, _RECORDS, _PROPERTIES, _DOCUMENTS), values)
    Revision.objects.update(number=start + records // RECORDS_EACH)
    return start + 1


def add_entries(count: int) -> None:
    """Add so many entries to the history, of sessions above all."""
    store = writer.open_store()
    values = {"store": store.store, "start": store.last, "count": count, "days": DAYS}
    _fill([EntryRecord._meta.db_table], (_ENTRIES,), values)


def _fill(tables: list[str], statements: Sequence[str], values: dict[str, Any]) -> None:
    with connection.cursor() as cursor:
        indexes = [index for table in tables for index in _drop_indexes(cursor, table)]
        for statement in statements:
            cursor.execute(statement, values)
        cursor.execute("SET maintenance_work_mem = '1GB'")
        for index in indexes:
            cursor.execute(index)
        for table in tables:
            cursor.execute(f"VACUUM ANALYZE {table}")


def _drop_indexes(cursor: object, table: str) -> list[str]:
    """Drop the indexes that are no keys, which are made quicker at the end; return how."""
    assert hasattr(cursor, "execute")
    assert hasattr(cursor, "fetchall")
    cursor.execute(
        "SELECT indexname, indexdef FROM pg_indexes WHERE tablename = %s"
        " AND (indexname LIKE 'history\\_%%' OR indexname LIKE 'entry\\_%%')"
        " AND indexname <> 'entry_once'",
        [table],
    )
    found = cursor.fetchall()
    for name, _ in found:
        cursor.execute(f"DROP INDEX {name}")
    return [definition for _, definition in found]
