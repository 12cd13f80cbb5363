"""The page of a transaction: what it did, grouped by type and kind, and change by change."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse

from confwire.objects import OBJECTS
from historylog import forms
from historylog.addresses import links_of, query_of
from historylog.models import ChangeRecord
from historylog.showing import CHANGE_SIGNS
from historylog.values import differences_of, sides_of
from proxyapp.admin.history.words import (
    Line,
    Words,
    counts_of,
    history_page,
    object_url,
    page,
    sight_of,
)
from proxyapp.admin.naming import title_of
from proxyapp.services.browsing import Sight

_OPEN = 5  # changes whose values are unfolded when there are no more than these


@dataclass(frozen=True, slots=True)
class Step:
    """A change with its values, as pages show it."""

    record: ChangeRecord
    lines: list[Line]
    known: bool

    @property
    def sign(self) -> str:
        """The sign of its kind."""
        return CHANGE_SIGNS[self.record.kind]

    @property
    def title(self) -> str:
        """The title of the object's type."""
        return title_of(self.record.type)

    @property
    def url(self) -> str:
        """Where the history of the object is."""
        return object_url(self.record.type, self.record.dbid)


def steps_of(sight: Sight, records: Sequence[ChangeRecord]) -> list[Step]:
    """Return changes with their values."""
    permitted = sight.showing_permissions({(row.type, row.dbid) for row in records})
    found = [
        (row.type, differences_of(row, permissions=(row.type, row.dbid) in permitted))
        for row in records
    ]
    lines = Words(sight).lines_of_many(found)
    return [
        Step(row, shown, sides_of(row).known) for row, shown in zip(records, lines, strict=True)
    ]


@history_page("history/transactions/<int:revision>/", "history_transaction")
def transaction(request: HttpRequest, revision: int) -> HttpResponse:
    """Show what a transaction did."""
    sight = sight_of(request)
    head = sight.transaction(revision)
    if head is None:
        raise Http404(f"there is no transaction {revision}, or it is not kept any more")
    type_, kind = forms.number_in(request.GET, "type") or 0, request.GET.get("kind", "")
    if kind and kind not in CHANGE_SIGNS:
        raise forms.Nonsense(f"kind must be one of {', '.join(CHANGE_SIGNS)}, or left out")
    if type_ and type_ not in OBJECTS:
        raise forms.Nonsense("type must be the number of a type of objects, or left out")
    after = forms.place_in(request.GET, forms.number_at)
    found = sight.steps(revision, type_=type_, kind=kind, after=-1 if after is None else after)
    groups = sight.groups(revision)
    context: dict[str, Any] = {
        "tab": "history_transactions",
        "head": head,
        "counts": counts_of(head),
        "groups": [
            (
                CHANGE_SIGNS[group.kind],
                group,
                title_of(group.type),
                query_of(request, type=str(group.type), kind=group.kind, after=""),
                (group.type, group.kind) == (type_, kind),
            )
            for group in groups.groups
        ],
        "groups_whole": groups.whole,
        "steps": steps_of(sight, found.rows),
        "unfolded": len(found.rows) <= _OPEN,
        "filtered": bool(type_ or kind),
        "more": links_of(request, forms.mark_of_number(found.next)),
    }
    return page(request, "transaction", f"Transaction {revision}", **context)
