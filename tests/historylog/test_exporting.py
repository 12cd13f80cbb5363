"""Exports are what they say, whatever the rows hold, and end at their limit with a mark."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from typing import Any
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from historylog.exporting import CONTENT_TYPES, Row, export

COLUMNS = ("number", "text", "list")
ROWS: list[Row] = [
    {"number": 1, "text": 'a "b", <c> & d\n', "list": ["x", "ü"]},
    {"number": 2, "text": "", "list": []},
]


def exported(form: str, *pages: tuple[list[Row], str], most: int = 10**6) -> str:
    return b"".join(export(form, COLUMNS, pages, most)).decode()


def test_csv_is_read_back() -> None:
    rows = list(csv.reader(io.StringIO(exported("csv", (ROWS, "")), newline="")))
    assert rows == [[*COLUMNS], ["1", 'a "b", <c> & d\n', '["x","ü"]'], ["2", "", "[]"]]


def test_json_is_read_back() -> None:
    found = json.loads(exported("json", (ROWS[:1], "m"), ([], "n"), (ROWS[1:], "")))
    assert found == {"rows": ROWS, "more": ""}


def test_xml_is_read_back() -> None:
    root = ElementTree.fromstring(exported("xml", (ROWS, "")))
    first, second = (row.attrib for row in root)
    assert first == {"number": "1", "text": 'a "b", <c> & d\n', "list": '["x","ü"]'}
    assert second["number"] == "2"


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@x", "\tx"])
def test_no_text_becomes_a_formula_of_a_spreadsheet(text: str) -> None:
    row: Row = {"number": -5, "text": text}
    rows = list(csv.reader(io.StringIO(exported("csv", ([row], "")), newline="")))
    assert rows[1] == ["-5", f"'{text}", ""]


@given(st.text())
def test_any_text_makes_well_formed_xml(text: str) -> None:
    ElementTree.fromstring(exported("xml", ([{"text": text}], text)))


@pytest.mark.parametrize("form", sorted(CONTENT_TYPES))
def test_it_ends_at_its_limit_and_says_where_to_go_on(form: str) -> None:
    read: list[int] = []

    def pages() -> Iterator[tuple[list[Row], str]]:
        for number in range(100):
            read.append(number)
            yield ROWS, f"mark {number}"

    pieces: list[Any] = list(export(form, COLUMNS, pages(), most=1000))
    assert len(read) < 30
    assert f"mark {read[-1]}" in pieces[-1].decode()


@pytest.mark.parametrize("form", sorted(CONTENT_TYPES))
def test_only_one_page_is_in_memory(form: str) -> None:
    pages = iter([(ROWS, "1"), (ROWS, "2"), (ROWS, "")])
    pieces = export(form, COLUMNS, pages)
    next(pieces)
    assert next(pages)[1] == "2"
