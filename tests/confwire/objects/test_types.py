"""The numbers of object types."""

from __future__ import annotations

import pytest

from confwire.objects import ObjectType


@pytest.mark.parametrize(
    ("number", "name"),
    [(1, "SWITCH"), (3, "PERSON"), (9, "APPLICATION"), (22, "FOLDER"), (44, "PERSON_LAST_LOGIN")],
)
def test_types_have_the_numbers_of_the_origin(number, name):
    assert ObjectType(number).name == name


def test_numbers_have_no_gap():
    assert sorted(ObjectType) == list(range(1, 45))
