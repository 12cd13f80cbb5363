"""Pruning the history as the options of the master's Application object say."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import datetime

from historylog import clock, retention, statistics
from historylog.retention import EntryLimits, Limits, Pruned
from proxyapp.engine.settings import Settings
from proxyapp.models import Application
from proxyapp.models.base import key_of
from proxyapp.services import receipts, recording
from proxyapp.services.publishing import MASTER


def settings() -> Settings:
    """Return the master's options: the defaults where there is no such object."""
    key = key_of([recording.serving() or MASTER])
    options = Application.objects.filter(key=key).values_list("options", flat=True).first()
    return Settings(options or {})


def limits() -> Limits:
    """Return how long changes are kept."""
    chosen = settings()
    return Limits(chosen.number("audit-expiration"), chosen.number("audit-max-records"))


def entry_limits() -> EntryLimits:
    """Return how long entries are kept."""
    chosen = settings()
    return EntryLimits(chosen.number("client-expiration"), chosen.number("expiration"))


def prune(
    now: datetime,
    wait: Callable[[float], bool | None] = time.sleep,
    *,
    believe: bool = False,
) -> Pruned:
    """Remove the changes that are too old or too many, and the entries and receipts too old.

    Args:
        believe: a person says that the clock is right, however far it jumped.
    """
    judged = clock.judged(now, believe=believe)
    pruned = retention.prune(limits(), judged, wait)
    receipts.forget(judged)
    entries = retention.prune_entries(entry_limits(), judged, wait)
    statistics.refresh()
    return pruned._replace(entries=entries, judged=judged if judged != now else None)
