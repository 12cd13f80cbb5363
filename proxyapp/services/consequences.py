"""What follows from a change in other objects, written in the same transaction.

- A new tenant, switch, IVR or business attribute gets its default folders.
- Who is a super administrator, when access groups change.
- A backup server follows its primary.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from confwire.objects import SUPER_ADMINISTRATORS, ObjectType
from proxyapp.models import AccessGroup, Membership, Person
from proxyapp.services import pairs
from proxyapp.services.documents import find_all
from proxyapp.services.provisioning import add_default_folders, folder_types_of

if TYPE_CHECKING:
    from proxyapp.services.changes import Work


def follow(work: Work) -> None:
    """Write the consequences of all that a work has changed."""
    owners = [key for key in work.touched if folder_types_of(ObjectType(key[0]))]
    for owner in find_all(owners).values():
        add_default_folders(work, owner)
    keys = [*work.touched, *work.gone]
    if any(type_ == ObjectType.ACCESS_GROUP for type_, _ in keys):
        _follow_administrators(work)
    pairs.follow(work, keys)


def _follow_administrators(work: Work) -> None:
    administrators = administrators_of()
    flagged = set(Person.objects.filter(is_admin=True).values_list("dbid", flat=True))
    for person in Person.objects.filter(dbid__in=administrators ^ flagged):
        person.is_admin = person.dbid in administrators
        work.save(person)


def administrators_of() -> set[int]:
    """Return the DBIDs of all members of Super Administrators, those in groups included."""
    waiting = set(
        AccessGroup.objects.filter(type=SUPER_ADMINISTRATORS).values_list("dbid", flat=True)
    )
    seen: set[int] = set()
    persons: set[int] = set()
    while waiting:
        seen |= waiting
        rows = Membership.objects.filter(access_group__in=waiting)
        members = list(rows.values_list("person_id", "group_id"))
        persons |= {person for person, _ in members if person is not None}
        waiting = {group for _, group in members if group is not None} - seen
    return persons
