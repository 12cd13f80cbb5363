"""What is kept of a transaction, as it is hashed and written: its head and its steps.

Pure: made from documents by whoever commits, read back by whoever checks. Knows no tables.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from datetime import datetime
from typing import Any, NamedTuple

_OF_SESSION = re.compile(r"(?P<application>.*) \S+ session (?P<session>\S{1,64})", re.DOTALL)
_NAMES = ("name", "userName", "number", "loginCode")
_LONGEST = 500  # characters of a name that are kept for searches; PostgreSQL takes 2,700 bytes


class Head(NamedTuple):
    """A transaction; the fields are those of `models.Transaction`."""

    revision: int
    epoch: str
    at: datetime
    by: str
    person: int
    origin: str
    application: str
    session: str
    server: str
    through: str
    created: int
    changed: int
    deleted: int


class Step(NamedTuple):
    """One object's step; the fields are those of `models.ChangeRecord`."""

    seq: int
    kind: str
    type: int
    dbid: int
    name: str
    tenant: int
    folder: int
    body: str
    former: str | None
    acl: str
    former_acl: str | None
    secret: bool
    paths: tuple[str, ...] = ()
    """The properties that it changes, sorted."""


def name_of(body: Mapping[str, Any]) -> str:
    """Return the name that a document's object goes by; the DBID where it has none."""
    for field in _NAMES:
        if body.get(field):
            return str(body[field])
    return str(body.get("DBID", ""))


def key_of(name: str) -> str:
    """Return the form of a name by which it is searched, whatever its case."""
    return unicodedata.normalize("NFC", name).casefold()[:_LONGEST]


def tenant_of(type_name: str, body: Mapping[str, Any]) -> int:
    """Return the DBID of the tenant that a document's object belongs to, 0 for none."""
    if type_name == "tenant":
        return int(body["DBID"])
    owner = body.get("owner", {})
    if owner.get("objectType") == "tenant":
        return int(owner["DBID"])
    return int(body.get("tenantDBID", 0))


def source_of(origin: str) -> tuple[str, str]:
    """Return (application, session id) of where a transaction came from.

    Sessions say "NAME ADDRESS session ID"; of all others the first word names the program.
    """
    found = _OF_SESSION.fullmatch(origin)
    if found:
        return found["application"], found["session"]
    return origin.partition(" ")[0], ""
