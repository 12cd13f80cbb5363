"""From documents to the objects of files: natural keys instead of DBIDs, the words of files.

Every property is written, empty ones too, so that an import of the file restores the object
whatever it was before; only what no other program knows is left out while it says nothing.
Knows no database.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from confwire.objects import OBJECTS, Document, Field, Kind, ObjectType
from proxyapp.services.environments.spelling import (
    COMMA_LISTS,
    GROUPS,
    NAMED_MAPS,
    properties_of,
    property_name,
    short_name,
    type_named,
    written,
)

T = ObjectType
Key = tuple[int, int]

_EMPTY: dict[Kind, Any] = {
    Kind.STRING: "",
    Kind.OPTIONS: {},
    Kind.MAP: {},
    Kind.STRUCT: {},
    Kind.REFERENCES: [],
    Kind.IDENTITIES: [],
    Kind.STRUCTS: [],
}
_QUIET = {"haSync": False, "clientsOnly": False, "listeningMode": "unsecured"}
_SPELLED_OUT = {(T.CAMPAIGN_GROUP, "campaignDBID")}
"""References that are written with the tenant in any case."""


class Encoder:
    """Writes objects, given the documents of all."""

    def __init__(self, documents: Mapping[Key, Document]) -> None:
        self._documents = documents
        self._roots = {
            (_owner_of(document), document["type"], document["name"])
            for (type_, _), document in documents.items()
            if type_ == T.FOLDER and not document["folderDBID"]
        }

    def encode(self, type_: ObjectType, document: Document) -> dict[str, Any]:
        """Return an object as files hold it."""
        tenant = document["DBID"] if type_ is T.TENANT else document.get("tenantDBID", 0)
        writer = _Writer(self, type_, tenant)
        result: dict[str, Any] = {}
        group: dict[str, Any] = {}
        for prop in properties_of(type_):
            value = writer.value(prop.field, document.get(prop.field.name))
            if value is not None:
                (group if prop.in_group else result)[prop.name] = value
        if type_ in GROUPS:
            result["group"] = group
        folder = self._home_of(type_, document)
        return result | ({"folder": folder} if folder else {})

    def words_of(self, type_: ObjectType, document: Document) -> tuple[str, ...]:
        """Return what objects of a type are sorted by."""
        if type_ is T.FOLDER:
            folder = self.folder(document["DBID"])
            return (document["type"], str(folder["owner"]), *folder["path"])
        names = []
        for name in OBJECTS[type_].natural_key:
            item, value = OBJECTS[type_].by_name[name], document.get(name, "")
            inner = self.document(item.target, value) if item.target and value else None
            if inner is None or item.target is None:
                names.append(str(value))
            else:
                names += self.words_of(item.target, inner)
        return tuple(names)

    def document(self, type_: ObjectType, dbid: int) -> Document:
        """Return the document of an object that is referred to."""
        return self._documents[int(type_), dbid]

    # ------------------------------------------------------------ references

    def reference(self, type_: ObjectType, dbid: int, tenant: int, *, full: bool = False) -> Any:
        """Return how an object is named within a tenant: its name, or a mapping of its key."""
        if type_ is T.FOLDER:
            return self.folder(dbid)
        document = self.document(type_, dbid)
        own = document.get("tenantDBID", 0)
        parts = {}
        for name in OBJECTS[type_].natural_key:
            item = OBJECTS[type_].by_name[name]
            value = document.get(name, "")
            if item.target is T.TENANT:
                continue
            if item.target is not None:
                value = self.reference(item.target, value, own)
            if value or item.required:
                parts[property_name(type_, item)] = value
        if own and (full or own != tenant):
            parts["tenant"] = self.document(T.TENANT, own)["name"]
        alone = next(iter(parts.values())) if len(parts) == 1 and not full else None
        return alone if isinstance(alone, str) else parts

    def identity(self, value: Mapping[str, Any], tenant: int) -> dict[str, Any]:
        """Return how an object of any type is named."""
        type_ = type_named(value["objectType"])
        assert type_ is not None, value
        named: dict[str, Any] = self.reference(type_, value["DBID"], tenant, full=True)
        if type_ is not T.FOLDER and named.get("tenant") == self._tenant_name(tenant):
            del named["tenant"]
        return {"objectType": short_name(type_)} | named

    def _tenant_name(self, dbid: int) -> str:
        return str(self.document(T.TENANT, dbid)["name"]) if dbid else ""

    def member(self, role: bool, value: Mapping[str, Any], tenant: int) -> Any:
        """Return a member of a role or an access group: where it says all, its employee ID."""
        document = self.document(T.PERSON, value["DBID"]) if value["objectType"] == "person" else {}
        if role and document:
            name = self._tenant_name(document["tenantDBID"])
            if "/" not in name and name not in ("person", "accessgroup"):
                return f"{name}/{document['employeeID']}"
        elif document.get("tenantDBID") == tenant:
            return document["employeeID"]
        return self.identity(value, tenant)

    # ------------------------------------------------------------ folders

    def folder(self, dbid: int) -> dict[str, Any]:
        """Return how a folder is named: what it holds, its owner, the names on the way to it."""
        document = self.document(T.FOLDER, dbid)
        return self._place(document, self._path_of(document), document["type"])

    def _home_of(self, type_: ObjectType, document: Document) -> dict[str, Any] | None:
        """Return the folder that an object lies in."""
        above = document["folderDBID"]
        if type_ is not T.FOLDER:
            return self.folder(above) if above else None
        path = self._path_of(document)[:-1]
        held = self.document(T.FOLDER, above)["type"] if above and path else document["type"]
        return self._place(document, path, held)

    def _place(self, document: Document, path: Sequence[str], held: str) -> dict[str, Any]:
        type_, dbid = _owner_of(document)
        owner = self.reference(type_, dbid, 0, full=True)
        return {
            "owner": {"type": short_name(type_)} | owner,
            "path": list(path),
            "type": held.lower(),
        }

    def _path_of(self, document: Document) -> list[str]:
        """Return the names from the owner to a folder.

        The tenant's folder for folders of any type stands for the tenant's own level, and is left
        out unless the rest would then name a default folder.
        """
        way = [document]
        while way[0]["folderDBID"]:
            way.insert(0, self.document(T.FOLDER, way[0]["folderDBID"]))
        owner = _owner_of(document)
        if len(way) > 1 and way[0]["type"] == "folder" and owner[0] is T.TENANT:
            rest = (owner, way[1]["type"], way[1]["name"])
            way = way if rest in self._roots else way[1:]
        return [folder["name"] for folder in way]


def _owner_of(folder: Document) -> tuple[ObjectType, int]:
    type_ = type_named(folder["owner"]["objectType"])
    assert type_ is not None, folder
    return type_, folder["owner"]["DBID"]


def _text_of(value: Any) -> str:
    return value if isinstance(value, str) else str(sorted(value.items()))


class _Writer:
    """Writes the values of one object."""

    def __init__(self, encoder: Encoder, type_: ObjectType, tenant: int) -> None:
        self._encoder = encoder
        self._type = type_
        self._tenant = tenant

    def value(self, item: Field, value: Any) -> Any:
        """Return a value as files hold it; None when it is left out."""
        if value is None:
            value = _EMPTY.get(item.kind)
        if value is None:
            return None
        match item.kind:
            case Kind.CHOICE:
                return written(item, value)
            case Kind.REFERENCE:
                return self._reference(item, value)
            case Kind.REFERENCES:
                return sorted((self._reference(item, dbid) for dbid in value), key=_text_of)
            case Kind.IDENTITY:
                return self._encoder.identity(value, self._tenant)
            case Kind.IDENTITIES:
                role = self._type is T.ROLE
                members = (self._encoder.member(role, member, self._tenant) for member in value)
                return sorted(members, key=_text_of)
            case Kind.STRUCT:
                return self._structure(item.fields, value)
            case Kind.STRUCTS:
                return self._structures(item, value)
        return value.split(",") if (self._type, item.name) in COMMA_LISTS and value else value

    def _reference(self, item: Field, dbid: int) -> Any:
        assert item.target is not None, item
        full = (self._type, item.name) in _SPELLED_OUT
        return self._encoder.reference(item.target, dbid, self._tenant, full=full)

    def _structure(self, fields: Sequence[Field], value: Mapping[str, Any]) -> dict[str, Any]:
        members = {
            property_name(self._type, inner): self.value(inner, value.get(inner.name))
            for inner in fields
            if inner.name not in _QUIET or value.get(inner.name) != _QUIET[inner.name]
        }
        return {name: member for name, member in members.items() if member is not None}

    def _structures(self, item: Field, value: Sequence[Mapping[str, Any]]) -> Any:
        members = [self._structure(item.fields, member) for member in value]
        if item.key:  # a set: its order must not depend on DBIDs
            name = property_name(self._type, next(f for f in item.fields if f.name == item.key))
            members.sort(key=lambda member: _text_of(member[name]))
        if item.name not in NAMED_MAPS:
            return members
        first, second = (
            property_name(self._type, inner)
            for inner in item.fields
            if inner.name in NAMED_MAPS[item.name]
        )
        if all(isinstance(member[first], str) and second in member for member in members):
            return {member[first]: member[second] for member in members}
        return members
