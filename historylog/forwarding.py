"""What a proxy's database has that its master's has not yet.

Only what was committed here is read, so nothing is forwarded that a crash could take back.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from django.db.models import F
from django.db.models.functions import Greatest

from confwire.messages import HistoryEntry
from historylog.models import EntryRecord, Store

MOST_ENTRIES = 2_000
MOST_CHARACTERS = 1_000_000
"""Of the texts of one batch: a message of it stays well below what a master takes."""


def next_entries(number: int) -> list[HistoryEntry]:
    """Return the first of this database's own entries behind a number, in their order."""
    store = Store.objects.get()
    records = EntryRecord.objects.filter(store=store.name, number__gt=number).order_by("number")
    return list(_bounded(records[:MOST_ENTRIES]))


def mark_forwarded(number: int) -> None:
    """Remember that a master has the entries up to a number.

    A number that this database has not given yet shows that its file is an old copy; it gives
    only higher ones from then on.
    """
    Store.objects.filter(forwarded__lt=number).update(
        forwarded=number, last=Greatest(F("last"), number)
    )


def _bounded(records: Iterable[EntryRecord]) -> Iterator[HistoryEntry]:
    weight = 0
    for record in records:
        entry = record.entry()
        weight += 200 + sum(len(part) for part in (entry.server, entry.application, entry.user))
        weight += sum(len(part) for part in (entry.peer, entry.forwarded, entry.reason))
        if weight > MOST_CHARACTERS:
            return
        yield entry
