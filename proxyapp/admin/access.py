"""Access groups, and who may do what on which object."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from django import forms
from django.contrib import admin
from django.core.exceptions import ValidationError
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.html import format_html
from django.utils.http import urlencode
from django.utils.safestring import SafeString

from confwire.errors import ObjectNotFound, RequestError
from confwire.objects import ObjectType
from proxyapp.admin import binding
from proxyapp.admin.configured import ConfiguredAdmin
from proxyapp.admin.door import DoorAdmin, DoorForm, DoorInline, author_of, commit
from proxyapp.admin.fields import RightsField
from proxyapp.admin.filters import FolderFilter, ObjectTypeFilter
from proxyapp.admin.naming import title_of, titles_of, url_of
from proxyapp.admin.rights import CHANGE, CHANGE_PERMISSIONS, READ, READ_PERMISSIONS, words_of
from proxyapp.admin.site import site
from proxyapp.admin.veil import veil
from proxyapp.models import AccessGroup, Grant, Membership, Person
from proxyapp.models.base import Configured
from proxyapp.services.access import Rights
from proxyapp.services.documents import find, find_all

_MOST_ROWS = 200  # members that a group's page edits; more are in a list of their own


class SubjectForm(DoorForm):
    """A row that names a person or a group; the model says that it must be exactly one."""

    def _get_validation_exclusions(self) -> set[str]:
        excluded: set[str] = super()._get_validation_exclusions()  # type: ignore[misc]
        if bool(self.cleaned_data.get("person")) == bool(self.cleaned_data.get("group")):
            # The model's own message helps; that of the database's constraint would not.
            excluded |= {"person", "group"}
        return excluded


class MemberInline(DoorInline):
    """The members of a group."""

    model = Membership
    form = SubjectForm
    fk_name = "access_group"
    autocomplete_fields = ["person", "group"]
    note = "Each row is either a person or another access group."


@admin.register(AccessGroup, site=site)
class AccessGroupAdmin(ConfiguredAdmin):
    """Sets of persons and groups that rights are granted to."""

    list_display = ["name", "type", "tenant", "place", "dbid", "enabled"]
    list_select_related = ["tenant"]
    list_filter = ["state", "type", "tenant", FolderFilter]
    readonly_fields = ["members"]
    fixed = ("tenant",)
    fieldsets = [
        (None, {"fields": ["name", "dbid", "type", "tenant", "folder", "state", "members"]}),
        ("Annex", {"fields": ["annex"], "classes": ["collapse"]}),
        ("Rights on this group", {"fields": ["rights"]}),
    ]

    def get_inlines(self, request: HttpRequest, obj: AccessGroup | None) -> list[Any]:
        """Edit the members here, unless there are very many."""
        return [] if obj is not None and _count(obj) > _MOST_ROWS else [MemberInline]

    @admin.display(description="members")
    def members(self, obj: AccessGroup) -> SafeString:
        """Count the members, with a link to the list of them."""
        if obj._state.adding:
            return format_html("{}", "none yet")
        address = reverse("admin:proxyapp_membership_changelist")
        return format_html(
            '<a href="{}?{}">{}</a>',
            address,
            urlencode({"access_group": obj.pk}),
            _count(obj),
        )


def _count(group: AccessGroup) -> int:
    return group.memberships.count()


_GROUP = int(ObjectType.ACCESS_GROUP)


def _may_change_group(request: HttpRequest, member: Membership | None) -> bool:
    if member is None or member._state.adding:
        return _GROUP in binding.reach_of(request).kinds(READ | CHANGE)
    return bool(binding.mask_of(request, member.access_group) & CHANGE)


class SubjectAdmin(DoorAdmin):
    """Pages of rows that name a person or a group."""

    def get_object(self, request: HttpRequest, object_id: str, from_field: Any = None) -> Any:
        """Find a row; whom it names is told to those who may read it."""
        found = super().get_object(request, object_id, from_field)
        veil(request, [found] if found is not None else [])
        return found

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        """Search where the person may read what is searched."""
        found, several = super().get_search_results(request, queryset, search_term)
        reach = binding.reach_of(request)
        if search_term and not reach.everywhere(READ):
            persons = Person.objects.filter(reach.having(READ, Person))
            groups = AccessGroup.objects.filter(reach.having(READ, AccessGroup))
            found = found.filter(
                Q(person__in=persons.values("pk")) | Q(group__in=groups.values("pk"))
            )
        return found, several

    def get_deleted_objects(self, objs: Any, request: HttpRequest) -> Any:
        """Return what would be deleted: the rows alone."""
        rows = list(objs)
        veil(request, rows)
        count = {str(self.opts.verbose_name_plural): len(rows)}
        return [str(row) for row in rows], count, set(), []


@admin.register(Membership, site=site)
class MembershipAdmin(SubjectAdmin):
    """The members of groups that are too large for one page; reached from their group."""

    form = SubjectForm
    list_display = ["__str__", "access_group"]
    list_select_related = ["access_group", "person", "group"]
    search_fields = ["person__user_name", "group__name"]
    autocomplete_fields = ["access_group", "person", "group"]
    ordering = ["access_group", "pk"]

    def has_module_permission(self, request: HttpRequest) -> bool:
        """Stay out of the index."""
        return False

    def seen(self, request: HttpRequest) -> Q:
        """Return the condition that the person may read the group."""
        groups = AccessGroup.objects.filter(binding.reach_of(request).having(READ, AccessGroup))
        return Q(access_group__in=groups.order_by().values("pk"))

    def has_view_permission(self, request: HttpRequest, obj: Membership | None = None) -> bool:
        """Whether there may be groups that the person may read."""
        return _GROUP in binding.reach_of(request).kinds(READ)

    def has_add_permission(self, request: HttpRequest, *args: Any) -> bool:
        """Whether there may be groups that the person may change."""
        return super().has_add_permission(request, *args) and _may_change_group(request, None)

    def lookup_allowed(self, lookup: str, value: Any, request: Any = None) -> bool:
        """Take the group from the link of its page."""
        return lookup == "access_group" or super().lookup_allowed(lookup, value, request)

    def has_change_permission(self, request: HttpRequest, obj: Membership | None = None) -> bool:
        """Whether the group of the member can be changed."""
        return super().has_change_permission(request, obj) and _may_change_group(request, obj)

    def has_delete_permission(self, request: HttpRequest, obj: Membership | None = None) -> bool:
        """Whether the member can be taken out of its group."""
        return super().has_delete_permission(request, obj) and _may_change_group(request, obj)

    def bind(self, request: HttpRequest, instance: Membership, change: bool) -> None:
        """Refuse members of a group that the person may not change."""
        Rights(author_of(request)).require(CHANGE, instance.access_group)

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> None:
        """Take members out, all or none."""
        with commit(request):
            groups = AccessGroup.objects.filter(pk__in=queryset.values("access_group"))
            binding.require(request, CHANGE, groups)
            super().delete_queryset(request, queryset)

    def history_view(
        self, request: HttpRequest, object_id: str, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Show the changes of the group, of which its members are a part."""
        member = self.get_object(request, object_id)
        if member is None:
            return self._get_obj_does_not_exist_redirect(request, self.opts, object_id)  # type: ignore[attr-defined,no-any-return]
        page = reverse("admin:history_object", args=[_GROUP, member.access_group_id])
        return HttpResponseRedirect(page)

    def get_readonly_fields(self, request: HttpRequest, obj: Membership | None = None) -> Any:
        """Let a member stay in its group: to move it, remove and add it."""
        return ["access_group"] if obj is not None else []


