"""Pruning the history as the options of the master's Application object say."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import datetime

from historylog import retention
from historylog.retention import Limits, Pruned
from proxyapp.engine.options import Settings
from proxyapp.models import Application
from proxyapp.models.base import key_of
from proxyapp.services import recording
from proxyapp.services.publishing import MASTER


def limits() -> Limits:
    """Return how long changes are kept: the defaults where there is no such object."""
    key = key_of([recording.serving() or MASTER])
    options = Application.objects.filter(key=key).values_list("options", flat=True).first()
    settings = Settings(options or {})
    return Limits(settings.number("audit-expiration"), settings.number("audit-max-records"))


def prune(now: datetime, wait: Callable[[float], bool | None] = time.sleep) -> Pruned:
    """Remove the changes that are too old or too many; see `historylog.retention.prune`."""
    return retention.prune(limits(), now, wait)
