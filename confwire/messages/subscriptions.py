"""What a session wants to hear of, and up to where it has taken it in."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta, Struct, field

from confwire.messages.envelope import Answer, Cursor, Message, Request
from confwire.messages.reading import FilterValue

MAX_CONDITIONS = 10_000
"""Members of one list of a subscription."""


class ObjectId(Struct, rename="camel", frozen=True):
    """Names one object."""

    object_type: str
    dbid: int = field(name="DBID")


class Subscription(Struct, rename="camel", omit_defaults=True, kw_only=True):
    """What to hear of: all that is given must match, an empty list is no condition."""

    name: str = "default"
    types: Annotated[list[str], Meta(max_length=MAX_CONDITIONS)] = []
    tenants: Annotated[list[int], Meta(max_length=MAX_CONDITIONS)] = []
    folders: Annotated[list[int], Meta(max_length=MAX_CONDITIONS)] = []
    """These folders and all below them."""
    objects: Annotated[list[ObjectId], Meta(max_length=MAX_CONDITIONS)] = []
    filter: dict[str, FilterValue] = {}
    """Filter keys; needs exactly one type."""
    mode: Literal["log", "state"] = "log"


class RegisterNotification(Request, kw_only=True):
    """Client: subscribe. What was subscribed before under the same names is replaced.

    All subscriptions of a session together are one view: an object that several of them name is
    delivered once.
    """

    subscriptions: list[Subscription]
    snapshot: bool = False
    """Send the objects first, as of one revision; notifications go on from there."""
    since: Cursor | None = None
    """Send what was missed since; only with the first registration of a session."""


class UnregisterNotification(Request, kw_only=True):
    """Client: end a subscription."""

    subscription: str = "default"


class NotificationRegistered(Answer, kw_only=True):
    """Server: the subscriptions are live from this revision on; what was missed follows."""


class NotificationUnregistered(Answer, kw_only=True):
    """Server: the subscription has ended."""

    subscription: str


class Acknowledge(Message):
    """Client: all up to this revision was taken in. Not answered."""

    revision: int
