"""Natural keys: equal whatever the case and the composition of characters."""

from __future__ import annotations

import pytest

from proxyapp.models.base import key_of


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (["Ärger"], ["A\u0308RGER"]),
        (["ТЕСТ"], ["тест"]),
        (["Straße"], ["STRASSE"]),
        ([1, "x" * 2000], [1, "X" * 2000]),
    ],
)
def test_these_are_the_same_key(one: list[str | int], other: list[str | int]) -> None:
    assert key_of(one) == key_of(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ([1, "11"], [11, "1"]),
        (["a", "b"], ["a b"]),
        (["x" * 2000 + "a"], ["x" * 2000 + "b"]),
    ],
)
def test_these_are_different_keys(one: list[str | int], other: list[str | int]) -> None:
    assert key_of(one) != key_of(other)


def test_a_key_is_short_enough_for_an_index() -> None:
    assert len(key_of(["名" * 255] * 3).encode()) < 2700
