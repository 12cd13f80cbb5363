"""What options and texts may hold."""

from __future__ import annotations

from typing import Any

import pytest
from django.core.exceptions import ValidationError

from proxyapp.models.options import validate_mapping, validate_options, validate_text


@pytest.mark.parametrize("text", ["machine", "Пульт 1", "内線", "هاتف", "a\u200cb", "🎧"])
def test_names_of_every_script_are_taken(text: str) -> None:
    validate_text(text)


@pytest.mark.parametrize("text", ["a\0", "a\n", "\x1f", "a\ud800", "\x7f"])
def test_control_characters_and_half_characters_are_refused(text: str) -> None:
    with pytest.raises(ValidationError):
        validate_text(text)


def test_options_are_texts_and_integers() -> None:
    validate_options({"log": {"all": "stdout", "buffering": 1, "note": "two\nlines"}})


@pytest.mark.parametrize(
    "value",
    [
        [],
        {"log": "all"},
        {"log": {"all": None}},
        {"log": {"all": True}},
        {"log": {"all": 1.5}},
        {"": {}},
        {"log": {"": "x"}},
        {"log": {"a" * 256: "x"}},
        {"log": {"a\n": "x"}},
        {"log": {"all": "a\0b"}},
    ],
)
def test_other_options_are_refused(value: Any) -> None:
    with pytest.raises(ValidationError):
        validate_options(value)


@pytest.mark.parametrize("value", [[], {"a": 1}, {"a": "b\0"}])
def test_mappings_hold_texts(value: Any) -> None:
    validate_mapping({"a": "b"})
    with pytest.raises(ValidationError):
        validate_mapping(value)
