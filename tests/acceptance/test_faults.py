"""Processes that are stopped, lines that fall silent, disks that take nothing: who notices what.

Each fault lasts for CSPROXY_TEST_FAULT seconds, 0.5 unless it is set; with `-s` the waiting times
of a reader beside it are shown. docs/topics/faults.md has what must happen.
"""

from __future__ import annotations

import json
import os
import resource
import signal
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from confwire.client import BlockingClient, Bounds, KeepAlive
from confwire.errors import NotFresh
from tests.cutting import Line
from tests.servers import PASSWORD, ROOT, Process, Site, children_of, eventually, http_get

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

LASTS = float(os.environ.get("CSPROXY_TEST_FAULT", "0.5"))
MOST_GROWTH = 64 * 1024
"""KB of memory that a server may take more while a fault lasts."""
CHANGE = """
import sys
from proxyapp.services import objects
for number in range(int(sys.argv[2])):
    delta = {"options": {"test": {"value": sys.argv[1], "number": str(number)}}}
    done = objects.update("application", 100, delta, by=None, origin="test")
print(done.result.revision)
"""


class Reader:
    """Reads one object again and again, and notes how long each read takes."""

    def __init__(self, *ports: int) -> None:
        self._client = client_of(*ports)
        self._times: list[float] = []
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self) -> None:
        while not self._stop.wait(0.005):
            began = time.perf_counter()
            self._client.read("application", {"dbid": 100})
            self._times.append(time.perf_counter() - began)

    def p99(self, seconds: float) -> float:
        """Return the time in ms within which 99 of 100 reads of the next seconds are answered."""
        self._times.clear()
        time.sleep(seconds)
        assert len(self._times) > 20, "the reader is stuck"
        return statistics.quantiles(self._times, n=100)[98] * 1000

    def end(self) -> None:
        self._stop.set()
        self._thread.join()
        self._client.close()


def client_of(*ports: int, **options: Any) -> BlockingClient:
    servers = [("127.0.0.1", port) for port in ports]
    return BlockingClient.connect(
        servers, application="default", user="default", password=PASSWORD, **options
    )


def memory_of(process: Process) -> int:
    """Return the memory of a process in KB."""
    assert process.child is not None
    with open(f"/proc/{process.child.pid}/statm") as file:
        return int(file.read().split()[1]) * 4


