"""The connections of applications to servers, with their keep-alive (ADDP)."""

from __future__ import annotations

from collections.abc import Collection

from django.db import models

from proxyapp.choices import TRACE_CHOICES
from proxyapp.models.applications import Application
from proxyapp.models.door import Guarded, Key
from proxyapp.models.redundancy import connection_refusals, raise_refusals


class Connection(Guarded):
    """An application's connection to a server."""

    application = models.ForeignKey(Application, models.CASCADE, related_name="connections")
    server = models.ForeignKey(Application, models.PROTECT, related_name="clients")
    port_id = models.CharField("port ID", max_length=64, default="default", blank=True)
    conn_protocol = models.CharField(
        "connection protocol", max_length=64, blank=True, help_text="addp, or nothing"
    )
    timeout_local = models.PositiveIntegerField("local timeout (s)", default=0)
    timeout_remote = models.PositiveIntegerField("remote timeout (s)", default=0)
    mode = models.CharField("trace mode", max_length=10, choices=TRACE_CHOICES, default="unset")
    transport_params = models.CharField("transport parameters", max_length=1024, blank=True)
    app_params = models.CharField("application parameters", max_length=1024, blank=True)
    proxy_params = models.CharField("proxy parameters", max_length=1024, blank=True)
    description = models.CharField(max_length=255, blank=True)
    spare = models.JSONField(default=dict, blank=True, editable=False)

    class Meta:
        ordering = ["server_id"]
        constraints = [
            models.UniqueConstraint(
                fields=["application", "server"], name="connection_server_unique"
            )
        ]

    def __str__(self) -> str:
        return f"{self.application} to {self.server}"

    def owners(self) -> Collection[Key]:
        """Return the application that connects."""
        return [(int(Application.TYPE), self.application_id)]

    def clean(self) -> None:
        """Check the rules of connections where they bind.

        Raises:
            ValidationError: naming the field.
        """
        super().clean()
        if self.server_id is not None and self.application.is_configuration_server:
            raise_refusals(connection_refusals([self]))
