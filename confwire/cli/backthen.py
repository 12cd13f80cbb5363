"""What confctl shows of the past: objects as they were, and what differs since."""

from __future__ import annotations

from argparse import ArgumentTypeError
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from confwire.cli.accounts import Failure
from confwire.cli.text import differences, name_of, shown
from confwire.client import Client, ObjectChange, PastDifferences, PastObjects

Moment = int | datetime
"""A revision or a time."""
EVERYTHING = "all"
"""Stands for all types."""
_NUMBERS = {"dbid": "dbid", "folder_dbid": "folder", "tenant_dbid": "tenant"}
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


def wanted_by(words: Mapping[str, str]) -> dict[str, Any]:
    """Return what filter keys ask of the past.

    Raises:
        Failure: the keys cannot be used.
    """
    if not words.keys() <= {*_NUMBERS, "name"}:
        raise Failure("the past is asked by dbid, folder_dbid, tenant_dbid and name only")
    wanted: dict[str, Any] = {}
    for key, word in words.items():
        if key != "name" and not word.isdecimal():
            raise Failure("dbid, folder_dbid and tenant_dbid are numbers")
        wanted[_NUMBERS.get(key, key)] = word if key == "name" else int(word)
    return wanted


def read(
    client: Client, object_type: str, at: Moment, words: Mapping[str, str]
) -> AsyncIterator[PastObjects]:
    """Return pages of objects as they were, chosen by filter keys.

    Raises:
        Failure: the keys cannot be used.
    """
    as_of: dict[str, Any] = {"revision": at} if isinstance(at, int) else {"time": at}
    return client.past_pages(object_type, **as_of, **wanted_by(words))


def compare(
    client: Client, object_type: str, at: Moment, until: Moment | None, words: Sequence[str]
) -> AsyncIterator[PastDifferences]:
    """Return pages of what differs between two moments; `until` None is now.

    Args:
        object_type: "all" for all.
        words: filter keys, or the name or DBID of one object.

    Raises:
        Failure: the words cannot be used.
    """
    asked = _asked_by(words)
    if object_type == EVERYTHING and "dbid" in asked:
        raise Failure("a DBID is one of a type: say which")
    options = wanted_by(asked) | {"revision" if isinstance(at, int) else "time": at}
    if until is not None:
        options["until" if isinstance(until, int) else "until_time"] = until
    return client.compare_past(
        object_type="" if object_type == EVERYTHING else object_type, **options
    )


async def knows(
    client: Client, object_type: str, page: PastDifferences, words: Sequence[str]
) -> bool:
    """Whether an object that words name was there at either end of a comparison.

    True where they name no single object.
    """
    asked = _asked_by(words)
    if object_type == EVERYTHING or asked.keys().isdisjoint({"name", "dbid"}):
        return True
    for at in (page.revision, page.until):
        async for past in read(client, object_type, at, asked):
            if past.objects:
                return True
    return False


def _asked_by(words: Sequence[str]) -> dict[str, str]:
    """Return the filter keys of words; a bare one is the name or DBID of one object."""
    asked: dict[str, str] = {}
    for word in words:
        key, equals, value = word.partition("=")
        asked |= {key: value} if equals else {"dbid" if word.isdecimal() else "name": word}
    return asked


def lines(change: ObjectChange) -> Iterator[str]:
    """Yield a difference for people."""
    name = name_of(change.object)
    named = f" [{shown(name)}]" if name else ""
    yield f"{change.kind:<7}  {change.object_type} {change.dbid}{named}"
    for line in differences(change.delta or {}, change.former or {}):
        yield f"  {line}"
