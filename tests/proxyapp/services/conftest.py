"""Objects that tests of the services begin with.

Models are imported in the fixtures: this file may be read before Django is set up.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from proxyapp.models import Host, Person

Create = Callable[..., int]


@pytest.fixture
def create(db: None) -> Create:
    """Return a function that creates an object as the system, and returns its DBID."""

    from proxyapp.services import objects

    def creates(type_name: str, folder: int = 0, **document: Any) -> int:
        return objects.create(type_name, document, folder, by=None, origin="test").dbid

    return creates


@pytest.fixture
def host(db: None) -> Host:
    """Return a saved host."""
    from proxyapp.models import Host
    from proxyapp.services import changes

    with changes.commit(by=None, origin="test") as work:
        host = Host(name="machine")
        work.save(host)
    return host


@pytest.fixture
def server(create: Create, host: Host) -> Callable[..., int]:
    """Return a function that creates a Configuration Server Proxy, and returns its DBID."""
    from proxyapp.models import ApplicationTemplate

    template = ApplicationTemplate.objects.get(name="Configuration Server Proxy")

    def creates(name: str, port: str, **document: Any) -> int:
        info = {"hostDBID": host.dbid, "port": port} | document.pop("serverInfo", {})
        given = {"redundancyType": "coldstandby", "autoRestart": True} | document
        return create(
            "application", name=name, appPrototypeDBID=template.dbid, serverInfo=info, **given
        )

    return creates


@pytest.fixture
def person(create: Create) -> Person:
    """Return a person of the Environment without any rights."""
    from proxyapp.models import Person

    dbid = create("person", tenantDBID=1, employeeID="e1", userName="Ärger")
    return Person.objects.get(pk=dbid)


@pytest.fixture
def switch(create: Create) -> int:
    """Return the DBID of a switch with one DN and one agent login."""
    office = create("physicalSwitch", name="office")
    dbid = create("switch", tenantDBID=1, name="switch", physicalSwitchDBID=office)
    create("dn", tenantDBID=1, switchDBID=dbid, number="123", type="Extension")
    create("agentLogin", tenantDBID=1, switchDBID=dbid, loginCode="7")
    return dbid
