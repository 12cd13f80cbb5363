"""Values on confctl's command line: numbers, times, addresses, keys and names of objects."""

from __future__ import annotations

import re
from argparse import ArgumentTypeError

from confwire.client import Cursor, ObjectId

MOST_WAIT = 60.0
"""Seconds that a server waits for newer data at most."""


def port(text: str) -> int:
    """Return a port number."""
    if not text.isdecimal() or not 0 < int(text) < 65536:
        raise ArgumentTypeError(f"a port is a number from 1 to 65535, not '{text}'")
    return int(text)


def attempts(text: str) -> int:
    """Return a number of attempts."""
    if not text.isdecimal() or not int(text):
        raise ArgumentTypeError(f"attempts are a number from 1 on, not '{text}'")
    return int(text)


def percent(text: str) -> int:
    """Return a number from 1 to 100."""
    number = text.removesuffix("%")
    if not number.isdecimal() or not 1 <= int(number) <= 100:
        raise ArgumentTypeError(f"a part is a number from 1 to 100, not '{text}'")
    return int(number)


def seconds(text: str) -> float:
    """Return a time in seconds."""
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not value > 0:
        raise ArgumentTypeError(f"a time is a number of seconds above 0, not '{text}'")
    return value


def age(text: str) -> float:
    """Return a time in seconds that may be 0."""
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value < 1e9:
        raise ArgumentTypeError(f"a time is a number of seconds, not '{text}'")
    return value


def revision(text: str) -> Cursor:
    """Return the revision of "revision" or "epoch:revision"; the epoch may stay empty."""
    epoch, _, number = text.rpartition(":")
    if not number.isdecimal():
        raise ArgumentTypeError(f"a revision is [EPOCH:]REVISION, not '{text}'")
    return Cursor(epoch=epoch, revision=int(number))


def address(text: str) -> tuple[str, int]:
    """Return host and port of "host:port"; an IPv6 address stands in brackets."""
    host, colon, number = text.rpartition(":")
    if not colon or not host:
        raise ArgumentTypeError(f"an address is HOST:PORT, not '{text}'")
    return host.removeprefix("[").removesuffix("]"), port(number)


def pair(text: str) -> tuple[str, str]:
    """Return key and value of "key=value"."""
    key, equals, value = text.partition("=")
    if not equals or not key:
        raise ArgumentTypeError(
            f"a filter is key=value, such as name=NAME or dbid=NUMBER, not '{text}'"
        )
    return key, value


def object_id(text: str) -> ObjectId:
    """Return the object of "type:dbid"."""
    name, colon, dbid = text.partition(":")
    if not colon or not name or not dbid.isdecimal():
        raise ArgumentTypeError(f"an object is TYPE:DBID, not '{text}'")
    return ObjectId(name, int(dbid))


def period(text: str) -> float:
    """Return the seconds of "90s", "10m", "2h" or "7d"."""
    found = re.fullmatch(r"([0-9]{1,6})([smhd])", text)
    if found is None:
        raise ArgumentTypeError(f"a time is such as 90s, 10m, 2h or 7d, not '{text}'")
    return float(found[1]) * {"s": 1, "m": 60, "h": 3600, "d": 86400}[found[2]]


def cursor(text: str) -> Cursor:
    """Return the cursor of "epoch:revision"."""
    epoch, colon, revision = text.rpartition(":")
    if not colon or not epoch or not revision.isdecimal():
        raise ArgumentTypeError(f"a cursor is EPOCH:REVISION, not '{text}'")
    return Cursor(epoch=epoch, revision=int(revision))


def count(text: str) -> int:
    """Return a number of objects."""
    if not text.isdecimal() or not int(text):
        raise ArgumentTypeError(f"a number of objects is from 1 on, not '{text}'")
    return int(text)


def dbid(text: str) -> int:
    """Return the number of an object."""
    if not text.isdecimal():
        raise ArgumentTypeError(
            f"a DBID is a number, not '{text}': `confctl read TYPE name=NAME` shows it"
        )
    return int(text)


def wait(text: str) -> float:
    """Return how long a server may wait for newer data."""
    value = age(text)
    if value > MOST_WAIT:
        raise ArgumentTypeError(f"a server waits up to {MOST_WAIT:.0f} seconds, not '{text}'")
    return value
