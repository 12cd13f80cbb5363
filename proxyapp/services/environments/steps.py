"""One step of an import, and what must be there before it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from proxyapp.services.environments.natural_keys import NaturalKey
from proxyapp.services.environments.reading import Entry


@dataclass(frozen=True, slots=True, eq=False)
class Step:
    """One object to be created, changed or left alone."""

    action: str
    """"+", "~" or "=", as it is printed."""
    entry: Entry
    given: Mapping[str, Any]
    """What is written now: all that the entry gives, or a part of it to break a cycle."""
    dbid: int | None = None
    """The object, where it exists before the import."""

    def references(self) -> list[NaturalKey]:
        """Return the keys of all that must exist before this step."""
        return list(references_of(self.entry, self.given))


def references_of(entry: Entry, given: Mapping[str, Any]) -> Iterator[NaturalKey]:
    """Yield the keys of all that an entry refers to; its folder and its tenant are among them."""
    for value in given.values():
        yield from _keys_in(value)
    if entry.folder is not None:
        yield entry.folder


def _keys_in(value: Any) -> Iterator[NaturalKey]:
    if isinstance(value, NaturalKey):
        yield value
    elif isinstance(value, dict):
        for part in value.values():
            yield from _keys_in(part)
    elif isinstance(value, list):
        for part in value:
            yield from _keys_in(part)
