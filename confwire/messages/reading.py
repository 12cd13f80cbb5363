"""Reads of objects, of brief objects and of secret options, and their answers."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import UNSET, Meta, Raw, Struct, UnsetType, field

from confwire.messages.envelope import Answer, Request

FilterValue = str | int | bool


class Bounds(Struct, rename="camel", omit_defaults=True, frozen=True):
    """How new the data of a read must be at least; the server waits until it has it."""

    min_revision: Annotated[int, Meta(ge=0)] = 0
    epoch: str = ""
    """Of `min_revision`; data of a later one is newer. Empty: that which the server has."""
    max_age: Annotated[float, Meta(ge=0)] | None = None
    """Seconds since the data was known to be current; None: any."""
    wait: Annotated[float, Meta(ge=0, le=60)] = 2.0
    """Seconds that the server may wait before it refuses."""


class ReadObjects(Request, kw_only=True):
    """Client: read the objects of a type that match a filter."""

    object_type: str
    filter: dict[str, FilterValue] = {}
    limit: int = 0
    """At most this many objects, the first in order; 0 for all."""
    order: Literal["DBID", "name"] = "DBID"
    """By name: of equal names by DBID; needs a limit."""
    after: int = 0
    """Only objects with a DBID above this one, for reading page by page."""
    after_name: str = ""
    """By name: only objects behind the one of this name and of the DBID `after`."""
    freshness: bool | Bounds = False
    """Let the answer tell how new its data is; with bounds, let it be as new as they say."""


class ReadBrief(Request, kw_only=True):
    """Client: as ReadObjects, but only DBID, name, state, tenant and folder come back."""

    object_type: str
    filter: dict[str, FilterValue] = {}
    limit: int = 0
    order: Literal["DBID", "name"] = "DBID"
    after: int = 0
    after_name: str = ""
    freshness: bool | Bounds = False


class ObjectsRead(Answer, kw_only=True):
    """Server: a packet of objects."""

    object_type: str
    count: int
    """Objects in this packet."""
    total: int
    """Objects that the request found."""
    last: bool = False
    """The answer fits this packet; else objectsSent follows the last one."""
    objects: list[Raw]
    folder_dbids: list[int] | UnsetType = field(name="folderDBIDs", default=UNSET)
    object_paths: list[str] | UnsetType = UNSET
    age: float | None = None
    """Where it was asked for: seconds since this data was known to be current."""
    source: str = ""
    """Where it was asked for: as in ServerInfo."""
    behind: bool = False
    """The client has seen newer data on another server."""


class BriefInfo(Answer, kw_only=True):
    """Server: a packet of brief objects."""

    object_type: str
    count: int
    total: int
    last: bool = False
    objects: list[Raw]
    age: float | None = None
    source: str = ""
    behind: bool = False


class ObjectsSent(Answer, kw_only=True):
    """Server: all packets of a read or of a subscription's snapshot were sent."""

    total: int


class ReadSecrets(Request, kw_only=True):
    """Client: read the plain texts of an object's secret options."""

    object_type: str
    dbid: int = field(name="DBID")


class SecretsRead(Answer, kw_only=True):
    """Server: the plain texts of an object's secret options."""

    object_type: str
    dbid: int = field(name="DBID")
    values: dict[str, dict[str, dict[str, str]]] = {}
    """Field of the document, section and option of each."""
