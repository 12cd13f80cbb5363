"""The base of all pages that write: every way of saving ends at `services.changes.commit`.

A page's object and its rows are written in one transaction of the door, before the page reports
success. What the door refuses is shown at the field that can mend it, else above the form.
"""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import AbstractContextManager
from functools import partial
from typing import TYPE_CHECKING, Any, cast

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.actions import delete_selected
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.contrib.admin.widgets import RelatedFieldWidgetWrapper
from django.core.exceptions import BadRequest, ValidationError
from django.db import IntegrityError, models, transaction
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse

from confwire.errors import RequestError, UniquenessViolation
from proxyapp.admin.binding import reach_of
from proxyapp.admin.rights import READ
from proxyapp.admin.standing import may_change
from proxyapp.admin.veil import (
    LONGEST_NUMBER,
    SeenField,
    SeenObjectsField,
    keep_present,
    see,
    veil,
    veil_lists,
)
from proxyapp.models import Person
from proxyapp.models.base import Configured
from proxyapp.services import changes
from proxyapp.services.changes import Work
from proxyapp.services.documents import binding_of

if TYPE_CHECKING:
    ModelAdmin = admin.ModelAdmin[Any]
    ModelForm = forms.ModelForm[Any]
    TabularInline = admin.TabularInline[Any, Any]
else:
    ModelAdmin = admin.ModelAdmin
    ModelForm = forms.ModelForm
    TabularInline = admin.TabularInline

_REFUSAL = "proxyapp.refusal"  # in request.META: what the door said to the form as it stands
_LONGEST_ORIGIN = 255
_FILTERING: list[list[str]] = [[], ["exact"], ["in"], ["isnull"]]
"""What an address may say of a column: what the filters of lists say."""


def author_of(request: HttpRequest) -> Person:
    """Return who makes a request; pages that write are for persons only."""
    return cast(Person, request.user)


def origin_of(request: HttpRequest) -> str:
    """Return where a request's changes come from, as the journal keeps it."""
    return f"admin {request.META.get('REMOTE_ADDR', '')}".strip()[:_LONGEST_ORIGIN]


def commit(request: HttpRequest) -> AbstractContextManager[Work]:
    """Open the door for a request."""
    return changes.commit(by=author_of(request), origin=origin_of(request))


class DoorForm(ModelForm):
    """A form that shows what the door refused."""

    refusal: RequestError | None = None

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        keep_present(self)

    def _post_clean(self) -> None:
        super()._post_clean()  # type: ignore[misc]
        if self.refusal is not None:
            add_refusal(self, self.refusal)


def add_refusal(form: ModelForm, error: RequestError) -> None:
    """Show an error at the field that its property stands for, else above the form."""
    names = [error.data.get("property"), *error.data.get("properties", ())]
    if isinstance(error, UniquenessViolation) and isinstance(form.instance, Configured):
        names.append(form.instance.NATURAL)
    fields = [_field_of(form, name) for name in names if name is not None]
    form.add_error(next(filter(None, fields), None), ValidationError(str(error), code=error.code))


def _field_of(form: ModelForm, name: str) -> str | None:
    """Return the field of the form that edits a property of the document."""
    first = name.partition(".")[0]
    columns = _COMMON
    if isinstance(form.instance, Configured):
        columns = {**_COMMON, **binding_of(form.instance.object_type).columns}
    candidates = (name, columns.get(name, ""), columns.get(first, ""), "document")
    fields = (candidate.removesuffix("_id") for candidate in candidates)
    return next((field for field in fields if field in form.fields), None)


_COMMON = {"userProperties": "annex", "folderDBID": "folder", "tenantDBIDs": "tenants"}


