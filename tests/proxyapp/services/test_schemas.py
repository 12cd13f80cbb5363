"""The JSON Schemas are sound, and strict about what a document may hold."""

from __future__ import annotations

import pytest
from jsonschema import Draft202012Validator

from confwire.errors import InvalidParameter
from confwire.objects import BY_NAME, OBJECTS, ObjectInfo
from proxyapp.services.schemas import check, schema_of


@pytest.mark.parametrize("info", OBJECTS.values(), ids=lambda info: info.name)
def test_each_schema_is_one(info: ObjectInfo) -> None:
    schema = schema_of(info)
    Draft202012Validator.check_schema(schema)
    assert set(schema["required"]) <= schema["properties"].keys()


def test_the_first_wrong_property_is_named() -> None:
    document = {"name": "app", "portInfos": [{"id": "default", "port": 1}]}
    document |= {"appPrototypeDBID": 1, "redundancyType": "none", "autoRestart": True}
    with pytest.raises(InvalidParameter, match=r"portInfos\.0\.port"):
        check(BY_NAME["application"], document)


def test_a_property_that_is_none_is_named_after_its_type() -> None:
    with pytest.raises(InvalidParameter, match=r"^host: .*'LCAPort' was unexpected"):
        check(BY_NAME["host"], {"name": "h1", "LCAPort": "4999"})


def test_items_need_what_tells_them_apart() -> None:
    document = {"tenantDBID": 1, "name": "x", "type": "1", "subcodes": [{"code": "1"}]}
    with pytest.raises(InvalidParameter, match="name"):
        check(BY_NAME["actionCode"], document)