def _target_of(grant: Grant) -> Configured | None:
    found: Configured | None = find(ObjectType(grant.object_type), [grant.object_dbid]).first()
    return found


def _has(request: HttpRequest, right: int, grant: Grant | None) -> bool:
    if grant is None or grant._state.adding:
        return bool(binding.reach_of(request).kinds(READ | right))
    target = _target_of(grant)
    return target is not None and bool(binding.mask_of(request, target) & right)


def _permit(request: HttpRequest, grant: Grant) -> None:
    target = _target_of(grant)
    if target is None or not binding.mask_of(request, target) & READ:
        text = f"there is no {title_of(grant.object_type).lower()}"
        raise ObjectNotFound(f"{text} with DBID {grant.object_dbid}", property="object_dbid")
    Rights(author_of(request)).require(CHANGE_PERMISSIONS, target)


class GrantForm(SubjectForm):
    """Rights of a person or a group on an object."""

    mask = RightsField(label="Rights")
    permit: Callable[[Grant], None]

    def clean(self) -> dict[str, Any]:
        """Refuse an object before it is asked whether there is such a grant on it already."""
        given: dict[str, Any] = super().clean()  # type: ignore[assignment]
        if "object_type" in given and "object_dbid" in given:
            names = "object_type", "object_dbid"
            try:
                self.permit(Grant(**{name: given[name] for name in names}))
            except RequestError as error:
                self.add_error("object_dbid", ValidationError(str(error), code=error.code))
        return given


