"""A long history, made by PostgreSQL itself: as many changes as years of a large site leave.

Names, persons and properties are spread unevenly: some are in a tenth of all rows, some in a few.
"""

from __future__ import annotations

from django.db import connection

from historylog.models import ChangedProperty, ChangeRecord, Transaction
from proxyapp.models import Revision

RECORDS_EACH = 2
"""Changes of a transaction."""
DAYS = 360

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
SELECT %(start)s + 1 + (n - 1) / %(each)s, (n - 1) %% %(each)s,
    CASE WHEN n %% 997 = 0 THEN 'deleted' WHEN n %% 31 = 0 THEN 'created' ELSE 'changed' END,
    (ARRAY[13, 13, 13, 3, 3, 2, 9, 21])[1 + n * 31 %% 8], 101 + n * 7907 %% 1000003,
    'Object ' || n * 7907 %% 1000003, 'object ' || n * 7907 %% 1000003,
    1 + n * n %% 47, 101 + n * 131 %% 5003,
    '{"DBID":' || n || ',"tenantDBID":1,"name":"Object","state":"enabled","folderDBID":101,'
        || '"userProperties":{"load":{"pad":"' || md5(n::text) || '"}}}',
    '{"userProperties":{"load":{"pad":"' || md5((n + 1)::text) || '"}}}', '', '', false
FROM generate_series(1, %(count)s::bigint * %(each)s) AS n
"""
_PROPERTIES = """
INSERT INTO historylog_changedproperty
SELECT %(start)s + 1 + (n - 1) / %(each)s, (n - 1) %% %(each)s,
    CASE WHEN n %% 10 = 0 THEN 'state' WHEN n %% 7 = 0 THEN 'options.log.verbose'
        WHEN n %% 3 = 0 THEN 'userProperties.load.pad'
        ELSE 'userProperties.s' || n * 17 %% 20011 || '.value' END
FROM generate_series(1, %(count)s::bigint * %(each)s) AS n
"""


def age(records: int) -> int:
    """Add so many changes to the history; return the first of their revisions."""
    start = Revision.objects.get().number
    values = {"start": start, "count": records // RECORDS_EACH, "each": RECORDS_EACH, "days": DAYS}
    tables = [model._meta.db_table for model in (Transaction, ChangeRecord, ChangedProperty)]
    with connection.cursor() as cursor:
        indexes = [index for table in tables for index in _drop_indexes(cursor, table)]
        for statement in (_TRANSACTIONS, _RECORDS, _PROPERTIES):
            cursor.execute(statement, values)
        cursor.execute("SET maintenance_work_mem = '1GB'")
        for index in indexes:
            cursor.execute(index)
        for table in tables:
            cursor.execute(f"VACUUM ANALYZE {table}")
    Revision.objects.update(number=start + records // RECORDS_EACH)
    return start + 1


def _drop_indexes(cursor: object, table: str) -> list[str]:
    """Drop the indexes that are no keys, which are made quicker at the end; return how."""
    assert hasattr(cursor, "execute")
    assert hasattr(cursor, "fetchall")
    cursor.execute(
        "SELECT indexname, indexdef FROM pg_indexes WHERE tablename = %s"
        " AND indexname LIKE 'history\\_%%'",
        [table],
    )
    found = cursor.fetchall()
    for name, _ in found:
        cursor.execute(f"DROP INDEX {name}")
    return [definition for _, definition in found]
