"""Writes entries, many in one statement: the database takes it apart, not this process.

So a thread that writes tens of thousands a second hardly holds up the others. Every entry gets
the next number of its store in the transaction that keeps it. Blocks; knows no event loop.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from typing import NamedTuple

import msgspec
from django.db import DataError, connection, transaction

from confwire.messages import HistoryEntry
from historylog.entries import TIMES
from historylog.models import Store

ERROR_CODE = "21-22138"
"""The log event by which the origin's operators know that the history cannot be written."""

_PART = 100
"""Entries of one statement of SQLite, which works in this process: 1.5 ms of a core, then others
have their turns."""
_LARGEST = 2**63 - 1

_TEXTS = (
    ("kind", "kind", 20),
    ("server", "server", 255),
    ("session", "session", 64),
    ("application", "application", 255),
    ("application_type", "applicationType", 64),
    ("user", "user", 255),
    ("peer", "peer", 255),
    ("forwarded", "forwarded", 255),
    ("port", "port", 255),
    ("epoch", "epoch", 32),
    ("reason", "reason", 255),
)
"""Column, name in JSON, characters."""

_COLUMNS = ", ".join(f'"{column}"' for column, _, _ in _TEXTS)
_INSERT = f"INSERT INTO historylog_entryrecord (store, number, at, revision, {_COLUMNS})"

_SQLITE_VALUES = ", ".join(
    f"substr(coalesce(json_extract(value, '$.{name}'), ''), 1, {size})" for _, name, size in _TEXTS
)
_SQLITE = f"""
{_INSERT}
SELECT %s, coalesce(json_extract(value, '$.number'), %s + key),
    strftime('%%Y-%%m-%%d %%H:%%M:%%f', json_extract(value, '$.at'), 'unixepoch') || '000',
    coalesce(json_extract(value, '$.revision'), 0), {_SQLITE_VALUES}
FROM json_each(%s) WHERE true ORDER BY key
ON CONFLICT (store, number) DO NOTHING
"""  # noqa: S608 - of the constants above

_POSTGRESQL_FIELDS = ", ".join(f'"{name}" text' for _, name, _ in _TEXTS)
_POSTGRESQL_NAMES = ", ".join(f'"{name}"' for _, name, _ in _TEXTS)
_POSTGRESQL_VALUES = ", ".join(
    f"left(coalesce(\"{name}\", ''), {size})" for _, name, size in _TEXTS
)
_POSTGRESQL = f"""
{_INSERT}
SELECT %s, coalesce(number, %s + place - 1), to_timestamp(at), coalesce(revision, 0),
    {_POSTGRESQL_VALUES}
FROM ROWS FROM (json_to_recordset(%s::json)
    AS (number bigint, at float8, revision bigint, {_POSTGRESQL_FIELDS})) WITH ORDINALITY
    AS entry (number, at, revision, {_POSTGRESQL_NAMES}, place)
ORDER BY place
ON CONFLICT (store, number) DO NOTHING
"""  # noqa: S608

_STORE = "SELECT name, last FROM historylog_store WHERE id = 1"
_RENAME = "UPDATE historylog_store SET name = %s WHERE id = 1"
_ADVANCE = "UPDATE historylog_store SET last = last + %s WHERE id = 1"
_TAKEN = "SELECT taken FROM historylog_source WHERE name = %s"
_SET_TAKEN = """
INSERT INTO historylog_source (name, taken, at) VALUES (%s, %s, CURRENT_TIMESTAMP)
ON CONFLICT (name) DO UPDATE SET taken = excluded.taken, at = excluded.at
"""


class Position(NamedTuple):
    """Under which name a database gives numbers, and the last one that it gave."""

    store: str
    last: int


def set_durable(durable: bool) -> None:
    """Let every later transaction of this thread wait for the disk, or not.

    Without, the last moments before a power cut may be lost, but nothing when a process dies.
    """
    if connection.in_atomic_block:
        return  # the transaction around this one has begun with what was set before
    with connection.cursor() as cursor:
        if connection.vendor == "sqlite":
            cursor.execute(f"PRAGMA synchronous = {'FULL' if durable else 'NORMAL'}")
        else:
            cursor.execute(f"SET synchronous_commit TO {'on' if durable else 'off'}")


def open_store(*, anew: bool = False) -> Position:
    """Return where this database stands.

    Args:
        anew: under a name that it never had: what is kept from now on is not taken for what a
            master has from this file already, should the file be an old copy of itself, or have
            lost its last moments by a power cut.
    """
    with transaction.atomic():
        position = _advance(0)
        if anew:
            position = position._replace(store=uuid.uuid4().hex)
            with connection.cursor() as cursor:
                cursor.execute(_RENAME, [position.store])
    return position


def position() -> Position:
    """Return where this database stands, with what other processes have kept in it."""
    with connection.cursor() as cursor:
        cursor.execute(_STORE)
        return Position(*cursor.fetchone())


def keep(entries: Sequence[HistoryEntry]) -> Position:
    """Keep entries of this database's own, in their order; return where it stands then."""
    with transaction.atomic():
        position = _advance(len(entries))
        _insert(position.store, position.last - len(entries) + 1, entries)
    return position


def take(store: str, entries: Sequence[HistoryEntry]) -> int:
    """Keep entries that bear numbers of another store, each once; return how far it is here."""
    with transaction.atomic():
        taken = _taken(store)
        new = [entry for entry in entries if taken < entry.number <= _LARGEST]
        if new:
            _insert(store, 0, new)
            taken = max(entry.number for entry in new)
            with connection.cursor() as cursor:
                cursor.execute(_SET_TAKEN, [store, taken])
    return taken


def _advance(count: int) -> Position:
    """Give out so many numbers; others who want some wait until the transaction ends."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(_ADVANCE, [count])
        if cursor.rowcount == 0:
            # Another process may be doing the same: one of the names stays.
            Store.objects.bulk_create([Store(name=uuid.uuid4().hex)], ignore_conflicts=True)
            cursor.execute(_ADVANCE, [count])
        cursor.execute(_STORE)
        return Position(*cursor.fetchone())


def _taken(store: str) -> int:
    with connection.cursor() as cursor:
        cursor.execute(_TAKEN, [store])
        row = cursor.fetchone()
    return row[0] if row is not None else 0


def _insert(store: str, first: int, entries: Sequence[HistoryEntry]) -> None:
    """Insert all; what the database does not take is left out, so that it holds up no others."""
    if _takes(store, first, entries):
        return
    for index, entry in enumerate(entries):
        _takes(store, first + index, [entry])


def _takes(store: str, first: int, entries: Sequence[HistoryEntry]) -> bool:
    """Insert all, or nothing if it cannot be."""
    if not all(map(_can_be_kept, entries)):
        return False
    try:
        _insert_all(store, first, entries)
    except (DataError, UnicodeEncodeError):
        return False
    return True


def _can_be_kept(entry: HistoryEntry) -> bool:
    return TIMES[0] <= entry.at <= TIMES[1] and abs(entry.revision) <= _LARGEST


def _insert_all(store: str, first: int, entries: Sequence[HistoryEntry]) -> None:
    is_here = connection.vendor == "sqlite"
    sql, size = (_SQLITE, _PART) if is_here else (_POSTGRESQL, max(len(entries), 1))
    with transaction.atomic(), connection.cursor() as cursor:
        for start in range(0, len(entries), size):
            part = msgspec.json.encode(entries[start : start + size]).decode()
            cursor.execute(sql, [store, first + start, part])
