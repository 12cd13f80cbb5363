"""Writing objects by documents: what is done, and what is refused with which error."""

from __future__ import annotations

from typing import Any

import pytest

from confwire.errors import (
    DependencyViolation,
    IncompleteObjectData,
    InvalidParameter,
    NoPermission,
    ObjectNotFound,
    UnchangeableProperty,
    UniquenessViolation,
)
from confwire.objects import BY_NAME, ObjectType
from proxyapp.models import ConfigObject, Document, Folder, Host, Person
from proxyapp.services import access, changes, objects

SYSTEM: Any = {"by": None, "origin": "test"}

HOST = {
    "name": "machine",
    "lcaPort": "4999",
    "osInfo": {"type": "windows", "version": "8"},
    "type": "networkserver",
}


def update(type_name: str, dbid: int, by: Person | None = None, **delta: Any) -> objects.Outcome:
    return objects.update(type_name, dbid, delta, by=by, origin="test")


# ---------------------------------------------------------------- every function, verified


def test_create_update_and_delete_arrive_as_they_were_made(verify_change: Any) -> None:
    with verify_change() as transactions:
        outcome = objects.create("host", HOST, by=None, origin="test")
    assert outcome.result.revision == transactions[-1].revision
    with verify_change():
        update("host", outcome.dbid, ipAddress="10.0.0.1", osInfo={"version": None})
    with verify_change() as transactions:
        objects.delete("host", outcome.dbid, by=None, origin="test")
    assert outcome.result.changed == ((int(ObjectType.HOST), outcome.dbid),)
    assert not Host.objects.filter(pk=outcome.dbid).exists()


def test_a_server_with_its_rows_arrives_as_it_was_made(verify_change: Any, server: Any) -> None:
    with verify_change():
        dbid = server("proxy", "3000", appServers=[{"appServerDBID": 99, "timeoutLocal": 5}])
    with verify_change() as transactions:
        update(
            "application",
            dbid,
            portInfos={"put": [{"id": "gui", "port": "3001", "clientsOnly": True}]},
            appServers={"remove": [99]},
            options={"csproxy": {"proxy-writable": "true"}},
            tenantDBIDs={"add": [1]},
        )
    assert len(transactions) == 1
    with verify_change():
        update("application", dbid, portInfos={"remove": ["gui"]}, options={"csproxy": None})
    with verify_change():
        objects.delete("application", dbid, by=None, origin="test")


def test_a_switch_goes_with_its_contents_in_one_transaction(
    verify_change: Any, switch: int
) -> None:
    with verify_change() as transactions:
        objects.delete("switch", switch, by=None, origin="test")
    types = [ObjectType(record.type) for record in transactions[0].records]
    assert len(transactions) == 1
    assert types[-1] is ObjectType.SWITCH
    assert types.index(ObjectType.DN) < types.index(ObjectType.FOLDER)
    assert set(types) == {
        ObjectType.DN,
        ObjectType.AGENT_LOGIN,
        ObjectType.FOLDER,
        ObjectType.SWITCH,
    }


def test_a_folder_goes_with_its_contents_and_subfolders(verify_change: Any, create: Any) -> None:
    home = Person.objects.get(pk=100).folder_id
    upper = create("folder", home, name="upper", type="person")
    lower = create("folder", upper, name="lower", type="person")
    create("person", lower, tenantDBID=1, employeeID="e", userName="u")
    with verify_change() as transactions:
        objects.delete("folder", upper, by=None, origin="test")
    kinds = [(ObjectType(record.type), record.dbid) for record in transactions[0].records]
    assert [kind for kind, _ in kinds] == [
        ObjectType.PERSON,
        ObjectType.FOLDER,
        ObjectType.FOLDER,
    ]
    assert kinds[-1] == (ObjectType.FOLDER, upper)


def test_many_objects_of_one_type_are_made_together(verify_change: Any) -> None:
    given = [{"tenantDBID": 1, "name": f"skill {n}"} for n in range(700)]
    with verify_change() as transactions, changes.commit(by=None, origin="test") as work:
        dbids = objects.create_many("skill", given, work=work)
    assert [record.dbid for record in transactions[0].records] == dbids


def test_nothing_changes_when_the_delta_says_what_is(create: Any) -> None:
    dbid = create("host", **HOST)
    assert update("host", dbid, lcaPort="4999").result.revision is None


def test_moving_an_object_is_a_change_of_its_folder(verify_change: Any, create: Any) -> None:
    home = Person.objects.get(pk=100).folder_id
    folder = create("folder", home, name="moved", type="person")
    dbid = create("person", tenantDBID=1, employeeID="e", userName="u")
    with verify_change() as transactions:
        update("person", dbid, folderDBID=folder)
    assert [record.folder for record in transactions[0].records] == [folder]


