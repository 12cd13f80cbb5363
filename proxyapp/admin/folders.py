"""Tenants, and the tree of folders."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest

from proxyapp.admin.binding import reach_of
from proxyapp.admin.configured import ConfiguredAdmin, ConfiguredForm
from proxyapp.admin.naming import paths_of
from proxyapp.admin.rights import READ
from proxyapp.admin.site import site
from proxyapp.models import Folder, Tenant

_RIGHTS: Any = ("Rights", {"fields": ["rights"]})
_ANNEX: Any = ("Annex", {"fields": ["annex"], "classes": ["collapse"]})


@admin.register(Tenant, site=site)
class TenantAdmin(ConfiguredAdmin):
    """Tenants; a new one gets its default folders."""

    list_display = ["name", "dbid", "parent_tenant", "enabled"]
    list_select_related = ["parent_tenant"]
    list_filter = ["state"]
    fieldsets = [
        (None, {"fields": ["name", "dbid", "parent_tenant", "folder", "state"]}),
        (
            "Defaults",
            {
                "fields": [
                    "chargeable_number",
                    "default_capacity_rule_dbid",
                    "default_contract_dbid",
                ]
            },
        ),
        _ANNEX,
        _RIGHTS,
    ]


class FolderForm(ConfiguredForm):
    """A folder; a new one lies in another one, whose owner it has."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if "folder" in self.fields:
            self.fields["folder"].required = True
            self.fields["folder"].help_text = "The folder that it lies in."


class OwnerFilter(admin.SimpleListFilter):
    """By the tenant that owns the folder."""

    title = "tenant"
    parameter_name = "tenant"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        """Offer the tenants that the person may read."""
        seen = Tenant.objects.filter(reach_of(request).having(READ, Tenant))
        return [(str(pk), name) for pk, name in seen.values_list("pk", "name")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Keep the folders of the tenant."""
        value = self.value()
        if not value or value not in dict(self.lookup_choices):
            return queryset
        return queryset.filter(owner_type=int(Tenant.TYPE), owner_dbid=int(value))


@admin.register(Folder, site=site)
class FolderAdmin(ConfiguredAdmin):
    """Folders, shown with their paths."""

    form = FolderForm
    list_display = ["path", "type", "dbid", "enabled"]
    list_filter = [OwnerFilter, ("type", admin.AllValuesFieldListFilter), "state"]
    ordering = ["owner_type", "owner_dbid", "type", "name"]
    fixed = ("type",)
    fieldsets = [
        (None, {"fields": ["name", "dbid", "type", "folder", "description", "state"]}),
        ("Kind", {"fields": ["folder_class", "custom_type"], "classes": ["collapse"]}),
        _ANNEX,
        _RIGHTS,
    ]

    def get_readonly_fields(self, request: HttpRequest, obj: Folder | None = None) -> Any:
        """Let default folders lie where they are."""
        fields = super().get_readonly_fields(request, obj)
        return [*fields, "folder"] if obj is not None and obj.is_root else fields

    def get_changelist_instance(self, request: HttpRequest) -> Any:
        """Find the paths of the page's folders at once."""
        changelist = super().get_changelist_instance(request)
        rows = changelist.result_list
        paths = paths_of((row.pk for row in rows), reach_of(request).readable)
        for row in rows:
            row.full_path = paths[row.pk]
        return changelist

    @admin.display(description="path")
    def path(self, obj: Any) -> str:
        """Return where the folder is, from its owner down."""
        return str(obj.full_path)
