"""The Django application of the history log."""

from __future__ import annotations

from django.apps import AppConfig


class HistorylogConfig(AppConfig):
    """What was changed, and who was there."""

    name = "historylog"
    verbose_name = "History"
