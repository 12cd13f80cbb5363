"""Steps come after what they need; cycles are broken where something can be left out."""

from __future__ import annotations

from typing import Any

import pytest

from confwire.objects import OBJECTS, ObjectType
from proxyapp.services.environments.errors import FileError
from proxyapp.services.environments.natural_keys import NaturalKey
from proxyapp.services.environments.ordering import in_order
from proxyapp.services.environments.reading import Entry
from proxyapp.services.environments.steps import Step

T = ObjectType


def application(name: str, *servers: str, template: str = "") -> Entry:
    """Return an application that connects to others."""
    given: dict[str, Any] = {"name": name}
    if servers:
        given["appServers"] = [{"appServerDBID": NaturalKey(T.APPLICATION, (s,))} for s in servers]
    if template:
        given["appPrototypeDBID"] = NaturalKey(T.APPLICATION, (template,))
    key = NaturalKey(T.APPLICATION, (name,))
    return Entry(OBJECTS[T.APPLICATION], key, given, name, None, {}, [])


def order(*entries: Entry) -> list[str]:
    """Return the order of the steps that create these."""
    by_key = {entry.key: entry for entry in entries}
    steps = in_order([Step("+", entry, entry.given) for entry in entries], by_key.get)
    return [f"{step.action}{step.entry.place}" for step in steps]


def test_without_dependencies_the_order_of_the_file_stays() -> None:
    assert order(application("b"), application("a"), application("c")) == ["+b", "+a", "+c"]


def test_what_others_need_comes_first() -> None:
    assert order(application("a", "b"), application("b", "c"), application("c")) == [
        "+c", "+b", "+a"
    ]  # fmt: skip


def test_a_cycle_is_created_bare_and_then_completed() -> None:
    steps = order(application("a", "b"), application("b", "a"), application("c"))
    assert steps == ["+c", "+a", "+b", "~b", "~a"] or steps == ["+c", "+a", "+b", "~a", "~b"]


def test_an_object_that_needs_itself_is_completed_later() -> None:
    assert order(application("a", "a")) == ["+a", "~a"]


def test_a_cycle_of_mandatory_references_is_refused() -> None:
    with pytest.raises(FileError, match=r"application \[a\], application \[b\]"):
        order(application("a", template="b"), application("b", template="a"))


def test_ten_thousand_in_a_chain_are_no_problem() -> None:
    chain = [application(f"{n}", f"{n + 1}") for n in range(10_000)]
    assert order(*chain, application("10000"))[0] == "+10000"
