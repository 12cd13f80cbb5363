"""What `manage.py check` says of settings that the servers cannot work with."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, register
from django.db import connection

from confwire.handshake import MAX_ITERATIONS, MIN_ITERATIONS


@register()
def check_database(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    """Refuse databases whose locks and sequences the journal does not know."""
    if connection.vendor in ("postgresql", "sqlite"):
        return []
    return [
        Error(
            f"the configuration cannot be kept in {connection.vendor}",
            hint="let DATABASE_URL name a PostgreSQL or SQLite database",
            id="proxyapp.E001",
        )
    ]


@register()
def check_iterations(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    """Refuse numbers of rounds that clients would refuse."""
    if MIN_ITERATIONS <= settings.SCRAM_ITERATIONS <= MAX_ITERATIONS:
        return []
    return [
        Error(
            f"CSPROXY_SCRAM_ITERATIONS is {settings.SCRAM_ITERATIONS}",
            hint=f"choose from {MIN_ITERATIONS} to {MAX_ITERATIONS}",
            id="proxyapp.E002",
        )
    ]