@contextmanager
def stopped(number: int) -> Iterator[None]:
    """Let a process stand still."""
    os.kill(number, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(number, signal.SIGCONT)


def pid_of(process: Process) -> int:
    assert process.child is not None
    return process.child.pid


def beside(name: str, reader: Reader, process: Process) -> None:
    """Let a fault last, and check that it costs the reader and the memory of a server little."""
    before, during = memory_of(process), reader.p99(LASTS)
    grown = memory_of(process) - before
    print(f"{name}: p99 of others {during:.1f} ms, memory of the server {grown:+} KB")
    assert during < 250
    assert grown < MOST_GROWTH


def change(site: Site, value: str, count: int = 1) -> int:
    return int(site.python(CHANGE, value, str(count)))


def value_at(port: int, **options: Any) -> str:
    with client_of(port) as client:
        (found,) = client.read("application", {"dbid": 100}, **options)
        value: str = found["options"]["test"]["value"]
        return value


@pytest.fixture
def line() -> Iterator[Callable[[int], Line]]:
    lines: list[Line] = []

    def lead(port: int) -> Line:
        lines.append(Line(port).__enter__())
        return lines[-1]

    yield lead
    for item in lines:
        item.__exit__(None, None, None)


def test_faults_come_to_what_is_stated(site: Site, line: Callable[[int], Line]) -> None:
    master = site.master(web=True).start()
    link = line(master.port)
    proxy = site.proxy("-port", str(link.port)).start()
    change(site, "first")
    eventually(lambda: value_at(proxy.port) == "first", "the change")
    reader = Reader(proxy.port)
    try:
        print(f"\nno fault: p99 {reader.p99(LASTS):.1f} ms")
        a_half_open_line_to_the_master(site, master, proxy, link, reader)
        a_stopped_master(site, master, proxy, reader)
        a_stopped_proxy(site, master, proxy)
        a_stopped_web_process(master, reader)
        a_stopped_client(site, proxy, reader)
        a_disk_that_takes_nothing(site, master, proxy, reader)
    finally:
        reader.end()


def is_level(master: Process, proxy: Process) -> bool:
    found = proxy.status()
    return found["source"] == "live" and found["treeHash"] == master.status()["treeHash"]


def a_half_open_line_to_the_master(
    site: Site, master: Process, proxy: Process, link: Line, reader: Reader
) -> None:
    with client_of(proxy.port) as client:
        watch = client.watch(["application"])
        link.freeze()
        revision = change(site, "behind a silent line")
        beside("half-open line to the master", reader, proxy)
        assert value_at(proxy.port) == "first"
        with pytest.raises(NotFresh):
            client.read("application", freshness=Bounds(min_revision=revision, wait=0))
        if LASTS > 20:  # silence for twice the keep-alive timeout
            assert proxy.status()["authority"]["link"] != "live"
            assert proxy.status()["age"] > 10
        link.cut()
        link.thaw()
        notification = watch.next(timeout=20)
        assert notification is not None
        assert notification.revision == revision
    eventually(lambda: is_level(master, proxy), "equal data")


def a_stopped_master(site: Site, master: Process, proxy: Process, reader: Reader) -> None:
    with stopped(pid_of(master)):
        beside("stopped master", reader, proxy)
        assert http_get(proxy.port, "/readyz")[0] == 200
        if LASTS > 20:
            assert proxy.status()["age"] > 10
    revision = change(site, "after the master stood still")
    with client_of(proxy.port) as client:
        bounds = Bounds(min_revision=revision, wait=20)
        assert client.read("application", {"dbid": 100}, freshness=bounds)
    eventually(lambda: is_level(master, proxy), "equal data")


def a_stopped_proxy(site: Site, master: Process, proxy: Process) -> None:
    reader = Reader(master.port)
    options = {"keep_alive": KeepAlive(0, 0), "request_timeout": 60 + LASTS}
    with client_of(proxy.port, **options) as client:
        watch = client.watch(["application"])
        with stopped(pid_of(proxy)):
            revision = change(site, "while the proxy stands still", 20)
            beside("stopped proxy, at its master", reader, master)
        notifications = [watch.next(timeout=20) for _ in range(20)]
        assert [item.revision for item in notifications if item is not None] == [
            *range(revision - 19, revision + 1)
        ]
    reader.end()
    eventually(lambda: is_level(master, proxy), "equal data")
    assert proxy.status()["loads"] == 1


def a_stopped_web_process(master: Process, reader: Reader) -> None:
    (child,) = children_of(master)
    with stopped(child):
        beside("stopped web process", reader, master)
        assert http_get(master.status_port, "/readyz")[0] == 200
    eventually(lambda: http_get(master.web_port, "/readyz")[0] == 200, "the web again")


def a_stopped_client(site: Site, proxy: Process, reader: Reader) -> None:
    command = [sys.executable, "-m", "confwire.cli", "watch", "application", "--json"]
    command += ["--port", str(proxy.port), "--user", "default"]
    environment = {**site.environment, "CONFCTL_PASSWORD": PASSWORD}
    with subprocess.Popen(
        command,
        cwd=ROOT,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as client:
        assert client.stderr is not None
        assert client.stdout is not None
        try:
            assert "watching" in client.stderr.readline()
            with stopped(client.pid):
                change(site, "x" * 20_000, 100)  # more than the buffers of the line take
                beside("stopped client", reader, proxy)
            numbers = []
            while not numbers or numbers[-1] != "99":
                found = json.loads(eventually(client.stdout.readline, "a change"))
                numbers.append(found["delta"]["options"]["test"]["number"])
            assert numbers == [str(number) for number in range(100)]
        finally:
            client.kill()


def a_disk_that_takes_nothing(site: Site, master: Process, proxy: Process, reader: Reader) -> None:
    limit = resource.prlimit(pid_of(proxy), resource.RLIMIT_FSIZE)
    resource.prlimit(pid_of(proxy), resource.RLIMIT_FSIZE, (1, limit[1]))
    try:
        change(site, "on a full disk", 20)
        eventually(lambda: value_at(proxy.port) == "on a full disk", "the change")
        beside("full disk under the copy, the history and the log", reader, proxy)
        eventually(lambda: alarms(proxy) == {"copy", "history"}, "the alarms")
    finally:
        resource.prlimit(pid_of(proxy), resource.RLIMIT_FSIZE, limit)
    eventually(lambda: not alarms(proxy), "a disk that takes all again")
    eventually(lambda: proxy.status()["localCopy"]["state"] == "live", "the copy")
    assert is_level(master, proxy)


def alarms(process: Process) -> set[str]:
    return {alarm["alarm"] for alarm in process.status()["alarms"]}
