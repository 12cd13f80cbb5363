"""Fills an empty database: accounts, a proxy, and a store of objects of one size.

Runs with Django set up, in a process of its own that `site` starts, through the one door.
"""

from __future__ import annotations

import json
from pathlib import Path

from benchmarks.site import ADMINISTRATOR, PASSWORD, READER, names
from confwire.objects import ObjectType
from proxyapp.models import (
    Application,
    ApplicationTemplate,
    ConfigObject,
    Folder,
    Host,
    Person,
    Port,
    Tenant,
)
from proxyapp.models.access import AccessGroup, Grant, Membership
from proxyapp.models.counters import FIRST
from proxyapp.models.folders import ENVIRONMENT
from proxyapp.models.journal import Commit, Revision
from proxyapp.services import changes
from proxyapp.services.accounts import make_secret, set_password
from proxyapp.services.provisioning import application_from, place

ORIGIN = "benchmark"
PROXY = "site-1"
FOLDERS = 100
PAGE = 5000  # objects a transaction
FRAME = 116
"""Bytes of a document without its option value and the DBIDs of object and folder."""
READ = 1


def fill(count: int, size: int, description: Path) -> None:
    """Make the store, with documents of `size` bytes each, and describe it in a JSON file.

    The reader may read the objects because a group of his has the right on the folder above
    them all: the right is inherited by the folders that the objects are in.
    """
    proxy = _proxy()
    secret = make_secret(proxy, by=None, origin=ORIGIN)
    root = Folder.objects.get(
        type="skill", owner_type=int(ObjectType.TENANT), owner_dbid=ENVIRONMENT, folder=None
    )
    _accounts(root)
    with changes.commit(by=None, origin=ORIGIN) as work:
        folders = [Folder(name=f"Skills {n:03}", type="skill", folder=root) for n in range(FOLDERS)]
        work.add(folders)
    tenant = Tenant.objects.get(dbid=ENVIRONMENT)
    every = names(count)
    for start in range(0, count, PAGE):
        _objects(tenant, folders, start, every[start : start + PAGE], size - FRAME)
    store = {
        "first": FIRST,
        "count": count,
        "folders": [folder.dbid for folder in folders],
        "secret": secret,
    }
    description.write_text(json.dumps(store))


def _proxy() -> Application:
    with changes.commit(by=None, origin=ORIGIN) as work:
        proxy = application_from(ApplicationTemplate.objects.get(name="Configuration Server Proxy"))
        proxy.name = PROXY
        proxy.host = Host.objects.get(name="configserver")
        proxy.work_directory = proxy.command_line = "."
        place(proxy)
        work.save(proxy)
        work.save(Port(application=proxy, port_id="default", port="2120"))
    return proxy


def _accounts(root: Folder) -> None:
    tenant = Tenant.objects.get(dbid=ENVIRONMENT)
    with changes.commit(by=None, origin=ORIGIN) as work:
        reader = Person(tenant=tenant, user_name=READER, employee_id="000001")
        work.save(reader)
        group = AccessGroup(tenant=tenant, name="Readers")
        work.save(group)
        work.save(Membership(access_group=group, person=reader))
        folder = int(ObjectType.FOLDER)
        work.save(Grant(object_type=folder, object_dbid=root.dbid, group=group, mask=READ))
    for name in (READER, ADMINISTRATOR):
        set_password(Person.objects.get(user_name=name), PASSWORD, by=None, origin=ORIGIN)


def _objects(
    tenant: Tenant, folders: list[Folder], start: int, page: list[str], digits: int
) -> None:
    with changes.commit(by=None, origin=ORIGIN) as work:
        rows = []
        for number, name in enumerate(page, start):
            folder = folders[number % len(folders)]
            known = len(str(FIRST + number)) + len(str(folder.dbid))
            rows.append(
                ConfigObject(
                    type=int(ObjectType.SKILL),
                    tenant=tenant,
                    folder=folder,
                    name=name,
                    annex={"load": {"pad": "x" * (digits - known)}},
                )
            )
        work.add(rows)
        assert rows[0].dbid == FIRST + start, rows[0].dbid


def set_ports(master: int, proxy: int) -> None:
    """Let both servers listen elsewhere."""
    with changes.commit(by=None, origin=ORIGIN) as work:
        for name, number in (("confserv", master), (PROXY, proxy)):
            port = Port.objects.get(application__name=name, port_id="default")
            port.port = str(number)
            work.save(port)


def set_certificate(certificate: str, key: str) -> None:
    """Let the proxy take clients by TLS, too."""
    parameters = f"upgrade=1;certificate={certificate};certificate-key={key}"
    with changes.commit(by=None, origin=ORIGIN) as work:
        port = Port.objects.get(application__name=PROXY, port_id="default")
        port.transport_params = parameters
        work.save(port)


def commit_times(after: int) -> dict[int, float]:
    """Return when the transactions above a revision were committed, in seconds since 1970."""
    rows = Commit.objects.filter(revision__gt=after).values_list("revision", "at")
    return {revision: at.timestamp() for revision, at in rows}


def revision() -> int:
    """Return the number of the last transaction."""
    return Revision.objects.get().number
