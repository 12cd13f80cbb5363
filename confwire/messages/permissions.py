"""Grants on an object: their reads, their writes, and what they come to."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import UNSET, Meta, Struct, UnsetType, field

from confwire.messages.envelope import Answer, Request
from confwire.messages.subscriptions import MAX_CONDITIONS
from confwire.messages.writing import RequestId


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
