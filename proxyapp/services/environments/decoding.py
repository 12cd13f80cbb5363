"""From the values of files to those of documents, with natural keys in the place of DBIDs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NoReturn

from confwire.objects import OBJECTS, Field, Kind, ObjectType
from confwire.opaque import GIVEN, is_given
from proxyapp.services.environments.errors import FileError
from proxyapp.services.environments.natural_keys import NaturalKey, Part, folder_key, tenant_key
from proxyapp.services.environments.spelling import (
    COMMA_LISTS,
    NAMED_MAPS,
    property_name,
    read,
    type_named,
)

T = ObjectType

_INTEGERS = range(-(2**63), 2**63)
_REFUSALS: dict[Callable[[Any], Any], str] = {
    str: "is no text",
    bool: "is neither true nor false",
    list: "is no list",
    dict: "is no JSON object",
}
_MEMBER_TYPES = {"person": T.PERSON, "accessgroup": T.ACCESS_GROUP}


@dataclass(frozen=True, slots=True)
class Decoder:
    """Reads the values of one object."""

    type: ObjectType
    tenant: NaturalKey | None
    """Whose objects are meant by names that say no tenant."""
    place: str

    def decode(self, item: Field, value: Any, path: str) -> Any:
        """Return a value as documents hold it.

        Raises:
            FileError: the value has not the form of the field; says where.
        """
        match item.kind:
            case Kind.STRING:
                return self._text(item, value, path)
            case Kind.INTEGER:
                if type(value) is not int or value not in _INTEGERS:
                    self.refuse(path, "is no whole number of 64 bits")
                return value
            case Kind.BOOLEAN:
                return self._checked(bool, value, path)
            case Kind.CHOICE:
                return self._choice(item, value, path)
            case Kind.OPTIONS:
                return self._options(value, path)
            case Kind.MAP:
                return self._mapping(value, path)
            case Kind.REFERENCE:
                assert item.target is not None, item
                return self.reference(item.target, value, path)
            case Kind.REFERENCES:
                assert item.target is not None, item
                return [
                    self.reference(item.target, part, f"{path}[{n}]")
                    for n, part in enumerate(self._checked(list, value, path))
                ]
            case Kind.IDENTITY:
                return self._identity(value, path)
            case Kind.IDENTITIES:
                members = self._checked(list, value, path)
                return [self._member(part, f"{path}[{n}]") for n, part in enumerate(members)]
            case Kind.STRUCT:
                return self._structure(item.fields, value, path)
            case Kind.STRUCTS:
                return self._structures(item, value, path)
        raise AssertionError(item.kind)

    def refuse(self, path: str, problem: str) -> NoReturn:
        """Raise the error for a value."""
        raise FileError(f"{self.place}.{path} {problem}")

    # ------------------------------------------------------------ plain values

    def _checked(self, kind: Callable[[Any], Any], value: Any, path: str) -> Any:
        if type(value) is not kind:
            self.refuse(path, _REFUSALS[kind])
        return value

    def _text(self, item: Field, value: Any, path: str) -> str:
        if (self.type, item.name) in COMMA_LISTS and isinstance(value, list):
            return ",".join(self._plain(part, path) for part in value)
        return self._plain(value, path)

    def _plain(self, value: Any, path: str) -> str:
        text: str = self._checked(str, value, path)
        if "\0" in text:
            self.refuse(path, "holds a NUL character")
        try:
            text.encode()
        except UnicodeEncodeError:
            self.refuse(path, "holds half a character")
        return text

    def _choice(self, item: Field, value: Any, path: str) -> str:
        text = self._plain(value, path)
        chosen = read(item, text)
        if chosen is None:
            self.refuse(path, f"{text[:40]!r} is not known: one of {_some(item.choices)}")
        return chosen

    def _mapping(self, value: Any, path: str) -> dict[str, str]:
        pairs = self._checked(dict, value, path)
        return {
            self._plain(name, path): self._plain(text, f"{path}.{name}")
            for name, text in pairs.items()
        }

    def _options(self, value: Any, path: str) -> dict[str, dict[str, Any]]:
        return {
            self._plain(section, path): {
                self._plain(name, path): self._option(option, f"{path}.{section}.{name}")
                for name, option in self._checked(dict, options, f"{path}.{section}").items()
            }
            for section, options in self._checked(dict, value, path).items()
        }

    def _option(self, value: Any, path: str) -> str | int | dict[str, str]:
        if is_given(value):
            return {GIVEN: self._plain(value[GIVEN], path)}
        if type(value) is int and value in _INTEGERS:
            return value
        if not isinstance(value, str):
            self.refuse(path, "is no text, no whole number of 64 bits and no secret")
        return self._plain(value, path)

    # ------------------------------------------------------------ structures

    def _structure(self, fields: Sequence[Field], value: Any, path: str) -> dict[str, Any]:
        self._checked(dict, value, path)
        result = {}
        for item in fields:
            name = property_name(self.type, item)
            part = value.get(name)
            if part is not None:
                result[item.name] = self.decode(item, part, f"{path}.{name}")
        return result

    def _structures(self, item: Field, value: Any, path: str) -> list[dict[str, Any]]:
        if item.name in NAMED_MAPS and isinstance(value, dict):
            value = self._pairs(item, value)
        result = []
        seen = set()
        for number, part in enumerate(self._checked(list, value, path)):
            structure = self._structure(item.fields, part, f"{path}[{number}]")
            key = structure.get(item.key)
            if item.key and key in (None, ""):
                self.refuse(f"{path}[{number}]", f"lacks {item.key.removesuffix('DBID')}")
            if item.key and key in seen:
                self.refuse(
                    f"{path}[{number}]", f"has the {item.key.removesuffix('DBID')} of another"
                )
            seen.add(key)
            result.append(structure)
        return result

    def _pairs(self, item: Field, value: dict[str, Any]) -> list[dict[str, Any]]:
        first, second = (
            property_name(self.type, inner)
            for inner in item.fields
            if inner.name in NAMED_MAPS[item.name]
        )
        return [{first: name, second: part} for name, part in value.items()]

    # ------------------------------------------------------------ references

    def reference(self, target: ObjectType, value: Any, path: str) -> NaturalKey:
        """Return the key that a reference names: a name alone, or a mapping of its parts."""
        if target is T.FOLDER:
            return self.folder(value, path)
        if isinstance(value, str):
            name_field = OBJECTS[target].natural_key[-1]
            value = {property_name(target, OBJECTS[target].by_name[name_field]): value}
        self._checked(dict, value, path)
        tenant = self._tenant(value, path)
        info = OBJECTS[target]
        return NaturalKey(
            target,
            tuple(
                self._part(info.type, info.by_name[name], value, tenant, path)
                for name in info.natural_key
            ),
        )

    def _tenant(self, value: dict[str, Any], path: str) -> NaturalKey | None:
        given = value.get("tenant")
        return self.tenant if given is None else tenant_key(self._plain(given, f"{path}.tenant"))

    def _part(
        self,
        type_: ObjectType,
        item: Field,
        value: dict[str, Any],
        tenant: NaturalKey | None,
        path: str,
    ) -> Part | None:
        if item.target is T.TENANT:
            if tenant is None:
                self.refuse(path, "says no tenant")
            return tenant
        name = property_name(type_, item)
        part = value.get(name)
        if item.target is not None and part is not None:
            return Decoder(self.type, tenant, self.place).reference(
                item.target, part, f"{path}.{name}"
            )
        if part is None and type_ is T.DN and name == "name":
            return None
        if part is None:
            self.refuse(path, f"lacks {name}")
        return self._plain(part, f"{path}.{name}")

    def folder(self, value: Any, path: str) -> NaturalKey:
        """Return the key of a folder; one without names on its way is the owner's own level."""
        self._checked(dict, value, path)
        type_ = type_named(self._plain(value.get("type"), f"{path}.type"))
        if type_ is None:
            self.refuse(path, f"holds objects of no known type: {value['type'][:40]!r}")
        owner = self._owner(value.get("owner"), f"{path}.owner")
        names = self._checked(list, value.get("path"), f"{path}.path")
        return folder_key(
            OBJECTS[type_].name, owner, [self._plain(name, f"{path}.path") for name in names]
        )

    def _owner(self, value: Any, path: str) -> NaturalKey:
        self._checked(dict, value, path)
        type_ = type_named(self._plain(value.get("type"), f"{path}.type"))
        if type_ is None:
            self.refuse(path, f"is of no known type: {value['type'][:40]!r}")
        return self.reference(
            type_, {name: part for name, part in value.items() if name != "type"}, path
        )

    def _identity(self, value: Any, path: str) -> NaturalKey:
        self._checked(dict, value, path)
        for name in ("objectType", "groupType", "type"):
            type_ = type_named(value[name]) if isinstance(value.get(name), str) else None
            if type_ is not None:
                rest = {part: text for part, text in value.items() if part != name}
                return self.reference(type_, rest, path)
        self.refuse(path, "is of no known type")

    def _member(self, value: Any, path: str) -> NaturalKey:
        """Return a member of an access group or a role: its employee ID, or type and name."""
        if isinstance(value, dict):
            return self._identity(value, path)
        text = self._plain(value, path)
        if self.type is not T.ROLE:
            return self.reference(T.PERSON, text, path)
        first, slash, name = text.partition("/")
        if not slash:
            return self.reference(T.PERSON, text, path)
        if first in _MEMBER_TYPES:
            return self.reference(_MEMBER_TYPES[first], name, path)
        return NaturalKey(T.PERSON, (tenant_key(first), name))


def _some(choices: tuple[str, ...]) -> str:
    shown = ", ".join(choices[:8])
    return f"{shown} …" if len(choices) > 8 else shown or "the object types"