# ---------------------------------------------------------------- refusals


def test_missing_properties_are_named_in_order(db: None) -> None:
    with pytest.raises(IncompleteObjectData) as caught:
        objects.create("application", {"name": "app"}, by=None, origin="test")
    assert caught.value.data["properties"] == ["appPrototypeDBID", "autoRestart", "redundancyType"]


def test_a_mandatory_property_cannot_be_emptied(create: Any) -> None:
    dbid = create("host", **HOST)
    with pytest.raises(IncompleteObjectData):
        update("host", dbid, lcaPort=None)


def test_unchangeable_properties_are_named(create: Any) -> None:
    dbid = create("host", **HOST)
    with pytest.raises(UnchangeableProperty) as caught:
        update("host", dbid, type="tenantserver")
    assert caught.value.data["properties"] == ["type"]


def test_derived_properties_are_ignored(create: Any) -> None:
    dbid = create("person", tenantDBID=1, employeeID="e", userName="u", isAdmin=True, DBID=7)
    assert dbid != 7
    assert not Person.objects.get(pk=dbid).is_admin


@pytest.mark.parametrize(
    ("type_name", "document"),
    [
        ("host", HOST | {"name": "MACHINE"}),
        ("skill", {"tenantDBID": 1, "name": "Ĳssel"}),
        ("person", {"tenantDBID": 1, "employeeID": "other", "userName": "DEFAULT"}),
        ("person", {"tenantDBID": 1, "employeeID": "0", "userName": "other"}),
    ],
)
def test_a_natural_key_is_there_once_whatever_its_case(
    create: Any, type_name: str, document: dict[str, Any]
) -> None:
    create("host", **HOST)
    create("skill", tenantDBID=1, name="ĳSSEL")
    with pytest.raises(UniquenessViolation):
        create(type_name, **document)


def test_the_same_dn_number_may_be_there_with_another_name(create: Any, switch: int) -> None:
    document = {"tenantDBID": 1, "switchDBID": switch, "number": "123", "type": "Extension"}
    create("dn", **document, name="alias")
    with pytest.raises(UniquenessViolation):
        create("dn", **document, name="ALIAS")


@pytest.mark.parametrize(
    "document",
    [
        {"tenantDBID": 1, "name": "x", "nonsense": 1},
        {"tenantDBID": 1, "name": 5},
        {"tenantDBID": "1", "name": "x"},
        {"tenantDBID": 1.0, "name": "x"},
        {"tenantDBID": 1, "name": "x" * 256},
        {"tenantDBID": 1, "name": "a\nb"},
        {"tenantDBID": 1, "name": "a\ud800"},
        {"tenantDBID": 1, "name": "x", "state": "deleted"},
        {"tenantDBID": 1, "name": "x", "userProperties": {"s": {"o": True}}},
        {"tenantDBID": 1, "name": "x", "userProperties": {"s": {"o": "a\0b"}}},
        {"tenantDBID": 1, "name": "x", "userProperties": {"s": {"o": "a\ud800"}}},
        {"tenantDBID": 1, "name": "x", "userProperties": {"s": "o"}},
        {"tenantDBID": 4711, "name": "x"},
        {"tenantDBID": 1, "name": "x", "folderDBID": 2**70},
    ],
)
def test_bad_values_are_refused_with_nothing_written(
    verify_change: Any, document: dict[str, Any]
) -> None:
    with verify_change() as transactions, pytest.raises(InvalidParameter):
        objects.create("skill", document, by=None, origin="test")
    assert transactions == []


def test_a_backslash_before_u0000_is_ordinary_text(create: Any) -> None:
    dbid = create("skill", tenantDBID=1, name="x", userProperties={"s": {"o": r"\u0000"}})
    assert Document.objects.get(type=int(ObjectType.SKILL), dbid=dbid)


def test_an_unknown_type_is_refused(db: None) -> None:
    with pytest.raises(InvalidParameter, match="nonsense"):
        objects.create("nonsense", {}, by=None, origin="test")


def test_a_folder_takes_only_its_own_type(create: Any) -> None:
    home = Person.objects.get(pk=100).folder_id
    with pytest.raises(InvalidParameter, match="holds objects of type person"):
        create("skill", home, tenantDBID=1, name="x")


def test_an_object_stays_in_folders_of_its_tenant(create: Any) -> None:
    tenant = create("tenant", name="Resources")
    home = Person.objects.get(pk=100).folder_id
    with pytest.raises(InvalidParameter, match="tenant"):
        create("person", home, tenantDBID=tenant, employeeID="e", userName="u")


