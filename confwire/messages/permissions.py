"""Grants on an object: their reads, their writes, and what they come to."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import UNSET, Meta, Struct, UnsetType, field

from confwire.messages.envelope import Answer, Message, Request
from confwire.messages.subscriptions import MAX_CONDITIONS, ObjectId
from confwire.messages.writing import RequestId

MAX_WATCHED = 100
"""Objects that one session may have watched for their permissions."""


class Permission(Struct, rename="camel", frozen=True, kw_only=True):
    """A grant on an object."""

    subject_type: Literal["person", "accessGroup"]
    subject_dbid: int = field(name="subjectDBID")
    mask: Annotated[int, Meta(ge=0, le=255)]
    """1 read, 2 create, 4 change, 8 execute, 16 delete, 32 read permissions, 64 change
    permissions; 128 not for what lies in the object. 0 denies what else would be inherited."""


class PermissionSource(Struct, rename="camel", frozen=True, kw_only=True):
    """Where a part of an account's rights comes from: the nearest grant to it or its group."""

    subject_type: Literal["person", "accessGroup"]
    subject_dbid: int = field(name="subjectDBID")
    mask: int
    object_type: str
    """The object that the grant is on: the asked one, or a place above it."""
    dbid: int = field(name="DBID")


class ReadPermissions(Request, kw_only=True):
    """Client: read the grants on an object, and what they come to for a person."""

    object_type: str
    dbid: int = field(name="DBID")
    person_dbid: int = field(name="personDBID", default=0)
    """Whose rights are to be told, with their reasons; 0: nobody's."""


class UpdatePermissions(Request, kw_only=True):
    """Client: let these be all the grants on an object."""

    object_type: str
    dbid: int = field(name="DBID")
    permissions: Annotated[list[Permission], Meta(max_length=MAX_CONDITIONS)]
    recursive: bool = False
    """Take away the grants on all that lies in it, so that it inherits these."""
    request_id: RequestId = ""


class PermissionsRead(Answer, kw_only=True):
    """Server: the grants on an object, and the rights of a person on it."""

    object_type: str
    dbid: int = field(name="DBID")
    permissions: list[Permission] | UnsetType = UNSET
    """Absent where the reader may not read permissions."""
    mask: int | UnsetType = UNSET
    """The rights of the person that was asked about."""
    because: list[PermissionSource] | UnsetType = UNSET
    """The grants that they are the union of."""


class PermissionsUpdated(Answer, kw_only=True):
    """Server: the grants are these now."""

    object_type: str
    dbid: int = field(name="DBID")


class RegisterPermissions(Request, kw_only=True):
    """Client: tell when the session's rights on these objects, or the grants on them, change.

    They replace those that were asked for before; none ends it.
    """

    objects: Annotated[list[ObjectId], Meta(max_length=MAX_WATCHED)]
    current: bool = False
    """Answer with how things stand; then an object that may not be read is no error either."""


class PermissionState(Struct, rename="camel", omit_defaults=True, kw_only=True):
    """The rights on an object as they are now."""

    object_type: str
    dbid: int = field(name="DBID")
    mask: int = 0
    """Of the session's account; 0: there is no such object that it may read."""
    permissions: list[Permission] | UnsetType = UNSET
    """Absent where it may not read permissions."""


class PermissionsRegistered(Answer, kw_only=True):
    """Server: what changes from this revision on is told."""

    objects: list[PermissionState] | UnsetType = UNSET
    """As of this revision, in the order that was asked for; absent where it was not asked for."""


class PermissionsChanged(Message, kw_only=True):
    """Server: rights, or grants, of objects that were registered are others now."""

    epoch: str
    revision: int
    objects: list[PermissionState]
