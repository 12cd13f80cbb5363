"""One object over time: all its changes, any two revisions side by side, and as it once was."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.urls import reverse

from confwire.errors import RequestError
from confwire.objects import OBJECTS, ObjectType
from historylog import forms, reader
from historylog.addresses import links_of
from historylog.models import ChangeRecord
from historylog.paths import Difference, differences
from historylog.reader import Change, Question
from historylog.records import name_of
from proxyapp.admin.history.transactions import Step, steps_of
from proxyapp.admin.history.words import Words, history_page, page, sight_of
from proxyapp.admin.naming import title_of, url_of
from proxyapp.models import Revision
from proxyapp.services.asof import Past, State, compared
from proxyapp.services.browsing import Sight
from proxyapp.services.visibility import CONTAINERS


def check_readable(sight: Sight, type_: int, dbid: int) -> None:
    """Refuse what the viewer may not read, as if it were not there.

    Raises:
        Http404: it is none of the viewer's.
    """
    if type_ not in OBJECTS or not sight.may_read(type_, dbid):
        raise Http404("there is no such object in the history")


def about(sight: Sight, type_: int, dbid: int) -> dict[str, Any]:
    """Return what all pages of an object show."""
    now = Past(newest(), by=sight.looker).state(ObjectType(type_), dbid)
    last = sight.changes(Question(type=type_, dbid=dbid), limit=1).rows
    name = name_of(now.document) if now else last[0].name if last else str(dbid)
    title = title_of(type_)
    return {
        "tab": "history_changes",
        "type": type_,
        "dbid": dbid,
        "name": name,
        "type_title": title,
        "now": now,
        "object_page": url_of(type_, dbid) if now else "",
        "holds": type_ in CONTAINERS,
        "is_folder": type_ == ObjectType.FOLDER,
        "whole_title": f"{title} {name}",
    }


@history_page("history/objects/<int:type_>/<int:dbid>/", "history_object")
def changes(request: HttpRequest, type_: int, dbid: int) -> HttpResponse:
    """Show all changes of an object, whoever made them, newest first."""
    sight = sight_of(request)
    check_readable(sight, type_, dbid)
    place = forms.place_in(request.GET, forms.change_at)
    found = sight.changes(Question(type=type_, dbid=dbid), place, limit=25)
    steps = _steps(sight, type_, dbid, found.rows)
    context = {
        **about(sight, type_, dbid),
        "rows": [(change, steps.get(change.revision)) for change in found.rows],
        "more": links_of(request, forms.mark_of_change(found.next)),
        "floor": reader.floor(),
    }
    return page(request, "object", f"History of {context['whole_title']}", **context)


def _steps(sight: Sight, type_: int, dbid: int, found: list[Change]) -> Mapping[int, Step]:
    revisions = [change.revision for change in found]
    records = ChangeRecord.objects.filter(type=type_, dbid=dbid, revision__in=revisions)
    return {step.record.revision: step for step in steps_of(sight, list(records))}


@history_page("history/objects/<int:type_>/<int:dbid>/diff/", "history_diff")
def diff(request: HttpRequest, type_: int, dbid: int) -> HttpResponse:
    """Show two revisions of an object side by side."""
    sight = sight_of(request)
    check_readable(sight, type_, dbid)
    context = about(sight, type_, dbid)
    numbers = [forms.number_in(request.GET, name) for name in ("former", "revision")]
    former, revision = (newest() if number is None else number for number in numbers)
    if former > revision:
        former, revision = revision, former
    everything = request.GET.get("everything") == "1"
    context |= {"former": former, "revision": revision, "everything": everything}
    context |= {"former_text": str(former), "revision_text": str(revision)}
    try:
        states = [
            Past(number, by=sight.looker).state(ObjectType(type_), dbid)
            for number in (former, revision)
        ]
    except RequestError as error:
        return page(request, "diff", _title(context), refusal=str(error), status=404, **context)
    found = _all_of(*states) if everything else compared(*states)
    context |= {
        "lines": Words(sight).lines(type_, found),
        "was_there": states[0] is not None,
        "is_there": states[1] is not None,
    }
    return page(request, "diff", _title(context), **context)


def _title(context: Mapping[str, Any]) -> str:
    words = f"{context['former']} and {context['revision']}"
    return f"{context['whole_title']}: revisions {words}"


def _all_of(former: State | None, state: State | None) -> list[Difference]:
    """Return all properties with the values of both states, whether they differ or not."""
    present = state or former
    if present is None:
        return []
    found = {one.path: one for one in compared(former, state)}
    same = state if former is not None else None
    if same is not None:
        for one in differences(same.info, {}, same.document):
            found.setdefault(one.path, Difference(one.path, one.value, one.value))
    return sorted(found.values())


@history_page("history/objects/<int:type_>/<int:dbid>/at/", "history_object_at")
def at(request: HttpRequest, type_: int, dbid: int) -> HttpResponse:
    """Show an object as it was at a revision or time, beside what it is now."""
    sight = sight_of(request)
    check_readable(sight, type_, dbid)
    context = about(sight, type_, dbid)
    form = forms.PastForm(request.GET)
    title = f"{context['whole_title']} as it was"
    if not form.is_valid():
        return page(request, "object_at", title, status=400, form=form, **context)
    try:
        past = past_of(form, sight)
        state = past.state(ObjectType(type_), dbid)
    except RequestError as error:
        context |= {"form": form, "refusal": str(error)}
        return page(request, "object_at", title, status=404, **context)
    context |= {
        "form": form,
        "revision": past.revision,
        "state": state,
        "lines": Words(sight).lines(type_, _all_of(state, context["now"])),
        "differs": bool(compared(state, context["now"])),
        "folder_page": reverse("admin:history_at"),
    }
    return page(request, "object_at", title, **context)


def past_of(form: forms.PastForm, sight: Sight) -> Past:
    """Return the past that a valid form names; the present where it names none.

    Raises:
        HistoryExpired: it is older than what is kept.
        InvalidParameter: it is yet to come.
    """
    revision, time = form.cleaned_data["revision"], form.cleaned_data["time"]
    if revision is not None:
        return Past(revision, by=sight.looker)
    if time is not None:
        return Past.at(time, by=sight.looker)
    return Past(newest(), by=sight.looker)


def newest() -> int:
    """Return the revision that the data stands at."""
    return Revision.objects.get().number
