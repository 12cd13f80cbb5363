"""What follows from a change in other objects, written in the same transaction.

- A new tenant, switch, IVR or business attribute gets its default folders.
- Who is a super administrator, when access groups change.
- A backup server follows its primary: its role, and for Configuration Servers its redundancy type.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from confwire.objects import SUPER_ADMINISTRATORS, ObjectType
from proxyapp.models import AccessGroup, Application, Document, Membership, Person
from proxyapp.models.redundancy import is_backup
from proxyapp.services.documents import find_all
from proxyapp.services.provisioning import add_default_folders, folder_types_of

if TYPE_CHECKING:
    from proxyapp.models.door import Key
    from proxyapp.services.changes import Work


def follow(work: Work) -> None:
    """Write the consequences of all that a work has changed."""
    owners = [key for key in work.touched if folder_types_of(ObjectType(key[0]))]
    for owner in find_all(owners).values():
        add_default_folders(work, owner)
    keys = [*work.touched, *work.gone]
    if any(type_ == ObjectType.ACCESS_GROUP for type_, _ in keys):
        _follow_administrators(work)
    _follow_pairs(work, [key for key in keys if key[0] == ObjectType.APPLICATION])


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


def _follow_pairs(work: Work, keys: list[Key]) -> None:
    if not keys:
        return
    dbids = [dbid for _, dbid in keys]
    before = _published_backups(dbids)
    present = Application.objects.filter(dbid__in=dbids)
    after = dict(present.values_list("dbid", "backup_server_id"))
    for dbid in dbids:
        old, new = before.get(dbid), after.get(dbid)
        if old != new:
            for partner in filter(None, (old, new)):
                _align(work, partner)


def _published_backups(dbids: list[int]) -> dict[int, int]:
    rows = Document.objects.filter(type=int(ObjectType.APPLICATION), dbid__in=dbids)
    found = {}
    for dbid, body in rows.values_list("dbid", "body"):
        found[dbid] = msgspec.json.decode(body).get("serverInfo", {}).get("backupServerDBID")
    return found


def _align(work: Work, dbid: int) -> None:
    application = Application.objects.filter(dbid=dbid).first()
    if application is None:
        return
    work.touch(application)
    if not application.is_configuration_server or application.backup_server_id is not None:
        return
    wanted = "warmstandby" if is_backup(application) else "coldstandby"
    if application.redundancy_type != wanted:
        application.redundancy_type = wanted
        work.save(application)
