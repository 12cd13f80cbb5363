"""The grants on an object, and why an account has the rights on it that it has.

Answered from memory. Reading grants, and asking for others than oneself, needs the right to
read permissions on the object.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

from confwire.errors import NoPermission, ObjectNotFound
from confwire.messages import Permission, PermissionSource, PermissionsRead, ReadPermissions
from confwire.objects import BY_NAME, OBJECTS, ObjectType
from proxyapp.engine.data.access import Profile, ServerProfile
from proxyapp.engine.data.rights import NO_PROPAGATE, READ_PERMISSIONS, RightsNode, Subject
from proxyapp.engine.data.rows import Row
from proxyapp.engine.serving import Serving

ALL = 127
"""Every right; whether a grant propagates is none."""


def permissions(
    serving: Serving, request: ReadPermissions, person: int, profile: Profile
) -> PermissionsRead:
    """Answer who has which rights on an object.

    Args:
        person: DBID of the account that asks.

    Raises:
        InvalidParameter: there is no such type.
        ObjectNotFound: there is no such object or person, or the reader may not read it.
        NoPermission: the reader may not read permissions there.
    """
    row = _readable(serving, request.object_type, request.dbid, profile)
    asked = request.person_dbid
    if not profile.mask(row.node) & READ_PERMISSIONS and asked != person:
        raise NoPermission(
            f"you lack the right to read permissions on {request.object_type} {row.name}",
            right="read permissions",
        )
    answer = PermissionsRead(
        ref=request.ref,
        epoch=serving.epoch,
        revision=serving.revision,
        object_type=request.object_type,
        dbid=request.dbid,
    )
    if profile.mask(row.node) & READ_PERMISSIONS:
        answer.permissions = [permission((kind, dbid), mask) for kind, dbid, mask in row.acl or ()]
    if asked:
        _readable(serving, "person", asked, ServerProfile() if asked == person else profile)
        subjects = serving.access.profile_of(asked).subjects
        answer.because = list(_sources(row.node, subjects))
        answer.mask = 0
        for source in answer.because:
            answer.mask |= source.mask & ALL
    return answer


def _readable(serving: Serving, type_name: str, dbid: int, profile: Profile) -> Row:
    row = serving.store.get(BY_NAME[type_name].type, dbid)
    if row is None or not profile.may_read(row):
        raise ObjectNotFound(f"there is no {type_name} with DBID {dbid}")
    return row


def permission(subject: Subject, mask: int) -> Permission:
    """Return a grant as it is told."""
    return Permission(subject_type=_kind_of(subject), subject_dbid=subject[1], mask=mask)


def _kind_of(subject: Subject) -> Literal["person", "accessGroup"]:
    return "person" if subject[0] == ObjectType.PERSON else "accessGroup"


def _sources(node: RightsNode, subjects: frozenset[Subject]) -> Iterator[PermissionSource]:
    """Yield the nearest grant to each subject, the object's own first, then upwards."""
    missing = set(subjects)
    place: RightsNode | None = node
    while place is not None and missing:
        for subject in sorted(missing & place.grants.keys()):
            missing.discard(subject)
            at = place.object or place.container
            yield PermissionSource(
                subject_type=_kind_of(subject),
                subject_dbid=subject[1],
                mask=place.grants[subject] & ~NO_PROPAGATE,
                object_type=OBJECTS[ObjectType(at[0])].name,
                dbid=at[1],
            )
        place = place.parent