def test_a_folder_cannot_lie_in_itself(create: Any) -> None:
    home = Person.objects.get(pk=100).folder_id
    upper = create("folder", home, name="upper", type="person")
    lower = create("folder", upper, name="lower", type="person")
    with pytest.raises(InvalidParameter, match="in itself"):
        update("folder", upper, folderDBID=lower)


@pytest.mark.parametrize("call", [objects.delete, objects.update])
def test_what_is_not_there_is_not_found(db: None, call: Any) -> None:
    arguments = ("host", 4711) if call is objects.delete else ("host", 4711, {})
    with pytest.raises(ObjectNotFound):
        call(*arguments, by=None, origin="test")


def test_a_full_tenant_is_kept(create: Any) -> None:
    tenant = create("tenant", name="Resources")
    create("skill", tenantDBID=tenant, name="x")
    with pytest.raises(DependencyViolation) as caught:
        objects.delete("tenant", tenant, by=None, origin="test")
    assert caught.value.data == {"count": 1}


def test_an_empty_tenant_goes_with_its_folders(verify_change: Any, create: Any) -> None:
    tenant = create("tenant", name="Resources")
    with verify_change() as transactions:
        objects.delete("tenant", tenant, by=None, origin="test")
    assert transactions[0].records[-1].dbid == tenant


# ---------------------------------------------------------------- rights


def test_without_rights_an_object_is_not_even_found(create: Any, person: Person) -> None:
    dbid = create("host", **HOST)
    with pytest.raises(ObjectNotFound):
        update("host", dbid, by=person, ipAddress="10.0.0.1")


@pytest.mark.parametrize("mask", [1, 1 | 2, 1 | 16])
def test_changing_needs_the_right_to_change(create: Any, person: Person, mask: int) -> None:
    host = Host.objects.get(pk=create("host", **HOST))
    access.grant(host, person, mask, by=None, origin="test")
    with pytest.raises(NoPermission):
        update("host", host.dbid, by=person, ipAddress="10.0.0.1")
    access.grant(host, person, mask | 4, by=None, origin="test")
    assert update("host", host.dbid, by=person, ipAddress="10.0.0.1").result.revision


def test_creating_needs_the_right_on_the_folder(create: Any, person: Person) -> None:
    folder = Host.objects.get(name="configserver").folder
    assert folder is not None
    access.grant(folder, person, 1, by=None, origin="test")
    with pytest.raises(NoPermission):
        objects.create("host", HOST, by=person, origin="test")
    access.grant(folder, person, 3, by=None, origin="test")
    assert objects.create("host", HOST, by=person, origin="test").dbid


def test_deleting_needs_the_right_on_all_that_goes(switch: int, person: Person) -> None:
    owner = ConfigObject.objects.get(type=int(ObjectType.SWITCH), dbid=switch)
    dn = ConfigObject.objects.get(type=int(ObjectType.DN))
    access.grant(owner, person, 1 | 16, by=None, origin="test")
    access.grant(dn, person, 1, by=None, origin="test")
    with pytest.raises(NoPermission):
        objects.delete("switch", switch, by=person, origin="test")
    access.revoke(dn, person, by=None, origin="test")
    assert objects.delete("switch", switch, by=person, origin="test").result.revision


def test_moving_needs_rights_at_both_ends(create: Any, person: Person) -> None:
    home = Person.objects.get(pk=100).folder
    assert home is not None
    folder = create("folder", home.dbid, name="moved", type="person")
    access.grant(home, person, 1 | 4, by=None, origin="test")
    with pytest.raises(NoPermission):
        update("person", person.dbid, by=person, folderDBID=folder)
    access.grant(home, person, 1 | 4 | 16 | 2, by=None, origin="test")
    assert update("person", person.dbid, by=person, folderDBID=folder).result.revision


def test_moving_needs_the_right_to_delete_where_the_object_lies(
    create: Any, person: Person
) -> None:
    home = Host.objects.get(name="configserver").folder
    assert home is not None
    mine = Folder.objects.get(pk=create("folder", home.dbid, name="mine", type="host"))
    dbid = create("host", **HOST)
    access.grant(home, person, 1 | 4, **SYSTEM)
    access.grant(mine, person, 127, **SYSTEM)
    with pytest.raises(NoPermission, match="right to delete"):
        update("host", dbid, by=person, folderDBID=mine.dbid)
    assert Host.objects.get(pk=dbid).folder_id == home.dbid


