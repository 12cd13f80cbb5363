"""Environment files: from bytes to entries, each with its place for error messages.

Forms and types are checked here. References become natural keys; what they lead to is not
known here.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

from confwire.objects import BY_PLURAL, Field, ObjectInfo, ObjectType
from proxyapp.services.environments.decoding import Decoder
from proxyapp.services.environments.errors import FileError
from proxyapp.services.environments.natural_keys import NaturalKey, Part, folder_key, tenant_key
from proxyapp.services.environments.spelling import (
    COMPUTED,
    GROUPS,
    SECRETS,
    in_order_of_files,
    properties_of,
)

T = ObjectType

LARGEST = 1 << 30
"""Bytes of a file; the objects of larger environments come in several files."""

_METADATA = "__metadata__"
_VERSION = "1."


@dataclass(slots=True)
class Entry:
    """One object of a file."""

    info: ObjectInfo
    key: NaturalKey
    given: dict[str, Any]
    """Field -> value as in documents, but natural keys instead of DBIDs."""
    place: str
    """Where it stands: "hosts.json: hosts[3]"."""
    folder: NaturalKey | None
    """Where it lies, where the file says so and it is not right under its owner."""
    names: dict[str, str]
    """Field -> the property's name in the file."""
    unknown: list[str]
    """Properties that objects of the type do not have."""


def read(path: Path) -> list[Entry]:
    """Return the entries of a file, in the order of the types, then of the file.

    Raises:
        FileError: the file cannot be read, or is no environment file; says where.
    """
    content = _parse(path)
    _check_form(path, content)
    return [
        _entry_of(info, item, f"{path}: {info.plural}[{number}]")
        for info in in_order_of_files()
        for number, item in enumerate(content.get(info.plural, ()))
    ]


# ---------------------------------------------------------------- the file


def _parse(path: Path) -> Any:
    try:
        if path.stat().st_size > LARGEST:
            raise FileError(f"{path} is larger than {LARGEST >> 20} MiB: split it")
        text = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise FileError(f"{path}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise FileError(f"{path} is no UTF-8 text: byte {error.start}") from error
    try:
        return json.loads(text, object_pairs_hook=_unique, parse_constant=_refuse_constant)
    except json.JSONDecodeError as error:
        raise FileError(
            f"{path} is no JSON: line {error.lineno}, column {error.colno}: {error.msg}"
        ) from error
    except RecursionError as error:
        raise FileError(f"{path} is nested too deeply") from error
    except ValueError as error:
        raise FileError(f"{path}: {error}") from error


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result = dict(pairs)
    if len(result) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"property {twice} is given twice in one object")
    return result


def _refuse_constant(text: str) -> NoReturn:
    raise ValueError(f"{text} is no number of JSON")


def _check_form(path: Path, content: Any) -> None:
    if not isinstance(content, dict):
        raise FileError(f"{path} holds no JSON object")
    metadata = content.get(_METADATA)
    if not isinstance(metadata, dict) or metadata.get("formatName") != "JSON":
        raise FileError(f"{path} is no environment file: {_METADATA}.formatName is not JSON")
    version = metadata.get("formatVersion")
    if not isinstance(version, str) or not version.startswith(_VERSION):
        raise FileError(f"{path}: formatVersion {version} is not known here, only {_VERSION}x")
    for name, items in content.items():
        if name == _METADATA:
            continue
        if name not in BY_PLURAL:
            raise FileError(f"{path}: there is no object type {name}")
        if not isinstance(items, list):
            raise FileError(f"{path}: {name} is no list")


# ---------------------------------------------------------------- one object


def _entry_of(info: ObjectInfo, item: Any, place: str) -> Entry:
    if not isinstance(item, dict):
        raise FileError(f"{place} is no JSON object")
    group = _group_of(info, item, place)
    tenant = _tenant_of(info, group if info.type in GROUPS else item)
    decoder = Decoder(info.type, tenant, place)
    given: dict[str, Any] = {}
    names: dict[str, str] = {}
    for prop in properties_of(info.type):
        value = (group if prop.in_group else item).get(prop.name)
        if value is not None:
            given[prop.field.name] = decoder.decode(prop.field, value, prop.path)
            names[prop.field.name] = prop.path
    parent = decoder.folder(item["folder"], "folder") if item.get("folder") is not None else None
    key = _key_of(info, given, parent, place)
    if info.type is T.FOLDER:
        given["owner"] = key.parts[1]
    return Entry(
        info=info,
        key=key,
        given=given,
        place=place,
        folder=parent if parent is not None and len(parent.parts) > 2 else None,
        names=names,
        unknown=list(_unknown(info, item, group)),
    )


def _group_of(info: ObjectInfo, item: Mapping[str, Any], place: str) -> Mapping[str, Any]:
    if info.type not in GROUPS:
        return {}
    group = item.get("group")
    if not isinstance(group, dict):
        raise FileError(f"{place}: group is no JSON object")
    return group


def _tenant_of(info: ObjectInfo, item: Mapping[str, Any]) -> NaturalKey | None:
    """Return the tenant in which names are looked up that say none themselves."""
    name = item.get("name" if info.type is T.TENANT else "tenant")
    belongs = info.type is T.TENANT or "tenantDBID" in info.by_name
    return tenant_key(name) if belongs and isinstance(name, str) else None


def _key_of(
    info: ObjectInfo, given: Mapping[str, Any], parent: NaturalKey | None, place: str
) -> NaturalKey:
    if info.type is T.FOLDER:
        if parent is None or not given.get("name") or not given.get("type"):
            raise FileError(f"{place}: a folder needs name, type and folder")
        _, owner, *path = parent.parts
        assert isinstance(owner, NaturalKey), parent
        return folder_key(given["type"], owner, [*map(str, path), given["name"]])
    return NaturalKey(
        info.type, tuple(_part_of(info.by_name[name], given, place) for name in info.natural_key)
    )


def _part_of(item: Field, given: Mapping[str, Any], place: str) -> Part | None:
    part: Part | None = given.get(item.name)
    if part is None or part == "":
        if item.name == "name" and not item.required:
            return part
        if item.name == "type" and not item.required:
            return ""
        raise FileError(f"{place}: {item.name.removesuffix('DBID')} is missing")
    return part


def _unknown(info: ObjectInfo, item: Mapping[str, Any], group: Mapping[str, Any]) -> Iterator[str]:
    known = {"folder", *SECRETS, *COMPUTED.get(info.type, ())}
    outside = known | {prop.name for prop in properties_of(info.type) if not prop.in_group}
    if info.type in GROUPS:
        outside.add("group")
    yield from sorted(item.keys() - outside)
    inside = {prop.name for prop in properties_of(info.type) if prop.in_group}
    yield from (f"group.{name}" for name in sorted(group.keys() - inside))
