"""The table of object types."""

from __future__ import annotations

import pytest

from confwire.objects import (
    BY_NAME,
    BY_PLURAL,
    OBJECTS,
    Kind,
    ObjectType,
    name_field,
)


def all_fields(fields):
    for field in fields:
        yield field
        yield from all_fields(field.fields)


def test_every_type_is_described_once():
    assert set(OBJECTS) == set(ObjectType)
    assert len(BY_NAME) == len(BY_PLURAL) == len(OBJECTS)


@pytest.mark.parametrize("info", OBJECTS.values(), ids=lambda info: info.name)
def test_a_type_has_the_common_fields_and_its_key(info):
    names = [field.name for field in info.fields]
    assert len(names) == len(set(names))
    assert {"DBID", "state", "userProperties", "folderDBID"} <= set(names)
    assert set(info.natural_key) <= set(names)
    assert info.by_name["state"].choices == ("enabled", "disabled")


@pytest.mark.parametrize("info", OBJECTS.values(), ids=lambda info: info.name)
def test_people_call_objects_by_a_field_that_they_have(info):
    nameless = info.name == "personLastLogin"
    assert (name_field(info.type) in info.by_name) is not nameless


@pytest.mark.parametrize("info", OBJECTS.values(), ids=lambda info: info.name)
def test_references_say_what_they_refer_to_and_keys_are_members(info):
    for field in all_fields(info.fields):
        if field.kind in (Kind.REFERENCE, Kind.REFERENCES):
            assert field.target in OBJECTS
        if field.key:
            assert field.key in [member.name for member in field.fields]
