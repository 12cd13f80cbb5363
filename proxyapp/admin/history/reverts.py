"""Reverting: first what would be done and what stands against it, then a new revision."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from django.contrib import messages
from django.db import IntegrityError
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse

from confwire.errors import RequestError
from confwire.objects import ObjectType
from historylog import forms
from historylog.showing import CHANGE_SIGNS
from proxyapp.admin.door import author_of, origin_of
from proxyapp.admin.history.objects import about, check_readable
from proxyapp.admin.history.words import Words, history_page, object_url, page, sight_of
from proxyapp.admin.naming import title_of
from proxyapp.services import reverting
from proxyapp.services.browsing import Sight
from proxyapp.services.reverting import Conflicting, Plan, Planned, Preview
from proxyapp.services.visibility import CONTAINERS

_SHOWN = 100  # objects of a preview that are listed
_TRIED = 2_000  # objects that are tried while writers wait

_Planner = Callable[[bool], Plan]
"""Makes the plan; the flag says whether what was changed later is to be undone, too."""


@history_page("history/objects/<int:type_>/<int:dbid>/revert/", "history_object_revert")
def revert_object(request: HttpRequest, type_: int, dbid: int) -> HttpResponse:
    """Bring an object, or all that lay in it, back to a revision."""
    sight = sight_of(request)
    check_readable(sight, type_, dbid)
    revision = forms.number_in(_given(request), "revision")
    if revision is None:
        raise forms.Nonsense("to which revision? add ?revision=NUMBER to the address")
    subtree = type_ in CONTAINERS and _given(request).get("subtree") == "1"
    person, kind = author_of(request), ObjectType(type_)

    def plan(overwrite: bool) -> Plan:
        if subtree:
            return reverting.of_subtree(kind, dbid, revision, by=person)
        return reverting.of_object(kind, dbid, revision, by=person)

    context = about(sight, type_, dbid)
    what = f"{context['whole_title']}{' with all that lay in it' if subtree else ''}"
    context |= {
        "title": f"Revert {what} to revision {revision}",
        "revision": revision,
        "subtree": subtree,
        "origin": f"{origin_of(request)} reverting {title_of(type_)} {dbid} to {revision}",
        "back": object_url(type_, dbid),
        "may_overwrite": False,
    }
    return _page(request, sight, plan, context)


@history_page("history/transactions/<int:revision>/revert/", "history_transaction_revert")
def revert_transaction(request: HttpRequest, revision: int) -> HttpResponse:
    """Undo what a transaction did."""
    sight = sight_of(request)
    if sight.transaction(revision) is None:
        raise Http404(f"there is no transaction {revision}, or it is not kept any more")
    person = author_of(request)

    def plan(overwrite: bool) -> Plan:
        return reverting.of_transaction(revision, by=person, overwrite=overwrite)

    context = {
        "title": f"Undo transaction {revision}",
        "revision": revision,
        "origin": f"{origin_of(request)} reverting transaction {revision}",
        "back": reverse("admin:history_transaction", args=[revision]),
        "may_overwrite": True,
        "tab": "history_transactions",
    }
    return _page(request, sight, plan, context)


def _page(
    request: HttpRequest, sight: Sight, planner: _Planner, context: dict[str, Any]
) -> HttpResponse:
    overwrite = bool(context["may_overwrite"]) and _given(request).get("overwrite") == "1"
    context["overwrite"] = overwrite
    try:
        plan = planner(overwrite)
        if request.method == "POST" and "confirm" in request.POST:
            done = _done(request, plan, context)
            if done is not None:
                return done
            plan = planner(overwrite)
        by, origin = author_of(request), context["origin"]
        tried = len(plan.wanted) <= _TRIED
        found = reverting.preview(plan, by=by, origin=origin, trying=tried)
    except RequestError as error:
        context["refusal"] = str(error)
        return page(request, "revert", context.pop("title"), status=404, **context)
    context |= {"planned_at": plan.revision, "tried": tried, **_shown(sight, found)}
    return page(request, "revert", context.pop("title"), **context)


def _shown(sight: Sight, found: Preview) -> dict[str, Any]:
    """Return what a page shows of a preview."""
    counts = Counter((one.key[0], one.kind) for one in found.planned)
    some = found.planned[:_SHOWN]
    lines = Words(sight).lines_of_many([(one.key[0], one.differences) for one in some])
    return {
        "groups": [
            (CHANGE_SIGNS[kind], kind, title_of(type_), count)
            for (type_, kind), count in sorted(counts.items())
        ],
        "planned": [
            {**_words_of(one), "lines": shown} for one, shown in zip(some, lines, strict=True)
        ],
        "more": max(0, len(found.planned) - _SHOWN),
        "total": len(found.planned),
        "conflicts": found.conflicts[:_SHOWN],
        "more_conflicts": max(0, len(found.conflicts) - _SHOWN),
        "refused": found.refusal,
        "without_secret": [
            one.name for one in found.planned if one.key in set(found.without_secret)
        ][:_SHOWN],
    }


def _words_of(one: Planned) -> dict[str, Any]:
    type_, dbid = one.key
    return {
        "sign": CHANGE_SIGNS[one.kind],
        "kind": one.kind,
        "title": title_of(type_),
        "name": one.name,
        "url": object_url(type_, dbid),
    }


def _done(request: HttpRequest, plan: Plan, context: dict[str, Any]) -> HttpResponse | None:
    """Carry out what was confirmed; None when it could not be, and the page is shown anew."""
    planned = forms.number_in(request.POST, "planned")
    if planned is None:
        raise forms.Nonsense("nothing was changed: look at the preview first, and confirm there")
    # What was changed after the preview must not be undone unseen.
    seen = replace(plan, revision=min(planned, plan.revision))
    try:
        result = reverting.revert(
            seen,
            by=author_of(request),
            origin=context["origin"],
            accept_conflicts=request.POST.get("accept") == "1",
        )
    except Conflicting:
        messages.error(request, "There are conflicts: say below that what can be done shall be.")
    except (RequestError, IntegrityError) as error:
        messages.error(request, f"Nothing was changed: {error}")
    else:
        if result.revision is None:
            messages.info(request, "There was nothing to change.")
            return HttpResponseRedirect(context["back"])
        messages.success(request, f"Done, as revision {result.revision}.")
        return HttpResponseRedirect(reverse("admin:history_transaction", args=[result.revision]))
    return None


def _given(request: HttpRequest) -> Any:
    return request.POST if request.method == "POST" else request.GET
