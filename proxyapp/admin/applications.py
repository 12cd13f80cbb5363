"""Applications and the templates that they are made from."""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import path, reverse
from django.utils.decorators import method_decorator
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.views.decorators.cache import never_cache

from confwire.errors import RequestError
from proxyapp.admin.applicationforms import (
    ApplicationForm,
    ConnectionInline,
    PortInline,
    takes_over,
    template_of,
)
from proxyapp.admin.binding import reach_of
from proxyapp.admin.configured import ConfiguredAdmin
from proxyapp.admin.door import author_of, origin_of
from proxyapp.admin.filters import FolderFilter, UsedFilter
from proxyapp.admin.rights import READ
from proxyapp.admin.site import site
from proxyapp.admin.veil import Withheld
from proxyapp.models import Application, ApplicationTemplate
from proxyapp.models.redundancy import lacks_sync_port
from proxyapp.services import accounts
from proxyapp.services.applicationfaults import faults_of


@admin.register(ApplicationTemplate, site=site)
class ApplicationTemplateAdmin(ConfiguredAdmin):
    """What new applications begin with."""

    list_display = ["name", "type", "version", "place", "dbid", "enabled"]
    list_filter = ["state", FolderFilter]
    search_fields = ["name", "type"]
    fixed = ("type",)
    fieldsets = [
        (None, {"fields": ["name", "dbid", "type", "version", "folder", "state"]}),
        ("Options", {"fields": ["options"]}),
        ("Annex", {"fields": ["annex"], "classes": ["collapse"]}),
        ("Rights", {"fields": ["rights"]}),
    ]


_GENERAL = ["name", "template", "type", "version", "dbid", "tenants", "folder", "state"]
_SERVER_INFO = [
    "host",
    "redundancy_type",
    "backup_server",
    "timeout",
    "attempts",
    "auto_restart",
    "startup_timeout",
    "shutdown_timeout",
    "work_directory",
    "command_line",
    "command_line_arguments",
    "account",
    "secret",
]


