"""Who may do what: grants, and what they mean for a person and an object.

The rule is the one of the engine: at each place the nearest grant upwards counts for each
subject; a person has the union over itself and all its groups; nothing granted is forbidden.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from confwire.errors import InvalidParameter, NoPermission, ObjectNotFound
from confwire.objects import ObjectType
from proxyapp.choices import FULL_CONTROL
from proxyapp.engine.data.rights import (
    CHANGE,
    CHANGE_PERMISSIONS,
    CREATE,
    DELETE,
    EXECUTE,
    READ,
    READ_PERMISSIONS,
)
from proxyapp.models import AccessGroup, Folder, Grant, Person
from proxyapp.models.base import Configured
from proxyapp.models.door import Key
from proxyapp.services import changes
from proxyapp.services.changes import CommitResult
from proxyapp.services.documents import find
from proxyapp.services.lineage import Places, Source, subjects_of

RIGHT_NAMES = {
    READ: "read",
    CREATE: "create",
    CHANGE: "change",
    EXECUTE: "execute",
    DELETE: "delete",
    READ_PERMISSIONS: "read permissions",
    CHANGE_PERMISSIONS: "change permissions",
}


# ---------------------------------------------------------------- asking


def may(person: Person, right: int, type_: ObjectType, dbid: int) -> bool:
    """Whether a person has a right on an object; False when there is no such object."""
    instance = find(type_, [dbid]).first()
    return instance is not None and bool(Rights(person).mask_of(instance) & right)


class Rights:
    """What a person may do, as of now; None is the system, which may do all."""

    def __init__(self, person: Person | None) -> None:
        self._person = person
        self._subjects = subjects_of(person) if person is not None else set()
        self._places = Places()

    def require(self, right: int, instance: Configured) -> None:
        """Refuse what the person may not do.

        Raises:
            ObjectNotFound: the person may not even read the object.
            NoPermission: the right is missing.
        """
        mask = self.mask_of(instance)
        if mask & right:
            return
        title = instance.info.title.lower()
        if not mask & READ:
            raise ObjectNotFound(f"there is no {title} with DBID {instance.dbid}")
        raise NoPermission(
            f"{self._person} lacks the right to {RIGHT_NAMES[right]} on {title} {instance}",
            right=RIGHT_NAMES[right],
        )

    def mask_of(self, instance: Configured) -> int:
        """Return all rights that the person has on an object."""
        if self._person is None:
            return FULL_CONTROL
        return self._mask(self._places.of(instance))

    def mask_at(self, own: Key, upper: Key | None) -> int:
        """Return the rights on an object, there or not, by what it lies in; None is nothing."""
        if self._person is None:
            return FULL_CONTROL
        return self._mask(self._places.at(own, upper))

    def foresee(self, uppers: Mapping[Key, Key | None]) -> None:
        """Make ready for `mask_at` of many objects, by what each lies in."""
        if self._person is not None:
            self._places.foresee(uppers)

    def sources_of(self, instance: Configured) -> list[Source]:
        """Return the grants that the person's rights on an object are the union of."""
        return list(self._places.sources(self._places.of(instance), self._subjects))

    def _mask(self, places: Sequence[Key]) -> int:
        mask = 0
        for source in self._places.sources(places, self._subjects):
            mask |= source.mask
        return mask


def key_of(instance: Configured) -> Key:
    """Return (type, DBID) of an object."""
    return int(instance.object_type), instance.dbid


def above(instance: Configured) -> Configured | None:
    """Return what an object lies in: its folder, or of a folder right under its owner the owner."""
    if instance.folder is None and isinstance(instance, Folder):
        owners = find(ObjectType(instance.owner_type), [instance.owner_dbid])
        owner: Configured | None = owners.first()
        return owner
    return instance.folder


# ---------------------------------------------------------------- granting


def grant(
    target: Configured, subject: Person | AccessGroup, mask: int, *, by: Person | None, origin: str
) -> CommitResult:
    """Give a person or a group exactly these rights on an object and what lies in it.

    Raises:
        InvalidParameter: the mask is none.
        NoPermission: the acting person may not change the permissions of the object.
    """
    if not 0 <= mask <= 255:
        raise InvalidParameter(f"{mask} is no access mask: 0 to 255", property="mask")
    Rights(by).require(CHANGE_PERMISSIONS, target)
    with changes.commit(by=by, origin=origin) as work:
        row = _grant_of(target, subject) or _new_grant(target, subject)
        row.mask = mask
        work.save(row)
    return work.result or CommitResult(None)


def revoke(
    target: Configured, subject: Person | AccessGroup, *, by: Person | None, origin: str
) -> CommitResult:
    """Take the grant on an object back from a person or a group.

    Raises:
        NoPermission: the acting person may not change the permissions of the object.
    """
    Rights(by).require(CHANGE_PERMISSIONS, target)
    with changes.commit(by=by, origin=origin) as work:
        row = _grant_of(target, subject)
        if row is not None:
            work.delete(row)
    return work.result or CommitResult(None)


def _grant_of(target: Configured, subject: Person | AccessGroup) -> Grant | None:
    type_, dbid = key_of(target)
    rows = Grant.objects.filter(object_type=type_, object_dbid=dbid)
    if isinstance(subject, Person):
        return rows.filter(person=subject).first()
    return rows.filter(group=subject).first()


def _new_grant(target: Configured, subject: Person | AccessGroup) -> Grant:
    type_, dbid = key_of(target)
    person, group = (subject, None) if isinstance(subject, Person) else (None, subject)
    return Grant(object_type=type_, object_dbid=dbid, person=person, group=group)
