"""Application templates, and the applications that are made from them."""

from __future__ import annotations

from django.db import models

from confwire.objects import ObjectType, is_server_type
from proxyapp.choices import APP_TYPE_CHOICES, REDUNDANCY_CHOICES
from proxyapp.models.base import Named, unique_key
from proxyapp.models.options import validate_options, validate_text
from proxyapp.models.redundancy import raise_refusals, refusals_of

DEFAULT_PERSON = 100
"""DBID of person `default`: the account that servers log on as unless another is given."""


class ApplicationTemplate(Named):
    """What applications of one kind have in common when they are made (appPrototype)."""

    TYPE = ObjectType.APP_PROTOTYPE

    type = models.CharField(max_length=40, choices=APP_TYPE_CHOICES)
    version = models.CharField(max_length=40)
    options = models.JSONField(default=dict, blank=True, validators=[validate_options])

    class Meta(Named.Meta):
        constraints = [unique_key("template")]


class Application(Named):
    """A program of the environment: a server or a client."""

    TYPE = ObjectType.APPLICATION

    app_prototype = models.ForeignKey(
        ApplicationTemplate, models.PROTECT, related_name="applications", verbose_name="template"
    )
    type = models.CharField(max_length=40, choices=APP_TYPE_CHOICES, editable=False)
    version = models.CharField(max_length=40, editable=False)
    host = models.ForeignKey(
        "proxyapp.Host", models.PROTECT, null=True, blank=True, related_name="applications"
    )
    port = models.CharField(max_length=20, blank=True, editable=False)
    """The port of the server information, where it is not that of port `default`."""
    backup_server = models.ForeignKey(
        "self", models.PROTECT, null=True, blank=True, related_name="primaries"
    )
    timeout = models.PositiveIntegerField("reconnect timeout (s)", default=10)
    attempts = models.PositiveIntegerField("reconnect attempts", default=1)
    redundancy_type = models.CharField(
        max_length=20, choices=REDUNDANCY_CHOICES, default="coldstandby"
    )
    auto_restart = models.BooleanField("auto-restart", default=False)
    startup_timeout = models.PositiveIntegerField("startup timeout (s)", default=90)
    shutdown_timeout = models.PositiveIntegerField("shutdown timeout (s)", default=90)
    work_directory = models.CharField(
        "working directory", max_length=255, blank=True, validators=[validate_text]
    )
    command_line = models.CharField(max_length=255, blank=True, validators=[validate_text])
    command_line_arguments = models.CharField(
        max_length=1024, blank=True, validators=[validate_text]
    )
    component_type = models.CharField(max_length=64, blank=True, editable=False)
    account = models.ForeignKey(
        "proxyapp.Person",
        models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        verbose_name="Log On As account",
    )
    tenants = models.ManyToManyField("proxyapp.Tenant", related_name="+", blank=True)
    options = models.JSONField(
        default=dict,
        blank=True,
        validators=[validate_options],
        help_text='{"section": {"option": value}}',
    )
    flexible_properties = models.JSONField(
        default=dict, blank=True, editable=False, validators=[validate_options]
    )
    resources = models.JSONField(default=list, blank=True, editable=False)

    class Meta(Named.Meta):
        constraints = [unique_key("application")]

    def computed_columns(self) -> frozenset[str]:
        """Return the account too."""
        return super().computed_columns() | {"account"}

    def prepare(self) -> None:
        """Take type and version from the template, and the account that servers need."""
        if self._state.adding and self.app_prototype_id is not None:
            self.type, self.version = self.app_prototype.type, self.app_prototype.version
        if self.account_id is None and self.is_server:
            self.account_id = DEFAULT_PERSON
        super().prepare()

    def clean(self) -> None:
        """Check the redundancy rules where they bind.

        Raises:
            ValidationError: naming the fields.
        """
        super().clean()
        if self.is_configuration_server:
            raise_refusals(refusals_of(self))

    @property
    def is_server(self) -> bool:
        """Whether the application is a daemon."""
        return is_server_type(self.type)

    @property
    def is_configuration_server(self) -> bool:
        """Whether the application is a Configuration Server or its proxy."""
        return self.type == "configserver"

    @property
    def is_primary(self) -> bool:
        """Whether no other server names this one as its backup."""
        return not self.primaries.all()

    @property
    def server_port(self) -> str:
        """The port of the server information: that of port `default` unless given otherwise."""
        return self.port or next((p.port for p in self.ports.all() if p.port_id == "default"), "")

    @server_port.setter
    def server_port(self, value: str) -> None:
        if self._state.adding or value != self.server_port:
            self.port = value

    @property
    def startup_type(self) -> str:
        """How the application is started."""
        return "automatic" if self.is_server else "disabled"
