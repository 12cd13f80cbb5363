"""What the pages of the history have in common: how they name, mark, link and page.

Everything is judged by the sight of the person who asks. A kind is told by a sign and a word, so
that nobody needs the colour.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import wraps
from typing import Any

import msgspec
from django.http import Http404, HttpRequest, HttpResponseBase
from django.template.response import TemplateResponse
from django.urls import reverse

from confwire.objects import OBJECTS, Field, Kind, ObjectType
from historylog.addresses import query_of
from historylog.forms import Nonsense
from historylog.paging import Found
from historylog.paths import PERMISSIONS, Difference
from historylog.records import Head
from historylog.showing import CHANGE_SIGNS
from historylog.values import masked
from proxyapp.admin.door import author_of
from proxyapp.admin.history.offers import may_revert
from proxyapp.admin.naming import title_of
from proxyapp.admin.rights import words_of
from proxyapp.admin.site import site
from proxyapp.models.door import Key
from proxyapp.services.browsing import Sight
from proxyapp.services.integrity import names_of

_LONGEST = 2_000  # characters of a value that a page shows
_LEAD = 100  # characters of them before the first difference
_PATHS = 6  # properties that a row of a list names
_MASK_OF = 3  # parts of a grant: type, DBID, mask
_MOST = 2**63 - 1
_LARGE_AT_ONCE = 20  # rows of an export that may have megabytes each
_View = Callable[..., HttpResponseBase]


def history_page(route: str, name: str) -> Callable[[_View], _View]:
    """Return a decorator that makes a view a page, which says what it cannot show, and why."""

    def added(view: _View) -> _View:
        @site.page(route, name)
        @wraps(view)
        def answered(request: HttpRequest, *args: Any, **given: Any) -> HttpResponseBase:
            try:
                _check_address(given)
                return view(request, *args, **given)
            except Http404 as error:
                title, status, text = "Not in the history", 404, str(error)
            except Nonsense as error:
                title, status, text = "This cannot be asked", 400, str(error)
            return page(request, "refused", title, status=status, refusal=text)

        return answered

    return added


def _check_address(given: Mapping[str, Any]) -> None:
    """Refuse what no database could look for."""
    for value in given.values():
        if (isinstance(value, int) and value > _MOST) or (isinstance(value, str) and "\0" in value):
            raise Http404("there is nothing of this number or name in the history")


def sight_of(request: HttpRequest) -> Sight:
    """Return what the person who asks may see."""
    return Sight(author_of(request))


def page(
    request: HttpRequest, template: str, title: str, status: int = 200, **context: Any
) -> TemplateResponse:
    """Return a page of the history."""
    type_, dbid = context.get("type", 0), context.get("dbid", 0)
    if context.get("folder"):
        type_, dbid = int(ObjectType.FOLDER), context["folder"]
    offered = {"may_revert": may_revert(request, type_, dbid)}
    whole = {**site.each_context(request), **offered, "title": title, **context}
    return TemplateResponse(request, f"admin/history/{template}.html", whole, status=status)


def exports_of(request: HttpRequest, name: str) -> list[tuple[str, str]]:
    """Return the addresses of the exports of what a page searches."""
    query = query_of(request, after="")
    return [
        (form.upper(), f"{reverse(f'admin:{name}', args=[form])}?{query}")
        for form in ("csv", "json", "xml")
    ]


def pages_of(
    read: Callable[[Any], Found[Any, Any]],
    start: Any,
    row_of: Callable[[list[Any]], Sequence[Mapping[str, Any]]],
    mark_of: Callable[[Any], str],
    place_of: Callable[[Any], Any] | None = None,
) -> Iterator[tuple[Sequence[Mapping[str, Any]], str]]:
    """Yield a search's pages for an export, each read when the one before is written.

    Args:
        place_of: where a row stands, if rows become large: then few are in memory at once.
    """
    place = start
    while True:
        found = read(place)
        place, rows = found.next, found.rows
        while place_of is not None and len(rows) > _LARGE_AT_ONCE:
            part, rows = rows[:_LARGE_AT_ONCE], rows[_LARGE_AT_ONCE:]
            yield row_of(part), mark_of(place_of(part[-1]))
        yield row_of(rows), mark_of(place)
        if place is None:
            return


# ---------------------------------------------------------------- objects


def object_url(type_: int, dbid: int) -> str:
    """Return the address of the history of an object."""
    return reverse("admin:history_object", args=[type_, dbid])


@dataclass(slots=True)
class Row:
    """A change in a list."""

    change: Any
    paths: Sequence[str] = ()

    @property
    def sign(self) -> str:
        """The sign of its kind."""
        return CHANGE_SIGNS[self.change.kind]

    @property
    def title(self) -> str:
        """The title of the object's type."""
        return title_of(self.change.type)

    @property
    def url(self) -> str:
        """Where the history of the object is."""
        return object_url(self.change.type, self.change.dbid)

    @property
    def few_paths(self) -> Sequence[str]:
        """The first of the properties."""
        return self.paths[:_PATHS]

    @property
    def more_paths(self) -> int:
        """How many others there are."""
        return max(0, len(self.paths) - _PATHS)


