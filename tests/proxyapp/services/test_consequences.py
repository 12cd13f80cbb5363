"""What follows from a change is written in the same transaction."""

from __future__ import annotations

from typing import Any

from confwire.objects import ObjectType
from proxyapp.models import AccessGroup, Application, Folder, Membership, Person
from proxyapp.services import changes, objects

APPLICATION = int(ObjectType.APPLICATION)


def update(type_name: str, dbid: int, **delta: Any) -> objects.Outcome:
    return objects.update(type_name, dbid, delta, by=None, origin="test")


def test_a_backup_takes_the_redundancy_type_of_the_pair(verify_change: Any, server: Any) -> None:
    primary, backup = server("one", "3000"), server("two", "3001")
    pairing = {"serverInfo": {"backupServerDBID": backup}, "redundancyType": "warmstandby"}
    with verify_change() as transactions:
        outcome = update("application", primary, **pairing)
    assert outcome.result.changed == ((APPLICATION, primary), (APPLICATION, backup))
    assert len(transactions) == 1
    application = Application.objects.get(pk=backup)
    assert (application.redundancy_type, application.is_primary) == ("warmstandby", False)


def test_a_released_backup_is_single_again(verify_change: Any, server: Any) -> None:
    backup = server("two", "3001")
    pairing = {"serverInfo": {"backupServerDBID": backup}, "redundancyType": "warmstandby"}
    primary = server("one", "3000", **pairing)
    with verify_change():
        objects.delete("application", primary, by=None, origin="test")
    application = Application.objects.get(pk=backup)
    assert (application.redundancy_type, application.is_primary) == ("coldstandby", True)


def test_members_of_nested_groups_are_administrators(verify_change: Any, person: Person) -> None:
    supers = AccessGroup.objects.get(type="superadministrators")
    with verify_change() as transactions, changes.commit(by=None, origin="test") as work:
        inner = AccessGroup(tenant_id=1, name="inner")
        work.save(inner)
        work.save(Membership(access_group=inner, person=person))
        work.save(Membership(access_group=supers, group=inner))
    assert len(transactions) == 1
    person.refresh_from_db()
    assert person.is_staff
    assert person.has_perm("anything")
    with verify_change(), changes.commit(by=None, origin="test") as work:
        work.delete(*supers.memberships.filter(group=inner))
    person.refresh_from_db()
    assert not person.is_staff


def test_groups_that_hold_each_other_are_no_trap(person: Person) -> None:
    with changes.commit(by=None, origin="test") as work:
        one, two = AccessGroup(tenant_id=1, name="one"), AccessGroup(tenant_id=1, name="two")
        work.save(one, two)
        work.save(Membership(access_group=one, group=two), Membership(access_group=two, group=one))
        supers = AccessGroup.objects.get(type="superadministrators")
        work.save(Membership(access_group=supers, group=one))
        work.save(Membership(access_group=two, person=person))
    person.refresh_from_db()
    assert person.is_admin


def test_a_switch_has_folders_for_what_it_owns(switch: int) -> None:
    owned = Folder.objects.filter(owner_type=int(ObjectType.SWITCH), owner_dbid=switch)
    assert set(owned.values_list("name", flat=True)) == {"DNs", "Agent logins"}
