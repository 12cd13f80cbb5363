"""Writes of objects, and their answers."""

from __future__ import annotations

from typing import Annotated, Any

from msgspec import Meta, Raw, field

from confwire.messages.envelope import Answer, Request

RequestId = Annotated[str, Meta(max_length=64)]
"""A name that a client gives a write, so that it is carried out once however often it is sent."""


class CreateObject(Request, kw_only=True):
    """Client: create an object; `object` is its document without DBID."""

    object_type: str
    object: dict[str, Any]
    folder_dbid: int = field(name="folderDBID", default=0)
    """0 puts it into the default folder of its type and tenant."""
    request_id: RequestId = ""


class UpdateObject(Request, kw_only=True):
    """Client: change an object by a delta (protocol.md, "Deltas")."""

    object_type: str
    dbid: int = field(name="DBID")
    delta: dict[str, Any]
    request_id: RequestId = ""


class DeleteObject(Request, kw_only=True):
    """Client: delete an object."""

    object_type: str
    dbid: int = field(name="DBID")
    request_id: RequestId = ""


class ObjectCreated(Answer, kw_only=True):
    """Server: the object was created; the document is as it is stored."""

    object_type: str
    dbid: int = field(name="DBID")
    object: Raw
    warnings: list[str] = []
    """What a server would not take of it as it is; it is stored all the same."""


class ObjectUpdated(Answer, kw_only=True):
    """Server: the object was changed."""

    object_type: str
    dbid: int = field(name="DBID")
    warnings: list[str] = []
    """As of `ObjectCreated`."""
    unchanged: bool = False
    """The object was as the delta wants it: nothing was written."""


class ObjectDeleted(Answer, kw_only=True):
    """Server: the object was deleted."""

    object_type: str
    dbid: int = field(name="DBID")