@admin.register(Application, site=site)
class ApplicationAdmin(ConfiguredAdmin):
    """Applications; a new one is made from a template, which gives type, release and options."""

    form = ApplicationForm
    inlines = [PortInline, ConnectionInline]
    list_display = ["name", "type", "host", "ports_text", "place", "dbid", "enabled"]
    list_select_related = ["host"]
    list_filter = ["state", "type", "host", FolderFilter]
    search_fields = ["name", "type"]
    readonly_fields = ["template", "type", "version", "secret"]
    change_form_template = "admin/proxyapp/application/change_form.html"

    def get_queryset(self, request: HttpRequest) -> Any:
        """Read the ports of the list's applications at once."""
        return super().get_queryset(request).prefetch_related("ports")

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        """Show what a backup takes over from its primary, without changing it here."""
        shown = super().get_readonly_fields(request, obj)
        return [*shown, "backup_of", "tenants", "annex"] if takes_over(obj) else shown

    def get_list_filter(self, request: HttpRequest) -> Any:
        """Offer the types and hosts that are in use."""
        used: dict[Any, Any] = {
            "type": ("type", admin.AllValuesFieldListFilter),
            "host": ("host", UsedFilter),
        }
        return [used.get(name, name) for name in self.list_filter]

    @admin.display(description="ports")
    def ports_text(self, obj: Application) -> str:
        """Return the numbers of the ports."""
        return ", ".join(
            f"{port.port} (UI)" if port.is_dedicated else port.port for port in obj.ports.all()
        )

    # ------------------------------------------------------------ a new application

    def add_view(
        self, request: HttpRequest, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Ask for the template first."""
        if template_of(request) is not None or not self.has_add_permission(request):
            return super().add_view(request, form_url, extra_context)
        context = {
            **self.admin_site.each_context(request),
            "title": "Choose a template for the new application",
            "choices": [
                (_with(request, app_prototype=template.pk), template.name, _words(template))
                for template in ApplicationTemplate.objects.filter(
                    reach_of(request).having(READ, ApplicationTemplate), state="enabled"
                )
            ],
            "opts": self.opts,
            "empty": "there is no application template: add one first",
        }
        return TemplateResponse(request, "admin/proxyapp/choose.html", context)

    def get_form(
        self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any
    ) -> Any:
        """Give the form the template of a new application."""
        form = super().get_form(request, obj, change=change, **kwargs)
        made_from = template_of(request) if obj is None else None
        return type(form.__name__, (form,), {"made_from": made_from})

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        """Show server information for servers only."""
        shown = ApplicationForm.instance_for(request, obj)
        proxy = ["proxy_writable"] if shown.is_configuration_server else []
        sets: list[Any] = [("General", {"fields": _GENERAL})]
        if shown.is_server:
            backup_of = ["backup_of"] if obj is not None and takes_over(obj) else []
            sets.append(("Server info", {"fields": [*backup_of, *_SERVER_INFO]}))
        return [
            *sets,
            ("Options", {"fields": [*proxy, "options"]}),
            ("Annex", {"fields": ["annex"], "classes": ["collapse"]}),
            ("Rights", {"fields": ["rights"]}),
        ]

    def get_inlines(self, request: HttpRequest, obj: Application | None) -> list[Any]:
        """Let only servers have ports."""
        is_server = ApplicationForm.instance_for(request, obj).is_server
        return [PortInline, ConnectionInline] if is_server else [ConnectionInline]

    def dress(self, request: HttpRequest, obj: Application) -> None:
        """Keep with a backup whose backup it is."""
        super().dress(request, obj)
        primary = obj.primaries.first() if takes_over(obj) else None
        shown: Any = primary
        if primary is not None:
            key = (int(primary.object_type), primary.dbid)
            shown = primary if reach_of(request).readable({key}) else Withheld(primary.dbid)
        obj.shown_primary = shown  # type: ignore[attr-defined]

    @admin.display(description="backup of")
    def backup_of(self, obj: Application) -> SafeString:
        """Name the server whose backup it is, with a link."""
        primary: Any = obj.shown_primary  # type: ignore[attr-defined]
        if not isinstance(primary, Application):
            return format_html("{}", primary or "-")
        address = reverse("admin:proxyapp_application_change", args=[primary.pk])
        return format_html('<a href="{}">{}</a>', address, primary)

    @admin.display(description="template")
    def template(self, obj: Application) -> SafeString:
        """Name the template, with a link."""
        template: Any = obj.app_prototype
        if isinstance(template, Withheld):
            return format_html("{}", template)
        address = reverse("admin:proxyapp_applicationtemplate_change", args=[obj.app_prototype_id])
        return format_html('<a href="{}">{}</a>', address, template)

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        """Warn of what is allowed and seldom meant."""
        super().save_related(request, form, formsets, change)
        application: Application = form.instance
        for fault in faults_of(application):
            self.message_user(request, fault, messages.WARNING)
        if lacks_sync_port(application):
            self.message_user(
                request,
                f"{application} and its partner are no working pair yet: on each of the two, mark a"
                " listening port for HA sync",
                messages.WARNING,
            )
        if any(port.is_dedicated for port in application.ports.filter(port_id="default")):
            self.message_user(
                request,
                f"the default port of {application} now takes client user interface applications"
                " only: its backup server and other servers can no longer connect to it",
                messages.WARNING,
            )

    # ------------------------------------------------------------ the secret

    @admin.display(description="secret")
    def secret(self, obj: Application) -> str:
        """Say whether the application can log in by itself."""
        if obj._state.adding:
            return "can be made once the application is saved"
        return "set" if obj.credentials.exists() else "none: the server cannot log in to a master"

    def get_urls(self) -> list[Any]:
        """Add the page of the secret."""
        page = self.admin_site.admin_view(self.secret_view)
        name = "proxyapp_application_secret"
        return [path("<int:dbid>/secret/", page, name=name), *super().get_urls()]

    @method_decorator(never_cache)
    def secret_view(self, request: HttpRequest, dbid: int) -> HttpResponse:
        """Ask, make a new secret, and show it this once; or take it away."""
        application = self.get_object(request, str(dbid))
        if not self.has_change_permission(request, application):
            raise PermissionDenied
        if application is None or not application.is_server:
            return self._get_obj_does_not_exist_redirect(request, self.opts, str(dbid))  # type: ignore[attr-defined,no-any-return]
        context = {
            **self.admin_site.each_context(request),
            "title": f"Secret of {application}",
            "opts": self.opts,
            "original": application,
        }
        if request.method == "POST":
            context |= self._secret_context(request, application)
        context["has_secret"] = application.credentials.exists()
        return TemplateResponse(request, "admin/proxyapp/application/secret.html", context)

    def _secret_context(self, request: HttpRequest, application: Application) -> dict[str, Any]:
        who: Any = {"by": author_of(request), "origin": origin_of(request)}
        try:
            if "withdraw" in request.POST:
                accounts.withdraw_secret(application, **who)
                self.log_change(request, application, "Took the secret away.")
                return {"withdrawn": True}
            secret = accounts.make_secret(application, **who)
        except RequestError as error:
            return {"refusal": str(error)}
        self.log_change(request, application, "Made a new secret.")
        return {"secret": secret}


def _words(template: ApplicationTemplate) -> str:
    return f"{template.type}, release {template.version}"


def _with(request: HttpRequest, **parameters: Any) -> str:
    """Return the query of a request with other parameters."""
    query = request.GET.copy()
    for name, value in parameters.items():
        query[name] = str(value)
    return f"?{query.urlencode()}"
