"""The names of epochs, and which of two began later.

A name is a UUID of version 7 in 32 hexadecimal digits: its first twelve are the milliseconds
since 1970 at which the epoch began. Of names of another form nothing is known.
"""

from __future__ import annotations

import re

_NAME = re.compile(r"([0-9a-f]{12})7[0-9a-f]{3}[89ab][0-9a-f]{15}")


def name_at(milliseconds: int, randomness: bytes) -> str:
    """Return the name of an epoch.

    Args:
        milliseconds: when it begins, since 1970 UTC.
        randomness: ten random bytes.
    """
    number = milliseconds << 80 | int.from_bytes(randomness, "big")
    number = number & ~(0xF << 76) | 0x7 << 76  # the version
    number = number & ~(0x3 << 62) | 0x2 << 62  # the variant
    return f"{number:032x}"


def begun_at(epoch: str) -> int | None:
    """Return when an epoch began, in milliseconds since 1970; None where its name tells no time."""
    found = _NAME.fullmatch(epoch)
    return None if found is None else int(found[1], 16)


def is_earlier(epoch: str, other: str) -> bool:
    """Whether an epoch is known to have begun before another one."""
    first, second = begun_at(epoch), begun_at(other)
    return first is not None and second is not None and (first, epoch) < (second, other)


def is_behind(epoch: str, revision: int, seen_epoch: str, seen_revision: int) -> bool:
    """Whether data is known to be older than other data that was seen."""
    if epoch == seen_epoch:
        return revision < seen_revision
    return is_earlier(epoch, seen_epoch)
