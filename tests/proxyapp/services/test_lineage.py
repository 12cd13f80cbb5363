"""Rights are read with few statements, however deep a tree is, and a ring of folders ends."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection

from confwire.objects import ObjectType
from proxyapp.engine.data.rights import CHANGE, CREATE, READ
from proxyapp.models import ConfigObject, Folder, Host, Person, Tenant
from proxyapp.services import access
from proxyapp.services.access import Rights


@pytest.fixture
def nested(host: Host, create: Any) -> list[int]:
    """Return folders for hosts, each in the one before."""
    assert host.folder is not None
    chain = [host.folder.dbid]
    for number in range(5):
        chain.append(create("folder", chain[-1], name=f"level {number}", type="host"))
    return chain


def grant(target: Any, subject: Person, mask: int) -> None:
    access.grant(target, subject, mask, by=None, origin="test")


def test_rights_deep_in_a_tree_take_two_statements(
    person: Person, nested: list[int], django_assert_num_queries: Any
) -> None:
    grant(Tenant.objects.get(pk=1), person, READ)
    grant(Folder.objects.get(pk=nested[2]), person, READ | CHANGE)
    deep = Folder.objects.get(pk=nested[-1])
    with django_assert_num_queries(2):
        assert Rights(person).mask_of(deep) == READ | CHANGE


def test_places_are_shared_by_objects_that_are_asked_in_any_order(
    person: Person, nested: list[int]
) -> None:
    grant(Folder.objects.get(pk=nested[1]), person, READ)
    for order in (nested, nested[::-1]):
        rights = Rights(person)
        masks = {dbid: rights.mask_of(Folder.objects.get(pk=dbid)) for dbid in order}
        assert masks == {dbid: READ if dbid != nested[0] else 0 for dbid in nested}


def test_an_object_that_is_to_move_has_the_rights_of_its_new_place(
    person: Person, host: Host, nested: list[int]
) -> None:
    grant(Folder.objects.get(pk=nested[1]), person, READ)
    rights = Rights(person)
    assert rights.mask_of(host) == 0
    assert rights.mask_of(Folder.objects.get(pk=nested[-1])) == READ
    host.folder_id = nested[-1]
    assert rights.mask_of(host) == READ


def test_what_a_generic_object_holds_inherits_through_its_folder_and_tenant(
    person: Person, create: Any
) -> None:
    tenant = create("tenant", name="Tenant")
    attribute = create(
        "enumerator", name="Stage", displayName="Stage", type="unknown", tenantDBID=tenant
    )
    folder = Folder.objects.get(owner_type=int(ObjectType.ENUMERATOR), owner_dbid=attribute)
    grant(Tenant.objects.get(pk=1), person, READ)
    assert Rights(person).mask_of(folder) == READ
    grant(Tenant.objects.get(pk=tenant), person, CREATE)
    assert Rights(person).mask_of(folder) == CREATE
    owner = ConfigObject.objects.get(type=ObjectType.ENUMERATOR, dbid=attribute)
    grant(owner, person, CHANGE)
    assert Rights(person).mask_of(folder) == CHANGE


def test_a_ring_of_folders_ends(person: Person, nested: list[int]) -> None:
    grant(Folder.objects.get(pk=nested[4]), person, READ)
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE proxyapp_folder SET folder_id = %s WHERE dbid = %s", [nested[5], nested[2]]
        )
    assert Rights(person).mask_of(Folder.objects.get(pk=nested[3])) == READ
