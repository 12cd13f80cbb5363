"""The administration site: who may enter, in which order it lists, how objects are looked up."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

from django import forms
from django.contrib import messages
from django.contrib.admin import AdminSite
from django.contrib.admin.forms import AdminAuthenticationForm
from django.contrib.admin.views.autocomplete import AutocompleteJsonView
from django.contrib.auth import authenticate
from django.contrib.auth.views import PasswordChangeView
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import models
from django.http import HttpRequest, HttpResponse, HttpResponseBase, HttpResponseRedirect
from django.urls import URLPattern, path, reverse

from confwire.objects import OBJECTS
from proxyapp.admin.actions import own_actions
from proxyapp.admin.binding import may_enter, reach_of
from proxyapp.admin.fields import code_field
from proxyapp.admin.naming import paths_of
from proxyapp.admin.passwords import OwnPasswordForm
from proxyapp.admin.rights import CREATE
from proxyapp.admin.standing import leader_of, refuse
from proxyapp.models import Folder
from proxyapp.models.accounts import REFUSAL
from proxyapp.models.base import Configured
from proxyapp.models.objects import ConfigObject
from proxyapp.models.secondfactors import in_use
from proxyapp.services import entrance
from proxyapp.services.logins import PASSWORD_EXPIRED
from proxyapp.services.secondfactors import is_due

ORDER = (
    "Tenant",
    "Folder",
    "Host",
    "ApplicationTemplate",
    "Application",
    "Person",
    "AccessGroup",
    "Grant",
    "ConfigObject",
)
"""The models as operators look for them."""


HISTORY = (
    ("history_changes", "Changes"),
    ("history_transactions", "Transactions"),
    ("history_log", "Sessions and logins"),
    ("history_at", "As it was"),
    ("history_between", "What differs"),
)
"""The pages of the history that the menu lists."""

View = Callable[..., HttpResponseBase]
_WITHOUT_PASSWORD = ("login", "logout", "password_change", "password_change_done", "jsi18n")
"""Pages for who has to choose a new password first."""
SECOND_FACTOR = "second_factor"
"""The page of one's own second factor: for who has to enrol first, it alone beside those."""
_SESSIONS = ("login", "logout")
"""Pages of the site that change nothing of the configuration."""


class LoginForm(AdminAuthenticationForm):
    """Lets in those who may use the administration."""

    code = code_field(required=False)

    def __init__(self, *args: Any, **more: Any) -> None:
        super().__init__(*args, **more)
        if not in_use():
            del self.fields["code"]

    def clean(self) -> dict[str, Any]:
        """Have password and code judged in one: neither tells of the other."""
        given = self.cleaned_data
        if given.get("username") and given.get("password"):
            self.user_cache = authenticate(
                self.request,
                username=given["username"],
                password=given["password"],
                secret_code=given.get("code", ""),
            )
            if self.user_cache is None:
                raise self.get_invalid_login_error()
            self.confirm_login_allowed(self.user_cache)
        return given

    def get_invalid_login_error(self) -> ValidationError:
        """Say what the rules of accounts, or another system, said."""
        refusal = self.request.META.get(REFUSAL, "") if self.request is not None else ""
        return ValidationError(refusal) if refusal else super().get_invalid_login_error()

    def confirm_login_allowed(self, user: Any) -> None:
        """Refuse persons who may not use the administration.

        Raises:
            ValidationError: saying who may.
        """
        if not entrance.may_enter(user):
            raise ValidationError(
                "only Super Administrators may enter, and who has the right to execute an"
                " application of type Genesys Administrator",
                code="no_permission",
            )


class ObjectLookup(AutocompleteJsonView):
    """Finds the objects that a field may refer to; folders by their paths."""

    def get_queryset(self) -> models.QuerySet[Any]:
        """Offer only folders in which objects of the field's type may be created."""
        found: models.QuerySet[Any] = super().get_queryset()
        source: Any = self.source_field.model
        if found.model is Folder and issubclass(source, Configured):
            found = found.filter(reach_of(self.request).having(CREATE, Folder))
        holds_one_type = issubclass(source, Configured) and source not in (Folder, ConfigObject)
        if found.model is Folder and holds_one_type:
            return found.filter(type=OBJECTS[source.TYPE].name)
        return found

    def process_request(self, request: HttpRequest) -> Any:
        """Return what is looked up.

        Raises:
            PermissionDenied: no field of a form refers to such objects.
        """
        found = super().process_request(request)
        if not isinstance(found[2], models.Field):
            raise PermissionDenied
        return found

    def has_perm(self, request: HttpRequest, obj: Any = None) -> bool:
        """Let everybody look up: what may not be read is not found."""
        return True

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        """Name the folders of the page at once."""
        context: dict[str, Any] = super().get_context_data(**kwargs)
        page = context["object_list"]
        folders = (folder.pk for folder in page if isinstance(folder, Folder))
        self.paths = paths_of(folders, reach_of(self.request).readable)
        return context

    def serialize_result(self, obj: models.Model, to_field_name: str) -> dict[str, str]:
        """Return what the browser shows for an object."""
        result: dict[str, str] = super().serialize_result(obj, to_field_name)
        if isinstance(obj, Folder):
            result["text"] = self.paths[obj.pk]
        return result


