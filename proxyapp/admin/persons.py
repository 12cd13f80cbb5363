"""Persons, and the passwords that they log in with."""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.contrib.auth import update_session_auth_hash
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import path, reverse
from django.utils.decorators import method_decorator
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.views.decorators.debug import sensitive_post_parameters

from proxyapp.admin import binding
from proxyapp.admin.binding import reach_of
from proxyapp.admin.configured import ConfiguredAdmin
from proxyapp.admin.filters import FolderFilter
from proxyapp.admin.passwords import NewPasswordForm
from proxyapp.admin.rights import CHANGE, READ
from proxyapp.admin.secondfactor import FactorOfPerson
from proxyapp.admin.site import site
from proxyapp.models import AccessGroup, Person
from proxyapp.services import accounts


@admin.register(Person, site=site)
class PersonAdmin(FactorOfPerson, ConfiguredAdmin):
    """Persons: agents, administrators, and the accounts of servers."""

    list_display = [
        "user_name", "first_name", "last_name", "employee_id", "tenant", "place", "is_agent",
        "dbid", "enabled",
    ]  # fmt: skip
    list_select_related = ["tenant"]
    list_filter = ["state", "is_agent", "is_admin", "tenant", FolderFilter]
    search_fields = ["user_name", "first_name", "last_name", "employee_id", "email_address"]
    search_help_text = "user name, first or last name, employee ID, e-mail address"
    readonly_fields = ["password_state", "second_factor", "groups"]
    fixed = ("tenant", "is_agent")
    actions = [*ConfiguredAdmin.actions, "unlock_accounts"]
    change_form_template = "admin/proxyapp/person/change_form.html"
    fieldsets = [
        (
            None,
            {
                "fields": [
                    "user_name", "password_state", "dbid", "employee_id", "first_name",
                    "last_name", "email_address", "external_id", "tenant", "folder", "state",
                ]
            },
        ),
        (
            "Account",
            {
                "fields": [
                    "is_external_auth", "change_password_on_next_login", "second_factor", "groups",
                ]
            },
        ),
        ("Agent", {"fields": ["is_agent", "agent_info", "app_ranks"]}),
        ("Contact", {"fields": ["phones", "address"], "classes": ["collapse"]}),
        ("Annex", {"fields": ["annex"], "classes": ["collapse"]}),
        ("Rights on this person", {"fields": ["rights"]}),
    ]  # fmt: skip

    @admin.display(description="password")
    def password_state(self, obj: Person) -> str:
        """Say whether the person has a password."""
        if obj._state.adding:
            return "can be set once the person is saved"
        return "set" if obj.has_usable_password() else "none: the person cannot log in"

    def dress(self, request: HttpRequest, obj: Any) -> None:
        """Find the groups, too."""
        super().dress(request, obj)
        groups = AccessGroup.objects.filter(reach_of(request).having(READ, AccessGroup))
        found = groups.filter(memberships__person=obj.pk).order_by("name")
        obj.groups_shown = [(group.pk, group.name) for group in found]

    @admin.display(description="member of")
    def groups(self, obj: Any) -> SafeString:
        """List the access groups that the person is in itself, and the viewer may read."""
        if obj._state.adding:
            return format_html("{}", "no access group yet")
        rows = obj.groups_shown
        links = format_html_join(
            ", ",
            '<a href="{}">{}</a>',
            (
                (reverse("admin:proxyapp_accessgroup_change", args=[dbid]), group)
                for dbid, group in rows
            ),
        )
        return links or format_html("{}", "no access group")

    @admin.action(description="Unlock the chosen accounts", permissions=["change"])
    def unlock_accounts(self, request: HttpRequest, chosen: QuerySet[Person]) -> None:
        """Lift locks, and let accounts that have expired in again."""
        persons = list(chosen)
        if binding.without(request, CHANGE, persons):
            raise PermissionDenied
        for person in persons:
            accounts.unlock(person)
            self.log_change(request, person, "Unlocked the account.")
        self.message_user(request, f"{len(persons)} accounts were unlocked.", messages.SUCCESS)

    # ------------------------------------------------------------ the password

    def get_urls(self) -> list[Any]:
        """Add the page of the password."""
        page = self.admin_site.admin_view(self.password_view)
        name = "proxyapp_person_password"
        return [path("<int:dbid>/password/", page, name=name), *super().get_urls()]

    @method_decorator(sensitive_post_parameters())
    def password_view(self, request: HttpRequest, dbid: int) -> HttpResponse:
        """Ask for a new password, and set it."""
        person = self.get_object(request, str(dbid))
        if not self.has_change_permission(request, person):
            raise PermissionDenied
        if person is None:
            return self._get_obj_does_not_exist_redirect(request, self.opts, str(dbid))  # type: ignore[attr-defined,no-any-return]
        form = NewPasswordForm(person, request.POST or None)
        if form.is_valid():
            return self._give(request, form, person)
        context = {
            **self.admin_site.each_context(request),
            "title": f"Password of {person}",
            "form": form,
            "opts": self.opts,
            "original": person,
        }
        return TemplateResponse(request, "admin/proxyapp/person/password.html", context)

    def _give(self, request: HttpRequest, form: NewPasswordForm, person: Person) -> HttpResponse:
        form.save(request)
        self.log_change(request, person, "Set the password.")
        if person.pk == request.user.pk:
            update_session_auth_hash(request, person)  # else one's own session would end
        self.message_user(request, f"The person “{person}” has a new password.", messages.SUCCESS)
        return HttpResponseRedirect(reverse("admin:proxyapp_person_change", args=[person.pk]))
