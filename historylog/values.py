"""The values in a change record: the documents before and after it, and what differs.

Pure but for the record that it is given. Secrets are nowhere in the history: of a password or
secret that was replaced it is told that it was, and nothing else.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import msgspec

from confwire.delta import apply
from confwire.objects import OBJECTS, Document, ObjectType
from confwire.opaque import SHOWN, is_opaque
from historylog.models import ChangeRecord
from historylog.paths import PERMISSIONS, SECRET, Difference, differences

MASK = "••••••"
"""What stands for a secret."""


class Sides(NamedTuple):
    """An object before and after a change; None where it was not there."""

    former: Document | None
    document: Document | None
    known: bool = True
    """False where former values were not to be kept."""


def sides_of(record: ChangeRecord) -> Sides:
    """Return the documents before and after a change."""
    after: Document | None = msgspec.json.decode(record.body) if record.body else None
    if record.kind == "created":
        return Sides(None, after)
    if record.former is None:
        return Sides(None, after, known=False)
    former: Document = msgspec.json.decode(record.former)
    if after is None:
        return Sides(former, None)
    return Sides(apply(OBJECTS[ObjectType(record.type)], after, former), after)


def differences_of(record: ChangeRecord, *, permissions: bool) -> list[Difference]:
    """Return the properties that a change concerns, with their values before and after.

    Args:
        permissions: whether those of the object may be shown.
    """
    sides = sides_of(record)
    found: list[Difference] = []
    if sides.known:
        info = OBJECTS[ObjectType(record.type)]
        found += differences(info, sides.former or {}, sides.document or {})
    if permissions and record.former_acl is not None and record.former_acl != record.acl:
        acls = (msgspec.json.decode(acl or "null") for acl in (record.former_acl, record.acl))
        found.append(Difference(PERMISSIONS, *acls))
    if record.secret:
        found.append(Difference(SECRET, MASK, MASK))
    return found


def masked(value: Any) -> Any:
    """Return a value as people see it: without the opaque texts of secret options."""
    if isinstance(value, dict):
        return {name: masked(part) for name, part in value.items()}
    if isinstance(value, list):
        return [masked(part) for part in value]
    return SHOWN if is_opaque(value) else value


def flat(type_: int, document: Document) -> dict[str, object]:
    """Return a document's values by property."""
    return {one.path: one.value for one in differences(OBJECTS[ObjectType(type_)], {}, document)}
