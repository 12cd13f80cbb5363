"""A folder or the whole environment as it was, and what differs between two points in time."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django import forms as django_forms
from django.http import Http404, HttpRequest, HttpResponse

from confwire.errors import RequestError
from confwire.objects import OBJECTS, ObjectType
from historylog import forms
from historylog.addresses import links_of, query_of
from historylog.records import name_of
from historylog.showing import CHANGE_SIGNS
from proxyapp.admin.history.marks import key_at, mark_of
from proxyapp.admin.history.objects import newest, past_of
from proxyapp.admin.history.places import Places
from proxyapp.admin.history.words import (
    history_page,
    object_url,
    page,
    sight_of,
)
from proxyapp.admin.naming import title_of
from proxyapp.models.door import Key
from proxyapp.services import pastpages
from proxyapp.services.asof import Past, State
from proxyapp.services.browsing import Sight
from proxyapp.services.pastpages import Asked

_PATHS = 6  # properties that a row names
_FOLDER = ObjectType.FOLDER
_TYPES = sorted(((int(type_), info.title) for type_, info in OBJECTS.items()), key=lambda p: p[1])


class EnvironmentForm(forms.PastForm):
    """When, and of what."""

    type = django_forms.TypedChoiceField(
        required=False, coerce=int, label="Type", choices=[("", "every type"), *_TYPES]
    )
    folder = forms.PlaceField("folder", "Folder")

    def __init__(self, data: Mapping[str, Any], places: Places) -> None:
        """Take what was filled in."""
        super().__init__(data)
        forms.know(self, places)

    def in_folder(self) -> int:
        """Return the folder of a valid form; 0 for all."""
        return self.cleaned_data.get("folder") or 0

    def asked(self, after: Key | None) -> Asked:
        """Return of what a page is that begins behind an object."""
        type_ = self.cleaned_data.get("type") or 0
        return Asked(type=type_, folder=self.in_folder(), after=after)


class BetweenForm(EnvironmentForm, forms.SpanForm):
    """Two moments; the later one is the present when it is not given."""

    field_order = ["revision", "time", "until", "until_time", "type", "folder"]
    revision = django_forms.IntegerField(
        required=False, label="From revision", min_value=0, max_value=2**63 - 1
    )

    def end(self, sight: Sight) -> Past:
        """Return the second moment of a valid form.

        Raises:
            HistoryExpired, InvalidParameter: as of `past_of`.
        """
        until, time = self.cleaned_data["until"], self.cleaned_data["until_time"]
        if until is None and time is not None:
            return Past.at(time, by=sight.looker)
        return Past(until if until is not None else newest(), by=sight.looker)


@history_page("history/at/", "history_at")
def at(request: HttpRequest) -> HttpResponse:
    """List the objects that were there, page by page."""
    sight = sight_of(request)
    form = EnvironmentForm(request.GET, Places(sight))
    context: dict[str, Any] = {"tab": "history_at", "form": form, "mode": "at"}
    title = "The environment as it was"
    if not form.is_valid():
        return page(request, "at", title, status=400, **context)
    try:
        past = past_of(form, sight)
        context |= _folder_of(sight, past, form.in_folder())
        found = pastpages.objects(past, form.asked(forms.place_in(request.GET, key_at)))
    except RequestError as error:
        return page(request, "at", title, status=404, refusal=str(error), **context)
    context |= {
        "revision": past.revision,
        "rows": [_row(state) for state in found.rows],
        "more": links_of(request, mark_of(found.next)),
        "between": query_of(request, revision=str(past.revision), time="", after=""),
    }
    return page(request, "at", context.get("folder_title") or title, **context)


@history_page("history/between/", "history_between")
def between(request: HttpRequest) -> HttpResponse:
    """List the objects that differ between two revisions, page by page."""
    sight = sight_of(request)
    form = BetweenForm(request.GET, Places(sight))
    context: dict[str, Any] = {"tab": "history_between", "form": form, "mode": "between"}
    title = "What differs"
    if not form.is_valid():
        return page(request, "at", title, status=400, **context)
    try:
        former = past_of(form, sight)
        past = form.end(sight)
        if former.revision > past.revision:
            former, past = past, former
        context |= _folder_of(sight, past, form.in_folder())
        found = pastpages.changed(former, past, form.asked(forms.place_in(request.GET, key_at)))
    except RequestError as error:
        return page(request, "at", title, status=404, refusal=str(error), **context)
    context |= {
        "former": former.revision,
        "revision": past.revision,
        "rows": [
            {
                **_row(one.any),
                "sign": CHANGE_SIGNS[one.kind],
                "kind": one.kind,
                "paths": [difference.path for difference in one.differences[:_PATHS]],
                "more_paths": max(0, len(one.differences) - _PATHS),
            }
            for one in found.rows
        ],
        "more": links_of(request, mark_of(found.next)),
    }
    return page(request, "at", f"{title} between {former.revision} and {past.revision}", **context)


def _row(state: State) -> dict[str, Any]:
    return {
        "type": state.type,
        "dbid": state.dbid,
        "title": title_of(state.type),
        "name": name_of(state.document),
        "folder": state.folder,
        "state": state.document.get("state", ""),
        "url": object_url(state.type, state.dbid),
        "is_folder": state.type == _FOLDER,
    }


def _folder_of(sight: Sight, past: Past, dbid: int) -> dict[str, Any]:
    """Return what a page says of the folder that it is about."""
    if not dbid:
        return {}
    if not sight.may_read(int(_FOLDER), dbid):
        raise Http404("there is no such folder in the history")
    state = past.state(_FOLDER, dbid)
    name = name_of(state.document) if state is not None else str(dbid)
    return {"folder": dbid, "folder_title": f"Folder {name} as it was", "upper": _upper(state)}


def _upper(state: State | None) -> int:
    return state.folder if state is not None else 0
