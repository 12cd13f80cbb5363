"""Clients of a pool behind a real HAProxy, with the configuration that is shipped.

Members are killed, drained, shed and rolled; every client sees every change once.
"""

from __future__ import annotations

import asyncio
import os
import re
import shutil
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from confwire.client import Client, State, Status
from tests.servers import PASSWORD, ROOT, Process, Site, eventually, free_port, http_get

PROGRAM = shutil.which("haproxy") or "/usr/sbin/haproxy"
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        not Path(PROGRAM).exists() and "CI" not in os.environ, reason="needs HAProxy"
    ),
]

CLIENTS = 8
"""At each of the two pools of the configuration."""

_PREPARE = """
import sys
from proxyapp.models import Application, ApplicationTemplate, Host, Port
from proxyapp.services import changes
from proxyapp.services.accounts import make_secret
from proxyapp.services.provisioning import application_from, place

pool_port, member_port = sys.argv[1:]
OPTIONS = {"csproxy": {"proxy-cluster-name": "Pool A", "balancer-networks": "127.0.0.0/8"}}
with changes.commit(by=None, origin="test") as work:
    balancer = Host(name="localhost", lca_port="0")
    place(balancer)
    work.save(balancer)
    template = ApplicationTemplate.objects.get(name="Configuration Server Proxy")

    def made(name, host, port, options):
        proxy = application_from(template)
        proxy.name, proxy.host, proxy.options = name, host, options
        proxy.auto_restart = bool(options)
        proxy.work_directory = proxy.command_line = "."
        place(proxy)
        work.save(proxy)
        work.save(Port(application=proxy, port_id="default", port=port))
        return proxy

    made("Pool A", balancer, pool_port, {})
    member = made("site-2", Host.objects.get(name="configserver"), member_port, OPTIONS)
with changes.commit(by=None, origin="test") as work:
    first = Application.objects.get(name="site-1")
    first.options, first.auto_restart = OPTIONS, True
    work.save(first)
print(make_secret(member, by=None, origin="test"))
"""

CHANGE = """
import sys
from proxyapp.services import objects
for value in sys.argv[1:]:
    delta = {"options": {"test": {"value": value}}}
    print(objects.update("application", 100, delta, by=None, origin="test").result.revision)
"""


