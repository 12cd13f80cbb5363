"""What must hold after each transaction, whichever way the changes came."""

from __future__ import annotations

from typing import Any

import pytest

from confwire.errors import DependencyViolation, InvalidParameter, ProtectedObject
from confwire.objects import ObjectType
from proxyapp.models import (
    AccessGroup,
    Application,
    ApplicationTemplate,
    ConfigObject,
    Connection,
    Folder,
    Host,
    Membership,
    Person,
    Port,
    Reference,
    Tenant,
)
from proxyapp.services import access, changes, objects


def save(instance: Any) -> None:
    with changes.commit(by=None, origin="test") as work:
        work.save(instance)


def delete(instance: Any) -> None:
    with changes.commit(by=None, origin="test") as work:
        work.delete(instance)


# ---------------------------------------------------------------- protected objects


def test_the_first_administrator_stays_one(db: None) -> None:
    membership = Membership.objects.get(person=100, access_group__type="superadministrators")
    with pytest.raises(ProtectedObject, match="somebody can always administer"):
        delete(membership)
    assert Membership.objects.filter(person=100).exists()


@pytest.mark.parametrize(
    "find",
    [
        lambda: Tenant.objects.get(pk=1),
        lambda: Person.objects.get(pk=100),
        lambda: Application.objects.get(pk=99),
        lambda: Application.objects.get(pk=100),
        lambda: Host.objects.get(name="configserver"),
        lambda: ApplicationTemplate.objects.get(name="Configuration Server"),
        lambda: AccessGroup.objects.get(type="everyone"),
        lambda: Folder.objects.get(name="Persons"),
    ],
)
def test_what_the_system_needs_is_not_deleted(verify_change: Any, find: Any) -> None:
    with verify_change() as transactions, pytest.raises(ProtectedObject):
        delete(find())
    assert transactions == []


@pytest.mark.parametrize(
    ("find", "column", "value"),
    [
        (lambda: Tenant.objects.get(pk=1), "name", "Milieu"),
        (lambda: Tenant.objects.get(pk=1), "state", "disabled"),
        (lambda: Person.objects.get(pk=100), "user_name", "root"),
        (lambda: Person.objects.get(pk=100), "state", "disabled"),
        (lambda: Application.objects.get(pk=99), "name", "master"),
        (lambda: Application.objects.get(pk=100), "state", "disabled"),
        (lambda: AccessGroup.objects.get(type="users"), "name", "People"),
        (lambda: Folder.objects.get(name="Persons"), "name", "People"),
    ],
)
def test_what_the_system_needs_keeps_name_and_state(
    verify_change: Any, find: Any, column: str, value: str
) -> None:
    instance = find()
    setattr(instance, column, value)
    with verify_change() as transactions, pytest.raises(ProtectedObject):
        save(instance)
    assert transactions == []


def test_other_properties_of_protected_objects_change(verify_change: Any) -> None:
    with verify_change() as transactions, changes.commit(by=None, origin="test") as work:
        person = Person.objects.get(pk=100)
        person.email_address = "admin@example.org"
        work.save(person)
    assert len(transactions) == 1


# ---------------------------------------------------------------- references


def test_who_refers_is_listed(server: Any, host: Host) -> None:
    dbid = server("proxy", "3000")
    with pytest.raises(DependencyViolation) as caught:
        delete(host)
    assert caught.value.data["referrers"] == [
        {"objectType": "application", "DBID": dbid, "name": "proxy"}
    ]


def test_a_connected_server_is_kept(server: Any) -> None:
    one, two = server("one", "3000"), server("two", "3001")
    with changes.commit(by=None, origin="test") as work:
        work.save(Connection(application_id=one, server_id=two))
    with pytest.raises(DependencyViolation):
        delete(Application.objects.get(pk=two))


def test_members_and_subjects_of_grants_are_kept(person: Person, create: Any, host: Host) -> None:
    member = {"objectType": "person", "DBID": person.dbid}
    create("accessGroup", tenantDBID=1, name="group", members=[member])
    access.grant(host, person, 1, by=None, origin="test")
    with pytest.raises(DependencyViolation) as caught:
        delete(person)
    assert [row["objectType"] for row in caught.value.data["referrers"]] == ["accessGroup", "host"]


def test_a_reference_may_end_in_the_transaction_that_deletes(
    verify_change: Any, server: Any, host: Host
) -> None:
    dbid = server("proxy", "3000")
    with verify_change() as transactions, changes.commit(by=None, origin="test") as work:
        application = Application.objects.get(pk=dbid)
        application.host = None
        work.save(application)
        work.delete(host)
    assert len(transactions[0].records) == 2


