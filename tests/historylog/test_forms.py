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
def test_what_is_wrong_asks_for_everything_and_is_marked(wrong: dict[str, str]) -> None:
    form = forms.ChangesForm({**wrong, "name": "Anna"})
    assert form.question() == Question()
    assert list(form.errors) == list(wrong)


def test_filters_that_are_in_use_are_not_folded_away() -> None:
    assert not forms.ChangesForm({"name": "Anna"}).is_narrow()
    assert forms.ChangesForm({"session": "s"}).is_narrow()
    assert forms.ChangesForm({"tenant": "x"}).is_narrow()


@given(st.integers(0, 10**15), st.integers(0, 10**6))
def test_marks_of_changes_lead_back(revision: int, seq: int) -> None:
    place = Place(revision, seq)
    assert forms.change_at(forms.mark_of_change(place)) == place


@given(st.datetimes(datetime(1970, 1, 2), datetime(2200, 1, 1)), st.integers(1, 10**12))
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
