"""Objects of all types that have no page of their own, edited as JSON."""

from __future__ import annotations

from collections.abc import Set
from typing import Any

from django.contrib import admin
from django.forms import Field as FormField
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse

from confwire.objects import OBJECTS, Document, Field, Kind, ObjectInfo, ObjectType
from proxyapp.admin.binding import reach_of
from proxyapp.admin.configured import ConfiguredAdmin, ConfiguredForm
from proxyapp.admin.filters import FolderFilter, TypeFilter
from proxyapp.admin.site import site
from proxyapp.models import ConfigObject
from proxyapp.models.objects import GENERIC_TYPE_CHOICES

_COLUMNS = {
    "DBID": "dbid",
    "tenantDBID": "tenant",
    "name": "name",
    "state": "state",
    "userProperties": "annex",
    "folderDBID": "folder",
}
"""Fields of documents that have form fields of their own."""
_NUMBERS = ("number", "loginCode", "portNumber")
"""What people call objects without a name."""


class ConfigObjectForm(ConfiguredForm):
    """An object of a type that is chosen at creation."""

    new_type: int | None = None

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        if kwargs.get("instance") is None and self.new_type is not None:
            kwargs["instance"] = ConfigObject(type=self.new_type)
        super().__init__(*args, **kwargs)
        self.info: ObjectInfo = self.instance.info
        for name, column in _COLUMNS.items():
            if column in self.fields and name in self.info.by_name:
                self.fields[column].required |= self.info.by_name[name].required
        if "document" in self.fields:
            self.fields["document"].help_text = _help(self.info)

    def document(self) -> Document:
        """Return what was typed, and the fields beside it, unknown ones included."""
        typed: Document = self.instance.document
        return typed | {
            name: value
            for name, value in super().document().items()
            if name in _COLUMNS or name in typed
        }


_KINDS = {
    Kind.STRING: "text",
    Kind.REFERENCE: "DBID",
    Kind.REFERENCES: "list of DBIDs, each",
    Kind.IDENTITY: "objectType and DBID",
    Kind.IDENTITIES: "list of objectType and DBID",
    Kind.STRUCT: "object",
    Kind.STRUCTS: "list of objects",
}


def _help(info: ObjectInfo) -> str:
    fields = [item for item in info.fields if item.name not in _COLUMNS]
    return "Fields: " + (" · ".join(map(_described, fields)) or "none") + "."


def _described(item: Field) -> str:
    words = [_KINDS.get(item.kind, item.kind.value)]
    if item.target is not None:
        words[0] += f" of a {OBJECTS[item.target].title}"
    words += ["mandatory"] if item.required else []
    words += ["fixed at creation"] if item.fixed else []
    if item.kind in (Kind.STRUCT, Kind.STRUCTS):
        words[0] += " with " + ", ".join(inner.name for inner in item.fields)
    return f"{item.name} ({'; '.join(words)})"


@admin.register(ConfigObject, site=site)
class ConfigObjectAdmin(ConfiguredAdmin):
    """All other objects."""

    form = ConfigObjectForm
    list_display = ["called", "type", "tenant", "place", "dbid", "enabled"]
    list_select_related = ["tenant"]
    list_filter = [TypeFilter, "tenant", "state", FolderFilter]
    search_fields = ["name", *(f"document__{number}" for number in _NUMBERS)]
    search_help_text = "name, number of a DN or IVR port, login code"
    readonly_fields = ["type"]
    fixed = ("tenant",)

    def types(self) -> Set[int]:
        """Return all types that have no pages of their own."""
        return {type_ for type_, _ in GENERIC_TYPE_CHOICES}

    @admin.display(description="object", ordering="name")
    def called(self, obj: ConfigObject) -> str:
        """Return what people call the object; its folder, which is beside it, names the switch."""
        return obj.name or next(filter(None, map(obj.document.get, _NUMBERS)), "") or str(obj)

    # ------------------------------------------------------------ a new object

    def add_view(
        self, request: HttpRequest, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Ask for the type first."""
        if _type_of(request) is not None or not self.has_add_permission(request):
            return super().add_view(request, form_url, extra_context)
        context = {
            **self.admin_site.each_context(request),
            "title": "Choose the type of the new object",
            "choices": [
                (f"?type={type_}", title, "")
                for type_, title in sorted(GENERIC_TYPE_CHOICES, key=lambda pair: pair[1])
                if type_ != ObjectType.PERSON_LAST_LOGIN and type_ in reach_of(request).creatable
            ],
            "opts": self.opts,
        }
        return TemplateResponse(request, "admin/proxyapp/choose.html", context)

    def get_form(
        self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any
    ) -> Any:
        """Give the form the type of a new object."""
        form = super().get_form(request, obj, change=change, **kwargs)
        new_type = _type_of(request) if obj is None else None
        return type(form.__name__, (form,), {"new_type": new_type})

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        """Show the fields that the type has."""
        type_ = obj.type if obj is not None else _type_of(request) or int(ObjectType.SKILL)
        known = OBJECTS[ObjectType(type_)].by_name
        columns = [column for name, column in _COLUMNS.items() if name in known]
        columns.remove("annex")
        return [
            (None, {"fields": ["type", *sorted(columns, key=_PLACES.index)]}),
            ("Document", {"fields": ["document"]}),
            ("Annex", {"fields": ["annex"], "classes": ["collapse"]}),
            ("Rights", {"fields": ["rights"]}),
        ]

    def formfield_for_dbfield(
        self, db_field: Any, request: HttpRequest, **kwargs: Any
    ) -> FormField | None:
        """Give the document room."""
        field = super().formfield_for_dbfield(db_field, request, **kwargs)
        if db_field.name == "document" and field is not None:
            field.widget.attrs["rows"] = 16
        return field


_PLACES = ["name", "dbid", "tenant", "folder", "state"]


def _type_of(request: HttpRequest) -> int | None:
    """Return the type that the address names for a new object."""
    value = request.GET.get("type", "")
    known = {str(type_): type_ for type_, _ in GENERIC_TYPE_CHOICES}
    return known.get(value)
