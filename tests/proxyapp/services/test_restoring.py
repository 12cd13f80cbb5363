"""Objects are brought into states that they had, whatever stands in each other's way."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from confwire.errors import ObjectNotFound, ProtectedObject
from proxyapp.models import Folder, Person, Revision
from proxyapp.services import changes, objects, restoring
from proxyapp.services.asof import Past
from proxyapp.services.restoring import Wanted
from tests.pastmodel import present

Create = Callable[..., int]


def restore(wanted: Wanted) -> None:
    with changes.commit(by=None, origin="test") as work:
        restoring.restore(work, wanted)


def everything() -> dict[Any, Any]:
    return {state.key: state for state in Past(Revision.objects.get().number).everything()}


def test_all_that_was_deleted_comes_back_whatever_lies_in_what(create: Create) -> None:
    tenant = create("tenant", name="Company")
    folder = Folder.objects.get(type="skill", owner_dbid=tenant).dbid
    inner = create("folder", name="inner", type="skill", folderDBID=folder)
    create("skill", tenantDBID=tenant, name="deep", folderDBID=inner)
    then, before = everything(), present()
    objects.delete("folder", inner, by=None, origin="test")
    objects.delete("tenant", tenant, by=None, origin="test")
    restore({key: state for key, state in then.items() if key not in present()})
    assert present() == before


def test_user_names_are_exchanged(create: Create) -> None:
    people = [
        create("person", tenantDBID=1, employeeID=name, userName=name) for name in ("anna", "ben")
    ]
    then = everything()
    for dbid, name in zip(people, ("x", "y"), strict=True):
        objects.update("person", dbid, {"userName": name}, by=None, origin="test")
    for dbid, name in zip(people, ("ben", "anna"), strict=True):
        objects.update("person", dbid, {"userName": name}, by=None, origin="test")
    restore({(3, dbid): then[3, dbid] for dbid in people})
    assert [Person.objects.get(dbid=dbid).user_name for dbid in people] == ["anna", "ben"]


def test_applications_come_back_with_ports_connections_and_tenants(
    server: Callable[..., int],
) -> None:
    dbid = server("proxy", "2121", appServers=[{"appServerDBID": 99, "id": "default"}])
    other = server("proxy 2", "2122", tenantDBIDs=[1])
    then, before = everything(), present()
    for deleted in (dbid, other):
        objects.delete("application", deleted, by=None, origin="test")
    restore({(9, dbid): then[9, dbid], (9, other): then[9, other]})
    assert present() == before


def test_a_dbid_is_given_again_to_what_is_restored_only(create: Create) -> None:
    dbid = create("skill", tenantDBID=1, name="English")
    then = everything()
    objects.delete("skill", dbid, by=None, origin="test")
    restore({(13, dbid): then[13, dbid]})
    assert create("skill", tenantDBID=1, name="another") > dbid


def test_what_the_system_needs_is_not_deleted(db: None) -> None:
    with pytest.raises(ProtectedObject):
        restore({(3, 100): None})


def test_folders_that_would_lie_in_each_other_are_refused(create: Create) -> None:
    root = Folder.objects.get(type="skill", folder=None).dbid
    outer = create("folder", name="outer", type="skill", folderDBID=root)
    inner = create("folder", name="inner", type="skill", folderDBID=outer)
    ring = Past(Revision.objects.get().number).states([(22, outer), (22, inner)])
    objects.delete("folder", outer, by=None, origin="test")
    turned = replace(ring[22, outer], folder=inner)
    with pytest.raises(ObjectNotFound, match="lie in each other"):
        restore({(22, outer): turned, (22, inner): ring[22, inner]})


@pytest.mark.parametrize("kind", ["skill", "person"])
def test_who_took_the_name_of_what_was_deleted_makes_room_for_it(create: Create, kind: str) -> None:
    def make(name: str) -> int:
        names = {"name": name} if kind == "skill" else {"employeeID": name, "userName": name}
        return create(kind, tenantDBID=1, **names)

    first = make("English")
    then, before = everything(), present()
    objects.delete(kind, first, by=None, origin="test")
    second = make("English")
    type_ = next(type_ for type_, dbid in before if dbid == first and type_ in (3, 13))
    restore({(type_, first): then[type_, first], (type_, second): None})
    assert present() == before


def test_who_was_renamed_gives_back_the_name_of_what_was_deleted(create: Create) -> None:
    first, second = (create("skill", tenantDBID=1, name=name) for name in ("English", "Anglais"))
    then, before = everything(), present()
    objects.delete("skill", first, by=None, origin="test")
    objects.update("skill", second, {"name": "English"}, by=None, origin="test")
    restore({(13, dbid): then[13, dbid] for dbid in (first, second)})
    assert present() == before
