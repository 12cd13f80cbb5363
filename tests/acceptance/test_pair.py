"""The primary of a pair is killed, stopped for a while, or asked to hand over; clients go on."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections.abc import Callable, Sequence
from typing import Any

import pytest

from confwire.client import Client, State, Status
from tests.servers import PASSWORD, Process, Site, eventually, free_port

pytestmark = pytest.mark.slow

CLIENTS = int(os.environ.get("CSPROXY_PAIR_CLIENTS", "100"))
RATE = float(os.environ.get("CSPROXY_PAIR_RATE", "10"))
"""Changes a second."""
STOPPED = float(os.environ.get("CSPROXY_PAIR_STOPPED", "0"))
"""Seconds for which the primary is stopped at least."""
TIMEOUT = 1
"""ADDP timeout of the pair in seconds."""
AT_ONCE = 16

_PAIR = """
import sys
from proxyapp.models import Application, ApplicationTemplate, Connection, Host, Port
from proxyapp.services import changes
from proxyapp.services.accounts import make_secret
from proxyapp.services.provisioning import application_from, place

port, first_sync, second_sync, timeout = sys.argv[1:]
with changes.commit(by=None, origin="test") as work:
    host = Host.objects.get(name="configserver")
    host.name, host.ip_address = "localhost", "127.0.0.1"
    work.save(host)
    backup = application_from(ApplicationTemplate.objects.get(name="Configuration Server Proxy"))
    backup.name, backup.host, backup.work_directory, backup.command_line = "site-2", host, ".", "."
    place(backup)
    work.save(backup)
    work.save(Port(application=backup, port_id="default", port=port))
    work.save(Port(application=backup, port_id="ha", port=second_sync, ha_sync=True))
    primary = Application.objects.get(name="site-1")
    primary.redundancy_type, primary.backup_server = "warmstandby", backup
    primary.auto_restart = True
    work.save(primary)
    work.save(Port(application=primary, port_id="ha", port=first_sync, ha_sync=True))
    work.save(Connection(application=primary, server_id=99, conn_protocol="addp",
                         timeout_local=int(timeout), timeout_remote=int(timeout)))
print(make_secret(backup, by=None, origin="test"))
"""

_WRITE = """
import sys, time
from proxyapp.services import objects
first, last, rate = int(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3])
begun = time.monotonic()
for number in range(first, last):
    time.sleep(max(0, begun + (number - first) / rate - time.monotonic()))
    objects.create("skill", {"name": str(number), "tenantDBID": 1}, 0, by=None, origin="test")