class ConfigurationSite(AdminSite):
    """The administration of the configuration."""

    site_header = "Configuration Server"
    site_title = "Configuration Server"
    index_title = "Administration"
    site_url = None
    login_form = LoginForm
    enable_nav_sidebar = True
    empty_value_display = "–"

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self._pages: list[URLPattern] = []

    def page(self, route: str, name: str) -> Callable[[View], View]:
        """Return a decorator that makes a view a page for those who may enter."""

        def added(view: View) -> View:
            self._pages.append(path(route, self.admin_view(view), name=name))
            return view

        return added

    def has_permission(self, request: HttpRequest) -> bool:
        """Whether the person who asks may use the administration."""
        return may_enter(request)

    def get_log_entries(self, request: HttpRequest) -> models.QuerySet[Any]:
        """Return what the first page lists of the person's actions."""
        entries = super().get_log_entries(request)
        match = request.resolver_match
        if match is None or match.url_name != "index":
            return entries.none()
        return own_actions(request, entries)

    def get_urls(self) -> list[Any]:
        """Add the pages that belong to no model."""
        return [*self._pages, *super().get_urls()]

    def admin_view(self, view: View, cacheable: bool = False) -> View:  # type: ignore[override]
        """Let nobody change anything while another master leads."""

        @wraps(view)
        def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
            leader = leader_of(request) if request.method == "POST" else None
            match = request.resolver_match
            if leader is not None and (match is None or match.url_name not in _SESSIONS):
                return refuse(request, leader)
            if (match is None or match.url_name not in _WITHOUT_PASSWORD) and (
                request.session.get(PASSWORD_EXPIRED)
                or getattr(request.user, "change_password_on_next_login", False)
            ):
                messages.warning(request, "Choose a new password first.")
                return HttpResponseRedirect(reverse("admin:password_change"))
            if (match is None or match.url_name not in (*_WITHOUT_PASSWORD, SECOND_FACTOR)) and (
                is_due(request.user)  # type: ignore[arg-type]
            ):
                messages.warning(request, "Enrol a second factor first.")
                return HttpResponseRedirect(reverse(f"admin:{SECOND_FACTOR}"))
            return view(request, *args, **kwargs)

        return super().admin_view(guarded, cacheable)

    def each_context(self, request: HttpRequest) -> dict[str, Any]:
        """Add who leads, if it is not this master."""
        return {**super().each_context(request), "leader": leader_of(request)}

    def get_app_list(self, request: HttpRequest, app_label: str | None = None) -> list[Any]:
        """List the models in the order of `ORDER`, then the pages of the history."""
        app_list = super().get_app_list(request, app_label)
        for app in app_list:
            app["models"].sort(key=lambda model: ORDER.index(model["object_name"]))
        if app_label is None and self.has_permission(request):
            app_list.append(self._history(getattr(request.user, "is_staff", False)))
        return app_list

    def _history(self, whole: bool) -> dict[str, Any]:
        pages: list[dict[str, Any]] = [
            {
                "name": title,
                "object_name": name,
                "admin_url": reverse(name),
                "add_url": None,
                "view_only": True,
                "perms": {},
            }
            for name, title in (
                *((f"admin:{name}", title) for name, title in HISTORY),
                *((("convergence", "Who has what"),) if whole else ()),
            )
        ]
        first = pages[0]["admin_url"]
        return {"name": "History", "app_label": "history", "app_url": first, "models": pages}

    def autocomplete_view(self, request: HttpRequest) -> HttpResponse:
        """Answer the look-ups of fields."""
        return ObjectLookup.as_view(admin_site=self)(request)  # type: ignore[return-value]

    def password_change(  # type: ignore[override]
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponseBase:
        """Let persons change their own passwords, through the door."""
        request.current_app = self.name
        view = PasswordChangeView.as_view(
            form_class=_form_for(request),
            success_url=reverse("admin:password_change_done", current_app=self.name),
            extra_context={**self.each_context(request), **(extra_context or {})},
        )
        return view(request)


def _form_for(request: HttpRequest) -> type[forms.Form]:
    return type("OwnPasswordForm", (OwnPasswordForm,), {"request": request})


site = ConfigurationSite(name="admin")
