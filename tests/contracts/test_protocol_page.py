"""docs/reference/protocol.md is complete: messages with examples, error codes, close codes."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any, get_args

import msgspec
import pytest

from confwire.errors import ERRORS, CloseCode
from confwire.messages import ClientMessage, Message, ServerMessage

PAGE = Path(__file__).parents[2] / "docs/reference/protocol.md"
MESSAGES: dict[str, type[Message]] = {
    struct.__struct_config__.tag: struct
    for union in (ClientMessage, ServerMessage)
    for struct in get_args(union)
}


@cache
def page() -> str:
    """Return the page's text."""
    return PAGE.read_text()


def section(title: str) -> str:
    """Return the text under the heading that begins with a title, up to the next such heading."""
    found = re.search(
        rf"^(#+) (?:[\d.]+ )?{title}.*?\n(.*?)(?=^#{{1,2}} |\Z)", page(), re.DOTALL | re.MULTILINE
    )
    assert found, f"no section {title}"
    return found[2]


def first_cells(text: str) -> set[str]:
    """Return what stands in backticks in the first column of the tables of a text."""
    return set(re.findall(r"^\| *`([^`]+)`", text, re.MULTILINE))


def values_in(block: str) -> Iterator[Any]:
    """Yield the JSON values that follow each other in a block."""
    decoder, text = json.JSONDecoder(), block.strip()
    while text:
        value, end = decoder.raw_decode(text)
        yield value
        text = text[end:].lstrip()


@cache
def examples() -> list[dict[str, Any]]:
    """Return every message in the page's blocks of JSON."""
    blocks = re.findall(r"^```json\n(.*?)^```", page(), re.DOTALL | re.MULTILINE)
    values = [value for block in blocks for value in values_in(block)]
    return [value for value in values if isinstance(value, dict) and "message" in value]


def unknown_keys(value: Any, kind: Any) -> set[str]:
    """Return the keys of an example, at any depth, that its struct does not have."""
    if isinstance(value, list):
        return set().union(*(unknown_keys(item, kind) for item in value))
    structs = [struct for struct in structs_of(kind) if not struct.__struct_config__.array_like]
    if not isinstance(value, dict) or not structs:
        return set()
    fields = {f.encode_name: f.type for f in msgspec.structs.fields(structs[0])}
    nested = (unknown_keys(value[key], fields[key]) for key in value.keys() & fields.keys())
    return set().union({*value} - {*fields} - {"message"}, *nested)


def structs_of(kind: Any) -> list[type[msgspec.Struct]]:
    """Return the structs inside a type, however wrapped in lists and unions."""
    if isinstance(kind, type) and issubclass(kind, msgspec.Struct):
        return [kind]
    return [struct for part in get_args(kind) for struct in structs_of(part)]


@pytest.mark.parametrize("name", sorted(MESSAGES))
def test_a_message_has_an_example(name: str) -> None:
    assert name in {example["message"] for example in examples()}


def test_every_example_is_a_message_of_its_form() -> None:
    for example in examples():
        kind = MESSAGES[example["message"]]
        assert not unknown_keys(example, kind), example
        msgspec.json.decode(json.dumps(example), type=kind)


def test_the_error_codes_are_those_of_the_code() -> None:
    assert first_cells(section("Error")) == set(ERRORS)


def test_the_close_codes_are_those_of_the_code() -> None:
    assert first_cells(section("Close codes")) == {str(int(code)) for code in CloseCode}


def test_an_example_with_an_unknown_key_would_be_noticed() -> None:
    bent = {"message": "objectsChanged", "changes": [{"objectType": "dn", "dbid": 1}]}
    assert unknown_keys(bent, MESSAGES["objectsChanged"]) == {"dbid"}