def test_referrer_and_target_may_go_together(verify_change: Any, server: Any, host: Host) -> None:
    dbid = server("proxy", "3000")
    with verify_change() as transactions, changes.commit(by=None, origin="test") as work:
        work.delete(host, Application.objects.get(pk=dbid))
    assert len(transactions[0].records) == 2
    assert not Reference.objects.filter(source_dbid=dbid, source_type=9).exists()


def test_a_reference_to_nothing_is_refused_with_its_path(server: Any) -> None:
    with pytest.raises(InvalidParameter, match="appServerDBID") as caught:
        server("proxy", "3000", appServers=[{"appServerDBID": 4711}])
    assert caught.value.data["property"] == "appServers.appServerDBID"


def test_a_new_reference_to_what_goes_is_refused(host: Host, create: Any) -> None:
    skill = create("skill", tenantDBID=1, name="x")
    levels = [{"skillDBID": skill, "level": 1}]
    document = {"tenantDBID": 1, "employeeID": "e", "userName": "u"}

    def write() -> None:
        with changes.commit(by=None, origin="test") as work:
            work.delete(ConfigObject.objects.get(type=int(ObjectType.SKILL), dbid=skill))
            given = document | {"agentInfo": {"skillLevels": levels}}
            objects.create("person", given, by=None, origin="test")

    with pytest.raises(InvalidParameter):
        write()


def test_the_table_of_references_follows_the_documents(create: Any) -> None:
    one, two = (create("skill", tenantDBID=1, name=name) for name in ("one", "two"))
    person = create(
        "person",
        tenantDBID=1,
        employeeID="e",
        userName="u",
        agentInfo={"skillLevels": [{"skillDBID": one, "level": 1}]},
    )

    def targets() -> set[int]:
        rows = Reference.objects.filter(source_type=3, source_dbid=person)
        return set(rows.values_list("target_dbid", flat=True))

    assert targets() == {one}
    change = {"put": [{"skillDBID": two, "level": 5}], "remove": [one]}
    delta = {"agentInfo": {"skillLevels": change}}
    objects.update("person", person, delta, by=None, origin="test")
    assert targets() == {two}
    objects.delete("person", person, by=None, origin="test")
    assert targets() == set()


# ---------------------------------------------------------------- Configuration Servers


def test_a_single_server_is_not_specified(server: Any) -> None:
    with pytest.raises(InvalidParameter, match="Not Specified"):
        server("proxy", "3000", redundancyType="warmstandby")


def test_a_pair_is_warm_standby(server: Any) -> None:
    backup = server("two", "3001")
    with pytest.raises(InvalidParameter, match="Warm Standby"):
        server("one", "3000", serverInfo={"backupServerDBID": backup})


def test_hot_standby_is_refused(server: Any) -> None:
    with pytest.raises(InvalidParameter, match="Hot Standby"):
        server("proxy", "3000", redundancyType="hotstandby")


def test_a_backup_serves_one_primary(server: Any) -> None:
    pairing = {
        "serverInfo": {"backupServerDBID": server("backup", "3001")},
        "redundancyType": "warmstandby",
    }
    server("one", "3000", **pairing)
    with pytest.raises(InvalidParameter, match="another server"):
        server("two", "3002", **pairing)


def test_a_server_is_not_its_own_backup(server: Any) -> None:
    dbid = server("proxy", "3000")
    delta = {"serverInfo": {"backupServerDBID": dbid}, "redundancyType": "warmstandby"}
    with pytest.raises(InvalidParameter, match="its own backup"):
        objects.update("application", dbid, delta, by=None, origin="test")


def test_a_backup_has_the_type_and_the_account_of_its_primary(server: Any, person: Person) -> None:
    other = server("two", "3001", accountDBID=person.dbid)
    pairing = {"serverInfo": {"backupServerDBID": other}, "redundancyType": "warmstandby"}
    with pytest.raises(InvalidParameter, match="account"):
        server("one", "3000", **pairing)
    pairing["serverInfo"] = {"backupServerDBID": 100}
    with pytest.raises(InvalidParameter, match="type configserver"):
        server("one", "3000", **pairing)


