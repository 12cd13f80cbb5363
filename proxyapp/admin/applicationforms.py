"""The form of an application, and its rows: ports and connections."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.http import HttpRequest

from proxyapp.admin.binding import mask_of, reach_of
from proxyapp.admin.configured import ConfiguredForm
from proxyapp.admin.door import DoorForm, DoorInline
from proxyapp.admin.fields import ProtocolField
from proxyapp.admin.rights import CHANGE, READ
from proxyapp.models import Application, ApplicationTemplate, Connection, Port
from proxyapp.models.redundancy import port_refusals, refusals_of_port
from proxyapp.services.provisioning import application_from

_SECTION, _OPTION = "csproxy", "proxy-writable"
_TRUE = ("true", "yes", "on", "1")
_CLOSES_DEFAULT = (
    "The backup server connects to the default port, and so do many other servers, which cannot"
    " work without it. Give client user interface applications a port of their own instead; or tick"
    " this box if you mean it."
)


def template_of(request: HttpRequest) -> ApplicationTemplate | None:
    """Return the template that the address names for a new application."""
    value = request.GET.get("app_prototype", "")
    if not value.isdecimal() or len(value) > 18:
        return None
    seen = reach_of(request).having(READ, ApplicationTemplate)
    return ApplicationTemplate.objects.filter(seen, pk=int(value)).first()


def is_writable(application: Application) -> bool:
    """Whether the option says that a proxy takes writes."""
    value = application.options.get(_SECTION, {}).get(_OPTION, "")
    return str(value).strip().lower() in _TRUE


class ApplicationForm(ConfiguredForm):
    """An application; option proxy-writable has a check box of its own."""

    made_from: ApplicationTemplate | None = None
    proxy_writable = forms.BooleanField(
        required=False,
        label="Proxy writable",
        help_text=(
            "For a Configuration Server Proxy: clients may change user-defined data, the annex of"
            " objects, through it. Option proxy-writable in section [csproxy]; when both are"
            " changed, the check box counts."
        ),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        if kwargs.get("instance") is None and self.made_from is not None:
            kwargs["instance"] = _new_from(self.made_from)
        super().__init__(*args, **kwargs)
        if not self.instance.is_configuration_server:
            del self.fields["proxy_writable"]
        else:
            self.initial["proxy_writable"] = is_writable(self.instance)

    @staticmethod
    def instance_for(request: HttpRequest, obj: Application | None) -> Application:
        """Return the application that a page shows: the present one, or one to be made."""
        template = template_of(request) if obj is None else None
        return _new_from(template) if template is not None else obj or Application()

    def clean(self) -> dict[str, Any]:
        """Ask for a server's host, and write the check box into the options if it was changed."""
        cleaned = super().clean() or {}
        if self.instance.is_configuration_server and "host" in cleaned and not cleaned["host"]:
            self.add_error("host", "Select the host on which this server runs.")
        if "proxy_writable" in self.changed_data and "options" in cleaned:
            options = copy.deepcopy(cleaned["options"])
            value = "true" if cleaned["proxy_writable"] else "false"
            options.setdefault(_SECTION, {})[_OPTION] = value
            cleaned["options"] = options
        return cleaned


def _new_from(template: ApplicationTemplate) -> Application:
    application = application_from(template)
    application.type, application.version = template.type, template.version
    return application


def takes_over(application: Application | None) -> bool:
    """Whether it has the connections, tenants and annex of the server whose backup it is."""
    return (
        application is not None
        and application.is_configuration_server
        and not application.is_primary
    )


