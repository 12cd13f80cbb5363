"""Searching the history: changes of objects, transactions, and what else is kept; with exports."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase, HttpResponseRedirect
from django.urls import reverse

from confwire.objects import OBJECTS, ObjectType
from historylog import forms, reader
from historylog.addresses import links_of
from historylog.entryreader import EntryQuestion
from historylog.exporting import CONTENT_TYPES
from historylog.models import ChangeRecord
from historylog.reader import Change, Place
from historylog.records import Head
from historylog.responses import exported
from historylog.showing import ENTRY_COLUMNS, ShownEntry, entry_row, life_of
from historylog.values import differences_of, masked, sides_of
from proxyapp.admin.history.places import Places
from proxyapp.admin.history.words import (
    Row,
    counts_of,
    exports_of,
    history_page,
    page,
    pages_of,
    sight_of,
)
from proxyapp.services.browsing import Sight

_CHANGE_COLUMNS = (
    "revision", "seq", "at", "kind", "type", "dbid", "name", "tenant", "folder", "properties",
    "values", "former_kept", "by", "person", "origin", "application", "session", "server",
    "through",
)  # fmt: skip
_BATCH = 500  # rows of an export that are read at once


# ---------------------------------------------------------------- changes


@history_page("history/", "history_changes")
def changes(request: HttpRequest) -> HttpResponse:
    """Show the changes that a search finds, newest first."""
    sight = sight_of(request)
    form = forms.ChangesForm(request.GET, Places(sight))
    context: dict[str, Any] = {"tab": "history_changes", "form": form}
    if not form.is_valid():
        return page(request, "changes", "History: changes", status=400, **context)
    found = sight.changes(form.question(), forms.place_in(request.GET, forms.change_at))
    context |= {
        "rows": rows_of(found.rows),
        "more": links_of(request, forms.mark_of_change(found.next)),
        "exports": exports_of(request, "history_changes_export"),
        "floor": reader.floor(),
    }
    return page(request, "changes", "History: changes", **context)


def rows_of(found: Sequence[Change]) -> list[Row]:
    """Return changes with the properties that they concern."""
    paths = reader.paths_of(change.place for change in found)
    return [Row(change, paths[change.place]) for change in found]


@history_page("history/changes.<str:form>", "history_changes_export")
def export_changes(request: HttpRequest, form: str) -> HttpResponseBase:
    """Export what the page of changes finds."""
    _check_form(form)
    sight = sight_of(request)
    question = forms.ChangesForm(request.GET, Places(sight)).question()
    pages = pages_of(
        lambda place: sight.changes(question, place, _BATCH),
        forms.place_in(request.GET, forms.change_at),
        lambda found: _changes_as_rows(sight, found),
        forms.mark_of_change,
        lambda change: change.place,
    )
    return exported(request, "changes", form, _CHANGE_COLUMNS, pages)


def _changes_as_rows(sight: Sight, found: list[Change]) -> list[dict[str, Any]]:
    places = [change.place for change in found]
    paths, values = reader.paths_of(places), _values_of(sight, places)
    return [
        {
            **change._asdict(),
            "at": change.at.isoformat(),
            "type": OBJECTS[ObjectType(change.type)].name,
            "properties": paths[change.place],
            **values[change.place],
        }
        for change in found
    ]


def _values_of(sight: Sight, places: Sequence[Place]) -> dict[Place, dict[str, Any]]:
    """Return the properties of each of these changes with their former and new values."""
    records = list(ChangeRecord.objects.filter(pk__in=places))
    permitted = sight.showing_permissions({(row.type, row.dbid) for row in records})
    return {
        Place(row.revision, row.seq): {
            "values": [
                {"property": one.path, "former": masked(one.former), "value": masked(one.value)}
                for one in differences_of(row, permissions=(row.type, row.dbid) in permitted)
            ],
            "former_kept": sides_of(row).known,
        }
        for row in records
    }


# ---------------------------------------------------------------- transactions


@history_page("history/transactions/", "history_transactions")
def transactions(request: HttpRequest) -> HttpResponse:
    """Show the transactions that a search finds, newest first."""
    form = forms.TransactionsForm(request.GET)
    context: dict[str, Any] = {"tab": "history_transactions", "form": form}
    if not form.is_valid():
        return page(request, "transactions", "History: transactions", status=400, **context)
    place = forms.place_in(request.GET, forms.number_at)
    found = sight_of(request).transactions(form.question(), place)
    context |= {
        "rows": [(head, counts_of(head)) for head in found.rows],
        "more": links_of(request, forms.mark_of_number(found.next)),
        "exports": exports_of(request, "history_transactions_export"),
        "floor": reader.floor(),
    }
    return page(request, "transactions", "History: transactions", **context)


@history_page("history/transactions.<str:form>", "history_transactions_export")
def export_transactions(request: HttpRequest, form: str) -> HttpResponseBase:
    """Export what the page of transactions finds."""
    _check_form(form)
    asked = forms.TransactionsForm(request.GET)
    sight, question = sight_of(request), asked.question()
    pages = pages_of(
        lambda place: sight.transactions(question, place, _BATCH),
        forms.place_in(request.GET, forms.number_at),
        lambda heads: [{**head._asdict(), "at": head.at.isoformat()} for head in heads],
        forms.mark_of_number,
    )
    return exported(request, "transactions", form, Head._fields, pages)


# ---------------------------------------------------------------- entries


@history_page("history/log/", "history_log")
def log(request: HttpRequest) -> HttpResponse:
    """Show sessions, logins and server events that a search finds, newest first."""
    form = forms.EntriesForm(request.GET)
    title = "History: sessions, logins, servers"
    context: dict[str, Any] = {"tab": "history_log", "form": form}
    if not form.is_valid():
        return page(request, "log", title, status=400, **context)
    place = forms.place_in(request.GET, forms.entry_at)
    found = sight_of(request).entries(form.question(), place)
    context |= {
        "rows": [ShownEntry(entry) for entry in found.rows],
        "more": links_of(request, forms.mark_of_entry(found.next)),
        "exports": exports_of(request, "history_log_export"),
        "sessions": reverse("admin:history_sessions"),
    }
    return page(request, "log", title, **context)


@history_page("history/log.<str:form>", "history_log_export")
def export_log(request: HttpRequest, form: str) -> HttpResponseBase:
    """Export what the page of entries finds."""
    _check_form(form)
    asked = forms.EntriesForm(request.GET)
    sight, question = sight_of(request), asked.question()
    pages = pages_of(
        lambda place: sight.entries(question, place, _BATCH),
        forms.place_in(request.GET, forms.entry_at),
        lambda entries: [entry_row(entry) for entry in entries],
        forms.mark_of_entry,
    )
    return exported(request, "log", form, ENTRY_COLUMNS, pages)


@history_page("history/sessions/", "history_sessions")
def sessions(request: HttpRequest) -> HttpResponse:
    """Lead to the list of sessions."""
    return HttpResponseRedirect(f"{reverse('admin:history_log')}?kind=sessions")


@history_page("history/sessions/<str:session>/", "history_session")
def session(request: HttpRequest, session: str) -> HttpResponse:
    """Show the life of a session as a timeline, with the changes that it made."""
    sight = sight_of(request)
    found = sight.entries(EntryQuestion(session=session), limit=200)
    made = sight.changes(reader.Question(session=session))
    life = life_of(found.rows, made.rows)
    context: dict[str, Any] = {
        "tab": "history_log",
        "session": session,
        "life": life,
        "more_entries": found.next is not None,
        "more_changes": made.next is not None,
        "changes": reverse("admin:history_transactions"),
    }
    status = 200 if life.moments else 404
    return page(request, "session", f"Session {session}", status=status, **context)


def _check_form(form: str) -> None:
    if form not in CONTENT_TYPES:
        raise Http404(f"there is no export as {form}: csv, json or xml")