def counts_of(head: Head) -> list[tuple[str, str, int]]:
    """Return sign, kind and number of what a transaction did."""
    counts = {"created": head.created, "changed": head.changed, "deleted": head.deleted}
    return [(CHANGE_SIGNS[kind], kind, count) for kind, count in counts.items() if count]


# ---------------------------------------------------------------- values


@dataclass(slots=True)
class Line:
    """A property with its two values, as a page shows it."""

    path: str
    former: str
    value: str
    mark: str
    """ "added", "removed", "changed", or empty when both are the same."""
    sign: str


@dataclass(slots=True)
class Words:
    """Puts values into words: references get the names that the viewer may read."""

    sight: Sight
    _names: dict[Key, str] = field(default_factory=dict)

    def lines(self, type_: int, found: Collection[Difference]) -> list[Line]:
        """Return properties of an object of a type for a page."""
        return self.lines_of_many([(type_, found)])[0]

    def lines_of_many(
        self, found: Sequence[tuple[int, Collection[Difference]]]
    ) -> list[list[Line]]:
        """Return the properties of many objects; the names are looked up together."""
        self._learn(
            key
            for type_, differences in found
            for one in differences
            for value in (one.former, one.value)
            for key in _references(type_, one.path, value)
        )
        return [[self._line(type_, one) for one in differences] for type_, differences in found]

    def _line(self, type_: int, one: Difference) -> Line:
        mark, sign = mark_of(one)
        former, value = (self._text(type_, one.path, side) for side in (one.former, one.value))
        return Line(one.path, *shortened(former, value), mark, sign)

    def _learn(self, keys: Iterable[Key]) -> None:
        new = {key for key in keys if key not in self._names}
        readable = self.sight.readable(new)
        names = names_of(readable)
        self._names |= {key: names.get(key, "") if key in readable else "" for key in new}

    def _text(self, type_: int, path: str, value: Any) -> str:
        if value is None:
            return ""
        if path == PERMISSIONS:
            return "\n".join(self._grant(grant) for grant in value) or "none"
        keys = _references(type_, path, value)
        if keys and isinstance(value, int | list):
            return ", ".join(map(self._called, keys))
        value = masked(value)
        return value if isinstance(value, str) else msgspec.json.encode(value).decode()

    def _called(self, key: Key) -> str:
        name = self._names.get(key, "")
        return f"{key[1]} ({name})" if name not in ("", str(key[1])) else str(key[1])

    def _grant(self, grant: Sequence[int]) -> str:
        type_, dbid, mask = grant[:_MASK_OF]
        return f"{title_of(type_)} {self._called((type_, dbid))}: {words_of(mask)}"


def shortened(former: str, value: str) -> tuple[str, str]:
    """Return two texts not too long for a page: of long ones the part where they first differ."""
    start, shorter, longer = 0, *sorted((len(former), len(value)))
    if longer > _LONGEST and former != value:
        pairs = enumerate(zip(former, value, strict=False))
        start = max(0, next((at for at, (one, two) in pairs if one != two), shorter) - _LEAD)
    return _part(former, start), _part(value, start)


def _part(text: str, start: int) -> str:
    end = start + _LONGEST
    return f"{'… ' if start and text else ''}{text[start:end]}{' …' if len(text) > end else ''}"


def mark_of(one: Difference) -> tuple[str, str]:
    """Return the word and the sign for what became of a property."""
    if one.former == one.value:
        return ("changed", "~") if one.path == "secret" else ("", "")
    if one.former is None:
        return "added", "+"
    if one.value is None:
        return "removed", "−"
    return "changed", "~"


def _references(type_: int, path: str, value: Any) -> list[Key]:
    """Return the objects that a value of a property refers to."""
    if path == PERMISSIONS:
        return [(grant[0], grant[1]) for grant in value or ()]
    item = _field_of(OBJECTS[ObjectType(type_)].fields, path)
    if item is None or item.target is None:
        return []
    dbids = value if isinstance(value, list) else [value]
    return [(int(item.target), dbid) for dbid in dbids if isinstance(dbid, int)]


def _field_of(fields: Iterable[Field], path: str) -> Field | None:
    first, _, rest = path.partition(".")
    for item in fields:
        if item.name == first:
            if not rest:
                return item
            return _field_of(item.fields, rest) if item.kind is Kind.STRUCT else None
    return None
