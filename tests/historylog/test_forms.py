"""What people fill in becomes questions; marks lead back to where they were made."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from historylog import forms
from historylog.entryreader import EntryPlace, EntryQuestion
from historylog.reader import Place, Question


def test_nothing_filled_in_asks_for_everything() -> None:
    assert forms.ChangesForm({}).question() == Question()
    assert forms.EntriesForm({"kind": "", "user": " "}).question() == EntryQuestion()


def test_what_is_filled_in_is_asked() -> None:
    given = {"name": "Anna", "type": "3", "since": "2026-01-02T03:04:05", "path": "options."}
    assert forms.ChangesForm(given).question() == Question(
        name="Anna", type=3, since=datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC), path="options."
    )


@pytest.mark.parametrize(
    "wrong",
    [{"type": "9999"}, {"since": "yesterday"}, {"dbid": "-1"}, {"dbid": str(2**64)}, {"kind": "x"}],
)
def test_what_is_wrong_is_no_question_and_is_marked(wrong: dict[str, str]) -> None:
    form = forms.ChangesForm({**wrong, "name": "Anna"})
    with pytest.raises(forms.Nonsense, match="correct this in the address"):
        form.question()
    assert list(form.errors) == list(wrong)


@pytest.mark.parametrize(
    ("text", "hour"), [("T12:00", 12), ("T12:00Z", 12), ("T12:00+02:00", 10), (" 12:00:00", 12)]
)
def test_a_time_is_utc_unless_it_names_a_zone(text: str, hour: int) -> None:
    question = forms.EntriesForm({"since": f"2026-03-29{text}"}).question()
    assert question.since == datetime(2026, 3, 29, hour, tzinfo=UTC)


@pytest.mark.parametrize("text", ["0001-01-01T00:00+14:00", "9999-12-31T23:59-14:00"])
def test_a_time_that_utc_does_not_have_is_refused(text: str) -> None:
    assert "no such time" in str(forms.EntriesForm({"since": text}).errors)


@pytest.mark.parametrize("read", [forms.change_at, forms.number_at, forms.entry_at])
def test_a_page_begins_at_a_mark_or_at_none(read: Any) -> None:
    assert forms.place_in({}, read) is None
    with pytest.raises(forms.Nonsense, match="after"):
        forms.place_in({"after": "x.1"}, read)


def test_a_number_of_an_address_is_one_or_none() -> None:
    assert forms.number_in({}, "n") is None
    assert forms.number_in({"n": " 7 "}, "n") == 7
    with pytest.raises(forms.Nonsense, match="n must be a whole number"):
        forms.number_in({"n": "x"}, "n")


def test_filters_that_are_in_use_are_not_folded_away() -> None:
    assert not forms.ChangesForm({"name": "Anna"}).is_narrow()
    assert forms.ChangesForm({"session": "s"}).is_narrow()
    assert forms.ChangesForm({"tenant": "x"}).is_narrow()


@given(st.integers(0, 10**15), st.integers(0, 10**6))
def test_marks_of_changes_lead_back(revision: int, seq: int) -> None:
    place = Place(revision, seq)
    assert forms.change_at(forms.mark_of_change(place)) == place


@given(st.datetimes(datetime(1, 1, 1), datetime(2200, 1, 1)), st.integers(1, 10**12))
def test_marks_of_entries_lead_back(at: datetime, number: int) -> None:
    place = EntryPlace(at.replace(tzinfo=UTC), number)
    assert forms.entry_at(forms.mark_of_entry(place)) == place


@pytest.mark.parametrize("mark", ["", "x", "1.2.3", "-1", "1.", "²", "9" * 30, "9" * 18 + ".1"])
@pytest.mark.parametrize("read", [forms.change_at, forms.number_at, forms.entry_at])
def test_what_is_no_mark_is_no_place(mark: str, read: Any) -> None:
    found = read(mark)
    assert found is None or mark == "9" * 18 + ".1"


def test_kinds_have_words() -> None:
    assert forms.words_of_kind("sessionOpened") == "session opened"
    labels = dict(forms.EntriesForm().fields["kind"].choices)  # type: ignore[attr-defined]
    assert labels["webLoginRefused"] == "web login refused"
