"""What confctl shows of the past: objects as they were, and what differs of one since."""

from __future__ import annotations

from argparse import ArgumentTypeError
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from confwire.cli.accounts import Failure
from confwire.cli.text import differences, name_of
from confwire.client import Client, PastObjects
from confwire.delta import diff, former
from confwire.objects import BY_NAME

Moment = int | datetime
"""A revision or a time."""
EVERYTHING = "all"
"""Stands for all types."""
_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


def moment(text: str) -> Moment:
    """Return a revision, a time in ISO form, local where it does not say, or "2h ago" and so on."""
    number = text.removesuffix(" ago")
    if number != text and number[:-1].isdecimal() and number[-1] in _UNITS and len(number) < 8:
        return datetime.now(UTC) - timedelta(seconds=int(number[:-1]) * _UNITS[number[-1]])
    if text.isdecimal() and text.isascii() and int(text) < 2**63:
        return int(text)
    try:
        return datetime.fromisoformat(text).astimezone()
    except (ValueError, OverflowError):
        raise ArgumentTypeError(
            f"a moment is a revision, a time such as 2026-01-31T12:00 or '2h ago', not '{text}'"
        ) from None


async def read(
    client: Client, object_type: str, at: Moment, wanted: Mapping[str, str]
) -> PastObjects:
    """Return objects as they were.

    Args:
        wanted: filter keys: dbid, folder_dbid and name.

    Raises:
        Failure: the keys cannot be used.
    """
    if not wanted.keys() <= {"dbid", "folder_dbid", "name"}:
        raise Failure("with --at, objects are chosen by dbid, folder_dbid and name only")
    numbers = {key: wanted.get(key, "0") for key in ("dbid", "folder_dbid")}
    if not all(number.isdecimal() for number in numbers.values()):
        raise Failure("dbid and folder_dbid are numbers")
    dbid, folder = (int(number) for number in numbers.values())
    as_of: dict[str, Any] = {"revision": at} if isinstance(at, int) else {"time": at}
    found = await client.read_past(object_type, dbid=dbid, folder=folder, **as_of)
    if "name" not in wanted:
        return found
    name = wanted["name"].casefold()
    objects = [document for document in found.objects if name_of(document).casefold() == name]
    return PastObjects(found.epoch, found.revision, objects)


async def difference(
    client: Client, object_type: str, word: str, at: Moment, until: Moment | None
) -> dict[str, Any]:
    """Return what became of an object between two moments; `until` None is now.

    Raises:
        Failure: there is no such type, or the object was there at neither, or there are several.
    """
    info = BY_NAME.get(object_type)
    if info is None:
        raise Failure(f"there is no object type '{object_type}'")
    wanted = {"dbid": word} if word.isdecimal() else {"name": word}
    if until is None:
        until = (await client.server_info()).revision
    before = await read(client, object_type, at, wanted)
    after = await read(client, object_type, until, wanted)
    numbers = {document["DBID"] for document in (*before.objects, *after.objects)}
    if len(numbers) != 1:
        number = "several objects match" if numbers else "no object matches"
        raise Failure(f"{number} {object_type} {word} then: say its DBID")
    (dbid,) = numbers
    if "name" in wanted:  # it may have had another name at one of them
        before = await read(client, object_type, before.revision, {"dbid": str(dbid)})
        after = await read(client, object_type, after.revision, {"dbid": str(dbid)})
    old, new = (one.objects[0] if one.objects else None for one in (before, after))
    common = {
        "objectType": object_type, "DBID": dbid, "from": before.revision, "to": after.revision,
    }  # fmt: skip
    if old is None:
        return common | {"change": "created", "object": new}
    if new is None:
        return common | {"change": "deleted", "object": old}
    delta = diff(info, old, new)
    kind = "updated" if delta else "same"
    return common | {"change": kind, "delta": delta, "former": former(info, old, delta)}


def lines(found: Mapping[str, Any]) -> list[str]:
    """Return a difference for people."""
    what = f"{found['objectType']} {found['DBID']}"
    span = f"between revisions {found['from']} and {found['to']}"
    if found["change"] == "same":
        return [f"{what}: nothing differs {span}"]
    details = differences(found.get("delta", {}), found.get("former", {}))
    return [f"{what}: {found['change']} {span}", *(f"  {line}" for line in details)]
