"""The listening ports of applications."""

from __future__ import annotations

from collections.abc import Collection

from django.db import models

from proxyapp.choices import LISTENING_CHOICES
from proxyapp.engine.transport import is_true, parameters_of
from proxyapp.models.applications import Application
from proxyapp.models.door import Guarded, Key
from proxyapp.models.redundancy import raise_refusals, refusals_of_port


class Port(Guarded):
    """A port that an application listens on."""

    application = models.ForeignKey(Application, models.CASCADE, related_name="ports")
    port_id = models.CharField("ID", max_length=64, default="default")
    port = models.CharField(max_length=20)
    ha_sync = models.BooleanField("HA sync", default=False)
    listening_mode = models.CharField(max_length=20, choices=LISTENING_CHOICES, default="unsecured")
    clients_only = models.BooleanField(
        "client UI applications only",
        default=False,
        help_text="A port dedicated to client user interface applications (user=1).",
    )
    conn_protocol = models.CharField("connection protocol", max_length=64, blank=True)
    transport_params = models.CharField("transport parameters", max_length=1024, blank=True)
    app_params = models.CharField("application parameters", max_length=1024, blank=True)
    description = models.CharField(max_length=255, blank=True)
    spare = models.JSONField(default=dict, blank=True, editable=False)

    class Meta:
        ordering = ["port_id"]
        constraints = [
            models.UniqueConstraint(fields=["application", "port_id"], name="port_id_unique")
        ]

    def __str__(self) -> str:
        return f"{self.port_id}: {self.port}"

    @property
    def is_dedicated(self) -> bool:
        """Whether it is for client user interface applications only."""
        given = parameters_of(self.transport_params)
        return self.clients_only or is_true(given.get("user", ""))

    def owners(self) -> Collection[Key]:
        """Return the application."""
        return [(int(Application.TYPE), self.application_id)]

    def clean(self) -> None:
        """Check the rules of ports where they bind.

        Raises:
            ValidationError: naming the fields.
        """
        super().clean()
        if self.application.is_configuration_server:
            raise_refusals(refusals_of_port(self))
