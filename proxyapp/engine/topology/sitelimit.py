"""What the option site-limit names: tenants and folders, by their names or their DBIDs.

Who misspells one gets less than meant, never more: what names nothing shows nothing. Pure
questions to the store and to documents.
"""

from __future__ import annotations

from collections.abc import Iterator
from hashlib import blake2b
from typing import Any

import msgspec
from msgspec import Struct

from confwire.objects import ObjectType
from proxyapp.engine.data.limits import Limit
from proxyapp.engine.data.rights import Key
from proxyapp.engine.data.rows import Row
from proxyapp.engine.data.store import Store
from proxyapp.engine.trust.tokens import PART_SIZE, WHOLE

OPTION = "site-limit"
_SECTION = "csproxy"
_MENTION = b'"site-limit"'
_KINDS = {"tenant": int(ObjectType.TENANT), "folder": int(ObjectType.FOLDER)}
_TENANT, _FOLDER = _KINDS.values()
_DIGITS = 18
"""Those that a DBID may have."""


class _Options(Struct):
    options: dict[str, dict[str, Any]] = {}


_decode = msgspec.json.Decoder(_Options).decode


class Found(Struct, frozen=True):
    """What a text names in a store."""

    limit: Limit | None
    """None where there is no text: everything is shown."""
    names: frozenset[str] = frozenset()
    """The names that it goes by, casefolded: of others it does not matter who bears them."""
    complaints: tuple[str, ...] = ()
    """What it names in vain, with the remedy."""


def text_in(body: bytes) -> str:
    """Return the option's value in an application's document, empty where it has none."""
    if _MENTION not in body:
        return ""
    return str(_decode(body).options.get(_SECTION, {}).get(OPTION, "")).strip()


def part_of(text: str) -> bytes:
    """Return what names the part of the data that a text shows, the same on all servers."""
    entries = sorted(entry.casefold() for entry in _entries(text))
    return blake2b("\n".join(entries).encode(), digest_size=PART_SIZE).digest() if text else WHOLE


def find(store: Store, text: str) -> Found:
    """Return what a text names, as the store has it now."""
    if not text:
        return Found(None)
    keys: set[Key] = set()
    names: set[str] = set()
    complaints: list[str] = []
    for entry in _entries(text):
        kind, _, name = (part.strip() for part in entry.partition(":"))
        type_ = _KINDS.get(kind.lower())
        if type_ is None or not name:
            complaints.append(f"'{entry}' is neither tenant:NAME nor folder:TENANT/FOLDER")
            continue
        if _is_number(name):
            found = {(type_, int(name))}
            missing = store.get(type_, int(name)) is None
        else:
            parts = [part.strip().casefold() for part in name.split("/")]
            names.update(parts)
            found = set(_named(store, type_, parts))
            missing = not found
        keys |= found
        if missing:
            complaints.append(f"there is no {kind.lower()} '{name}'")
    if not keys and not complaints:
        complaints.append("it names nothing")
    return Found(Limit(frozenset(keys)), frozenset(names), tuple(complaints))


def _entries(text: str) -> list[str]:
    return [entry for part in text.split(",") if (entry := part.strip())]


def _is_number(name: str) -> bool:
    return name.isascii() and name.isdecimal() and len(name) <= _DIGITS


def _named(store: Store, type_: int, parts: list[str]) -> Iterator[Key]:
    """Yield what lies at a path, whose names are casefolded."""
    if type_ == _TENANT:
        name = "/".join(parts)
        yield from ((row.type, row.dbid) for row in store.tables[_TENANT].named(name))
        return
    for row in store.tables[_FOLDER].named(parts[-1]) if len(parts) > 1 else ():
        if _lies_at(store, row, parts[:-1]):
            yield row.type, row.dbid


def _lies_at(store: Store, row: Row, above: list[str]) -> bool:
    """Whether a folder lies in these, the first of which is a tenant."""
    contents = store.rights.known_contents((row.type, row.dbid))
    for depth in range(len(above) - 1, -1, -1):
        contents = contents.parent if contents is not None else None
        holder = store.get(*contents.container) if contents is not None else None
        type_ = _FOLDER if depth else _TENANT
        if holder is None or (holder.type, holder.name.casefold()) != (type_, above[depth]):
            return False
    return True