def test_a_place_that_may_not_be_read_is_refused_like_one_that_is_not_there(
    create: Any, person: Person
) -> None:
    home = Host.objects.get(name="configserver").folder
    assert home is not None
    hidden = create("folder", home.dbid, name="hidden", type="host")
    host = Host.objects.get(pk=create("host", **HOST))
    access.grant(host, person, 127, **SYSTEM)
    for folder in (hidden, 99_999):
        with pytest.raises(ObjectNotFound, match=f"no folder with DBID {folder}$"):
            update("host", host.dbid, by=person, folderDBID=folder)
        with pytest.raises(ObjectNotFound, match=f"no folder with DBID {folder}$"):
            objects.create("host", HOST | {"name": "two"}, folder, by=person, origin="test")


@pytest.mark.parametrize(
    ("type_name", "document"),
    [("host", HOST), ("folder", {"name": "a", "type": "host"}), ("tenant", {"name": "a"})],
)
def test_nothing_leaves_the_tree(create: Any, type_name: str, document: Any) -> None:
    folder = 0
    if type_name == "folder":
        folder = Host.objects.get(name="configserver").folder_id or 0
    dbid = create(type_name, folder, **document)
    with pytest.raises(InvalidParameter, match="folder"):
        update(type_name, dbid, folderDBID=0)


def test_nobody_makes_folders_under_what_owns_none(create: Any, person: Person) -> None:
    folder = {"name": "mine", "type": "skill", "owner": {"objectType": "person", "DBID": 100}}
    with pytest.raises(ObjectNotFound):
        objects.create("folder", folder, by=person, origin="test")
    with pytest.raises(InvalidParameter):
        objects.create("folder", folder, **SYSTEM)


def test_deleting_tells_nothing_of_what_may_not_be_read(create: Any, person: Person) -> None:
    tenant = create("tenant", name="Secret")
    skill = create("skill", tenantDBID=tenant, name="hidden")
    folder = ConfigObject.objects.get(type=13, dbid=skill).folder
    assert folder is not None
    for type_name, dbid in (("tenant", tenant), ("folder", folder.dbid)):
        with pytest.raises(ObjectNotFound, match=f"no {type_name} with DBID {dbid}$"):
            objects.delete(type_name, dbid, by=person, origin="test")


def test_a_refusal_to_delete_names_no_content_that_may_not_be_read(
    create: Any, person: Person
) -> None:
    home = Host.objects.get(name="configserver").folder
    assert home is not None
    folder = Folder.objects.get(pk=create("folder", home.dbid, name="mine", type="host"))
    host = Host.objects.get(pk=create("host", folder.dbid, **HOST))
    access.grant(folder, person, 127, **SYSTEM)
    access.grant(host, person, 0, **SYSTEM)
    with pytest.raises(NoPermission, match="holds something that you may not read"):
        objects.delete("folder", folder.dbid, by=person, origin="test")


def test_every_type_can_be_made_from_its_mandatory_properties(create: Any) -> None:
    made = {"tenant": 1, "application": 99, "person": 100}

    def make(name: str) -> int:
        if name not in made:
            info = BY_NAME[name]
            document: dict[str, Any] = {}
            for item in info.fields:
                if item.required and not item.derived:
                    target = item.target
                    document[item.name] = (
                        make(next(i.name for i in BY_NAME.values() if i.type is target))
                        if target
                        else VALUES.get(item.name, "x")
                    )
            made[name] = create(name, **(document | EXTRA.get(name, {})))
        return made[name]

    for name in BY_NAME:
        assert make(name)


VALUES: dict[str, Any] = {"osInfo": {"type": "linux"}}
EXTRA: dict[str, dict[str, Any]] = {
    "host": {"type": "networkserver"},
    "appPrototype": {"type": "genericserver"},
    "folder": {"type": "host"},
}


def test_a_refusal_names_no_referrer_that_may_not_be_read(create: Any, person: Person) -> None:
    skill = create("skill", name="wanted", tenantDBID=1)
    users = {
        name: create(
            "person",
            userName=name,
            employeeID=name,
            tenantDBID=1,
            agentInfo={"skillLevels": [{"skillDBID": skill, "level": 1}]},
        )
        for name in ("shown", "hidden")
    }
    access.grant(ConfigObject.objects.get(type=13, dbid=skill), person, 1 | 16, **SYSTEM)
    access.grant(Person.objects.get(pk=users["shown"]), person, 1, **SYSTEM)
    with pytest.raises(DependencyViolation, match="person shown, 1 that you may not") as caught:
        objects.delete("skill", skill, by=person, origin="test")
    assert [row["name"] for row in caught.value.data["referrers"]] == ["shown"]
    assert "hidden" not in str(caught.value)
