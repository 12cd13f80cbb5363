"""What stands on pages for objects that the viewer may not read: their DBID, and no name.

As on the wire: a reference tells that an object exists, nothing else. Related objects of what a
page is about to show are replaced before they are put into words.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Set
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.db import models
from django.http import HttpRequest

from proxyapp.admin.binding import reach_of
from proxyapp.admin.naming import paths_of
from proxyapp.admin.rights import READ
from proxyapp.models import Folder
from proxyapp.models.base import Configured
from proxyapp.models.door import Key
from proxyapp.services.browsing import HIDDEN

LONGEST_NUMBER = 18
"""Digits; longer numbers are no DBIDs, which databases refuse to compare."""


def withheld_text(dbid: int) -> str:
    """Return what is told of an object that may not be read."""
    return f"{dbid} {HIDDEN}"


class Withheld:
    """Stands for a related object that the viewer may not read; it leads nowhere."""

    pk = ""

    def __init__(self, dbid: int) -> None:
        self.dbid = dbid

    def __str__(self) -> str:
        return withheld_text(self.dbid)


def veil(request: HttpRequest, rows: Collection[models.Model]) -> None:
    """Replace what the viewer may not read among the related objects of some rows."""
    if reach_of(request).everywhere(READ):
        return
    referred = {key for row in rows for _, key in _references_of(row)}
    hidden = referred - reach_of(request).readable(referred)
    for row in rows:
        for name, key in _references_of(row):
            if key in hidden:
                row._state.fields_cache[name] = Withheld(key[1])


def _references_of(row: models.Model) -> Iterable[tuple[str, Key]]:
    for field in row._meta.concrete_fields:
        target = field.related_model
        dbid = getattr(row, field.attname)
        if dbid is not None and isinstance(target, type) and issubclass(target, Configured):
            yield field.name, (int(target.TYPE), dbid)


def veil_lists(request: HttpRequest, row: models.Model) -> None:
    """Replace what the viewer may not read in the lists of related objects of a saved row."""
    if row._state.adding or reach_of(request).everywhere(READ):
        return
    for field in row._meta.many_to_many:
        related = list(getattr(row, field.name).all())
        keys = {(int(one.object_type), one.dbid) for one in related}
        hidden = keys - reach_of(request).readable(keys)
        shown = [one if (int(one.object_type), one.dbid) not in hidden else Withheld(one.dbid)
                 for one in related]  # fmt: skip
        row.__dict__.setdefault("_prefetched_objects_cache", {})[field.name] = shown


# ---------------------------------------------------------------- fields


class _Seen:
    """A field that offers what the viewer may read, and keeps what it refers to already."""

    readable: Any = None
    """Says which objects the viewer may read; None: all."""
    withheld: Set[int] = frozenset()
    queryset: Any
    widget: Any
    error_messages: Any

    def keep(self, present: Set[int]) -> None:
        """Admit what the object refers to, whoever may read it."""
        if self.readable is None or not present:
            return
        seen = self.queryset.filter(pk__in=present).values_list("pk", flat=True)
        self.withheld = present - set(seen)
        if self.withheld:
            others = self.queryset.model._default_manager.filter(pk__in=self.withheld)
            self.queryset = self.queryset | others
            self.widget.can_view_related = False

    def clean(self, value: Any) -> Any:
        """Return what is chosen.

        Raises:
            ValidationError: it is not offered; numbers that databases do not take are no choice.
        """
        for one in _too_long(value):
            text = self.error_messages["invalid_choice"]
            raise ValidationError(text, code="invalid_choice", params={"value": one})
        return super().clean(value)  # type: ignore[misc]

    def bound_data(self, data: Any, initial: Any) -> Any:
        """Return what the page shows again of what was sent."""
        return None if _too_long(data) else super().bound_data(data, initial)  # type: ignore[misc]

    def label_from_instance(self, obj: Any) -> str:
        """Return the name, or what is told of an object that may not be read."""
        if obj.pk in self.withheld:
            return withheld_text(obj.pk)
        label: str = super().label_from_instance(obj)  # type: ignore[misc]
        return label


def _too_long(value: Any) -> list[str]:
    several = value if isinstance(value, list | tuple) else [value]
    return [one for one in several if isinstance(one, str) and len(one) > LONGEST_NUMBER]


class SeenField(_Seen, forms.ModelChoiceField):  # type: ignore[type-arg]
    """One object that the viewer may read."""


class SeenObjectsField(_Seen, forms.ModelMultipleChoiceField):  # type: ignore[type-arg]
    """Objects that the viewer may read."""


class FolderField(SeenField):
    """A folder, shown with its path, since many have the same name."""

    def label_from_instance(self, obj: Folder) -> str:
        """Return the path, with the names that the viewer may read."""
        if obj.pk in self.withheld:
            return withheld_text(obj.pk)
        return paths_of([obj.pk], self.readable)[obj.pk]


def keep_present(form: forms.ModelForm[Any]) -> None:
    """Let the fields of a form keep what its object refers to already."""
    for name, field in form.fields.items():
        if isinstance(field, _Seen):
            value = form.initial.get(name)
            several = value if isinstance(value, list | tuple) else [value]
            # What an address fills in is text: it is nothing that the object has.
            dbids = (getattr(one, "pk", one) for one in several)
            field.keep({dbid for dbid in dbids if isinstance(dbid, int)})


def see(field: Any, request: HttpRequest) -> None:
    """Bind a field to who looks at it."""
    reach = reach_of(request)
    if isinstance(field, _Seen) and not reach.everywhere(READ):
        field.readable = reach.readable
