"""The history pages of a proxy: the sessions, logins and server events that it keeps itself.

They work while the master is away. Who may see them, and which names, the node says: a proxy's
database has no configuration.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import chain
from typing import Any
from urllib.parse import urlencode

import structlog
from django.db import DatabaseError
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import render
from django.urls import reverse

from historylog import entryreader, forms
from historylog.addresses import links_of, query_of
from historylog.entryreader import EntryPlace, EntryQuestion
from historylog.exporting import CONTENT_TYPES, Pages
from historylog.models import EntryRecord
from historylog.paging import Found, scan
from historylog.responses import exported
from historylog.showing import ENTRY_COLUMNS, ShownEntry, entry_row, life_of
from proxyapp.runtime.peers import FORWARDED, is_forwarded
from proxyapp.runtime.window import NodeAway, View, window

logger = structlog.get_logger(__name__)

_NAMES_AT_ONCE = 20  # so that an address stays short enough for every server
_EXPORTED_AT_ONCE = 500


class Refused(Exception):
    """The viewer may not see the pages, or the node cannot be asked."""

    def __init__(self, response: HttpResponse) -> None:
        super().__init__()
        self.response = response


@dataclass(slots=True)
class Viewer:
    """Who asks, and what the node says of it."""

    request: HttpRequest
    _hidden: dict[tuple[str, str], bool] = field(default_factory=dict)

    def check(self) -> None:
        """Refuse those who may not see the pages.

        Raises:
            Refused: with the answer to give.
        """
        self._ask([])

    def entries(
        self, question: EntryQuestion, before: EntryPlace | None, limit: int
    ) -> Found[EntryRecord, EntryPlace]:
        """Return the next entries that name nothing that the viewer may not read.

        Raises:
            Refused: the history file cannot be read, or was not made yet.
        """
        try:
            return scan(
                lambda place, count: entryreader.entries(question, place, count),
                entryreader.place_of,
                self._of_readable,
                before,
                limit,
            )
        except DatabaseError as error:
            logger.error("the history cannot be read", reason=str(error).strip())
            text = (
                "the history of this server cannot be read now; a new server makes its file when it"
                " has found its master"
            )
            raise Refused(refused(self.request, 503, text)) from error

    def _of_readable(self, rows: list[EntryRecord]) -> list[EntryRecord]:
        names = {row.pk: _names_of(row) for row in rows}
        self._learn({pair for pairs in names.values() for pair in pairs})
        return [row for row in rows if not any(self._hidden[pair] for pair in names[row.pk])]

    def _learn(self, pairs: set[tuple[str, str]]) -> None:
        new = sorted(pairs - self._hidden.keys())
        for start in range(0, len(new), _NAMES_AT_ONCE):
            part = new[start : start + _NAMES_AT_ONCE]
            found = self._ask(part)
            self._hidden |= {(kind, name): name in found[kind] for kind, name in part}

    def _ask(self, pairs: list[tuple[str, str]]) -> dict[str, list[str]]:
        return look(self.request, f"/hidden?{urlencode(pairs)}")


def look(request: HttpRequest, path: str) -> dict[str, Any]:
    """Ask the node for a path in the name of the viewer.

    Raises:
        Refused: with the answer to give.
    """
    peer = request.META.get("REMOTE_ADDR") or "unknown"
    if is_forwarded(request.headers):
        peer = FORWARDED
    try:
        view = window().look(path, peer, request.headers.get("Authorization", ""))
    except NodeAway as error:
        raise Refused(refused(request, 503, str(error))) from error
    if view.status != 200:
        raise Refused(_challenge(request, view))
    return view.json()


def _names_of(row: EntryRecord) -> set[tuple[str, str]]:
    pairs = {("person", row.user), ("application", row.application), ("application", row.server)}
    return {pair for pair in pairs if pair[1]}


def _challenge(request: HttpRequest, view: View) -> HttpResponse:
    response = refused(request, view.status, "log in as a super administrator")
    response["WWW-Authenticate"] = view.challenge
    return response


def refused(request: HttpRequest, code: int, text: str) -> HttpResponse:
    """Return a page that says why there is nothing to see."""
    return page(request, "away", {"text": text}, code)


def page(
    request: HttpRequest, template: str, context: dict[str, Any], code: int = 200
) -> HttpResponse:
    """Return a page of the history, which no cache keeps."""
    response = render(request, f"history/{template}.html", context, status=code)
    response["Cache-Control"] = "no-store"
    return response


# ---------------------------------------------------------------- pages


def log(request: HttpRequest) -> HttpResponse:
    """Show the entries that a search finds, newest first."""
    form = forms.EntriesForm(request.GET)
    viewer = Viewer(request)
    try:
        if not form.is_valid():
            viewer.check()
            return page(request, "log", {"form": form}, 400)
        place = forms.place_in(request.GET, forms.entry_at)
        found = viewer.entries(form.question(), place, entryreader.PAGE)
    except Refused as refusal:
        return refusal.response
    except forms.Nonsense as error:
        return refused(request, 400, str(error))
    query = query_of(request, after="")
    context = {
        "form": form,
        "rows": [ShownEntry(entry) for entry in found.rows],
        "sessions": reverse("history-sessions"),
        "more": links_of(request, forms.mark_of_entry(found.next)),
        "exports": [
            (form.upper(), f"{reverse('history-export', args=[form])}?{query}")
            for form in CONTENT_TYPES
        ],
    }
    return page(request, "log", context)


def session(request: HttpRequest, session: str) -> HttpResponse:
    """Show the life of a session as a timeline."""
    try:
        found = Viewer(request).entries(EntryQuestion(session=session), None, 200)
    except Refused as refusal:
        return refusal.response
    life = life_of(found.rows)
    context = {"session": session, "life": life, "more_entries": found.next is not None}
    return page(request, "session", context, 200 if life.moments else 404)


def export(request: HttpRequest, form: str) -> HttpResponseBase:
    """Export what the page finds, as CSV, JSON or XML."""
    if form not in CONTENT_TYPES:
        raise Http404(f"there is no export as {form}: csv, json or xml")
    viewer = Viewer(request)
    try:
        viewer.check()
        question = forms.EntriesForm(request.GET).question()
        place = forms.place_in(request.GET, forms.entry_at)
    except Refused as refusal:
        return refusal.response
    except forms.Nonsense as error:
        return refused(request, 400, str(error))
    pages = iter(_pages(viewer, question, place))
    try:
        first = next(pages)  # while it can still be refused
    except Refused as refusal:
        return refusal.response
    return exported(request, "log", form, ENTRY_COLUMNS, chain([first], pages))


def _pages(viewer: Viewer, question: EntryQuestion, place: EntryPlace | None) -> Pages:
    while True:
        found = viewer.entries(question, place, _EXPORTED_AT_ONCE)
        place = found.next
        yield [entry_row(entry) for entry in found.rows], forms.mark_of_entry(place)
        if place is None:
            return
