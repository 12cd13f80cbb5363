"""What the pages of all configuration objects have in common."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Any, ClassVar

from django.contrib import admin, messages
from django.contrib.admin.utils import model_ngettext
from django.db import IntegrityError, models
from django.forms import Field as FormField
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.html import format_html, format_html_join
from django.utils.http import urlencode
from django.utils.safestring import SafeString

from confwire.errors import IncompleteObjectData, RequestError, UnchangeableProperty
from confwire.objects import Document
from proxyapp.admin import binding
from proxyapp.admin.door import DoorAdmin, DoorForm, add_refusal, commit
from proxyapp.admin.fields import FolderField, JSONText, OptionsField
from proxyapp.admin.filters import FolderFilter
from proxyapp.admin.naming import paths_of, title_of, titles_of, url_of
from proxyapp.admin.rights import CHANGE, DELETE, READ, READ_PERMISSIONS, words_of
from proxyapp.models import Folder, Grant
from proxyapp.models.base import Configured
from proxyapp.services import deletion, documents, schemas
from proxyapp.services.access import key_of
from proxyapp.services.integrity import referrers_of
from proxyapp.services.objects import missing_properties, unchangeable_properties

_SHOWN = 200  # objects that a confirmation page names
_OPTIONS = ("options", "annex")


class ConfiguredForm(DoorForm):
    """A form for an object whose document must have the form of its type."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name in _OPTIONS:
            if isinstance(field := self.fields.get(name), OptionsField):
                field.before = getattr(self.instance, name)
        # Rows that belong to an object have forms of their own.
        self._is_whole = not documents.binding_of(self.instance.object_type).prefetch
        self._before: Document = {}
        if self._is_whole and not self.instance._state.adding:
            self._before = documents.document_of(self.instance)

    def _post_clean(self) -> None:
        super()._post_clean()
        if self.errors or not self._is_whole:
            return
        try:
            self.check_document(self.document())
        except RequestError as error:
            add_refusal(self, error)

    def document(self) -> Document:
        """Return the document as the form stands."""
        return documents.document_of(self.instance)

    def check_document(self, document: Document) -> None:
        """Refuse what the type does not allow.

        Raises:
            InvalidParameter: a property has a wrong value.
            IncompleteObjectData: mandatory properties are missing.
            UnchangeableProperty: what is fixed at creation would change.
        """
        info = self.instance.info
        given = {name: value for name, value in document.items() if not _is_derived(info, name)}
        missing = missing_properties(info, given)
        if missing:
            raise IncompleteObjectData(f"{', '.join(missing)}: needed", properties=missing)
        schemas.check(info, given)
        fixed = unchangeable_properties(info, self._before, given) if self._before else []
        if fixed:
            raise UnchangeableProperty(
                f"{', '.join(fixed)}: cannot change after creation", properties=fixed
            )


def _is_derived(info: Any, name: str) -> bool:
    item = info.by_name.get(name)
    return item is not None and item.derived


