"""Hosts."""

from __future__ import annotations

from django.contrib import admin

from proxyapp.admin.configured import ConfiguredAdmin
from proxyapp.admin.site import site
from proxyapp.models import Host


@admin.register(Host, site=site)
class HostAdmin(ConfiguredAdmin):
    """The machines that applications run on."""

    list_display = ["name", "ip_address", "os_type", "lca_port", "place", "dbid", "enabled"]
    search_fields = ["name", "ip_address"]
    fixed = ("type",)
    fieldsets = [
        (None, {"fields": ["name", "dbid", "type", "folder", "state"]}),
        (
            "Machine",
            {"fields": ["ip_address", "os_type", "os_version", "lca_port", "scs"]},
        ),
        ("Annex", {"fields": ["annex"], "classes": ["collapse"]}),
        ("Rights", {"fields": ["rights"]}),
    ]
