"""A JSON Schema (Draft 2020-12) for the documents of each object type, made from the one table."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any

from jsonschema import Draft202012Validator
from jsonschema.validators import extend

from confwire.errors import InvalidParameter
from confwire.objects import FOLDER_TYPES, OBJECTS, Document, Field, Kind, ObjectInfo, ObjectType
from confwire.opaque import FIELDS, GIVEN

Schema = dict[str, Any]

_TELLING = {"type", "required", "additionalProperties"}
"""Checks whose words repeat the value."""

_NAME: Schema = {"type": "string", "minLength": 1, "maxLength": 255}
_DBID: Schema = {"type": "integer", "minimum": 1, "maximum": 2**63 - 1}
_REFERENCE: Schema = _DBID | {"minimum": 0}
_IDENTITY: Schema = {
    "type": "object",
    "properties": {
        "objectType": {"enum": [info.name for info in OBJECTS.values()]},
        "DBID": _DBID,
    },
    "required": ["objectType", "DBID"],
    "additionalProperties": False,
}
_TEXTS: dict[Kind, Schema] = {
    Kind.STRING: {"type": "string"},
    Kind.INTEGER: {"type": "integer", "minimum": -(2**63), "maximum": 2**63 - 1},
    Kind.BOOLEAN: {"type": "boolean"},
    Kind.OPTIONS: {
        "type": "object",
        "propertyNames": _NAME,
        "additionalProperties": {
            "type": "object",
            "propertyNames": _NAME,
            "additionalProperties": {
                "type": ["string", "integer", "object"],
                "minimum": -(2**63),
                "maximum": 2**63 - 1,
                "properties": {GIVEN: {"type": "string"}},
                "required": [GIVEN],
                "additionalProperties": False,
            },
        },
    },
    Kind.MAP: {"type": "object", "additionalProperties": {"type": "string"}},
    Kind.REFERENCE: _REFERENCE,
    Kind.REFERENCES: {"type": "array", "items": _DBID},
    Kind.IDENTITY: _IDENTITY,
    Kind.IDENTITIES: {"type": "array", "items": _IDENTITY},
}


def schema_of(info: ObjectInfo) -> Schema:
    """Return the schema of what may be given for an object of a type."""
    schema = _schema_of_fields([item for item in info.fields if not item.derived])
    required = [item.name for item in info.fields if item.required and not item.derived]
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": info.title,
        **schema,
        "required": required,
    }


def _schema_of_fields(fields: Sequence[Field], key: str = "") -> Schema:
    schema: Schema = {
        "type": "object",
        "properties": {item.name: _schema_of_field(item) for item in fields},
        "additionalProperties": False,
    }
    if key:
        schema["required"] = [key]
        schema["properties"][key] |= {"minLength": 1, "minimum": 1}
    return schema


def _schema_of_field(item: Field) -> Schema:
    if item.kind is Kind.CHOICE:
        return {"enum": list(item.choices or FOLDER_TYPES)}
    if item.kind is Kind.STRUCT:
        return _schema_of_fields(item.fields)
    if item.kind is Kind.STRUCTS:
        return {"type": "array", "items": _schema_of_fields(item.fields, item.key)}
    return dict(_TEXTS[item.kind])


def _is_integer(checker: Any, value: Any) -> bool:
    # The standard counts 1.0 as an integer; documents are compared byte for byte, so it is none.
    return isinstance(value, int) and not isinstance(value, bool)


_Validator = extend(  # type: ignore[no-untyped-call]
    Draft202012Validator,
    type_checker=Draft202012Validator.TYPE_CHECKER.redefine("integer", _is_integer),
)


@cache
def _validator_of(type_: ObjectType) -> Any:
    return _Validator(schema_of(OBJECTS[type_]))


def check(info: ObjectInfo, document: Document) -> None:
    """Refuse a document that has not the form of its type.

    Raises:
        InvalidParameter: naming the first property that is wrong.
    """
    for error in _validator_of(info.type).iter_errors(document):
        path = ".".join(str(part) for part in error.absolute_path)
        text = error.message
        if path.partition(".")[0] in FIELDS and error.validator in _TELLING:
            # The words of the validator would repeat the value, which may be a secret.
            text = 'options are {section: {option: text, integer or {"secret": text}}}'
        what = f"{info.name} {path}" if path else info.name
        raise InvalidParameter(f"{what}: {text}"[:500], property=path)
