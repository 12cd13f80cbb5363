from __future__ import annotations

import pytest

from confwire.errors import InvalidParameter, UnknownFilterKey
from confwire.objects import OBJECTS, ObjectType
from proxyapp.engine.data.filters import compile_filter, keys_of, values_at
from tests.proxyapp.engine.bench import (
    FOLDER,
    OTHER,
    USERS,
    environment,
    master,
    record,
)

ALL = [(3, 101, 1)]


def everything() -> list:
    """Objects of many types for one reader, each pair alike but for what is asked about."""
    agent = {
        "isAgent": True,
        "agentInfo": {
            "placeDBID": 40,
            "skillLevels": [{"skillDBID": 601, "level": 3}],
            "agentLogins": [{"agentLoginDBID": 50}],
        },
    }
    app = {
        "type": "statserver", "version": "8.5.1", "isServer": True, "hostDBID": 70,
        "serverInfo": {"hostDBID": 70, "backupServerDBID": 302},
        "portInfos": [{"id": "default", "port": "3000"}, {"id": "http", "port": "3001"}],
        "appServers": [{"appServerDBID": 99}], "appPrototypeDBID": 80, "startupType": "auto",
        "accountDBID": 100,
    }  # fmt: skip
    return [
        record("switch", 30, acl=ALL, name="sw", tServerDBID=301, physicalSwitchDBID=31),
        record("dn", 10, acl=ALL, name="alias", number="7001", type="extension", switchDBID=30,
               association="assoc"),
        record("dn", 11, acl=ALL, number="7002", type="routingpoint", switchDBID=33),
        record("dnGroup", 60, acl=ALL, name="g", dns=[{"dnDBID": 11, "trunks": 1}]),
        record("place", 40, acl=ALL, name="p", dnDBIDs=[10]),
        record("placeGroup", 41, acl=ALL, name="pg", placeDBIDs=[40]),
        record("agentLogin", 50, acl=ALL, loginCode="5001", switchDBID=30),
        record("person", 150, acl=ALL, userName="anna", firstName="Анна", lastName="Łoś",
               employeeID="E1", externalID="x", tenantDBID=1, **agent),
        record("person", 151, acl=ALL, userName="otto", firstName="Otto", tenantDBID=1),
        record("agentGroup", 160, acl=ALL, name="ag", agentDBIDs=[150]),
        record("application", 301, acl=ALL, name="stat", **app),
        record("application", 302, acl=ALL, name="backup", type="tserver"),
        record("host", 70, acl=ALL, name="h", ipAddress="10.0.0.1", type="networkserver",
               osInfo={"type": "linux"}),
        record("enumeratorValue", 91, acl=ALL, name="voice", enumeratorDBID=90),
        record("skill", 602, 501, name="French", tenantDBID=1, state="disabled"),
    ]  # fmt: skip


@pytest.fixture(scope="module")
def bob():
    bench = master()
    bench.commit(*everything())
    return bench.login("bob")


