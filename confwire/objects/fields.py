"""What is told of the fields of documents: the shape of a value, and what it refers to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from confwire.objects.types import ObjectType

Document = dict[str, Any]
"""The JSON form of one object: field name -> value, as listed in its `ObjectInfo`."""

Options = dict[str, dict[str, str | int]]
"""Section -> option -> value."""


class Kind(Enum):
    """The shape of a field's value in a document."""

    STRING = "string"
    INTEGER = "integer"
    BOOLEAN = "boolean"
    CHOICE = "choice"  # a string out of `Field.choices`
    OPTIONS = "options"  # section -> option -> string or integer
    MAP = "map"  # string -> string
    REFERENCE = "reference"  # the DBID of an object of type `Field.target`, 0 for none
    REFERENCES = "references"  # a list of such DBIDs, each once
    IDENTITY = "identity"  # {"objectType", "DBID"}: any object, the type is in the value
    IDENTITIES = "identities"
    STRUCT = "struct"  # one mapping with `Field.fields`
    STRUCTS = "structs"  # a list of them


@dataclass(frozen=True, slots=True)
class Field:
    """One field of a document or of a structure inside it."""

    name: str
    kind: Kind = Kind.STRING
    target: ObjectType | None = None
    choices: tuple[str, ...] = ()
    fields: tuple[Field, ...] = ()
    key: str = ""  # the member that tells the items of STRUCTS apart, for deltas
    required: bool = False
    fixed: bool = False  # given at creation, unchangeable afterwards
    derived: bool = False  # computed by the server; what a client sends for it is ignored


@dataclass(frozen=True, slots=True)
class ObjectInfo:
    """What is known of one object type."""

    type: ObjectType
    name: str  # on the wire: "application"
    plural: str  # in environment files: "applications"
    title: str  # for people: "Application"
    fields: tuple[Field, ...]
    natural_key: tuple[str, ...]  # the fields that name an object to people
    by_name: Mapping[str, Field] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "by_name", {item.name: item for item in self.fields})
