"""Properties by path: which of them a change concerns, and their values before and after.

"state", "options.log.verbose", "phones.home", "serverInfo.port", "portInfos.default". Lists of
references are one property each. Pure; the permissions of an object are no part of its document.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from confwire.objects import Document, Field, Kind, ObjectInfo

PERMISSIONS = "permissions"
SECRET = "secret"  # noqa: S105 - the path of a replaced password, not one


class Difference(NamedTuple):
    """A property that differs between two documents; None where there is no value."""

    path: str
    former: Any
    value: Any


def differences(info: ObjectInfo, former: Document, document: Document) -> Iterator[Difference]:
    """Yield the properties that differ between two canonical documents, in the table's order."""
    yield from _fields(info.fields, former, document, "")


def _fields(
    fields: Sequence[Field], former: Mapping[str, Any], document: Mapping[str, Any], above: str
) -> Iterator[Difference]:
    for item in fields:
        old, new = former.get(item.name), document.get(item.name)
        if old != new:
            yield from _differences(item, old, new, above + item.name)


def _differences(item: Field, old: Any, new: Any, path: str) -> Iterator[Difference]:
    match item.kind:
        case Kind.OPTIONS:
            old, new = old or {}, new or {}
            for section in sorted(old.keys() | new.keys()):
                yield from _members(old.get(section, {}), new.get(section, {}), f"{path}.{section}")
        case Kind.MAP:
            yield from _members(old or {}, new or {}, path)
        case Kind.STRUCT:
            yield from _fields(item.fields, old or {}, new or {}, f"{path}.")
        case Kind.STRUCTS if item.key:
            before, after = ({row[item.key]: row for row in rows or ()} for rows in (old, new))
            yield from _members(before, after, path)
        case _:
            yield Difference(path, old, new)


def _members(old: Mapping[Any, Any], new: Mapping[Any, Any], path: str) -> Iterator[Difference]:
    for name in sorted(old.keys() | new.keys()):
        if old.get(name) != new.get(name):
            yield Difference(f"{path}.{name}", old.get(name), new.get(name))