@pytest.mark.parametrize(
    ("type_", "filter_", "found"),
    [
        ("skill", {"name": "FRENCH"}, [602]),
        ("skill", {"name": "*английский*"}, [601]),
        ("skill", {"name": "F*H"}, [602]),
        ("skill", {"name": "*e*c*"}, [602]),
        ("skill", {"name": "F*n*n*h"}, []),
        ("skill", {"name": "*"}, [601, 602]),
        ("skill", {"state": "disabled"}, [602]),
        ("skill", {"state": 1}, [601]),
        ("skill", {"state": "2"}, [602]),
        ("skill", {"tenant_dbid": 1}, [601, 602]),
        ("skill", {"tenant_dbid": 2}, []),
        ("skill", {"folder_dbid": "501"}, [601, 602]),
        ("skill", {"folder_dbid": 501, "name": "French", "state": "enabled"}, []),
        ("skill", {"dbid": "602", "name": "what else is given is ignored"}, [602]),
        ("skill", {"dbid": 603}, []),
        ("dn", {"name": "ALIAS"}, [10]),
        ("dn", {"dn_number": "7002"}, [11]),
        ("dn", {"dn_number": "70*"}, [10, 11]),
        ("dn", {"dn_type": "extension"}, [10]),
        ("dn", {"switch_dbid": 30}, [10]),
        ("dn", {"association": "assoc"}, [10]),
        ("dn", {"place_dbid": 40}, [10]),
        ("dn", {"place_dbid": 41}, []),
        ("dn", {"no_place_dbid": 1}, [11]),
        ("dn", {"group_dbid": 60}, [11]),
        ("dn", {"group_dbid": 60, "place_dbid": 40}, []),
        ("person", {"user_name": "anna"}, [150]),
        ("person", {"first_name": "АННА"}, [150]),
        ("person", {"last_name": "ł*"}, [150]),
        ("person", {"employee_id": "e1"}, [150]),
        ("person", {"external_id": "x"}, [150]),
        ("person", {"is_agent": True}, [150]),
        ("person", {"is_agent": 2}, [150]),
        ("person", {"is_agent": 1}, [151]),
        ("person", {"skill_dbid": 601}, [150]),
        ("person", {"login_dbid": 50}, [150]),
        ("person", {"place_dbid": 40}, [150]),
        ("person", {"no_place_dbid": 1}, [151]),
        ("person", {"no_login_dbid": 1}, [151]),
        ("person", {"group_dbid": 160}, [150]),
        ("person", {"switch_dbid": 30}, [150]),
        ("place", {"dn_dbid": 10}, [40]),
        ("placeGroup", {"place_dbid": 40}, [41]),
        ("agentGroup", {"person_dbid": 150}, [160]),
        ("dnGroup", {"dn_dbid": 11}, [60]),
        ("switch", {"tserver_dbid": 301, "phys_switch_dbid": "31"}, [30]),
        ("agentLogin", {"login_code": "5001", "switch_dbid": 30}, [50]),
        ("application", {"app_type": "statserver"}, [301]),
        ("application", {"version": "8.5.*"}, [301]),
        ("application", {"is_server": "true", "startup_type": "auto"}, [301]),
        ("application", {"server_dbid": 99}, [301]),
        ("application", {"backup_server_dbid": 302}, [301]),
        ("application", {"primary_server_dbid": 301}, [302]),
        ("application", {"app_prototype_dbid": 80, "host_dbid": 70}, [301]),
        ("application", {"port": "3001"}, [301]),
        ("application", {"account_dbid": 100, "name": "stat"}, [301]),
        ("application", {"switch_dbid": 30}, [301]),
        ("host", {"ip_address": "10.0.0.1", "os_type": "linux"}, [70]),
        ("host", {"host_type": "networkserver"}, [70]),
        ("enumeratorValue", {"enumerator_dbid": 90}, [91]),
        ("folder", {"object_dbid": 601, "object_type": "skill"}, [501]),
        ("folder", {"owner_dbid": 1, "owner_type": "tenant", "type": "skill"}, [501, 502]),
    ],
)
def test_every_kind_of_key_finds_what_it_names(bob, type_, filter_, found):
    assert bob.read(type_, **filter_) == found


@pytest.mark.parametrize(
    ("type_", "filter_", "code"),
    [
        ("skill", {"color": "red"}, "unknownFilterKey"),
        ("skill", {"app_type": 1}, "unknownFilterKey"),
        ("skills", {}, "invalidParameter"),
        ("", {}, "invalidParameter"),
        ("skill", {"dbid": "x"}, "invalidParameter"),
        ("skill", {"dbid": True}, "invalidParameter"),
        ("skill", {"dbid": "9" * 5000}, "invalidParameter"),
        ("skill", {"dbid": 1.5}, "invalidParameter"),
        ("skill", {"dbid": None}, "invalidParameter"),
        ("skill", {"name": ["x"]}, "invalidParameter"),
        ("skill", {"state": "paused"}, "invalidParameter"),
        ("skill", {"state": 3}, "invalidParameter"),
        ("skill", {"state": True}, "invalidParameter"),
        ("skill", {"tenant_dbid": "one"}, "invalidParameter"),
        ("person", {"is_agent": "maybe"}, "invalidParameter"),
        ("application", {"app_type": 9999}, "invalidParameter"),
        ("application", {"app_type": "9" * 5000}, "invalidParameter"),
        ("dn", {"place_dbid": "x"}, "invalidParameter"),
        ("folder", {"object_dbid": 1}, "invalidParameter"),
        ("folder", {"object_dbid": 1, "object_type": "thing"}, "invalidParameter"),
    ],
)
def test_a_filter_that_means_nothing_is_refused(bob, type_, filter_, code):
    assert bob.error("readObjects", objectType=type_, filter=filter_) == code
    assert bob.error("readBrief", objectType=type_, filter=filter_) == code


@pytest.mark.parametrize("value", ["²", "-1", "½", "٣x"])
def test_a_type_that_only_looks_like_a_number_finds_nothing(bob, value):
    assert bob.read("application", app_type=value) == []