class _Fields:
    """What forms and rows have in common."""

    adds_related = True
    """Whether fields that refer to objects offer to add and to view them."""

    def get_field_queryset(self, db: Any, db_field: Any, request: HttpRequest) -> Any:
        """Offer what the person may read."""
        found = super().get_field_queryset(db, db_field, request)  # type: ignore[misc]
        model = db_field.related_model
        if not issubclass(model, Configured):
            return found
        if found is None:
            found = model._default_manager.using(db)
        return found.filter(reach_of(request).having(READ, model))

    def formfield_for_foreignkey(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        """Name nothing that the person may not read."""
        kwargs.setdefault("form_class", SeenField)
        return super().formfield_for_foreignkey(db_field, request, **kwargs)  # type: ignore[misc]

    def formfield_for_manytomany(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        """Name nothing that the person may not read."""
        kwargs.setdefault("form_class", SeenObjectsField)
        return super().formfield_for_manytomany(db_field, request, **kwargs)  # type: ignore[misc]

    def formfield_for_dbfield(
        self, db_field: Any, request: HttpRequest, **kwargs: Any
    ) -> forms.Field | None:
        """Offer no change or deletion of other objects beside a field."""
        field: forms.Field | None = super().formfield_for_dbfield(db_field, request, **kwargs)  # type: ignore[misc]
        see(field, request)
        if field is not None and isinstance(field.widget, RelatedFieldWidgetWrapper):
            field.widget.can_change_related = field.widget.can_delete_related = False
            field.widget.can_add_related &= self.adds_related
            field.widget.can_view_related &= self.adds_related
        return field

    def has_add_permission(self, request: HttpRequest, *args: Any) -> bool:
        """Whether anything can be added here."""
        return may_change(request) and super().has_add_permission(request, *args)  # type: ignore[misc]

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Whether anything can be changed here."""
        return may_change(request) and super().has_change_permission(request, obj)  # type: ignore[misc]

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Whether anything can be deleted here."""
        return may_change(request) and super().has_delete_permission(request, obj)  # type: ignore[misc]


class DoorAdmin(_Fields, ModelAdmin):
    """Pages of rows that are written through the door."""

    form = DoorForm
    show_full_result_count = False
    show_facets = admin.ShowFacets.NEVER  # each count would look at the whole table
    list_per_page = 50
    actions = ["delete_selected"]

    # ------------------------------------------------------------ what is seen

    def seen(self, request: HttpRequest) -> models.Q:
        """Return the condition that the person may read a row."""
        raise NotImplementedError

    def get_queryset(self, request: HttpRequest) -> models.QuerySet[Any]:
        """Find what the person may read."""
        return super().get_queryset(request).filter(self.seen(request))

    def get_changelist_instance(self, request: HttpRequest) -> Any:
        """Name nothing on the page that the person may not read."""
        changelist: Any = super().get_changelist_instance(request)
        changelist.result_list = list(changelist.result_list)
        veil(request, changelist.result_list)
        return changelist

    def get_sortable_by(self, request: HttpRequest) -> Any:
        """Sort by no names that the person may not read."""
        columns = super().get_sortable_by(request)
        if reach_of(request).everywhere(READ):
            return columns
        related = {field.name for field in self.opts.concrete_fields if field.is_relation}
        return [name for name in columns if name not in related]

    def lookup_allowed(self, lookup: str, value: Any, request: Any = None) -> bool:
        """Filter by the row's own columns as filters do, not by what refers to it."""
        if lookup in {getattr(one, "parameter_name", "") for one in self.list_filter}:
            return True
        name, *how = lookup.split("__")
        columns = {"pk"}.union(*((one.name, one.attname) for one in self.opts.concrete_fields
                                 if not isinstance(one, models.JSONField)))  # fmt: skip
        plain = [word for word in how if word not in ("pk", "id", "dbid")] in _FILTERING
        numbers = [one for one in str(value).split(",") if one.removeprefix("-").isdecimal()]
        return (
            name in columns
            and plain
            and all(len(one) <= LONGEST_NUMBER for one in numbers)
            and super().lookup_allowed(lookup, value, request)
        )

    def get_changeform_initial_data(self, request: HttpRequest) -> dict[str, Any]:
        """Take from an address what a form can begin with."""
        related = {field.name for field in self.opts.concrete_fields if field.is_relation}
        given: dict[str, Any] = super().get_changeform_initial_data(request)
        return {
            name: value
            for name, value in given.items()
            if name not in related or (value.isdecimal() and len(value) <= LONGEST_NUMBER)
        }

    def render_change_form(
        self, request: HttpRequest, context: Any, *args: Any, **more: Any
    ) -> Any:
        """Name nothing on the page that the person may not read."""
        instances = [context["adminform"].form.instance]
        for inline in context["inline_admin_formsets"]:
            instances += [form.instance for form in inline.formset.forms]
        veil(request, instances)
        veil_lists(request, instances[0])
        return super().render_change_form(request, context, *args, **more)

    # ------------------------------------------------------------ one object

    def get_form(
        self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any
    ) -> Any:
        """Return the form; after a refusal, one that shows it."""
        form = super().get_form(request, obj, change=change, **kwargs)
        refusal = request.META.get(_REFUSAL)
        return type(form.__name__, (form,), {"refusal": refusal}) if refusal else form

    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> Any:
        """Show the page, and save it; a refusal shows it again as it was filled in."""
        try:
            return super().changeform_view(request, object_id, form_url, extra_context)
        except (RequestError, IntegrityError) as error:
            request.META[_REFUSAL] = _refusal_of(error)
            return super().changeform_view(request, object_id, form_url, extra_context)

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        """Write nothing yet: `save_related` writes the object with its rows."""

    def save_related(
        self, request: HttpRequest, form: Any, formsets: Iterable[Any], change: bool
    ) -> None:
        """Write an object and its rows in one transaction."""
        with commit(request) as work:
            if change:
                self.bind(request, form.instance, change)
            work.save(form.instance)
            if not change:  # only now it has its place
                self.bind(request, form.instance, change)
            super().save_related(request, form, formsets, change)

    def bind(self, request: HttpRequest, instance: Any, change: bool) -> None:
        """Refuse a change before it is written, or a new row after it, for want of rights.

        Raises:
            RequestError: the page shows it, and nothing was written.
        """

    def delete_view(
        self, request: HttpRequest, object_id: str, extra_context: dict[str, Any] | None = None
    ) -> Any:
        """Ask, and delete; a refusal leads back to the object."""
        try:
            return super().delete_view(request, object_id, extra_context)
        except (RequestError, IntegrityError) as error:
            self.message_user(request, str(_refusal_of(error)), messages.ERROR)
            name = f"admin:proxyapp_{self.opts.model_name}_change"
            return HttpResponseRedirect(reverse(name, args=[object_id]))

    def delete_model(self, request: HttpRequest, obj: Any) -> None:
        """Delete an object."""
        with commit(request) as work:
            work.delete(obj, permit=partial(self.permit, request))

    def permit(self, request: HttpRequest, doomed: list[Configured]) -> None:
        """Refuse to delete all of these: what was asked about before may have got more in it.

        Raises:
            RequestError: the page shows it, and nothing was deleted.
        """

    # ------------------------------------------------------------ many objects

    def delete_queryset(self, request: HttpRequest, queryset: models.QuerySet[Any]) -> None:
        """Delete objects in one transaction."""
        with commit(request) as work:
            work.delete(*queryset, permit=partial(self.permit, request))

    def response_action(  # type: ignore[override]
        self, request: HttpRequest, queryset: models.QuerySet[Any]
    ) -> Any:
        """Do with the selected rows what was chosen.

        Raises:
            BadRequest: what is selected are no numbers, as the keys of all rows are.
        """
        selected = request.POST.getlist(ACTION_CHECKBOX_NAME)
        if not all(one.isdecimal() and len(one) <= LONGEST_NUMBER for one in selected):
            raise BadRequest("rows are selected by their numbers")
        return super().response_action(request, queryset)

    @admin.action(permissions=["delete"], description="Delete selected %(verbose_name_plural)s")
    def delete_selected(
        self, request: HttpRequest, queryset: models.QuerySet[Any]
    ) -> HttpResponse | None:
        """Ask, and delete all selected objects, or none of them."""
        try:
            with transaction.atomic():
                return delete_selected(self, request, queryset)
        except (RequestError, IntegrityError) as error:
            self.message_user(request, str(_refusal_of(error)), messages.ERROR)
            return None


def _refusal_of(error: RequestError | IntegrityError) -> RequestError:
    if isinstance(error, RequestError):
        return error
    # Two pages were saved at the same moment; the later one could not see the earlier one.
    return UniquenessViolation("another change came between: look at the data, and save again")


class DoorInline(_Fields, TabularInline):
    """Rows that are edited with the object that they belong to."""

    extra = 0
    adds_related = False
    show_change_link = False
    template = "admin/proxyapp/rows.html"
    note = ""
    """What the page says above the rows."""

    class Media:
        js = ("csproxy/rows.js",)
