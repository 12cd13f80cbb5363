"""What people fill in to search the history, and the questions that it makes.

Times are UTC. Marks stand in addresses for where the next page begins. Knows no pages.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol, TypeVar

from django import forms

from confwire.objects import OBJECTS
from historylog.entries import Kind
from historylog.entryreader import GROUPS, EntryPlace, EntryQuestion
from historylog.models.changes import KINDS
from historylog.reader import Place, Question

_P = TypeVar("_P")

_MOST = 2**63 - 1
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_TYPES = [(int(type_), info.title) for type_, info in OBJECTS.items()]
_TYPE_CHOICES = [("", "every type"), *sorted(_TYPES, key=lambda pair: pair[1])]
_ENTRY_KINDS = [
    ("", "everything"),
    *((group, f"all {group}") for group in GROUPS),
    *((kind.value, "") for kind in Kind),
]


class Nonsense(Exception):
    """An address asks for what cannot be; the text says which part of it, and what to do."""


def words_of_kind(kind: str) -> str:
    """Return the kind of an entry for people: "session opened"."""
    return "".join(f" {letter.lower()}" if letter.isupper() else letter for letter in kind)


class _Moment(forms.DateTimeField):
    def __init__(self, label: str) -> None:
        widget = forms.DateTimeInput(
            attrs={"type": "datetime-local", "step": "1"}, format="%Y-%m-%dT%H:%M:%S"
        )
        super().__init__(required=False, label=label, widget=widget)

    def clean(self, value: Any) -> Any:
        """Return the time in UTC, which it is in where no zone is given."""
        found = super().clean(value)
        try:
            return found.astimezone(UTC) if found is not None else None
        except OverflowError as error:
            raise forms.ValidationError("There is no such time in UTC.") from error


class _Number(forms.IntegerField):
    def __init__(self, label: str) -> None:
        super().__init__(required=False, label=label, min_value=1, max_value=_MOST)


class PlacesLike(Protocol):
    """Who knows the tenants and folders that people name."""

    def find(self, kind: str, text: str) -> int:
        """Return the DBID of a tenant or folder; ValidationError where there is not one."""

    def suggestions(self, kind: str) -> list[str]:
        """Return what may be named."""


class PlaceField(forms.CharField):
    """A tenant or folder: its DBID, its name, or a path; its value is the DBID, None for none."""

    def __init__(self, kind: str, label: str) -> None:
        self._kind = kind
        self.places: PlacesLike | None = None
        hint = "DBID, name or path" if kind == "folder" else "DBID or name"
        attributes = {"placeholder": hint, "list": f"id_{kind}_suggested"}
        widget = forms.TextInput(attrs=attributes)
        super().__init__(required=False, label=label, max_length=2_000, widget=widget)

    @property
    def suggestions(self) -> list[str]:
        """What people may mean."""
        return self.places.suggestions(self._kind) if self.places is not None else []

    def clean(self, value: Any) -> int | None:
        """Return the DBID."""
        text = super().clean(value)
        if not text:
            return None
        if text.isdecimal() and text.isascii():
            if not 0 < int(text) <= _MOST:
                raise forms.ValidationError("There is no such DBID.")
            return int(text)
        if self.places is None:
            raise forms.ValidationError("Enter a DBID.")
        return self.places.find(self._kind, text)


class _Text(forms.CharField):
    def __init__(self, label: str, hint: str = "") -> None:
        widget = forms.TextInput(attrs={"placeholder": hint} if hint else {})
        super().__init__(required=False, label=label, max_length=500, widget=widget)


class _SearchForm(forms.Form):
    """A form in an address: what is not given does not matter."""

    def given(self) -> dict[str, Any]:
        """Return what was filled in.

        Raises:
            Nonsense: with all that is wrong, for pages that cannot show the form.
        """
        wrong = [f"{name}: {' '.join(map(str, texts))}" for name, texts in self.errors.items()]
        if wrong:
            raise Nonsense(f"correct this in the address, or leave it out: {' '.join(wrong)}")
        return {name: value for name, value in self.cleaned_data.items() if value}


def know(form: forms.Form, places: PlacesLike | None) -> None:
    """Let a form take tenants and folders by their names."""
    for one in form.fields.values():
        if isinstance(one, PlaceField):
            one.places = places


class TransactionsForm(_SearchForm):
    """Who changed something, where from, and when."""

    by = _Text("Person", "user name")
    application = _Text("Application")
    server = _Text("Server")
    session = _Text("Session")
    since = _Moment("From (UTC)")
    until = _Moment("Before (UTC)")
    revision = _Number("Revision")

    def question(self) -> Question:
        """Return the question.

        Raises:
            Nonsense: as of `given`.
        """
        return Question(**{name: _plain(name, value) for name, value in self.given().items()})


class ChangesForm(TransactionsForm):
    """The same, and of which objects."""

    type = forms.TypedChoiceField(
        required=False,
        coerce=int,
        label="Type",
        choices=_TYPE_CHOICES,
    )
    name = _Text("Name begins with")
    dbid = _Number("DBID")
    kind = forms.ChoiceField(
        required=False, label="Kind", choices=[("", "every kind"), *((k, k) for k in KINDS)]
    )
    path = _Text("Property", "options.log. or state")
    tenant = PlaceField("tenant", "Tenant")
    folder = PlaceField("folder", "Folder")
    field_order = ("name", "type", "kind", "path", "by", "since", "until", "application")
    FIRST = ("name", "type", "kind", "path", "by", "since", "until")
    """Fields that are always shown; the others may be folded away."""

    def __init__(self, data: Mapping[str, Any], places: PlacesLike | None = None) -> None:
        """Take what was filled in; without places, tenants and folders have DBIDs only."""
        super().__init__(data)
        know(self, places)

    def is_narrow(self) -> bool:
        """Whether one of the fields that may be folded away is filled in, or wrong."""
        wrong = self.errors.keys()
        given = {name for name, value in self.cleaned_data.items() if value}
        return bool((given | wrong) - set(self.FIRST))


class RecentForm(_SearchForm):
    """Of which objects, and who: for servers that have the changes in memory only."""

    type = forms.TypedChoiceField(required=False, coerce=int, label="Type", choices=_TYPE_CHOICES)
    dbid = _Number("DBID")
    by = _Text("Person", "user name")


class EntriesForm(_SearchForm):
    """Sessions, logins and server events."""

    kind = forms.ChoiceField(
        required=False,
        label="Kind",
        choices=[(value, words or words_of_kind(value)) for value, words in _ENTRY_KINDS],
    )
    user = _Text("Person", "user name")
    application = _Text("Application")
    server = _Text("Server")
    session = _Text("Session")
    since = _Moment("From (UTC)")
    until = _Moment("Before (UTC)")

    def question(self) -> EntryQuestion:
        """Return the question.

        Raises:
            Nonsense: as of `given`.
        """
        return EntryQuestion(**{name: _plain(name, value) for name, value in self.given().items()})


class PastForm(forms.Form):
    """A point in the past: a revision or a time."""

    revision = forms.IntegerField(required=False, label="Revision", min_value=0, max_value=_MOST)
    time = _Moment("or time (UTC)")


class SpanForm(PastForm):
    """Two points in the past; the later one is the present when it is not given."""

    until = forms.IntegerField(required=False, label="up to revision", min_value=0, max_value=_MOST)
    until_time = _Moment("or up to time (UTC)")


def _plain(name: str, value: Any) -> Any:
    return value.replace("\0", "") if isinstance(value, str) else value


# ---------------------------------------------------------------- marks


def place_in(query: Mapping[str, str], place_at: Callable[[str], _P | None]) -> _P | None:
    """Return the place behind which a page of a list begins; None for the first page.

    Raises:
        Nonsense: the address has a mark that is none.
    """
    mark = query.get("after", "")
    place = place_at(mark)
    if mark and place is None:
        raise Nonsense("after is no mark of this list: leave it out to begin at the first page")
    return place


def number_in(query: Mapping[str, str], name: str) -> int | None:
    """Return a number of an address; None where there is none.

    Raises:
        Nonsense: it is something else.
    """
    text = query.get(name, "").strip()
    number = number_at(text)
    if text and number is None:
        raise Nonsense(f"{name} must be a whole number: correct it in the address, or leave it out")
    return number


def mark_of_change(place: Place | None) -> str:
    """Return the mark of a change: "17.2"."""
    return f"{place.revision}.{place.seq}" if place is not None else ""


def change_at(mark: str) -> Place | None:
    """Return the place of a mark; None for what is none."""
    numbers = _numbers(mark)
    return Place(*numbers) if len(numbers) == 2 else None


def mark_of_number(number: int | None) -> str:
    """Return the mark of a transaction, or of a place in one."""
    return "" if number is None else str(number)


def number_at(mark: str) -> int | None:
    """Return the number of a mark; None for what is none."""
    numbers = _numbers(mark)
    return numbers[0] if len(numbers) == 1 else None


def mark_of_entry(place: EntryPlace | None) -> str:
    """Return the mark of an entry: microseconds since 1970, and its number."""
    if place is None:
        return ""
    return f"{(place.at - _EPOCH) // timedelta(microseconds=1)}.{place.id}"


def entry_at(mark: str) -> EntryPlace | None:
    """Return the place of a mark; None for what is none."""
    numbers = _numbers(mark.removeprefix("-"))
    if len(numbers) != 2:
        return None
    time = -numbers[0] if mark.startswith("-") else numbers[0]  # a clock may be before 1970
    try:
        return EntryPlace(_EPOCH + timedelta(microseconds=time), numbers[1])
    except OverflowError:
        return None


def _numbers(mark: str) -> list[int]:
    parts = mark.split(".")
    if not all(part.isdecimal() and part.isascii() and len(part) < 19 for part in parts):
        return []
    return [int(part) for part in parts]
