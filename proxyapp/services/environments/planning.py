"""What an import will do: which objects it creates, changes or leaves, and in which order.

Nothing is written here. What cannot be imported is found before anything is written.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import msgspec

from confwire.delta import canonical
from confwire.objects import OBJECTS, Document, Kind, ObjectType, is_server_type
from confwire.objects import Field as Property
from proxyapp.models import ApplicationTemplate
from proxyapp.models import Document as Published
from proxyapp.models.base import key_of
from proxyapp.services.environments.directory import Directory, is_default_folder
from proxyapp.services.environments.errors import FileError, Findings, ValidationFailed
from proxyapp.services.environments.natural_keys import NaturalKey
from proxyapp.services.environments.ordering import in_order
from proxyapp.services.environments.reading import Entry
from proxyapp.services.environments.steps import Step, references_of

T = ObjectType

Lookup = Callable[[NaturalKey], int | None]

_ALSO_FIXED = {T.APP_PROTOTYPE: {"version"}, T.ACCESS_GROUP: {"type"}}
"""What files cannot change beside the fields that no one can."""

_NEEDED_BY_SERVERS = {"commandLine", "workDirectory"}


@dataclass(slots=True)
class Plan:
    """The steps of an import."""

    entries: list[Entry]
    directory: Directory = field(default_factory=Directory)
    existing: dict[NaturalKey, int] = field(default_factory=dict)
    documents: dict[tuple[int, int], Document] = field(default_factory=dict)
    by_key: dict[NaturalKey, Entry] = field(default_factory=dict)
    nameless: dict[tuple[object, ...], Entry] = field(default_factory=dict)
    """DNs by the parts of their keys without the name."""
    steps: list[Step] = field(default_factory=list)

    def validate(self) -> None:
        """Find out what exists, and whether the entries can be imported.

        Raises:
            FileError: two entries are one object.
            ValidationFailed: properties or dependencies are missing, or cannot change.
        """
        self._index()
        self._look_up()
        findings = self._findings()
        if any(findings.values()):
            raise ValidationFailed(findings)

    def arrange(self) -> None:
        """Put the steps in order."""
        self.steps = in_order([self._step_of(entry) for entry in self.entries], self.creator_of)

    # ------------------------------------------------------------ what is there

    def _index(self) -> None:
        for entry in self.entries:
            other = self.by_key.setdefault(entry.key, entry)
            if other is not entry:
                raise FileError(f"{entry.place}: {entry.key} is given by {other.place} too")
            if entry.info.type is T.DN:
                self.nameless.setdefault(entry.key.identity[:-1], entry)
        names: dict[str, Entry] = {}
        for entry in self.entries:
            if entry.info.type is T.PERSON and entry.given.get("userName"):
                other = names.setdefault(key_of([entry.given["userName"]]), entry)
                if other is not entry:
                    raise FileError(f"{entry.place}: {other.place} has the same userName")

    def _look_up(self) -> None:
        self.directory.look_up(entry.key for entry in self.entries)
        self.directory.look_up(
            key for entry in self.entries for key in references_of(entry, entry.given)
        )
        seen: dict[tuple[ObjectType, int], Entry] = {}
        for entry in self.entries:
            dbid = self.directory.dbid_of(entry.key)
            if dbid is not None:
                self.existing[entry.key] = dbid
                other = seen.setdefault((entry.info.type, dbid), entry)
                if other is not entry:
                    raise FileError(f"{entry.place}: {other.place} means the same object")
        self._load_documents()

    def _load_documents(self) -> None:
        by_type: dict[int, list[int]] = {}
        for key, dbid in self.existing.items():
            by_type.setdefault(int(key.type), []).append(dbid)
        for type_, dbids in by_type.items():
            for start in range(0, len(dbids), 500):
                rows = Published.objects.filter(type=type_, dbid__in=dbids[start : start + 500])
                for row in rows:
                    self.documents[row.type, row.dbid] = msgspec.json.decode(row.body)

    def document_of(self, entry: Entry) -> Document | None:
        """Return the object as it is before the import, None when it is new."""
        dbid = self.existing.get(entry.key)
        return None if dbid is None else self.documents[int(entry.info.type), dbid]

    # ------------------------------------------------------------ what is wrong

    def _findings(self) -> Findings:
        return {
            "Missing properties": list(self._collect(self._missing_properties)),
            "Missing dependencies": list(self._collect(self._missing_dependencies)),
            "Unchangeable properties": list(self._collect(self._unchangeable_properties)),
        }

    def _collect(
        self, problems_of: Callable[[Entry], Iterator[str]]
    ) -> Iterator[tuple[NaturalKey, list[str]]]:
        for entry in self.entries:
            problems = sorted(set(problems_of(entry)))
            if problems:
                yield entry.key, problems

    def _missing_properties(self, entry: Entry) -> Iterator[str]:
        if entry.key in self.existing:
            return
        required = {item.name for item in entry.info.fields if item.required and not item.derived}
        if entry.info.type is T.APPLICATION and self._is_server(entry):
            required |= _NEEDED_BY_SERVERS
        for name in required - entry.given.keys():
            yield name.removesuffix("DBID")

    def _is_server(self, entry: Entry) -> bool:
        key = entry.given.get("appPrototypeDBID")
        if key is None:
            return False
        template = self.by_key.get(key)
        if template is not None and "type" in template.given:
            return is_server_type(template.given["type"])
        found = ApplicationTemplate.objects.filter(dbid=self.directory.dbid_of(key) or 0).first()
        return found is not None and is_server_type(found.type)

    def _missing_dependencies(self, entry: Entry) -> Iterator[str]:
        for key in references_of(entry, entry.given):
            if self.creator_of(key) is None and self.directory.dbid_of(key) is None:
                yield str(key)

    def creator_of(self, key: NaturalKey) -> Entry | None:
        """Return the entry that brings an object into being, if one of the files does."""
        entry = self.by_key.get(key)
        if entry is None and key.is_loose and self.directory.dbid_of(key) is None:
            entry = self.nameless.get(key.identity[:-1])
        if entry is None and key.type is T.FOLDER and is_default_folder(key):
            owner = key.parts[1]
            assert isinstance(owner, NaturalKey), key
            entry = self.by_key.get(owner)
        return entry if entry is not None and entry.key not in self.existing else None

    def _unchangeable_properties(self, entry: Entry) -> Iterator[str]:
        old = self.document_of(entry)
        if old is None:
            return
        for item in entry.info.fields:
            before = old.get(item.name)
            if (
                before
                and item.name in entry.given
                and self._is_fixed(entry, item)
                and not self._agrees(item, entry.given[item.name], before)
            ):
                yield entry.names.get(item.name, item.name)
        if entry.folder is not None and self.directory.dbid_of(entry.folder) != old["folderDBID"]:
            yield "folder"

    def _is_fixed(self, entry: Entry, item: Property) -> bool:
        also = _ALSO_FIXED.get(entry.info.type, set())
        return item.name in also or (item.fixed and not item.derived)

    def _agrees(self, item: Property, given: Any, before: Any) -> bool:
        if isinstance(given, str) and isinstance(before, str):
            return key_of([given]) == key_of([before])
        return bool(resolved(item, given, self.directory.dbid_of) == before)

    # ------------------------------------------------------------ what to do

    def _step_of(self, entry: Entry) -> Step:
        dbid = self.existing.get(entry.key)
        if dbid is None:
            return Step("+", entry, entry.given)
        return Step("=" if self._is_same(entry) else "~", entry, entry.given, dbid)

    def _is_same(self, entry: Entry) -> bool:
        old = self.document_of(entry)
        assert old is not None, entry.key
        if any(self.directory.dbid_of(key) is None for key in references_of(entry, entry.given)):
            return False
        return after(entry, entry.given, old, self.directory) == old


# ---------------------------------------------------------------- documents


def after(entry: Entry, given: Mapping[str, Any], old: Document, directory: Directory) -> Document:
    """Return the document of an object once the given properties were written.

    Structures, and those of a list that have the same key, are merged member by member; all
    else is replaced.
    """
    new = dict(old)
    for item in entry.info.fields:
        if item.name not in given or item.derived:
            continue
        value = resolved(item, given[item.name], directory.dbid_of)
        new[item.name] = _merged(item, old.get(item.name), value)
    _release_port(given, old, new)
    return canonical(entry.info, new)


def _merged(item: Property, old: Any, value: Any) -> Any:
    if item.kind is Kind.STRUCT:
        return (old or {}) | value
    if item.kind is Kind.STRUCTS and item.key:
        before = {member[item.key]: member for member in old or ()}
        return [before.get(member[item.key], {}) | member for member in value]
    return value


def _release_port(given: Mapping[str, Any], old: Document, new: Document) -> None:
    """Let the port of the server information follow port `default`, where it did before."""
    server = new.get("serverInfo", {})
    if "portInfos" not in given or "port" in given.get("serverInfo", {}) or "port" not in server:
        return
    if server["port"] == _default_port(old):
        new["serverInfo"] = server | {"port": _default_port(new)}


def _default_port(document: Document) -> str:
    ports = document.get("portInfos", ())
    return next((port.get("port", "") for port in ports if port["id"] == "default"), "")


def resolved(item: Property, value: Any, dbid_of: Lookup) -> Any:
    """Return a value with DBIDs in the place of natural keys."""
    match item.kind:
        case Kind.REFERENCE:
            return dbid_of(value)
        case Kind.REFERENCES:
            return [dbid_of(key) for key in value]
        case Kind.IDENTITY:
            return _identity(value, dbid_of)
        case Kind.IDENTITIES:
            return [_identity(key, dbid_of) for key in value]
        case Kind.STRUCT:
            return _resolved_members(item, value, dbid_of)
        case Kind.STRUCTS:
            return [_resolved_members(item, member, dbid_of) for member in value]
        case _:
            return value


def _identity(key: NaturalKey, dbid_of: Lookup) -> Document:
    return {"objectType": OBJECTS[key.type].name, "DBID": dbid_of(key)}


def _resolved_members(item: Property, value: Mapping[str, Any], dbid_of: Lookup) -> Document:
    return {
        inner.name: resolved(inner, value[inner.name], dbid_of)
        for inner in item.fields
        if inner.name in value
    }
