"""Deltas: what changed between two documents of an object, and back again.

A delta is a JSON object that holds only the fields that changed:

- scalars, identities and lists of structures without a key: the new value, null = empty
- options: {"section": {"option": value | null} | null}, merged; mappings likewise, one level
- lists of references or identities: {"add": [...], "remove": [...]}
- structures: merged field by field, null = empty
- lists of structures with a key: {"put": [items], "remove": [keys]}, an item is put as a whole

A canonical document has its fields in the order of the table, nothing empty, and lists that are
sets in sorted order, so equal objects have equal bytes. Knows no storage.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from confwire.errors import InvalidParameter
from confwire.objects import Document, Field, Kind, ObjectInfo

Delta = dict[str, Any]


# ---------------------------------------------------------------- canonical form


def canonical(info: ObjectInfo, document: Mapping[str, Any]) -> Document:
    """Return the canonical form of a document whose values have the right types.

    The folder is the one reference that stays when there is none, as 0.
    """
    result = _canonical_fields(info.fields, document)
    result.setdefault("folderDBID", 0)
    return result


def _canonical_fields(fields: Sequence[Field], document: Mapping[str, Any]) -> Document:
    result = {}
    for item in fields:
        value = _canonical(item, document.get(item.name))
        if value is not None:
            result[item.name] = value
    return result


def _canonical(item: Field, value: Any) -> Any:
    """Return the canonical form of a value, None when it is empty."""
    match item.kind:
        case Kind.INTEGER | Kind.BOOLEAN:
            return value
        case Kind.OPTIONS:
            sections = {name: _sorted(options) for name, options in (value or {}).items()}
            return _sorted({name: options for name, options in sections.items() if options}) or None
        case Kind.MAP:
            return _sorted(value or {}) or None
        case Kind.REFERENCES:
            return sorted({dbid for dbid in value or () if dbid}) or None
        case Kind.IDENTITY:
            return _identity(value) if value and value["DBID"] else None
        case Kind.IDENTITIES:
            found = {(member["objectType"], member["DBID"]): member for member in value or ()}
            return [_identity(found[name]) for name in sorted(found)] or None
        case Kind.STRUCT:
            return _canonical_fields(item.fields, value or {}) or None
        case Kind.STRUCTS:
            return _canonical_items(item, value or ()) or None
        case _:
            return value or None


def _canonical_items(item: Field, members: Sequence[Mapping[str, Any]]) -> list[Document]:
    result = [_canonical_fields(item.fields, member) for member in members]
    if item.key:  # an item without its key cannot be told from the others
        known = [member for member in result if item.key in member]
        return [member for _, member in sorted(_by_key(item, known).items())]
    return [member for member in result if member]


def _sorted(mapping: Mapping[str, Any]) -> dict[str, Any]:
    return {name: mapping[name] for name in sorted(mapping) if mapping[name] is not None}


def _identity(value: Mapping[str, Any]) -> Document:
    return {"objectType": value["objectType"], "DBID": value["DBID"]}


def _by_key(item: Field, members: Sequence[Document]) -> dict[Any, Document]:
    return {member[item.key]: member for member in members}


# ---------------------------------------------------------------- difference


def diff(info: ObjectInfo, old: Document, new: Document) -> Delta:
    """Return the delta that leads from one canonical document to another."""
    return _diff_fields(info.fields, old, new)


def _diff_fields(fields: Sequence[Field], old: Document, new: Document) -> Delta:
    return {
        item.name: _diff(item, old.get(item.name), new.get(item.name))
        for item in fields
        if old.get(item.name) != new.get(item.name)
    }


def _diff(item: Field, old: Any, new: Any) -> Any:
    match item.kind:
        case Kind.OPTIONS:
            return _diff_options(old or {}, new or {})
        case Kind.MAP:
            return _diff_mapping(old or {}, new or {})
        case Kind.REFERENCES | Kind.IDENTITIES:
            before, after = old or [], new or []
            return _parts(
                add=[member for member in after if member not in before],
                remove=[member for member in before if member not in after],
            )
        case Kind.STRUCT if new is not None:
            return _diff_fields(item.fields, old or {}, new)
        case Kind.STRUCTS if item.key:
            before, after = _by_key(item, old or []), _by_key(item, new or [])
            return _parts(
                put=[member for key, member in after.items() if before.get(key) != member],
                remove=[key for key in before if key not in after],
            )
        case _:
            return new


def _diff_options(old: Document, new: Document) -> Delta:
    return {
        section: _diff_mapping(old.get(section, {}), new[section]) if section in new else None
        for section in sorted(old.keys() | new.keys())
        if old.get(section) != new.get(section)
    }


def _diff_mapping(old: Document, new: Document) -> Delta:
    names = sorted(old.keys() | new.keys())
    return {name: new.get(name) for name in names if old.get(name) != new.get(name)}


def _parts(**lists: list[Any]) -> Delta:
    return {name: members for name, members in lists.items() if members}


# ---------------------------------------------------------------- application


def apply(info: ObjectInfo, document: Document, delta: Mapping[str, Any]) -> Document:
    """Return the canonical document that a delta of right types leads to.

    Raises:
        InvalidParameter: the delta has not the form that its fields ask for.
    """
    return canonical(info, merge(info, document, delta))


def merge(info: ObjectInfo, document: Document, delta: Mapping[str, Any]) -> Document:
    """Return the document after the delta, before its values are checked or put in order.

    Raises:
        InvalidParameter: the delta has not the form that its fields ask for.
    """
    return _merge_fields(info.fields, document, delta, info.name)


def _merge_fields(
    fields: Sequence[Field], document: Document, delta: Mapping[str, Any], path: str
) -> Document:
    known = {item.name: item for item in fields}
    result = dict(document)
    for name, value in delta.items():
        if name not in known:
            raise InvalidParameter(f"{path} has no property {name}", property=name)
        merged = _merge(known[name], document.get(name), value, f"{path}.{name}")
        if merged is None:
            result.pop(name, None)
        else:
            result[name] = merged
    return result


def _merge(item: Field, old: Any, delta: Any, path: str) -> Any:
    if delta is None:
        return None
    match item.kind:
        case Kind.OPTIONS:
            return _merge_options(old or {}, _mapping(delta, path), path)
        case Kind.MAP:
            return _merge_mapping(old or {}, _mapping(delta, path))
        case Kind.REFERENCES:
            return _merge_set({member: member for member in old or ()}, delta, path, int)
        case Kind.IDENTITIES:
            known = {_identity_key(member, path): member for member in old or ()}
            return _merge_set(known, delta, path, dict)
        case Kind.STRUCT:
            return _merge_fields(item.fields, old or {}, _mapping(delta, path), path)
        case Kind.STRUCTS if item.key:
            return _merge_items(item, old or [], delta, path)
        case _:
            return delta


def _merge_options(old: Document, delta: Mapping[str, Any], path: str) -> Document:
    result = dict(old)
    for section, options in delta.items():
        if options is None:
            result.pop(section, None)
        else:
            given = _mapping(options, f"{path}.{section}")
            result[section] = _merge_mapping(old.get(section, {}), given)
    return result


def _merge_mapping(old: Document, delta: Mapping[str, Any]) -> Document:
    return {name: value for name, value in (old | dict(delta)).items() if value is not None}


def _merge_set(known: dict[Any, Any], delta: Any, path: str, kind: type) -> list[Any]:
    added, removed = _lists(delta, path, "add", "remove")
    for member in (*added, *removed):
        if type(member) is not kind:
            raise InvalidParameter(f"{path}: {member!r} cannot be in this list", property=path)
    for member in removed:
        known.pop(_identity_key(member, path), None)
    for member in added:
        known[_identity_key(member, path)] = member
    return list(known.values())


def _merge_items(item: Field, old: list[Document], delta: Any, path: str) -> list[Document]:
    put, removed = _lists(delta, path, "put", "remove")
    items = _by_key(item, old)
    for key in removed:
        if not isinstance(key, int | str):
            raise InvalidParameter(f"{path}: {key!r} is no {item.key}", property=path)
        items.pop(key, None)
    for member in put:
        key = _mapping(member, path).get(item.key)
        if not isinstance(key, int | str):
            raise InvalidParameter(f"{path}: an item to put needs its {item.key}", property=path)
        items[key] = member
    return list(items.values())


def _identity_key(member: Any, path: str) -> Any:
    if isinstance(member, int):
        return member
    key = member.get("objectType"), member.get("DBID")
    if not (isinstance(key[0], str) and type(key[1]) is int):
        raise InvalidParameter(f"{path}: a member needs objectType and DBID", property=path)
    return key


def _mapping(value: Any, path: str) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise InvalidParameter(f"{path} takes a JSON object", property=path)
    return value


def _lists(delta: Any, path: str, *names: str) -> list[list[Any]]:
    parts = _mapping(delta, path)
    if not parts.keys() <= set(names) or not all(isinstance(p, list) for p in parts.values()):
        raise InvalidParameter(f"{path} takes the lists {' and '.join(names)}", property=path)
    return [parts.get(name, []) for name in names]


# ---------------------------------------------------------------- former values


def former(info: ObjectInfo, old: Document, delta: Mapping[str, Any]) -> Document:
    """Return the values before, of the properties that a delta names; null where there was none.

    Of options, mappings and structures only the named members, of keyed lists only the items
    that are put or removed, of other lists the whole.
    """
    return _former_fields(info.fields, old, delta)


def _former_fields(fields: Sequence[Field], old: Document, delta: Mapping[str, Any]) -> Document:
    return {
        item.name: _former(item, old.get(item.name), delta[item.name])
        for item in fields
        if item.name in delta
    }


def _former(item: Field, old: Any, delta: Any) -> Any:
    if old is None or delta is None:
        return old
    match item.kind:
        case Kind.OPTIONS:
            return {
                section: _former_mapping(old.get(section), options)
                for section, options in delta.items()
            }
        case Kind.MAP:
            return _former_mapping(old, delta)
        case Kind.STRUCT:
            return _former_fields(item.fields, old, delta)
        case Kind.STRUCTS if item.key:
            keys = [
                *delta.get("remove", ()),
                *(member[item.key] for member in delta.get("put", ())),
            ]
            return [member for key, member in _by_key(item, old).items() if key in keys]
        case _:
            return old


def _former_mapping(old: Document | None, delta: Mapping[str, Any] | None) -> Document | None:
    if old is None or delta is None:
        return old
    return {name: old.get(name) for name in delta}
