"""How long changes are kept, and removing what is too old: in small batches, behind a signed floor.

A transaction is kept whole or not at all, and the newest one always. The floor is written first:
from then on nobody reads what is below it, however long the removal takes.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from django.db import connection, transaction
from django.db.models import Exists, OuterRef, Q, QuerySet

from historylog import checkpoints
from historylog.entries import SESSION_KINDS
from historylog.models import (
    ChangedProperty,
    ChangeRecord,
    EntryRecord,
    Source,
    Store,
    Transaction,
)

BATCH = 1000
"""Rows that one statement removes; on SQLite writers wait for it."""
PAUSE = 0.01
"""Seconds between two batches, in which waiting writers get their turn."""


class Limits(NamedTuple):
    """What is kept."""

    days: int
    records: int


class Pruned(NamedTuple):
    """What came of it."""

    floor: int
    """The revision up to which nothing is kept."""
    transactions: int
    records: int
    entries: int = 0
    """Entries about sessions, logins and servers."""
    judged: datetime | None = None
    """As of when ages were judged, where that was not what the clock shows."""


def prune(
    limits: Limits, now: datetime, wait: Callable[[float], bool | None] = time.sleep
) -> Pruned:
    """Remove the transactions beyond the limits.

    Args:
        wait: waits so many seconds between two batches; true asks to stop: the next call goes on.
    """
    _raise_floor(limits, now)
    found = checkpoints.floor()
    floor = found.revision if found is not None else 0
    _remove(ChangedProperty, ("revision", "seq", "path"), floor, wait)
    records = _remove(ChangeRecord, ("revision", "seq"), floor, wait)
    transactions = _remove(Transaction, ("revision",), floor, wait)
    return Pruned(floor, transactions, records)


class EntryLimits(NamedTuple):
    """How long entries are kept."""

    session_days: int
    """Those about sessions (client-expiration)."""
    days: int
    """The others, and those that are still to be forwarded (expiration)."""


def prune_entries(
    limits: EntryLimits,
    now: datetime,
    wait: Callable[[float], bool | None] = time.sleep,
    *,
    forwards: bool = False,
) -> int:
    """Remove the entries that are too old; return how many there were.

    Args:
        wait: as of `prune`.
        forwards: whether this database's own go to a master: those that it does not have yet are
            kept as long as the others, whatever they are about.
    """
    sessions_end = now - timedelta(days=min(limits.session_days, limits.days))
    end = now - timedelta(days=limits.days)
    store = Store.objects.filter(id=1).first()
    if store is None:
        return 0
    if store.floor < sessions_end:
        Store.objects.filter(id=1, floor__lt=sessions_end).update(floor=sessions_end)
    passing = EntryRecord.objects.filter(kind__in=SESSION_KINDS, at__lt=sessions_end)
    if forwards:
        others = Q(store__in=Source.objects.values("name"))
        passing = passing.filter(Q(number__lte=store.forwarded) | others)
    removed = _remove_entries(EntryRecord.objects.filter(at__lt=end), wait)
    removed += _remove_entries(passing, wait)
    _forget_sources(end)
    return removed


def _forget_sources(end: datetime) -> None:
    """Forget the stores from which nothing came for so long, and of which nothing is left here.

    Should one of them come again, what it brings is older than what is kept, and goes as that.
    """
    left = EntryRecord.objects.filter(store=OuterRef("name"))
    Source.objects.filter(~Exists(left), at__lt=end).delete()


def _remove_entries(found: QuerySet[EntryRecord], wait: Callable[[float], bool | None]) -> int:
    total = 0
    while True:
        oldest = found.order_by("at").values_list("pk", flat=True)[:BATCH]
        removed, _ = EntryRecord.objects.filter(pk__in=list(oldest)).delete()
        total += removed
        if removed < BATCH or wait(PAUSE):
            return total


def _raise_floor(limits: Limits, now: datetime) -> None:
    newest = Transaction.objects.order_by("-revision").first()
    if newest is None:
        return
    wanted = min(newest.revision - 1, max(_expired(limits, now), _surplus(limits)))
    present = checkpoints.floor()
    if present is None or wanted > present.revision:
        last = Transaction.objects.filter(revision=wanted).first()
        if last is not None:
            checkpoints.add(wanted, now, "floor", last.chain)


def _expired(limits: Limits, now: datetime) -> int:
    """Return the last revision that is too old like all before it; 0 for none.

    Where a clock was wrong for a while, what seems to be old stays as long as what came before
    it: nothing that is not too old may go with it. What seems to be of the future is as old as
    what was committed next.
    """
    end = now - timedelta(days=limits.days)
    kept = Transaction.objects.filter(at__range=(end, now))
    first = kept.order_by("revision").values_list("revision", flat=True).first()
    if first is not None:
        return first - 1
    past = Transaction.objects.filter(at__lte=now)
    return past.order_by("-revision").values_list("revision", flat=True).first() or 0


def _surplus(limits: Limits) -> int:
    """Return the last revision that is beyond the number of records; 0 for none."""
    rows = ChangeRecord.objects.order_by("-revision", "-seq").values_list("revision", flat=True)
    beyond = list(rows[limits.records : limits.records + 1])
    return beyond[0] if beyond else 0


def _remove(
    model: Any, key: tuple[str, ...], floor: int, wait: Callable[[float], bool | None]
) -> int:
    table, columns = model._meta.db_table, ", ".join(key)
    oldest = f"SELECT {columns} FROM {table} WHERE revision <= %s ORDER BY {columns} LIMIT %s"  # noqa: S608
    statement = f"DELETE FROM {table} WHERE ({columns}) IN ({oldest})"  # noqa: S608 - our own names
    total = 0
    while True:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(statement, [floor, BATCH])
            removed: int = cursor.rowcount
        total += removed
        if removed < BATCH or wait(PAUSE):
            return total
