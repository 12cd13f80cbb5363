"""Grants mean the nearest one upwards for each subject, united over a person's groups."""

from __future__ import annotations

from typing import Any

import pytest

from confwire.errors import InvalidParameter, NoPermission
from confwire.objects import ObjectType
from proxyapp.engine.data.rights import CHANGE, NO_PROPAGATE, READ
from proxyapp.models import AccessGroup, Application, Folder, Host, Person, Tenant
from proxyapp.services import access, objects


def grant(target: Any, subject: Any, mask: int) -> None:
    access.grant(target, subject, mask, by=None, origin="test")


def may_read(person: Person, host: Host) -> bool:
    return access.may(person, READ, ObjectType.HOST, host.dbid)


def test_nothing_granted_is_forbidden(person: Person, host: Host) -> None:
    assert not may_read(person, host)
    assert not access.may(person, READ, ObjectType.HOST, 4711)


def test_everyone_may_use_the_default_application(person: Person) -> None:
    assert access.may(person, READ, ObjectType.APPLICATION, 100)
    assert not access.may(person, READ, ObjectType.APPLICATION, 99)


def test_the_first_administrator_may_all(host: Host) -> None:
    assert access.Rights(Person.objects.get(pk=100)).mask_of(host) == 127


@pytest.mark.parametrize("place", ["folder", "tenant"])
def test_a_grant_above_is_inherited(person: Person, host: Host, place: str) -> None:
    grant(host.folder if place == "folder" else Tenant.objects.get(pk=1), person, READ)
    assert may_read(person, host)


def test_the_nearest_grant_counts(person: Person, host: Host) -> None:
    grant(Tenant.objects.get(pk=1), person, READ | CHANGE)
    grant(host.folder, person, READ)
    assert not access.may(person, CHANGE, ObjectType.HOST, host.dbid)
    grant(host, person, 0)
    assert not may_read(person, host)


def test_a_grant_may_be_for_the_container_alone(person: Person, host: Host) -> None:
    assert host.folder is not None
    grant(host.folder, person, READ | NO_PROPAGATE)
    assert access.may(person, READ, ObjectType.FOLDER, host.folder.dbid)
    assert not may_read(person, host)


def test_rights_of_groups_within_groups_are_united(person: Person, host: Host, create: Any) -> None:
    member = {"objectType": "person", "DBID": person.dbid}
    inner = create("accessGroup", tenantDBID=1, name="inner", members=[member])
    nested = {"objectType": "accessGroup", "DBID": inner}
    outer = create("accessGroup", tenantDBID=1, name="outer", members=[nested])
    grant(host, AccessGroup.objects.get(pk=outer), CHANGE)
    grant(host, person, READ)
    assert access.Rights(person).mask_of(host) == READ | CHANGE
    objects.update("accessGroup", outer, {"state": "disabled"}, by=None, origin="test")
    assert access.Rights(person).mask_of(host) == READ


def test_what_lies_in_a_tenant_inherits_from_the_environment(person: Person, create: Any) -> None:
    tenant = create("tenant", name="Resources")
    skill = create("skill", tenantDBID=tenant, name="x")
    grant(Folder.objects.get(name="Tenants", owner_dbid=1), person, READ)
    assert access.may(person, READ, ObjectType.SKILL, skill)


def test_granting_and_revoking_are_changes_of_the_object(
    verify_change: Any, person: Person, host: Host
) -> None:
    with verify_change() as transactions:
        grant(host, person, READ)
    assert transactions[0].records[0].acl == [(int(ObjectType.PERSON), person.dbid, READ)]
    with verify_change() as transactions:
        grant(host, person, READ | CHANGE)
    assert transactions[0].records[0].acl == [(int(ObjectType.PERSON), person.dbid, READ | CHANGE)]
    with verify_change() as transactions:
        access.revoke(host, person, by=None, origin="test")
    assert transactions[0].records[0].acl is None


def test_the_same_grant_again_is_no_change(person: Person, host: Host) -> None:
    grant(host, person, READ)
    assert access.grant(host, person, READ, by=None, origin="test").revision is None


def test_granting_needs_the_right_to_change_permissions(person: Person, host: Host) -> None:
    grant(host, person, READ | CHANGE)
    with pytest.raises(NoPermission):
        access.grant(host, person, 127, by=person, origin="test")
    with pytest.raises(NoPermission):
        access.revoke(host, person, by=person, origin="test")


def test_a_mask_has_eight_bits(person: Person) -> None:
    with pytest.raises(InvalidParameter):
        grant(Application.objects.get(pk=99), person, 256)