@admin.register(Grant, site=site)
class GrantAdmin(SubjectAdmin):
    """Who may do what on which object; for a folder or tenant, on all that lies in it."""

    form = GrantForm
    list_display = ["object_name", "subject_name", "rights"]
    list_select_related = ["person", "group"]
    list_filter = [ObjectTypeFilter]
    search_fields = ["person__user_name", "group__name", "=object_dbid"]
    search_help_text = "name of the person or group, DBID of the object"
    autocomplete_fields = ["person", "group"]
    readonly_fields = ["object_link"]
    fieldsets = [
        ("Object", {"fields": ["object_type", "object_dbid", "object_link"]}),
        ("Who", {"fields": ["person", "group"], "description": "Either a person or a group."}),
        ("May do", {"fields": ["mask"]}),
    ]

    def get_readonly_fields(self, request: HttpRequest, obj: Grant | None = None) -> Any:
        """Keep object and subject: another pair is another grant."""
        fixed = ["object_type", "object_dbid", "person", "group"] if obj is not None else []
        return [*super().get_readonly_fields(request, obj), *fixed]

    def formfield_for_dbfield(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        """Say where DBIDs are shown."""
        field = super().formfield_for_dbfield(db_field, request, **kwargs)
        if db_field.name == "object_dbid" and isinstance(field, forms.Field):
            field.help_text = (
                "The number on the object's page, where rights are granted more easily."
            )
        return field

    def get_changeform_initial_data(self, request: HttpRequest) -> dict[str, Any]:
        """Take the object from the link of its page."""
        return {name: request.GET.get(name, "") for name in ("object_type", "object_dbid")}

    # ------------------------------------------------------------ rights

    def get_form(self, request: HttpRequest, *args: Any, **more: Any) -> Any:
        """Return the form, which knows whose it is."""
        form = super().get_form(request, *args, **more)
        return type(form.__name__, (form,), {"permit": staticmethod(partial(_permit, request))})

    def seen(self, request: HttpRequest) -> Q:
        """Return the condition that the person may read the permissions of the object."""
        return binding.reach_of(request).granted(READ | READ_PERMISSIONS)

    def get_object(self, request: HttpRequest, object_id: str, from_field: Any = None) -> Any:
        """Find a grant; one on an object whose permissions may not be read is not there."""
        found = super().get_object(request, object_id, from_field)
        return found if found is not None and _has(request, READ_PERMISSIONS, found) else None

    def has_view_permission(self, request: HttpRequest, obj: Grant | None = None) -> bool:
        """Whether there may be objects whose permissions the person may read."""
        return _has(request, READ_PERMISSIONS, obj)

    def has_add_permission(self, request: HttpRequest, *args: Any) -> bool:
        """Whether there may be objects whose permissions the person may change."""
        return super().has_add_permission(request, *args) and _has(
            request, CHANGE_PERMISSIONS, None
        )

    def has_change_permission(self, request: HttpRequest, obj: Grant | None = None) -> bool:
        """Whether the rights can be changed."""
        return super().has_change_permission(request, obj) and _has(
            request, CHANGE_PERMISSIONS, obj
        )

    def has_delete_permission(self, request: HttpRequest, obj: Grant | None = None) -> bool:
        """Whether the rights can be taken back."""
        return super().has_delete_permission(request, obj) and _has(
            request, CHANGE_PERMISSIONS, obj
        )

    def bind(self, request: HttpRequest, instance: Grant, change: bool) -> None:
        """Refuse rights from who may not change those of the object."""
        _permit(request, instance)

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> None:
        """Take rights back, all or none."""
        with commit(request):
            keys = set(queryset.values_list("object_type", "object_dbid"))
            binding.require(request, CHANGE_PERMISSIONS, find_all(keys).values())
            super().delete_queryset(request, queryset)

    @admin.display(description="object")
    def object_link(self, obj: Grant) -> SafeString:
        """Name the object of a saved grant."""
        if obj._state.adding:
            return format_html("{}", "shown once the grant is saved")
        key = obj.object_type, obj.object_dbid
        return format_html('<a href="{}">{}</a>', url_of(*key), titles_of([key])[key])

    def history_view(
        self, request: HttpRequest, object_id: str, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Show the changes of the object, of which its permissions are a part."""
        grant = self.get_object(request, object_id)
        if grant is None:
            return self._get_obj_does_not_exist_redirect(request, self.opts, object_id)  # type: ignore[attr-defined,no-any-return]
        page = reverse("admin:history_object", args=[grant.object_type, grant.object_dbid])
        return HttpResponseRedirect(page)

    # ------------------------------------------------------------ the list

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        """Put grants on one object together."""
        return super().get_queryset(request).order_by("object_type", "object_dbid", "pk")

    def get_changelist_instance(self, request: HttpRequest) -> Any:
        """Find the names of the page's objects at once."""
        changelist = super().get_changelist_instance(request)
        rows = changelist.result_list
        names = titles_of(
            ((row.object_type, row.object_dbid) for row in rows),
            binding.reach_of(request).readable,
        )
        for row in rows:
            row.title = names[row.object_type, row.object_dbid]
        return changelist

    @admin.display(description="object", ordering="object_dbid")
    def object_name(self, obj: Any) -> str:
        """Return type and name of the object."""
        return str(obj.title)

    @admin.display(description="to")
    def subject_name(self, obj: Grant) -> str:
        """Return who has the rights."""
        return f"{title_of(obj.subject[0])} {obj.person or obj.group}"

    @admin.display(description="may do", ordering="mask")
    def rights(self, obj: Grant) -> str:
        """Return the rights in words."""
        return words_of(obj.mask)
