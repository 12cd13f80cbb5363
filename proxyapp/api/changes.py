"""The newest changes on a server's own pages, from the memory of its node.

They work while the master is away. The node says what the viewer may see.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from typing import Any
from urllib.parse import urlencode

import msgspec
from django.http import HttpRequest, HttpResponse

from confwire.objects import OBJECTS, ObjectType
from historylog import forms
from historylog.addresses import links_of
from historylog.paths import Difference, differences
from historylog.reader import Place
from historylog.showing import CHANGE_SIGNS
from historylog.values import masked
from proxyapp.api.history import Refused, look, page, refused

_LONGEST = 500  # characters of a value that are shown


@dataclass(frozen=True)
class ShownChange:
    """A change as the page shows it."""

    data: dict[str, Any]

    @property
    def kind(self) -> str:
        """What became of the object: "created", "changed" or "deleted"."""
        if self.data["former"] is None:
            return "created"
        return "changed" if self.data["document"] is not None else "deleted"

    @property
    def sign(self) -> str:
        """The sign of its kind."""
        return CHANGE_SIGNS[self.kind]

    @property
    def at(self) -> datetime:
        """When it was committed."""
        return datetime.fromtimestamp(self.data["at"], UTC)

    @property
    def title(self) -> str:
        """The title of the object's type."""
        return OBJECTS[ObjectType(self.data["type"])].title

    @cached_property
    def lines(self) -> list[tuple[str, str, str]]:
        """The properties that a change concerns, each with its former and its new value."""
        if self.kind != "changed":
            return []
        info = OBJECTS[ObjectType(self.data["type"])]
        return [_line(one) for one in differences(info, self.data["former"], self.data["document"])]


def _line(one: Difference) -> tuple[str, str, str]:
    return one.path, _text(one.former), _text(one.value)


def _text(value: Any) -> str:
    if value is None:
        return ""
    value = masked(value)
    text = value if isinstance(value, str) else msgspec.json.encode(value).decode()
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]} …"


def changes(request: HttpRequest) -> HttpResponse:
    """Show the changes in memory that a search finds, newest first."""
    form = forms.RecentForm(request.GET)
    try:
        if not form.is_valid():
            look(request, "/hidden")
            return page(request, "changes", {"form": form}, 400)
        question: dict[str, Any] = form.given()
        place = forms.place_in(request.GET, forms.change_at)
        if place is not None:
            question["before"] = forms.mark_of_change(place)
        found = look(request, f"/changes?{urlencode(question)}")
    except Refused as refusal:
        return refusal.response
    except forms.Nonsense as error:
        return refused(request, 400, str(error))
    mark = forms.mark_of_change(Place(*found["next"])) if found["next"] else ""
    context = {
        "form": form,
        "rows": [ShownChange(row) for row in found["changes"]],
        "begin": found["begin"],
        "more": links_of(request, mark),
    }
    return page(request, "changes", context)
