"""Which objects a document refers to."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from confwire.objects.fields import Field, Kind, ObjectInfo
from confwire.objects.table import BY_NAME
from confwire.objects.types import ObjectType


def references_of(
    info: ObjectInfo, document: Mapping[str, Any]
) -> Iterator[tuple[str, ObjectType, int]]:
    """Yield (field path, type, DBID) of every object that the document refers to.

    The tenant and the folder of an object are its place, not a reference of its own.
    """
    for item in info.fields:
        if item.name not in ("tenantDBID", "folderDBID") and item.name in document:
            yield from _references(item, document[item.name], item.name)


def _references(item: Field, value: Any, path: str) -> Iterator[tuple[str, ObjectType, int]]:
    if item.kind is Kind.REFERENCE and value:
        assert item.target is not None, item
        yield path, item.target, value
    elif item.kind is Kind.REFERENCES:
        assert item.target is not None, item
        for dbid in value:
            yield path, item.target, dbid
    elif item.kind is Kind.IDENTITY and value:
        yield path, BY_NAME[value["objectType"]].type, value["DBID"]
    elif item.kind is Kind.IDENTITIES:
        for member in value:
            yield path, BY_NAME[member["objectType"]].type, member["DBID"]
    elif item.kind is Kind.STRUCT and value:
        for inner in item.fields:
            if inner.name in value:
                yield from _references(inner, value[inner.name], f"{path}.{inner.name}")
    elif item.kind is Kind.STRUCTS:
        for member in value:
            for inner in item.fields:
                if inner.name in member:
                    yield from _references(inner, member[inner.name], f"{path}.{inner.name}")
