"""Undoing one change of a document beneath later ones: a merge of three documents.

What the change did is undone property by property; where a later one touched the same property,
the two are in conflict. Pure.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from confwire.delta import canonical
from confwire.objects import Document, Field, Kind, ObjectInfo


class Undoing:
    """Undoes the step from `before` to `after` in what came of it later."""

    def __init__(self, *, overwrite: bool) -> None:
        self._overwrite = overwrite
        self.conflicts: list[str] = []
        """Paths of properties that were changed later; they stay, unless they are overwritten."""

    def document(
        self, info: ObjectInfo, before: Document, after: Document, present: Document
    ) -> Document:
        """Return the canonical document without the step."""
        return canonical(info, self._fields(info.fields, "", before, after, present))

    def value(self, path: str, before: Any, after: Any, present: Any) -> Any:
        """Return a single value without the step."""
        if before == after or present == before:
            return present
        if present == after:
            return before
        self.conflicts.append(path)
        return before if self._overwrite else present

    def _fields(
        self, fields: Sequence[Field], above: str, *documents: Mapping[str, Any]
    ) -> Document:
        """Return a structure; as everywhere here: before, after and at present."""
        return {
            item.name: self._field(
                item, above + item.name, *(document.get(item.name) for document in documents)
            )
            for item in fields
        }

    def _field(self, item: Field, path: str, *values: Any) -> Any:
        match item.kind:
            case Kind.OPTIONS:
                return self._options(path, *(value or {} for value in values))
            case Kind.MAP:
                return self._members(path, *(value or {} for value in values))
            case Kind.STRUCT:
                return self._fields(item.fields, f"{path}.", *(value or {} for value in values))
            case Kind.STRUCTS if item.key:
                keyed = ({row[item.key]: row for row in rows or ()} for rows in values)
                return list(self._members(path, *keyed).values())
            case _:
                return self.value(path, *values)

    def _options(self, path: str, *options: Document) -> Document:
        return {
            section: self._members(
                f"{path}.{section}", *(sections.get(section, {}) for sections in options)
            )
            for section in _names(options)
        }

    def _members(self, path: str, *mappings: Mapping[Any, Any]) -> dict[Any, Any]:
        found = {
            name: self.value(f"{path}.{name}", *(members.get(name) for members in mappings))
            for name in _names(mappings)
        }
        return {name: value for name, value in found.items() if value is not None}


def _names(mappings: Iterable[Mapping[Any, Any]]) -> list[Any]:
    return sorted({name for mapping in mappings for name in mapping})
