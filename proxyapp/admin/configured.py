"""What the pages of all configuration objects have in common."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Set
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
from proxyapp.admin.fields import JSONText, OptionsField
from proxyapp.admin.filters import FolderFilter, SeenFilter
from proxyapp.admin.naming import paths_of, title_of, titles_of, url_of
from proxyapp.admin.rights import (
    CHANGE,
    CHANGE_PERMISSIONS,
    DELETE,
    READ,
    READ_PERMISSIONS,
    words_of,
)
from proxyapp.admin.standing import may_change
from proxyapp.admin.veil import FolderField, veil
from proxyapp.models import Folder, Grant
from proxyapp.models.base import Configured
from proxyapp.models.door import Key
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

    def types(self) -> Set[int]:
        """Return the types of the objects of these pages."""
        return {int(self.model.TYPE)}

    def seen(self, request: HttpRequest) -> models.Q:
        """Return the condition that the person may read an object."""
        return binding.reach_of(request).having(READ, self.model)

    def get_object(self, request: HttpRequest, object_id: str, from_field: Any = None) -> Any:
        """Find an object; one that may not be read is not there."""
        found = super().get_object(request, object_id, from_field)
        hidden = found is not None and not binding.mask_of(request, found) & READ
        return None if hidden else found

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Whether the object, or anything here, can be seen."""
        return self._has(request, READ, obj)

    def has_add_permission(self, request: HttpRequest, *args: Any) -> bool:
        """Whether an object can be created in some folder."""
        creatable = binding.reach_of(request).creatable
        return super().has_add_permission(request, *args) and not creatable.isdisjoint(self.types())

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Whether the object, or anything here, can be changed."""
        return super().has_change_permission(request, obj) and self._has(request, CHANGE, obj)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Whether the object, or anything here, can be deleted."""
        return super().has_delete_permission(request, obj) and self._has(request, DELETE, obj)

    def _has(self, request: HttpRequest, right: int, obj: Configured | None) -> bool:
        if obj is None or obj._state.adding:
            return not binding.reach_of(request).kinds(READ | right).isdisjoint(self.types())
        return bool(binding.mask_of(request, obj) & right)

    def bind(self, request: HttpRequest, instance: Any, change: bool) -> None:
        """Refuse what the person's rights do not allow."""
        if change:
            binding.require_change(request, instance)
        else:
            binding.require_place(request, instance)

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

    def render_change_form(
        self, request: HttpRequest, context: Any, *args: Any, **more: Any
    ) -> Any:
        """Find for the page of a saved object what it shows of others."""
        instance = context["adminform"].form.instance
        if not instance._state.adding:
            self.dress(request, instance)
        return super().render_change_form(request, context, *args, **more)

    def dress(self, request: HttpRequest, obj: Any) -> None:
        """Keep with an object what its page shows of others, as far as the person may read it."""
        obj.tells_grants = self._has(request, READ_PERMISSIONS, obj)
        obj.may_grant = may_change(request) and self._has(request, CHANGE_PERMISSIONS, obj)
        grants = Grant.objects.filter(object_type=int(obj.object_type), object_dbid=obj.dbid)
        obj.grants_on_it = list(grants.select_related("person", "group"))
        veil(request, obj.grants_on_it)

    @admin.display(description="rights")
    def rights(self, obj: Any) -> SafeString:
        """List the grants on this very object, with links to change them, for who may read them."""
        if obj._state.adding:
            return format_html("{}", "can be granted once the object is saved")
        why = reverse("admin:object_rights", args=[int(obj.object_type), obj.dbid])
        if not obj.tells_grants:
            return format_html('<a class="viewlink" href="{}">What you may do, and why</a>', why)
        key = {"object_type": int(obj.object_type), "object_dbid": obj.dbid}
        rows = format_html_join(
            "",
            '<tr><td><a href="{}">{}</a></td><td>{}</td></tr>',
            (
                (
                    reverse("admin:proxyapp_grant_change", args=[grant.pk]),
                    f"{title_of(grant.subject[0])} {grant.person or grant.group}",
                    words_of(grant.mask),
                )
                for grant in obj.grants_on_it
            ),
        )
        return format_html(
            '<table class="grants">{}</table>{}'
            '<a class="viewlink" href="{}">Who may do what, and why</a>',
            rows or SafeString("<tr><td>none on this object itself</td></tr>"),
            format_html(
                '<a class="addlink" href="{}?{}">Grant rights</a> &nbsp; ',
                reverse("admin:proxyapp_grant_add"),
                urlencode(key),
            )
            if obj.may_grant
            else "",
            why,
        )

    # ------------------------------------------------------------ the list

    def get_list_filter(self, request: HttpRequest) -> Any:
        """Offer related objects that the person may read."""
        related = {field.name for field in self.opts.concrete_fields if field.is_relation}
        return [(one, SeenFilter) if one in related else one for one in self.list_filter]

    def get_changelist_instance(self, request: HttpRequest) -> Any:
        """Find the paths of the page's folders at once."""
        changelist = super().get_changelist_instance(request)
        rows = changelist.result_list
        if "place" in changelist.list_display:
            paths = paths_of((row.folder_id for row in rows), binding.reach_of(request).readable)
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

    def permit(self, request: HttpRequest, doomed: list[Configured]) -> None:
        """Refuse for want of rights."""
        binding.require_deletion(request, doomed)

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
        refusals += _referrers(request, keys)
        kept = binding.without(request, DELETE, doomed)
        hidden = set(map(key_of, binding.without(request, READ, doomed)))
        seen = {key: one for key, one in keys.items() if key not in hidden}
        counts = Counter(str(one._meta.verbose_name_plural) for one in seen.values())
        names = [f"{one.info.title} {one}" for one in reversed(seen.values())]
        lacking = {str(one._meta.verbose_name) for one in kept if key_of(one) not in hidden}
        lacking |= {"something that you may not read"} if hidden else set()
        return _shortened(names), counts, lacking, _shortened(refusals)


def _referrers(request: HttpRequest, keys: Iterable[Key]) -> list[str]:
    found = list(referrers_of(keys))
    readable = binding.reach_of(request).readable
    seen = readable({(row.source_type, row.source_dbid) for row in found})
    hidden = len({(row.source_type, row.source_dbid) for row in found} - seen)
    found = [row for row in found if (row.source_type, row.source_dbid) in seen]
    names = titles_of((row.source_type, row.source_dbid) for row in found)
    targets = titles_of(((row.target_type, row.target_dbid) for row in found), readable)
    lines = [f"{hidden} that you may not read refer to it, too"] if hidden else []
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
