"""What is written is read again: every field of every type."""

from __future__ import annotations

from typing import Any

import pytest

from confwire.delta import canonical
from confwire.objects import OBJECTS, Document, Field, Kind, ObjectInfo, ObjectType
from proxyapp.services.environments.decoding import Decoder
from proxyapp.services.environments.encoding import Encoder
from proxyapp.services.environments.natural_keys import NaturalKey, tenant_key
from proxyapp.services.environments.planning import resolved
from proxyapp.services.environments.spelling import properties_of

T = ObjectType
THE_ONE = 7
"""DBID of the one object that there is of each type."""


def sample(info: ObjectInfo) -> Document:
    """Return a document of a type with a value in each field."""
    document = {item.name: value_of(item) for item in info.fields}
    if info.type is T.FOLDER:
        document |= {"folderDBID": 0, "type": "folder"}
        document["owner"] = {"objectType": "tenant", "DBID": THE_ONE}
    return canonical(info, document)


def value_of(item: Field) -> Any:
    """Return a value for a field."""
    match item.kind:
        case Kind.INTEGER:
            return THE_ONE if item.name == "DBID" else 5
        case Kind.BOOLEAN:
            return True
        case Kind.CHOICE:
            return item.choices[-1] if item.choices else "person"
        case Kind.OPTIONS:
            return {"section": {"text": "ю", "number": 3}}
        case Kind.MAP:
            return {"name": "value"}
        case Kind.REFERENCE:
            return THE_ONE
        case Kind.REFERENCES:
            return [THE_ONE]
        case Kind.IDENTITY:
            return {"objectType": "agentGroup", "DBID": THE_ONE}
        case Kind.IDENTITIES:
            return [
                {"objectType": "accessGroup", "DBID": THE_ONE},
                {"objectType": "person", "DBID": THE_ONE},
            ]
        case Kind.STRUCT:
            return {inner.name: value_of(inner) for inner in item.fields}
        case Kind.STRUCTS:
            return [{inner.name: value_of(inner) for inner in item.fields}]
    return f"{item.name} ’é'"


DOCUMENTS = {(int(info.type), THE_ONE): sample(info) for info in OBJECTS.values()}


@pytest.mark.parametrize("info", OBJECTS.values(), ids=lambda info: info.name)
def test_each_field_survives_writing_and_reading(info: ObjectInfo) -> None:
    document = DOCUMENTS[int(info.type), THE_ONE]
    written = Encoder(DOCUMENTS).encode(info.type, document)
    tenant = tenant_key(DOCUMENTS[int(T.TENANT), THE_ONE]["name"])
    decoder = Decoder(info.type, tenant, "file")
    for prop in properties_of(info.type):
        if prop.field.name not in document:
            continue
        holder = written["group"] if prop.in_group else written
        read = decoder.decode(prop.field, holder[prop.name], prop.path)
        assert resolved(prop.field, read, lambda key: THE_ONE) == document[prop.field.name]


def test_no_two_fields_have_one_property() -> None:
    for info in OBJECTS.values():
        names = [prop.path for prop in properties_of(info.type)]
        assert len(names) == len(set(names)), info.name


@pytest.mark.parametrize("info", OBJECTS.values(), ids=lambda info: info.name)
def test_a_reference_names_the_object_that_it_was_made_of(info: ObjectInfo) -> None:
    encoder, decoder = Encoder(DOCUMENTS), Decoder(T.ROLE, None, "file")
    tenant = DOCUMENTS[int(T.TENANT), THE_ONE]["name"]
    named = encoder.reference(info.type, THE_ONE, 0)
    key = decoder.reference(info.type, named, "reference")
    assert isinstance(key, NaturalKey)
    if "tenantDBID" in info.natural_key:
        assert key.parts[0] == tenant_key(tenant)


def test_a_folder_beside_the_default_ones_lies_on_the_level_of_its_tenant() -> None:
    owner = {"objectType": "tenant", "DBID": THE_ONE}
    base = {"type": "folder", "owner": owner}
    folders = {
        1: base | {"name": "Folders", "folderDBID": 0},
        2: base | {"name": "Persons", "folderDBID": 0, "type": "person"},
        3: base | {"name": "Site", "folderDBID": 1},
        4: base | {"name": "Persons", "folderDBID": 1, "type": "person"},
    }
    documents = DOCUMENTS | {
        (int(T.FOLDER), dbid): folder | {"DBID": dbid} for dbid, folder in folders.items()
    }
    paths = [Encoder(documents).folder(dbid)["path"] for dbid in folders]
    assert paths == [["Folders"], ["Persons"], ["Site"], ["Folders", "Persons"]]