class ConfiguredAdmin(DoorAdmin):
    """Pages of configuration objects."""

    form = ConfiguredForm
    actions = ["enable", "disable", "delete_selected"]
    list_filter: ClassVar[Any] = ["state", FolderFilter]
    search_fields: ClassVar[Any] = ["name"]
    fixed: tuple[str, ...] = ()
    """Fields that are given at creation only."""

    # ------------------------------------------------------------ rights

    def get_object(self, request: HttpRequest, object_id: str, from_field: Any = None) -> Any:
        """Find an object; one that may not be read is not there."""
        found = super().get_object(request, object_id, from_field)
        hidden = found is not None and not binding.mask_of(request, found) & READ
        return None if hidden else found

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Whether the object, or anything here, can be changed."""
        return super().has_change_permission(request, obj) and _has(request, CHANGE, obj)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Whether the object, or anything here, can be deleted."""
        return super().has_delete_permission(request, obj) and _has(request, DELETE, obj)

    def bind(self, request: HttpRequest, instance: Any, change: bool) -> None:
        """Refuse what the person's rights do not allow."""
        if change:
            binding.require_change(request, instance)
        else:
            binding.require_place(request, instance)

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        """Keep the grants from who may not read them."""
        sets = super().get_fieldsets(request, obj)
        if obj is None or _has(request, READ_PERMISSIONS, obj):
            return sets
        return [one for one in sets if list(one[1]["fields"]) != ["rights"]]

    # ------------------------------------------------------------ the form

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        """Hold fast what cannot change after creation."""
        shown = ["dbid", "rights", *super().get_readonly_fields(request, obj)]
        return [*shown, *self.fixed] if obj is not None else shown

    def get_autocomplete_fields(self, request: HttpRequest) -> list[str]:
        """Look up all references: there may be tens of thousands of objects."""
        relations = (*self.opts.fields, *self.opts.many_to_many)
        return [field.name for field in relations if field.is_relation]

    def formfield_for_dbfield(
        self, db_field: Any, request: HttpRequest, **kwargs: Any
    ) -> FormField | None:
        """Edit options as text, other mappings as JSON."""
        if db_field.name in _OPTIONS:
            kwargs["form_class"] = OptionsField
        elif isinstance(db_field, models.JSONField):
            kwargs["form_class"] = JSONText
        return super().formfield_for_dbfield(db_field, request, **kwargs)

    def formfield_for_foreignkey(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        """Name folders by their paths."""
        if db_field.related_model is Folder:
            kwargs["form_class"] = FolderField
            kwargs["help_text"] = "Where the object lies; left empty: the default folder."
        return super().formfield_for_foreignkey(db_field, request, **kwargs)

    @admin.display(description="rights")
    def rights(self, obj: Configured) -> SafeString:
        """List the grants on this very object, with links to change them."""
        if obj._state.adding:
            return format_html("{}", "can be granted once the object is saved")
        key = {"object_type": int(obj.object_type), "object_dbid": obj.dbid}
        grants = Grant.objects.filter(**key).select_related("person", "group")
        rows = format_html_join(
            "",
            '<tr><td><a href="{}">{}</a></td><td>{}</td></tr>',
            (
                (
                    reverse("admin:proxyapp_grant_change", args=[grant.pk]),
                    f"{title_of(grant.subject[0])} {grant.person or grant.group}",
                    words_of(grant.mask),
                )
                for grant in grants
            ),
        )
        return format_html(
            '<table class="grants">{}</table><a class="addlink" href="{}?{}">Grant rights</a>'
            ' &nbsp; <a class="viewlink" href="{}">Who may do what, and why</a>',
            rows or SafeString("<tr><td>none on this object itself</td></tr>"),
            reverse("admin:proxyapp_grant_add"),
            urlencode(key),
            reverse("admin:object_rights", args=[int(obj.object_type), obj.dbid]),
        )

    # ------------------------------------------------------------ the list

    def get_changelist_instance(self, request: HttpRequest) -> Any:
        """Find the paths of the page's folders at once."""
        changelist = super().get_changelist_instance(request)
        rows: Any = changelist.result_list
        if "place" in changelist.list_display:
            rows = changelist.result_list = list(rows)
            paths = paths_of(row.folder_id for row in rows)
            for row in rows:
                row.place = paths.get(row.folder_id, "")
        return changelist

    @admin.display(description="folder")
    def place(self, obj: Any) -> str:
        """Return the path of the object's folder."""
        return str(obj.place)

    @admin.display(boolean=True, description="enabled", ordering="state")
    def enabled(self, obj: Configured) -> bool:
        """Whether the object is in use."""
        return obj.is_enabled

    @admin.action(permissions=["change"], description="Enable selected %(verbose_name_plural)s")
    def enable(self, request: HttpRequest, queryset: models.QuerySet[Any]) -> None:
        """Enable all selected objects."""
        self._set_state(request, queryset, "enabled")

    @admin.action(permissions=["change"], description="Disable selected %(verbose_name_plural)s")
    def disable(self, request: HttpRequest, queryset: models.QuerySet[Any]) -> None:
        """Disable all selected objects, or none of them."""
        self._set_state(request, queryset, "disabled")

    def _set_state(self, request: HttpRequest, queryset: models.QuerySet[Any], state: str) -> None:
        selected = list(queryset.exclude(state=state))
        try:
            with commit(request) as work:
                binding.require(request, CHANGE, selected)
                for instance in selected:
                    instance.state = state
                    work.save(instance)
                    self.log_change(request, instance, [{"changed": {"fields": ["state"]}}])
        except (RequestError, IntegrityError) as error:
            self.message_user(request, f"{error}; nothing was changed", messages.ERROR)
        else:
            count = len(selected)
            words = f"{count} {model_ngettext(self.opts, count)} {state}"
            self.message_user(request, words, messages.SUCCESS)

    def history_view(
        self, request: HttpRequest, object_id: str, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Show all changes of the object, whoever made them, wherever."""
        instance = self.get_object(request, object_id)
        if instance is None:
            return self._get_obj_does_not_exist_redirect(request, self.opts, object_id)  # type: ignore[attr-defined,no-any-return]
        page = reverse("admin:history_object", args=[int(instance.object_type), instance.dbid])
        return HttpResponseRedirect(page)

    # ------------------------------------------------------------ deleting

    def get_deleted_objects(self, objs: Any, request: HttpRequest) -> Any:
        """Return what would be deleted, and why it cannot be."""
        doomed: list[Configured] = []
        refusals: list[str] = []
        for instance in objs:
            try:
                doomed += deletion.doomed_by(instance)
            except RequestError as error:
                refusals.append(str(error))
        keys = {key: one for one in doomed for key in one.owners()}
        refusals += _referrers(keys)
        counts = Counter(str(one._meta.verbose_name_plural) for one in keys.values())
        kept = binding.without(request, DELETE, doomed)
        hidden = set(map(key_of, binding.without(request, READ, doomed)))
        names = [
            f"{one.info.title} {one}" for key, one in reversed(keys.items()) if key not in hidden
        ]
        lacking = {str(one._meta.verbose_name) for one in kept}
        return _shortened(names), counts, lacking, _shortened(refusals)


def _has(request: HttpRequest, right: int, instance: Configured | None) -> bool:
    return instance is None or bool(binding.mask_of(request, instance) & right)


def _referrers(keys: Iterable[tuple[int, int]]) -> list[str]:
    found = list(referrers_of(keys))
    names = titles_of((row.source_type, row.source_dbid) for row in found)
    targets = titles_of((row.target_type, row.target_dbid) for row in found)
    lines = []
    for row in found[:_SHOWN]:
        source, target = (
            (row.source_type, row.source_dbid),
            (row.target_type, row.target_dbid),
        )
        how = "has rights granted to" if row.path == "grants" else f"refers ({row.path}) to"
        lines.append(
            format_html(
                '<a href="{}">{}</a> {} {}', url_of(*source), names[source], how, targets[target]
            )
        )
    return lines + [""] * (len(found) - len(lines))


def _shortened(lines: list[str]) -> list[str]:
    more = len(lines) - _SHOWN
    return [*lines[:_SHOWN], f"and {more} more"] if more > 0 else lines
