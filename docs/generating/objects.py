"""The page of object types: what each of them is, and the fields of its documents."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from confwire.objects import (
    APP_TYPES,
    OBJECTS,
    Field,
    Kind,
    ObjectInfo,
    is_server_type,
)
from generating.tables import code, codes, table

HEAD = """\
# Object types

Every type of configuration object and the fields of its document. How documents travel is told in
[the wire protocol](protocol.md).

A field's **kind** is its form in a document, and the form of its step in a
[delta](protocol.md#9-deltas):

| kind | value |
|---|---|
| string | text |
| integer | whole number of 64 bits |
| boolean | `true` or `false` |
| choice | one of the texts that are listed |
| options | `{"section": {"option": text or integer}}` |
| map | `{"key": text}` |
| reference | DBID of an object of the type that is named; 0 or absent for none |
| references | list of such DBIDs, each once |
| identity | `{"objectType": type, "DBID": number}`: any object |
| identities | list of identities, each once |
| struct | a JSON object whose members are listed below it as `field.member` |
| structs | a list of such objects; with a *key*, the member that tells them apart |

**Mandatory** fields must be given at creation. **Fixed** fields cannot change afterwards.
**Derived** fields are computed by the server; what a client sends for them is ignored. The
*natural key* is what must be unique, whatever its case.
"""

KIND_NAMES = {
    Kind.REFERENCE: "reference to {target}",
    Kind.REFERENCES: "references to {target}",
}


def page() -> Iterator[str]:
    """Yield the lines of objects.md."""
    yield from HEAD.splitlines()
    yield ""
    yield "## All types"
    yield ""
    heads = ("number", "type", "in environment files", "title", "natural key")
    yield from table(heads, map(_type_row, OBJECTS.values()))
    for info in OBJECTS.values():
        yield f"## {info.name}"
        yield ""
        yield f"{info.title}, type {int(info.type)}."
        yield ""
        yield from table(("field", "kind", "notes"), _field_rows(info.fields))
    yield "## Application types"
    yield ""
    yield "Values of `application.type` and `appPrototype.type`. An application of a *daemon* type"
    yield "may have one session at a time and logs in by its own secret."
    yield ""
    yield from table(("number", "type", "daemon"), map(_app_type_row, enumerate(APP_TYPES)))


def _type_row(info: ObjectInfo) -> Sequence[str]:
    link = f"[`{info.name}`](#{info.name.lower()})"
    return str(int(info.type)), link, code(info.plural), info.title, codes(info.natural_key)


def _app_type_row(entry: tuple[int, str]) -> Sequence[str]:
    number, name = entry
    return str(number), code(name), "yes" if is_server_type(name) else "no"


def _field_rows(fields: Iterable[Field], prefix: str = "") -> Iterator[Sequence[str]]:
    for item in fields:
        yield code(prefix + item.name), _kind_of(item), _notes_of(item)
        yield from _field_rows(item.fields, f"{prefix}{item.name}.")


def _kind_of(item: Field) -> str:
    target = OBJECTS[item.target].name if item.target is not None else ""
    text = KIND_NAMES.get(item.kind, item.kind.value).format(target=code(target))
    return f"{text}, key {code(item.key)}" if item.key else text


def _notes_of(item: Field) -> str:
    notes = [word for word in ("required", "fixed", "derived") if getattr(item, word)]
    text = ", ".join("mandatory" if word == "required" else word for word in notes)
    return "; ".join(part for part in (text, _choices_of(item)) if part)


def _choices_of(item: Field) -> str:
    if item.kind is not Kind.CHOICE:
        return ""
    if item.choices is APP_TYPES:
        return "an [application type](#application-types)"
    return codes(item.choices) if item.choices else "the name of an object type"
