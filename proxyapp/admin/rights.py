"""The rights that pages ask for, and access masks in words."""

from __future__ import annotations

from proxyapp.choices import FULL_CONTROL, RIGHT_CHOICES
from proxyapp.engine.data.rights import (
    CHANGE,
    CHANGE_PERMISSIONS,
    CREATE,
    DELETE,
    NO_PROPAGATE,
    READ,
    READ_PERMISSIONS,
)

__all__ = [
    "CHANGE", "CHANGE_PERMISSIONS", "CREATE", "DELETE", "READ", "READ_PERMISSIONS", "words_of",
]  # fmt: skip


def words_of(mask: int) -> str:
    """Return the rights of a mask for people: "Read, Execute"."""
    names = [name for bit, name in RIGHT_CHOICES if mask & bit]
    if mask & FULL_CONTROL == FULL_CONTROL:
        names = ["Full control", *names[-1:]] if mask & NO_PROPAGATE else ["Full control"]
    return ", ".join(names) or "No access"
