"""Options as text."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from confwire.objects import Options
from proxyapp.admin.optiontext import OptionTextError, parse, serialize

NAMES = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=20)
VALUES = st.one_of(
    st.text(max_size=30),
    st.integers(-(2**63), 2**63 - 1),
    st.integers().map(str),
    st.sampled_from(
        [
            "",
            " ",
            '"',
            "[x]",
            "a = b",
            "line\nline",
            "\u2028",
            "\x7f",
            "007",
            "-0",
            "(secret)",
            'secret "x"',
            'secret"',
        ]
    ),
)
OPTIONS = st.dictionaries(NAMES, st.dictionaries(NAMES, VALUES, max_size=4), max_size=4)


@given(OPTIONS)
def test_options_come_back_from_their_text(options: dict[str, dict[str, str | int]]) -> None:
    again = parse(serialize(options))

    assert again == options
    assert _types(again) == _types(options)


def _types(options: dict[str, dict[str, str | int]]) -> dict[tuple[str, str], type]:
    return {
        (section, name): type(value)
        for section, values in options.items()
        for name, value in values.items()
    }


@given(OPTIONS)
def test_line_ends_of_a_browser_change_nothing(options: dict[str, dict[str, str | int]]) -> None:
    assert parse(serialize(options).replace("\n", "\r\n")) == options


def test_text_is_readable() -> None:
    options = {"log": {"verbose": "all", "segment": 10, "name": "10", "Слово": "да = нет"}}

    assert serialize(options) == (
        '[log]\nname = "10"\nsegment = 10\nverbose = all\nСлово = да = нет'
    )


def test_a_number_with_leading_zeros_is_a_text() -> None:
    assert parse("[dial]\nprefix = 00") == {"dial": {"prefix": "00"}}


def test_an_empty_value_is_the_empty_text() -> None:
    assert parse("[log]\nall =") == {"log": {"all": ""}}


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("verbose = all", "line 1: option verbose stands in no section"),
        ("[log]\n\nverbose", "line 3: write `option = value`"),
        ("[log]\na = 1\na = 2", "line 3: option a is there twice"),
        ("[log]\n[log]", "line 2: section .log. is there twice"),
        ("[log", "line 1: a section ends with ]"),
        ("[]", "line 1: a section needs a name"),
        ("[log]\n= 1", "line 2: an option needs a name"),
        ('[log]\na = "x', "line 2: the quoted text is not right"),
        ('[log]\na = "x" y', "line 2: option a: nothing may follow"),
        ("[log]\na = 99999999999999999999", "line 2: option a: the number is too large"),
    ],
)
def test_what_cannot_be_read_is_named_by_its_line(text: str, problem: str) -> None:
    with pytest.raises(OptionTextError, match=problem):
        parse(text)


OPAQUE = "secret:1:5e3f7c1d20a94b86:AAAA"


def test_a_secret_is_shown_by_a_word_that_keeps_it() -> None:
    options: Options = {"db": {"password": OPAQUE, "port": 1}}
    text = serialize(options)
    assert text == "[db]\npassword = (secret)\nport = 1"
    assert parse(text, options) == options


def test_a_secret_is_given_once() -> None:
    assert parse('[db]\na = secret "x = y"\nb = secret x') == {
        "db": {"a": {"secret": "x = y"}, "b": "secret x"}
    }


@pytest.mark.parametrize("text", ["[db]\nother = (secret)", "[dc]\npassword = (secret)"])
def test_the_word_keeps_a_secret_only_where_one_stood(text: str) -> None:
    with pytest.raises(OptionTextError, match=r'was no secret: to make it one write .* = secret "'):
        parse(text, {"db": {"password": OPAQUE, "other": "x"}})