@pytest.mark.parametrize(
    ("port", "message"),
    [
        (Port(port_id="gui", port="0"), "no port number"),
        (Port(port_id="gui", port="65536"), "no port number"),
        (Port(port_id="gui", port="٣٣"), "no port number"),
        (Port(port_id="gui", port="3000"), "given twice"),
        (Port(port_id="gui", port="2020"), "that of application with DBID 99"),
        (Port(port_id="gui", port="3001", ha_sync=True, clients_only=True), "HA sync"),
    ],
)
def test_bad_ports_are_refused(server: Any, port: Port, message: str) -> None:
    dbid = server("proxy", "3000", serverInfo={"hostDBID": 100})
    port.pk, port._state.adding, port.application_id = None, True, dbid
    with pytest.raises(InvalidParameter, match=message):
        save(port)


def test_one_port_is_the_default_one(server: Any) -> None:
    dbid = server("proxy", "3000")
    delta = {"portInfos": {"put": [{"id": "x", "port": "3005"}], "remove": ["default"]}}
    with pytest.raises(InvalidParameter, match="default"):
        objects.update("application", dbid, delta, by=None, origin="test")


def test_a_server_does_not_connect_to_itself(server: Any) -> None:
    dbid = server("proxy", "3000")
    with pytest.raises(InvalidParameter, match="itself"):
        save(Connection(application_id=dbid, server_id=dbid))


def test_a_backup_cannot_leave_the_account_of_the_pair(server: Any, person: Person) -> None:
    backup = server("backup", "3001")
    pairing = {"serverInfo": {"backupServerDBID": backup}, "redundancyType": "warmstandby"}
    server("primary", "3000", **pairing)
    delta = {"accountDBID": person.dbid}
    with pytest.raises(InvalidParameter, match=r"application primary: .* account"):
        objects.update("application", backup, delta, by=None, origin="test")


def test_other_types_are_not_bound_by_the_rules(create: Any) -> None:
    template = ApplicationTemplate.objects.get(name="Generic Server")
    assert create(
        "application",
        name="app",
        appPrototypeDBID=template.dbid,
        redundancyType="hotstandby",
        autoRestart=False,
        portInfos=[{"id": "a", "port": "8889"}, {"id": "b", "port": "8889"}],
    )


# ---------------------------------------------------------------- pools


_POOL = {"csproxy": {"proxy-cluster-name": "Pool"}}


@pytest.fixture
def balancer(server: Any) -> int:
    """The objects that stand for a load balancer; the DBID of its host."""
    host = Host(name="balancer", lca_port="0")
    save(host)
    server("pool", "3100", serverInfo={"hostDBID": host.dbid}, autoRestart=False)
    return int(host.dbid)


def member(server: Any, **more: Any) -> int:
    return int(server("member", "3101", options=_POOL, **more))


def test_a_member_of_a_pool_names_the_balancers_object(server: Any, balancer: int) -> None:
    assert member(server)


def test_a_member_of_a_pool_restarts_by_itself(server: Any, balancer: int) -> None:
    with pytest.raises(InvalidParameter, match="auto-restart"):
        member(server, autoRestart=False)


def test_a_member_of_a_pool_has_no_backup(server: Any, balancer: int) -> None:
    pairing = {"serverInfo": {"backupServerDBID": server("backup", "3102")},
               "redundancyType": "warmstandby"}  # fmt: skip
    with pytest.raises(InvalidParameter, match="no backup"):
        member(server, **pairing)


def test_a_pool_is_there_before_its_members(server: Any) -> None:
    with pytest.raises(InvalidParameter, match="create it first"):
        member(server)


def test_the_host_of_a_balancer_is_not_watched(server: Any, balancer: int) -> None:
    objects.update("host", balancer, {"lcaPort": "4999"}, by=None, origin="test")
    with pytest.raises(InvalidParameter, match="LCA port to 0"):
        member(server)


def test_a_member_is_no_pool_for_others(server: Any, balancer: int) -> None:
    member(server)
    options = {"csproxy": {"proxy-cluster-name": "member"}}
    with pytest.raises(InvalidParameter, match="is a member itself"):
        server("other", "3103", options=options)


def test_refusals_name_no_other_object_than_those_that_were_given(server: Any) -> None:
    server("unseen", "3001")
    dbid = server("one", "3000")
    ports = {"portInfos": {"put": [{"id": "default", "port": "3001"}]}}
    pairing = {"serverInfo": {"backupServerDBID": 100}, "redundancyType": "warmstandby"}

    for delta, reason in ((ports, "application with DBID"), (pairing, "of type configserver")):
        with pytest.raises(InvalidParameter, match=reason) as refused:
            objects.update("application", dbid, delta, by=None, origin="test")
        assert "unseen" not in str(refused.value)
        assert "default" not in str(refused.value)