def test_joins_look_only_at_what_may_be_read():
    bench = master()
    bench.commit(
        record("dn", 10, acl=ALL, number="1"),
        record("place", 40, name="p", dnDBIDs=[10]),
        record("dnGroup", 60, name="g", dns=[{"dnDBID": 10}]),
        record("agentLogin", 50, loginCode="1", switchDBID=30),
        record("person", 150, acl=ALL, userName="x",
               agentInfo={"agentLogins": [{"agentLoginDBID": 50}]}),
    )  # fmt: skip
    bob = bench.login("bob")
    assert bob.read("dn", place_dbid=40) == []
    assert bob.read("dn", group_dbid=60) == []
    assert bob.read("person", switch_dbid=30) == []
    assert bob.read("folder", object_dbid=603, object_type="skill") == []


def test_many_wildcards_cost_no_more_than_a_few():
    matches = compile_filter(ObjectType.SKILL, {"name": "*a" * 40 + "*b"}).fits_name
    assert not matches("a" * 4000)
    assert matches("a" * 4000 + "b")


@pytest.mark.parametrize(
    ("pattern", "text", "fits"),
    [("ab*ba", "aba", False), ("ab*ba", "abba", True), ("**", "", True), ("a*", "A", True),
     ("*a", "b\na", True), ("a**b", "ab", True), (".*", "xx", False), ("*b*b*", "b", False)],
)  # fmt: skip
def test_a_star_stands_for_any_text_and_nothing_else_is_special(pattern, text, fits):
    query = compile_filter(ObjectType.SKILL, {"name": pattern})
    assert query.fits_name(text.casefold()) is fits
    assert text.casefold().startswith(query.prefix) or not fits


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        ("log/verbose", [1, 2, 3]), ("LOG/Verbose", [1, 2, 3]), ("log/verbose=ALL", [1, 3]),
        ("log/verbose=*l*", [1, 3]), ("log/verbose=", []), ("log/expire=5", [2]),
        ("log/expire=no", []), ("l*/*=all", [1, 3]), ("*/expire", [2]), ("*/*=x", []),
        ("room/number", []), ("a/b/c=d=e", [4]), ("none/none", []),
    ],
)  # fmt: skip
def test_objects_are_found_by_an_option(wanted, found):
    bench = master(
        [
            *environment(),
            record("skill", 1, FOLDER, userProperties={"log": {"verbose": "all"}}),
            record("skill", 2, FOLDER, userProperties={"log": {"verbose": "none", "expire": 5}}),
            record("skill", 3, FOLDER, userProperties={"Log": {"VERBOSE": "All"}}),
            record("skill", 4, FOLDER, userProperties={"a": {"b/c": "d=e"}}),
            record("skill", 5, OTHER, userProperties={"log": {"verbose": "all"}}),
        ]
    )
    bob = bench.login("bob")
    assert bob.read("skill", annex=wanted) == found
    assert bob.read("skill", annex=wanted, folder_dbid=FOLDER) == found
    assert bob.read("skill", annex=wanted, folder_dbid=OTHER) == []


def test_options_and_annex_are_asked_for_apart():
    acl = [(21, USERS, 1)]
    bench = master()
    bench.commit(
        record("application", 1, acl=acl, name="a", options={"log": {"verbose": "all"}}),
        record("application", 2, acl=acl, name="b", userProperties={"log": {"verbose": "all"}}),
    )
    bob = bench.login("bob")
    assert bob.read("application", option="log/verbose=all") == [1]
    assert bob.read("application", annex="log/verbose=all") == [2]
    assert bob.read("application", option="log/verbose", annex="log/verbose") == []
    assert bob.error("readObjects", objectType="skill", filter={"option": "a/b"})
    for wrong in ("log", "/verbose", "log/", "=all", 5):
        code = bob.error("readObjects", objectType="skill", filter={"annex": wrong})
        assert code == "invalidParameter"


def test_every_type_knows_its_keys_and_refuses_others():
    for type_, info in OBJECTS.items():
        assert {"dbid", "state", "folder_dbid"} <= keys_of(type_).keys()
        with pytest.raises(UnknownFilterKey, match=info.name):
            compile_filter(type_, {"no_such_key": 1})
    with pytest.raises(InvalidParameter):
        compile_filter(ObjectType.TENANT, {"tenant_dbid": "x"})


def test_values_are_found_inside_of_lists_and_not_in_what_is_no_mapping():
    document = {"a": [{"b": [1, 2]}, {"b": 3}, {"c": 4}, 5]}
    assert values_at(document, ("a", "b")) == [1, 2, 3]
    assert values_at(document, ("a", "b", "c")) == []
