"""What confctl shows of rights on objects: how they stand, and then what becomes of them. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

import msgspec

from confwire.cli.text import NOTHING, shown
from confwire.client import ObjectRights, RightsChange
from confwire.messages import Permission

READ = 1
_WORDS = {
    READ: "read",
    2: "create",
    4: "change",
    8: "execute",
    16: "delete",
    32: "read permissions",
    64: "change permissions",
    128: "not for what lies in it",
}


def mask_text(mask: int) -> str:
    """Return rights in words."""
    return ", ".join(word for bit, word in _WORDS.items() if mask & bit) or "none"


def rights_line(
    change: RightsChange,
    rights: ObjectRights,
    before: ObjectRights | None,
    name: str,
    now: datetime,
) -> str:
    """Return the line about the rights on one object, and what they were before."""
    named = f" [{shown(name)}]" if name else ""
    old = NOTHING if before is None else mask_text(before.mask)
    new = mask_text(rights.mask)
    details = [f"rights: {new}" if old == new else f"rights: {old} -> {new}"]
    if rights.permissions is not None:  # else they are hidden, not gone
        details += _grants(rights.permissions, before.permissions if before is not None else ())
    head = f"{now:%H:%M:%S}  {change.revision}  {rights.object_type} {rights.dbid}{named}"
    return f"{head}  {'; '.join(details)}"


def _grants(after: Iterable[Permission], before: Iterable[Permission] | None) -> list[str]:
    """Return each grant that is another than before."""
    new, old = _by_subject(after), _by_subject(before or ())
    return [
        f"grant to {kind} {dbid}: {_mask_of(old, (kind, dbid))} -> {_mask_of(new, (kind, dbid))}"
        for kind, dbid in new | old
        if new.get((kind, dbid)) != old.get((kind, dbid))
    ]


def _by_subject(grants: Iterable[Permission]) -> dict[tuple[str, int], int]:
    return {(grant.subject_type, grant.subject_dbid): grant.mask for grant in grants}


def _mask_of(grants: dict[tuple[str, int], int], subject: tuple[str, int]) -> str:
    return mask_text(grants[subject]) if subject in grants else NOTHING


def rights_json(change: RightsChange, rights: ObjectRights, now: datetime) -> dict[str, Any]:
    """Return the rights on one object as a value of JSON."""
    told = {
        "time": now.isoformat(timespec="milliseconds"),
        "epoch": change.epoch,
        "revision": change.revision,
        "objectType": rights.object_type,
        "DBID": rights.dbid,
        "mask": rights.mask,
    }
    if rights.permissions is not None:
        told["permissions"] = msgspec.to_builtins(list(rights.permissions))
    return told
