"""Filters of lists that stay short and fast with many objects."""

from __future__ import annotations

from typing import Any

from django.contrib.admin import ModelAdmin, RelatedFieldListFilter, SimpleListFilter
from django.db.models import QuerySet
from django.http import HttpRequest

from confwire.objects import OBJECTS, ObjectType
from proxyapp.admin.binding import reach_of
from proxyapp.admin.naming import paths_of, title_of
from proxyapp.admin.rights import READ
from proxyapp.models import ConfigObject, Folder

_LONGEST = 60  # folders that a filter offers; a search finds the rest


class SeenFilter(RelatedFieldListFilter):
    """By a related object, of those that the person may read."""

    def field_choices(self, field: Any, request: HttpRequest, model_admin: Any) -> Any:
        """Offer what the list of the related objects shows."""
        related = model_admin.admin_site.get_model_admin(field.related_model)
        offered = self.offered(field, request, model_admin, related.get_queryset(request))
        ordering = self.field_admin_ordering(field, request, model_admin)
        return field.get_choices(
            include_blank=False,
            ordering=ordering,
            limit_choices_to={"pk__in": offered.order_by().values("pk")},
        )

    def offered(
        self, field: Any, request: HttpRequest, model_admin: Any, related: QuerySet[Any]
    ) -> QuerySet[Any]:
        """Return which of the related objects that the person may read are offered."""
        return related


class UsedFilter(SeenFilter):
    """By a related object, of those that a row of the list refers to."""

    def offered(
        self, field: Any, request: HttpRequest, model_admin: Any, related: QuerySet[Any]
    ) -> QuerySet[Any]:
        """Return those in use."""
        rows = model_admin.get_queryset(request).order_by()
        return related.filter(pk__in=rows.values(field.attname))


class FolderFilter(SimpleListFilter):
    """By folder, shown with its path."""

    title = "folder"
    parameter_name = "folder"

    def lookups(self, request: HttpRequest, model_admin: ModelAdmin[Any]) -> list[tuple[str, str]]:
        """Offer the folders that hold objects of the list."""
        reach = reach_of(request)
        seen = Folder.objects.filter(reach.having(READ, Folder))
        folders = seen.filter(type__in=_held(request, model_admin))
        dbids = set(folders.order_by("dbid").values_list("pk", flat=True)[:_LONGEST])
        chosen = _number_of(self.value())
        if chosen and seen.filter(pk=chosen).exists():
            dbids.add(chosen)
        paths = paths_of(dbids, reach.readable)
        return sorted(
            ((str(dbid), paths[dbid]) for dbid in dbids if dbid in paths), key=lambda pair: pair[1]
        )

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Keep what lies in the folder."""
        chosen = _number_of(self.value())
        return queryset.filter(folder=chosen) if chosen else queryset


def _number_of(value: str | None) -> int:
    """Return the number in an address; 0 when it is none that a database knows."""
    return int(value) if value and value.isdecimal() and len(value) < 19 else 0


def _held(request: HttpRequest, model_admin: ModelAdmin[Any]) -> list[str]:
    if model_admin.model is not ConfigObject:
        return [OBJECTS[model_admin.model.TYPE].name]
    chosen = _number_of(request.GET.get(TypeFilter.parameter_name))
    return [OBJECTS[ObjectType(chosen)].name] if chosen in OBJECTS else []


class TypeFilter(SimpleListFilter):
    """By type of object; only types that there are objects of."""

    title = "type"
    parameter_name = column = "type"

    def lookups(self, request: HttpRequest, model_admin: ModelAdmin[Any]) -> list[tuple[str, str]]:
        """Offer the types that are in use."""
        rows = model_admin.get_queryset(request).order_by(self.column)
        types = rows.values_list(self.column, flat=True)
        titles = [(str(type_), title_of(type_)) for type_ in types.distinct()]
        return sorted(titles, key=lambda pair: pair[1])

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Keep objects of the type."""
        chosen = _number_of(self.value())
        return queryset.filter(**{self.column: chosen}) if chosen in OBJECTS else queryset


class ObjectTypeFilter(TypeFilter):
    """By type of the object that rights are granted on."""

    title = "object type"
    parameter_name = column = "object_type"