class Balancer:
    """HAProxy with the shipped configuration, on ports and before members of this test."""

    def __init__(self, folder: Path, members: list[int]) -> None:
        self.ports = [free_port(), free_port()]
        text = (ROOT / "deploy/haproxy.cfg").read_text()
        for shipped, port in zip(("2120", "2121"), self.ports, strict=True):
            text = text.replace(f"bind :{shipped}", f"bind 127.0.0.1:{port}")
        for number, port in enumerate(members, start=1):
            text = text.replace(f"10.1.0.1{number}:2020", f"127.0.0.1:{port}")
        text = re.sub("inter 2s fall 2 rise 1 slowstart 30s", "inter 100 fall 2 rise 1", text)
        text = text.replace("maxconn 40000", "maxconn 400")  # a limit of the machine
        file = folder / "haproxy.cfg"
        file.write_text(text)
        self.command = [PROGRAM, "-f", str(file)]
        self.child: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        done = subprocess.run([*self.command, "-c"], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        assert "WARNING" not in done.stderr, done.stderr
        self.child = subprocess.Popen([*self.command, "-db"], stderr=subprocess.DEVNULL)

    def end(self) -> None:
        if self.child is not None:
            self.child.kill()
            self.child.wait()


class Pool:
    """A master, two members, and HAProxy before them."""

    def __init__(self, environment: dict[str, str], folder: Path) -> None:
        self.site = site = Site(environment, folder)
        other = free_port()
        self.balancer = Balancer(folder, [site.proxy_port, other])
        secret = folder / "secret-2"
        secret.touch(mode=0o600)
        secret.write_text(site.python(_PREPARE, str(self.balancer.ports[0]), str(other)))
        self.master = site.master()
        self.members = [site.proxy(), site.proxy_of("site-2", other, secret)]

    def start(self) -> None:
        self.master.start()
        for member in self.members:
            member.start()
        self.balancer.start()
        for port in self.balancer.ports:
            eventually(lambda port=port: http_get(port, "/readyz")[0] == 200, "a way in")

    def end(self) -> None:
        self.balancer.end()
        self.site.end()

    def sessions(self, member: Process) -> list[dict[str, Any]]:
        return [found for found in member.status()["sessions"] if found["application"] == "default"]

    def count(self, member: Process) -> int:
        return len(self.sessions(member))


@pytest.fixture
def pool(server_environment: dict[str, str], tmp_path: Path) -> Iterator[Pool]:
    pool = Pool(server_environment, tmp_path)
    try:
        yield pool
    finally:
        pool.end()


class Crowd:
    """Clients with a watch each, and what has become of them."""

    def __init__(self, pool: Pool) -> None:
        self.pool = pool
        self.watches: list[Any] = []
        self.clients: list[Client] = []
        self.lost: list[str] = []

    async def open(self) -> None:
        ports = [port for _ in range(CLIENTS) for port in self.pool.balancer.ports]
        self.clients = [await self._client(port) for port in ports]
        self.watches = [await client.watch(["application"]) for client in self.clients]

    async def _client(self, port: int) -> Client:
        return await Client.connect(
            [("localhost", port)],
            application="default",
            user="default",
            password=PASSWORD,
            on_status=self._noted,
        )

    def _noted(self, status: Status) -> None:
        if status.state is State.LOST:
            self.lost.append(status.reason)

    async def hear(self, *values: str) -> None:
        """Change an object so often; every client hears of each change, once and in order."""
        await asyncio.to_thread(self.pool.site.python, CHANGE, *values)
        async with asyncio.timeout(20):
            for watch in self.watches:
                for value in values:
                    change = (await anext(watch)).changes[0]
                    assert change.delta == {"options": {"test": {"value": value}}}

    async def move_to(self, member: Process) -> None:
        """Wait until all are there."""
        wanted = len(self.clients)
        await asyncio.to_thread(
            eventually, lambda: self.pool.count(member) == wanted, "the move of all clients"
        )

    async def close(self) -> None:
        for client in self.clients:
            await client.close()


@pytest.mark.asyncio
async def test_a_pool_behind_haproxy_loses_nothing_when_members_go(pool: Pool) -> None:
    await asyncio.to_thread(pool.start)
    one, two = pool.members
    crowd = Crowd(pool)
    await crowd.open()
    try:
        await crowd.hear("a")
        _check_balance_and_addresses(pool)

        await asyncio.to_thread(one.stop, signal.SIGKILL)
        await crowd.move_to(two)
        await crowd.hear("b", "c")
        assert len(crowd.lost) == CLIENTS, "those of the member that died"
        crowd.lost.clear()

        await asyncio.to_thread(one.start)
        for signal_number, leaving, staying in (
            (signal.SIGTERM, two, one),
            (signal.SIGINT, one, two),
        ):
            assert leaving.child is not None
            leaving.child.send_signal(signal_number)
            await crowd.move_to(staying)
            assert (await asyncio.to_thread(leaving.wait))[0] == 0
            await crowd.hear("d", "e")
            await asyncio.to_thread(leaving.start)
        assert crowd.lost == [], "who is sent away goes without an alarm"
        await _shed_half(pool, crowd)
        await crowd.hear("f")
        kinds = await asyncio.to_thread(_kinds_kept, pool)
        assert kinds >= {"draining", "shedding", "disconnected", "sessionMoved"}
    finally:
        await crowd.close()


def _check_balance_and_addresses(pool: Pool) -> None:
    """Each pool has shared its clients out, and each member knows who they are."""
    assert [pool.count(member) for member in pool.members] == [CLIENTS, CLIENTS]
    for session in pool.sessions(pool.members[0]):
        assert re.fullmatch(r"127\.0\.0\.1:\d+", session["forwarded"])
        assert session["forwarded"] != session["peer"]


async def _shed_half(pool: Pool, crowd: Crowd) -> None:
    """An administrator sends half of the clients of the full member to the empty one."""
    one, two = pool.members
    for port in pool.balancer.ports:
        await asyncio.to_thread(
            eventually, lambda port=port: http_get(port, "/readyz")[0], "HAProxy"
        )
    full = two if pool.count(two) else one
    assert pool.count(full) == len(crowd.clients)
    chief = crowd.clients[0]
    assert await chief.shed(50) == len(crowd.clients) // 2

    def is_over() -> bool:
        leaving = full.status()["departures"]["sessions"]
        return not leaving and pool.count(one) + pool.count(two) == len(crowd.clients)

    await asyncio.to_thread(eventually, is_over, "the end of the shedding")
    assert crowd.lost == []
    victim = next(found["session"] for found in pool.sessions(full))
    if victim == chief.session:
        victim = pool.sessions(full)[1]["session"]
    await chief.disconnect(victim)
    await asyncio.to_thread(eventually, lambda: crowd.lost, "a session that was ended")
    assert "disconnected by default" in crowd.lost[0]


def _kinds_kept(pool: Pool) -> set[str]:
    found = pool.site.python(
        "from historylog.models import EntryRecord\n"
        "print(*EntryRecord.objects.values_list('kind', flat=True).distinct())"
    )
    return set(found.split())