"""


class Pair:
    """A master and the two servers of a pair."""

    def __init__(self, site: Site) -> None:
        self.site = site
        port = free_port()
        arguments = [str(port), str(free_port()), str(free_port()), str(TIMEOUT)]
        secret = site.folder / "secret-2"
        secret.touch(mode=0o600)
        secret.write_text(site.python(_PAIR, *arguments))
        self.master = site.master().start()
        self.first = site.proxy().start()
        words = ["-app", "site-2", "-host", "127.0.0.1", "-port", str(site.master_port)]
        self.second = site._process("runproxy", port, False, *words, "-secret", str(secret))
        self.second.start(ready=False)
        self.wait("primary", "backup")

    def wait(self, first: str, second: str, limit: float = 30.0) -> None:
        """Wait until both run as they should, linked."""
        wanted = (first, second)
        eventually(lambda: self.roles() == wanted, f"the roles {wanted}", limit)
        eventually(lambda: pair_of(self.second)["link"] == "live", "the link of the pair")

    def roles(self) -> tuple[str, str]:
        return str(pair_of(self.first)["running"]), str(pair_of(self.second)["running"])


def pair_of(process: Process) -> dict[str, Any]:
    """Return what a server says of its pair; no roles while it starts."""
    try:
        found: dict[str, Any] | None = process.status()["pair"]
    except AssertionError:
        found = None
    return found or {"running": "", "link": "", "mirrored": 0}


class Audience:
    """Clients that hear of all skills, and what each of them was told."""

    def __init__(self) -> None:
        self.clients: list[Client] = []
        self.heard: list[list[str]] = []
        self.opened: list[list[tuple[float, str]]] = []
        """Of each client: when a session was open, and at which server."""
        self._tasks: list[asyncio.Task[None]] = []

    async def come(self, port: int, count: int) -> None:
        places = asyncio.Semaphore(AT_ONCE)

        async def one() -> None:
            async with places:
                opened: list[tuple[float, str]] = []

                def on_status(status: Status) -> None:
                    if status.state is State.OPEN and status.server is not None:
                        opened.append((time.monotonic(), status.server.application))

                client = await Client.connect(
                    [("127.0.0.1", port)],
                    application="default",
                    user="default",
                    password=PASSWORD,
                    on_status=on_status,
                )
                heard: list[str] = []
                watch = await client.watch(["skill"], snapshot=False)

                async def listen() -> None:
                    async for notification in watch:
                        heard.extend(change.object["name"] for change in notification.changes)

                self.clients.append(client)
                self.heard.append(heard)
                self.opened.append(opened)
                self._tasks.append(asyncio.get_running_loop().create_task(listen()))

        await asyncio.gather(*(one() for _ in range(count)))

    async def wait(self, what: str, condition: Callable[[], bool], limit: float) -> None:
        deadline = time.monotonic() + limit
        while not condition():
            assert time.monotonic() < deadline, f"{what} did not happen within {limit} s"
            await asyncio.sleep(0.02)

    def check(self, names: Sequence[str]) -> None:
        """Nothing was missed, and nothing came twice."""
        for heard in self.heard:
            assert heard == list(names)

    def last_at(self, server: str) -> float:
        """Return when the last client had a session at a server; fails where one has none."""
        return max(next(at for at, name in times[::-1] if name == server) for times in self.opened)

    def are_at(self, server: str) -> bool:
        return all(times[-1][1] == server for times in self.opened) and all(
            client.state is State.OPEN for client in self.clients
        )

    async def leave(self) -> None:
        await asyncio.gather(*(client.close() for client in self.clients))
        await asyncio.gather(*self._tasks)


async def off(function: Callable[..., Any], *arguments: Any) -> Any:
    """Call what blocks, beside the clients."""
    return await asyncio.to_thread(function, *arguments)


async def story(site: Site) -> None:
    pair = await off(Pair, site)
    audience = Audience()
    await audience.come(pair.first.port, CLIENTS)
    await audience.wait("the mirror", lambda: pair_of(pair.second)["mirrored"] == CLIENTS, 10)

    # -9 while changes come: sessions go on, without login, registration or read.
    count = int(4 * RATE)
    writer = site.begin_python(_WRITE, "0", str(count), str(RATE))
    names = [str(number) for number in range(count)]
    await audience.wait("changes", lambda: len(audience.heard[0]) > count // 4, 20)
    assert pair.first.child is not None
    pair.first.child.send_signal(signal.SIGKILL)
    killed = time.monotonic()
    await audience.wait("the restoration", lambda: audience.are_at("site-2"), TIMEOUT + 10)
    took = audience.last_at("site-2") - killed
    assert took < TIMEOUT + 2, took
    await audience.wait("all changes", lambda: all(len(h) >= count for h in audience.heard), 30)
    audience.check(names)
    status = await off(pair.second.status)
    expected = {"logins": 0, "resumes": CLIENTS, "registrations": 0, "reads": 0}
    assert {name: status["counters"][name] for name in expected} == expected
    await off(writer.communicate)
    assert writer.returncode == 0
    print(f"\n{CLIENTS} clients, {RATE:g} changes/s: all restored {took:.2f} s after kill -9")

    # The old primary comes back as backup, and hears of all sessions.
    await off(pair.first.wait)
    await off(lambda: pair.first.start(ready=False))
    await off(pair.wait, "backup", "primary")
    await audience.wait("the mirror", lambda: pair_of(pair.first)["mirrored"] == CLIENTS, 10)

    # The primary is stopped: nothing is heard of it, and the master hears nothing either.
    assert pair.second.child is not None
    pair.second.child.send_signal(signal.SIGSTOP)
    stopped = time.monotonic()
    try:
        await audience.wait(
            "the promotion", lambda: pair_of(pair.first)["running"] == "primary", 15
        )
        print(f"leads {time.monotonic() - stopped:.2f} s after SIGSTOP")
        await off(site.python, _WRITE, str(count), str(count + 3), "100")
        await asyncio.sleep(max(0.0, stopped + STOPPED - time.monotonic()))
    finally:
        pair.second.child.send_signal(signal.SIGCONT)
    await off(pair.wait, "primary", "backup")
    await audience.wait("the way back", lambda: audience.are_at("site-1"), 60)
    names += [str(number) for number in range(count, count + 3)]
    await audience.wait("the rest", lambda: all(len(h) >= len(names) for h in audience.heard), 10)
    audience.check(names)
    counters = (await off(pair.first.status))["counters"]
    assert (counters["logins"], counters["registrations"], counters["reads"]) == (0, 0, 0)

    # A person lets the other one lead.
    await audience.clients[0].switch_over()
    await off(pair.wait, "backup", "primary")
    await audience.wait("the switchover", lambda: audience.are_at("site-2"), 30)
    await off(site.python, _WRITE, str(count + 3), str(count + 4), "100")
    names.append(str(count + 3))
    await audience.wait("the last", lambda: all(len(h) >= len(names) for h in audience.heard), 10)
    audience.check(names)
    await audience.leave()


def test_sessions_of_a_pair_go_on_whatever_happens_to_one_server(site: Site) -> None:
    asyncio.run(story(site))
