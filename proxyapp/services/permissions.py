"""All grants on an object at once, as a client sets them; `access` has single grants."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from confwire.errors import InvalidParameter, ObjectNotFound
from confwire.messages import Permission
from confwire.objects import BY_NAME, ObjectType
from proxyapp.engine.data.rights import CHANGE_PERMISSIONS
from proxyapp.models import Grant, Person
from proxyapp.models.base import Configured
from proxyapp.models.door import Key
from proxyapp.services import changes, documents, journal
from proxyapp.services.access import Rights, key_of
from proxyapp.services.changes import CommitResult, Work
from proxyapp.services.lineage import Places
from proxyapp.services.objects import Outcome, info_of
from proxyapp.services.visibility import above_of

_PERSON = int(ObjectType.PERSON)


def update(
    type_name: str,
    dbid: int,
    wanted: Sequence[Permission],
    recursive: bool,
    *,
    by: Person | None,
    origin: str,
) -> Outcome:
    """Let these be all grants on an object; recursive: and take those off that lie in it.

    Raises:
        ObjectNotFound: there is no such object, or it may not be read.
        InvalidParameter: there is no such type; a subject is named twice, or there is none such.
        NoPermission: the right to change permissions is missing, there or on something in it.
    """
    info = info_of(type_name)
    rights = Rights(by)
    with changes.commit(by=by, origin=origin) as work:
        instance = documents.lock(info.type, dbid)
        if instance is None:
            raise ObjectNotFound(f"there is no {info.title.lower()} with DBID {dbid}")
        rights.require(CHANGE_PERMISSIONS, instance)
        put(work, instance, _checked(wanted))
        if recursive:
            _clear_below(work, rights, instance)
    return Outcome(dbid, work.result or CommitResult(None))


def put(work: Work, instance: Configured, wanted: Mapping[Key, int]) -> None:
    """Let these be all grants on an object: the rights by subject."""
    missing = dict(wanted)
    type_, dbid = key_of(instance)
    for row in Grant.objects.filter(object_type=type_, object_dbid=dbid):
        mask = missing.pop(row.subject, None)
        if mask is None:
            work.delete(row)
        elif mask != row.mask:
            row.mask = mask
            work.save(row)
    for (kind, subject), mask in missing.items():
        person, group = (subject, None) if kind == _PERSON else (None, subject)
        place = {"object_type": type_, "object_dbid": dbid}
        work.save(Grant(**place, person_id=person, group_id=group, mask=mask))


def _checked(wanted: Sequence[Permission]) -> dict[Key, int]:
    found: dict[Key, int] = {}
    for one in wanted:
        type_ = BY_NAME[one.subject_type].type
        subject = int(type_), one.subject_dbid
        if subject in found:
            raise InvalidParameter(
                f"{one.subject_type} {one.subject_dbid} is named twice: each subject has one mask",
                property="permissions",
            )
        if not documents.find(type_, [one.subject_dbid]).exists():
            raise InvalidParameter(
                f"there is no {one.subject_type} with DBID {one.subject_dbid}",
                property="permissions",
            )
        found[subject] = one.mask
    return found


def _clear_below(work: Work, rights: Rights, instance: Configured) -> None:
    below = _granted_below(instance)
    for inner in documents.find_all(below).values():
        rights.require(CHANGE_PERMISSIONS, inner)
    for type_, dbid in below:
        work.delete(*Grant.objects.filter(object_type=type_, object_dbid=dbid))


def _granted_below(instance: Configured) -> list[Key]:
    """Return the objects with grants of their own that lie in an object, however deep."""
    own = key_of(instance)
    keys = set(Grant.objects.values_list("object_type", "object_dbid").distinct()) - {own}
    uppers = {
        (row.type, row.dbid): above_of(row.type, row.folder, row.body) for row in journal.read(keys)
    }
    places = Places()
    places.foresee(uppers)
    return sorted(key for key, upper in uppers.items() if own in places.at(key, upper))
