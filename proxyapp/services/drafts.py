"""What a transaction is on its way to be published: its objects and its history."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

from confwire.objects import Document as Body
from historylog import records
from proxyapp.models.door import Key


class Row(NamedTuple):
    """The published form of an object: a row of Document."""

    type: int
    dbid: int
    folder: int
    body: str
    acl: str
    verifier: str
    digest: str = ""


@dataclass(slots=True)
class Draft:
    """What a transaction is about to publish."""

    by: str
    person: int
    origin: str
    through: str
    """The proxy that passed it on; empty: none."""
    touched: list[Key]
    gone: list[Key]
    written: dict[Key, Body]
    regranted: set[Key]
    recredited: set[Key]


@dataclass(slots=True)
class Step:
    """One object before and after the transaction; None where it did not or does not exist."""

    key: Key
    old: Row | None
    new: Row | None
    old_body: Body = field(default_factory=dict)
    new_body: Body = field(default_factory=dict)


class Recording(NamedTuple):
    """The rows of the history for one transaction, and the hash of the chain after it."""

    head: records.Head
    steps: list[records.Step]
    chain: str
