"""The table of object types, and what documents refer to."""

from __future__ import annotations

import pytest

from confwire.objects import (
    APP_TYPES,
    BY_NAME,
    BY_PLURAL,
    OBJECTS,
    Field,
    Kind,
    ObjectType,
    is_server_type,
    name_field,
    references_of,
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


@pytest.mark.parametrize(
    ("number", "name"),
    [
        (1, "tserver"), (2, "statserver"), (19, "sce"), (21, "configserver"), (43, "scs"),
        (107, "genericserver"), (108, "genericclient"), (157, "interactionworkspace"),
        (165, "genesysadministrator"),
    ],
)  # fmt: skip
def test_application_types_have_the_numbers_of_the_origin(number, name):
    assert APP_TYPES[number] == name


def test_programs_for_people_are_no_servers():
    assert is_server_type("statserver")
    assert is_server_type("configserver")
    assert not is_server_type("sce")
    assert not is_server_type("genesysadministrator")


def test_references_of_a_document_are_found_at_every_depth():
    application = {
        "DBID": 101,
        "tenantDBIDs": [1, 102],
        "folderDBID": 5,
        "serverInfo": {"hostDBID": 7, "backupServerDBID": 0},
        "appServers": [{"appServerDBID": 99}],
        "resources": [{"object": {"objectType": "dn", "DBID": 8}}],
    }
    assert sorted(references_of(BY_NAME["application"], application)) == [
        ("appServers.appServerDBID", ObjectType.APPLICATION, 99),
        ("resources.object", ObjectType.DN, 8),
        ("serverInfo.hostDBID", ObjectType.HOST, 7),
        ("tenantDBIDs", ObjectType.TENANT, 1),
        ("tenantDBIDs", ObjectType.TENANT, 102),
    ]


def test_members_of_any_type_are_references():
    group = {"members": [{"objectType": "person", "DBID": 100}], "tenantDBID": 1}
    found = list(references_of(BY_NAME["accessGroup"], group))
    assert found == [("members", ObjectType.PERSON, 100)]


def test_a_field_is_a_text_unless_it_says_otherwise():
    assert Field("x").kind is Kind.STRING
