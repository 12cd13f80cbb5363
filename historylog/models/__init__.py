"""The tables of the history: text copies only, so that nothing here refers to live data."""

from __future__ import annotations

from historylog.models.changes import ChangedProperty, ChangeRecord, Checkpoint, Transaction
from historylog.models.entries import EntryRecord, Source, Store

__all__ = [
    "ChangeRecord",
    "ChangedProperty",
    "Checkpoint",
    "EntryRecord",
    "Source",
    "Store",
    "Transaction",
]
