"""Gives a server of a filled database another one that goes on in its place.

Runs with Django set up, in a process of its own that `site` starts, through the one door.
"""

from __future__ import annotations

from benchmarks.filling import ORIGIN, PROXY
from proxyapp.models import Application, ApplicationTemplate, Connection, Host, Port
from proxyapp.services import changes
from proxyapp.services.accounts import make_secret
from proxyapp.services.provisioning import application_from, place

OTHER = "site-2"
BACKUP = "confserv-backup"
POOL = "Pool A"
CONFSERV = 99


def add_backup(port: int, sync_ports: tuple[int, int], timeout: int) -> None:
    """Give the proxy a backup with the keep-alive of the pair in seconds; print its secret."""
    with changes.commit(by=None, origin=ORIGIN) as work:
        backup = _made(work, OTHER, _here(work), port)
        primary = Application.objects.get(name=PROXY)
        primary.redundancy_type, primary.backup_server = "warmstandby", backup
        primary.auto_restart = True
        work.save(primary)
        for application, sync_port in zip((primary, backup), sync_ports, strict=True):
            work.save(
                Port(application=application, port_id="ha", port=str(sync_port), ha_sync=True)
            )
        work.save(
            Connection(
                application=primary,
                server_id=CONFSERV,
                conn_protocol="addp",
                timeout_local=timeout,
                timeout_remote=timeout,
            )
        )
    print(make_secret(backup, by=None, origin=ORIGIN))


def add_member(port: int, balancer: int) -> None:
    """Make the proxy and another one members of a pool behind a balancer; print its secret."""
    options = {"csproxy": {"proxy-cluster-name": POOL, "balancer-networks": "127.0.0.0/8"}}
    with changes.commit(by=None, origin=ORIGIN) as work:
        outside = Host(name="balancer", ip_address="127.0.0.1", lca_port="0")
        place(outside)
        work.save(outside)
        _made(work, POOL, outside, balancer)
        members = (
            _made(work, OTHER, Host.objects.get(name="configserver"), port),
            Application.objects.get(name=PROXY),
        )
    with changes.commit(by=None, origin=ORIGIN) as work:
        for member in members:
            member.options, member.auto_restart = options, True
            work.save(member)
    print(make_secret(members[0], by=None, origin=ORIGIN))


def add_backup_master(port: int) -> None:
    """Give the master a backup."""
    with changes.commit(by=None, origin=ORIGIN) as work:
        backup = _made(work, BACKUP, _here(work), port, "Configuration Server")
        backup.redundancy_type = "warmstandby"
        work.save(backup)
        primary = Application.objects.get(pk=CONFSERV)
        primary.backup_server, primary.redundancy_type = backup, "warmstandby"
        work.save(primary)


def _here(work: changes.Work) -> Host:
    """Return the host of all servers, which is this machine."""
    host = Host.objects.get(name="configserver")
    host.name, host.ip_address = "localhost", "127.0.0.1"
    work.save(host)
    return host


def _made(
    work: changes.Work,
    name: str,
    host: Host,
    port: int,
    template: str = "Configuration Server Proxy",
) -> Application:
    server = application_from(ApplicationTemplate.objects.get(name=template))
    server.name, server.host = name, host
    server.work_directory = server.command_line = "."
    place(server)
    work.save(server)
    work.save(Port(application=server, port_id="default", port=str(port)))
    return server
