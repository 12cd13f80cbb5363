"""What a proxy's database has that its master's has not yet.

Only what was committed here is read, so nothing is forwarded that a crash could take back.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from django.db.models import Max, Min

from confwire.messages import HistoryEntry
from historylog.models import EntryRecord, Source, Store

MOST_ENTRIES = 2_000
MOST_CHARACTERS = 1_000_000
"""Of the texts of one batch: a message of it stays well below what a master takes."""


def former_stores() -> list[str]:
    """Return the names that this database had before and has entries of, the oldest first."""
    others = {*Source.objects.values_list("name", flat=True), Store.objects.get().name}
    names = [name for name in _stores() if name not in others]
    entries = {name: EntryRecord.objects.filter(store=name) for name in names}
    first = {name: entries[name].aggregate(first=Min("number"))["first"] for name in names}
    # What was pruned meanwhile has nothing to forward.
    return sorted((name for name in names if first[name] is not None), key=first.__getitem__)


def _stores() -> Iterator[str]:
    """Yield the names of all stores with entries, each by a look at the index."""
    rows, name = EntryRecord.objects.order_by("store").values_list("store", flat=True), ""
    while (found := rows.filter(store__gt=name).first()) is not None:
        yield (name := found)


def next_entries(store: str, number: int) -> list[HistoryEntry]:
    """Return the first of a store's entries behind a number, in their order."""
    records = EntryRecord.objects.filter(store=store, number__gt=number).order_by("number")
    return list(_bounded(records[:MOST_ENTRIES]))


def mark_forwarded(store: str, number: int) -> None:
    """Remember that a master has the entries of an own store up to a number.

    It may know of more than there are here, where the file is an old copy of itself.
    """
    entries = EntryRecord.objects.filter(store=store, number__lte=number)
    last = entries.aggregate(last=Max("number"))["last"]
    if last is not None:
        Store.objects.filter(forwarded__lt=last).update(forwarded=last)


def _bounded(records: Iterable[EntryRecord]) -> Iterator[HistoryEntry]:
    weight = 0
    for record in records:
        entry = record.entry()
        weight += 200 + sum(len(part) for part in (entry.server, entry.application, entry.user))
        weight += sum(len(part) for part in (entry.peer, entry.forwarded, entry.reason))
        if weight > MOST_CHARACTERS:
            return
        yield entry
