"""The refusal to delete what others refer to: it names those that the person may read.

Who refers to an object is found when a transaction ends, whoever looked before.
"""

from __future__ import annotations

from typing import Any

from confwire.errors import DependencyViolation
from confwire.objects import BY_NAME
from proxyapp.models import Person
from proxyapp.services.reach import Reach

_NAMED = 10
"""Objects that the text names; the data has all of them."""


def refusal_of(
    target: str, referrers: list[dict[str, Any]], hidden: int = 0
) -> DependencyViolation:
    """Return the error that lists who refers to an object.

    Args:
        target: the object, in words.
        referrers: objectType, DBID and name of those that may be shown.
        hidden: how many more there are that may not.
    """
    shown = [
        f"{BY_NAME[row['objectType']].title.lower()} {row['name']}" for row in referrers[:_NAMED]
    ]
    if len(referrers) > _NAMED:
        shown.append(f"{len(referrers) - _NAMED} more")
    if hidden:
        shown.append(f"{hidden} that you may not read")
    return DependencyViolation(
        f"others refer to {target}: {', '.join(shown)}; change them first",
        target=target,
        referrers=referrers,
    )


def as_seen_by(person: Person | None, error: DependencyViolation) -> DependencyViolation:
    """Return the error with what the person may not read counted, not named; None reads all."""
    referrers = error.data.get("referrers")
    if person is None or not referrers:
        return error
    keys = {(int(BY_NAME[row["objectType"]].type), row["DBID"]) for row in referrers}
    seen = Reach(person).readable(keys)
    readable = [
        row for row in referrers if (int(BY_NAME[row["objectType"]].type), row["DBID"]) in seen
    ]
    return refusal_of(error.data["target"], readable, len(referrers) - len(readable))
