"""Two proxies in a pool, as processes: a session goes on at the other one, and without a master."""

from __future__ import annotations

import os
import signal
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from confwire.client import BlockingClient
from tests.cutting import Line
from tests.servers import PASSWORD, Process, Site, eventually, free_port

pytestmark = pytest.mark.slow
LOGIN = {"application": "default", "user": "default", "password": PASSWORD}

_PREPARE = """
import sys
from proxyapp.models import Application, ApplicationTemplate, Host, Port
from proxyapp.services import changes
from proxyapp.services.accounts import make_secret
from proxyapp.services.provisioning import application_from, place

second_port, balancer_port = sys.argv[1:]
template = ApplicationTemplate.objects.get(name="Configuration Server Proxy")


def server(work, name, port, host, **more):
    made = application_from(template)
    made.name, made.host, made.work_directory, made.command_line = name, host, ".", "."
    for field, value in more.items():
        setattr(made, field, value)
    place(made)
    work.save(made)
    work.save(Port(application=made, port_id="default", port=port))
    return made


with changes.commit(by=None, origin="test") as work:
    balancer = Host(name="balancer.example", lca_port="0")
    work.save(balancer)
    server(work, "pool", balancer_port, balancer)
with changes.commit(by=None, origin="test") as work:
    options = {"csproxy": {"proxy-cluster-name": "pool"}}
    second = server(work, "site-2", second_port, Host.objects.get(name="configserver"),
                    options=options, auto_restart=True)
    first = Application.objects.get(name="site-1")
    first.options, first.auto_restart = options, True
    work.save(first)
print(make_secret(second, by=None, origin="test"))
"""


class Pool:
    """A master, two members, and a line that leads to one of them as a balancer does."""

    def __init__(self, folder: Path) -> None:
        environment = {
            **os.environ,
            "DATABASE_URL": f"sqlite:///{folder / 'csproxy.sqlite3'}",
            "CSPROXY_DATA": str(folder / "var"),
        }
        self.site = Site(environment, folder)
        self.data = folder / "var"
        second_port = free_port()
        secret = folder / "second"
        secret.touch(mode=0o600)
        secret.write_text(self.site.python(_PREPARE, str(second_port), "2120"))
        self.master: Process = self.site.master().start()
        self.first: Process = self.site.proxy().start()
        self.second: Process = self.site.proxy_of("site-2", second_port, secret).start()
        self.balancer = Line(self.first.port)
        self.balancer.__enter__()

    def end(self) -> None:
        self.site.end()
        self.balancer.__exit__(None, None, None)


@pytest.fixture
def pool(tmp_path: Path) -> Iterator[Pool]:
    made = Pool(tmp_path)
    yield made
    made.end()


def is_back(client: BlockingClient, member: str) -> Any:
    server = client.server
    return client.status.restored and server is not None and server.member == member


@pytest.mark.timeout(120)
def test_a_session_goes_on_at_another_member_and_without_a_master(pool: Pool) -> None:
    servers = [("127.0.0.1", pool.balancer.port)]
    quick = {"jitter": lambda: 0.1}
    with (
        BlockingClient.connect(servers, **LOGIN, **quick) as client,
        BlockingClient.connect([("127.0.0.1", pool.master.port)], **LOGIN) as writer,
    ):
        session, server = client.session, client.server
        assert server is not None
        assert (server.application, server.member) == ("pool", "site-1")
        assert (server.host, server.port) == ("balancer.example", "2120")
        watch = client.watch(["skill"])

        pool.balancer.target = pool.second.port
        pool.first.stop(signal.SIGKILL)
        made = writer.create("skill", {"name": "missed", "tenantDBID": 1})
        eventually(lambda: is_back(client, "site-2"), "the session at the other member")
        assert client.session == session
        told = next(iter(watch))
        assert [(change.kind, change.dbid) for change in told.changes] == [("created", made.dbid)]
        assert not told.reset

        keys = pool.data / "site-2" / "copy" / "tokens.keys"
        assert stat.S_IMODE(keys.stat().st_mode) == 0o600
        eventually(lambda: pool.second.status()["localCopy"]["revision"] >= made.revision, "a copy")
        log = pool.data / "site-2" / "logs" / "site-2.log"
        eventually(lambda: 'event="session moved"' in log.read_text(), "the line in the log")
        pool.master.stop(signal.SIGKILL)
        pool.second.stop(signal.SIGKILL)
        pool.second.start()
        eventually(lambda: is_back(client, "site-2"), "the session at a server without a master")
        assert client.session == session
        assert [skill["DBID"] for skill in client.read("skill")] == [made.dbid]
    assert 'event="session restored"' in pool.second.stop()[1]
