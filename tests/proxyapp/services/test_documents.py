"""Rows and documents are two forms of one thing, for every relational type."""

from __future__ import annotations

from typing import Any

import pytest

from confwire.delta import canonical
from confwire.objects import BY_NAME
from proxyapp.models import ApplicationTemplate
from proxyapp.services import objects
from proxyapp.services.documents import BINDINGS, document_of, find

ANNEX = {"state": "disabled", "userProperties": {"section": {"number": 456, "string": "def"}}}
SPARE = {f"charField{n}": str(n) for n in range(1, 5)} | {f"longField{n}": n for n in range(1, 5)}

FULL: dict[str, dict[str, Any]] = {
    "tenant": {"name": "Resources", "chargeableNumber": "123", "parentTenantDBID": 1},
    "folder": {
        "name": "agents",
        "type": "person",
        "owner": {"objectType": "tenant", "DBID": 1},
        "folderClass": "default",
        "customType": 8,
        "description": "text",
    },
    "host": {
        "name": "machine",
        "ipAddress": "10.0.1.249",
        "lcaPort": "4999",
        "osInfo": {"type": "windows", "version": "8"},
        "type": "networkserver",
        "scsDBID": 99,
    },
    "appPrototype": {
        "name": "template",
        "type": "orchestrationserver",
        "version": "1.2.3",
        "options": {"general": {"one": "true", "two": 2}},
    },
    "application": {
        "name": "app",
        "serverInfo": {"hostDBID": 100, "port": "8888", "timeout": 2, "attempts": 2},
        "redundancyType": "warmstandby",
        "autoRestart": True,
        "startupTimeout": 1,
        "shutdownTimeout": 2,
        "workDirectory": "/tmp",
        "commandLine": "yes",
        "commandLineArguments": "-x",
        "componentType": "unknown",
        "accountDBID": 100,
        "tenantDBIDs": [1],
        "portInfos": [
            {
                "id": "default",
                "port": "8889",
                "haSync": False,
                "listeningMode": "secured",
                "clientsOnly": True,
                "connProtocol": "addp",
                "transportParams": "t",
                "appParams": "a",
                "description": "d",
                **SPARE,
            }
        ],
        "appServers": [
            {
                "appServerDBID": 99,
                "id": "default",
                "connProtocol": "addp",
                "timeoutLocal": 2,
                "timeoutRemote": 3,
                "mode": "both",
                "transportParams": "t",
                "appParams": "a",
                "proxyParams": "p",
                "description": "d",
                **SPARE,
            }
        ],
        "options": {"log": {"verbose": "all"}},
        "flexibleProperties": {"a": {"b": "c"}},
        "resources": [{"type": 1, "object": {"objectType": "host", "DBID": 100}}],
    },
    "person": {
        "tenantDBID": 1,
        "employeeID": "e",
        "userName": "u",
        "lastName": "Иванов",
        "firstName": "太郎",
        "emailAddress": "u@example.org",
        "externalID": "x",
        "isAgent": True,
        "isExternalAuth": False,
        "changePasswordOnNextLogin": True,
        "appRanks": {"advisors": "user"},
        "agentInfo": {"skillLevels": []},
        "address": {"addressLine1": "street"},
        "phones": {"office": "1"},
    },
    "accessGroup": {
        "tenantDBID": 1,
        "name": "group",
        "managerDBIDs": [100],
        "members": [
            {"objectType": "accessGroup", "DBID": 98},
            {"objectType": "person", "DBID": 100},
        ],
        "type": "users",
    },
}


def test_the_table_above_is_complete() -> None:
    assert {BY_NAME[name].type for name in FULL} == BINDINGS.keys()


@pytest.mark.parametrize("name", sorted(FULL))
def test_a_full_document_comes_back_as_it_was_given(create: Any, name: str) -> None:
    info = BY_NAME[name]
    given = FULL[name] | ANNEX
    if name == "application":
        template = ApplicationTemplate.objects.get(name="Genesys_Administrator_Server_8")
        given["appPrototypeDBID"] = template.dbid
    instance = find(info.type, [create(name, **given)]).get()
    document = document_of(instance)
    expected = canonical(info, given)
    expected["folderDBID"] = document["folderDBID"]
    derived = {item.name for item in info.fields if item.derived}
    assert {key: value for key, value in document.items() if key not in derived} == expected


@pytest.mark.parametrize("name", sorted(FULL))
def test_emptied_properties_leave_the_document(create: Any, name: str) -> None:
    info = BY_NAME[name]
    given = FULL[name] | ANNEX
    if name == "application":
        template = ApplicationTemplate.objects.get(name="Generic Server")
        given["appPrototypeDBID"] = template.dbid
    dbid = create(name, **given)
    emptied = {
        item.name: None
        for item in info.fields
        if not (item.required or item.fixed or item.derived or item.name in ("folderDBID", "state"))
    }
    objects.update(name, dbid, emptied, by=None, origin="test")
    document = document_of(find(info.type, [dbid]).get())
    assert "userProperties" not in document
    assert not {"description", "members", "portInfos", "phones", "scsDBID"} & document.keys()


def test_the_server_information_follows_port_default(create: Any) -> None:
    template = ApplicationTemplate.objects.get(name="Generic Server")
    dbid = create(
        "application",
        name="app",
        appPrototypeDBID=template.dbid,
        redundancyType="none",
        autoRestart=False,
        serverInfo={"port": "5000"},
    )
    delta = {"portInfos": {"put": [{"id": "default", "port": "5001"}]}}
    objects.update("application", dbid, delta, by=None, origin="test")
    document = document_of(find(BY_NAME["application"].type, [dbid]).get())
    assert document["serverInfo"]["port"] == "5001"
