"""What a server says unasked: changes, progress, and that a session must go elsewhere."""

from __future__ import annotations

from typing import Literal

from msgspec import UNSET, Raw, Struct, UnsetType, field

from confwire.messages.envelope import Message


class Change(Struct, rename="camel", omit_defaults=True, kw_only=True):
    """One object's part of a notification."""

    change: Literal["created", "updated", "deleted", "entered", "left"]
    object_type: str
    dbid: int = field(name="DBID")
    object: Raw | UnsetType = UNSET
    """The whole document: created, entered, and updated in mode state."""
    delta: Raw | UnsetType = UNSET
    """What changed: updated in mode log."""
    former: Raw | UnsetType = UNSET
    """The values before, of the properties that the delta names."""


class ObjectsChanged(Message, kw_only=True):
    """Server: the part of one transaction that the session's subscriptions see."""

    epoch: str
    revision: int
    changes: list[Change]
    last: bool = False
    """The transaction is whole with this message."""


class Progress(Message, kw_only=True):
    """Server: nothing that the session asked for is missing up to this revision."""

    epoch: str
    revision: int
    age: float = 0
    """On server links: seconds since the master's own data was known to be current."""
    clock: float = 0
    """On server links: what the master's clock reads as it says this; see `Opened.clock`."""


class NotificationsLost(Message, kw_only=True):
    """Server: continuity cannot be kept; every subscription has ended. Register anew."""

    epoch: str
    revision: int
    reason: Literal["compacted", "epoch"]


class Draining(Message, kw_only=True):
    """Server: this session is to continue elsewhere; it is served here until then."""

    retry_after: float
    """Seconds from now on: then leave and connect elsewhere. Each session has its own."""
    host: str = ""
    port: str = ""
    """Where to go; empty: to any other server that the client knows."""
