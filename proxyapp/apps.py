"""The Django application: it seeds an empty database, and sets the guard at the door."""

from __future__ import annotations

from typing import Any

from django.apps import AppConfig
from django.db.models.signals import m2m_changed, post_migrate


class ProxyappConfig(AppConfig):
    """The configuration server."""

    name = "proxyapp"
    verbose_name = "Environment"

    def ready(self) -> None:
        """Connect what Django calls by signal: seeding, the relation's guard, and web logins."""
        import proxyapp.checks  # noqa: F401
        from proxyapp.models.applications import Application
        from proxyapp.models.door import guard_relation
        from proxyapp.services import logins

        m2m_changed.connect(
            guard_relation, sender=Application.tenants.through, dispatch_uid="proxyapp.guard"
        )
        post_migrate.connect(_seed, sender=self, dispatch_uid="proxyapp.seed")
        logins.connect()


def _seed(sender: AppConfig, using: str, verbosity: int, **kwargs: Any) -> None:
    from django.db import connections

    from proxyapp.services.seed import seed

    # A partial migration may end before there is anything to seed.
    needed = {"proxyapp_revision", "historylog_transaction"}
    if needed <= set(connections[using].introspection.table_names()):
        seed(announce=verbosity > 0)