class PortForms(forms.BaseInlineFormSet):  # type: ignore[type-arg]
    """All ports of an application, checked together."""

    def clean(self) -> None:
        """Check what concerns several ports of a Configuration Server.

        Raises:
            ValidationError: to be shown above the ports.
        """
        super().clean()
        if any(self.errors) or not self.instance.is_configuration_server:
            return
        if not any(self._stays(form) for form in self.forms):
            raise ValidationError("Give the number of the port that clients connect to.")
        ports = [form.instance for form in self.forms if self._stays(form)]
        alone = {refusal for port in ports for refusal in refusals_of_port(port)}
        together = [text for name, text in port_refusals(ports) if (name, text) not in alone]
        if together:
            raise ValidationError(together)

    def _stays(self, form: forms.ModelForm[Port]) -> bool:
        return not self._should_delete_form(form) and bool(form.has_changed() or form.instance.pk)  # type: ignore[attr-defined]


class PortForm(DoorForm):
    """A port; to close the default port to servers must be meant."""

    confirmed = forms.BooleanField(
        required=False,
        label="restrict the default port",
        help_text="Tick this to restrict the default port in spite of the warning.",
    )

    class Meta:
        help_texts = {
            "transport_params": (
                "name=value;name=value: tls=1 or upgrade=1 (auto-detect), tls-mutual, certificate,"
                " certificate-key, trusted-ca, tls-crl, cipher-list, sec-protocol, user=1. What is"
                " not given here comes from section [security] of the options, then from that of"
                " the host's annex."
            ),
        }

    def clean(self) -> dict[str, Any]:
        """Ask for a confirmation before the default port takes people only."""
        cleaned = super().clean() or {}
        closes = _is_dedicated(cleaned) and not _is_dedicated(self.initial)
        if closes and cleaned.get("port_id") == "default" and not cleaned.get("confirmed"):
            self.add_error("confirmed", _CLOSES_DEFAULT)
        return cleaned


def _is_dedicated(values: Mapping[str, Any]) -> bool:
    port = Port(
        clients_only=bool(values.get("clients_only")),
        transport_params=values.get("transport_params") or "",
    )
    return port.is_dedicated


class PortInline(DoorInline):
    """The ports that an application listens on."""

    model = Port
    form = PortForm
    formset = PortForms
    fields = [
        "port_id",
        "port",
        "ha_sync",
        "listening_mode",
        "transport_params",
        "clients_only",
        "confirmed",
    ]
    verbose_name_plural = "Listening ports"
    note = (
        "Do not restrict the default port to client user interface applications: the backup server"
        " and many other servers connect to it. A port for HA sync cannot be restricted."
    )

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        """Ask for no confirmation of who changes nothing."""
        fields = super().get_fields(request, obj)
        if obj is None or mask_of(request, obj) & CHANGE:
            return fields
        return [name for name in fields if name != "confirmed"]

    def get_extra(self, request: HttpRequest, obj: Any = None, **kwargs: Any) -> int:
        """Offer the default port of a new server."""
        return 1 if obj is None else 0


class ConnectionForm(DoorForm):
    """A connection to a server."""

    class Meta:
        field_classes = {"conn_protocol": ProtocolField}
        help_texts = {
            "transport_params": (
                "name=value;name=value: tls=1, trusted-ca, tls-target-name-check, certificate,"
                " certificate-key; address, port and backup-port fix where the connection goes out"
                " from."
            ),
        }


class ConnectionInline(DoorInline):
    """The servers that an application connects to."""

    model = Connection
    form = ConnectionForm
    fk_name = "application"
    fields = [
        "server",
        "port_id",
        "conn_protocol",
        "timeout_local",
        "timeout_remote",
        "mode",
        "transport_params",
    ]
    autocomplete_fields = ["server"]
    note = (
        "Timeouts are those of the keep-alive protocol (ADDP), in seconds. A proxy connects to its"
        " master; of two redundant masters, to the primary. A backup server has the connections of"
        " its primary: change them there."
    )

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Whether connections may be added: not to a backup."""
        return not takes_over(obj) and super().has_add_permission(request, obj)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Whether connections may be changed: not those of a backup."""
        return not takes_over(obj) and super().has_change_permission(request, obj)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Whether connections may be deleted: not those of a backup."""
        return not takes_over(obj) and super().has_delete_permission(request, obj)
