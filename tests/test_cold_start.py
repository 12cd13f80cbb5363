"""Proxies as processes that start from what their disk holds.

Every case of what may lie there is in tests/proxyapp/runtime/test_cold_start.py.
"""

from __future__ import annotations

import signal
import time
from pathlib import Path
from random import Random
from typing import Any

import pytest

from confwire.client import BlockingClient
from tests.servers import PASSWORD, ROOT, Process, Site, eventually, http_get

pytestmark = pytest.mark.slow

CHANGE = """
import sys
from proxyapp.services import objects
for number in range(int(sys.argv[1])):
    key = {"secret": f"secret of {sys.argv[2]}"}
    delta = {"options": {"test": {"value": f"{sys.argv[2]} {number}", "key": key}}}
    done = objects.update("application", 100, delta, by=None, origin="test")
print(done.result.revision)
"""
ENDLESS = """
from itertools import count
from proxyapp.services import objects
for number in count():
    delta = {"options": {"test": {"value": str(number)}}}
    objects.update("application", 100, delta, by=None, origin="test")
"""


def change(site: Site, text: str, count: int = 1) -> int:
    return int(site.python(CHANGE, str(count), text))


def has_copy(proxy: Process) -> bool:
    copy = proxy.status()["localCopy"]
    return bool(copy["snapshots"] or copy["startedFrom"]) and copy["state"] == "live"


def value_at(proxy: Process) -> str:
    """Log a client in and read."""
    with BlockingClient.connect(
        [("127.0.0.1", proxy.port)], application="default", user="default", password=PASSWORD
    ) as client:
        (found,) = client.read("application", filter={"dbid": 100})
        value: str = found["options"]["test"]["value"]
        return value


def secret_at(proxy: Process) -> str:
    with BlockingClient.connect(
        [("127.0.0.1", proxy.port)], application="default", user="default", password=PASSWORD
    ) as client:
        return client.secrets("application", 100)["options"]["test"]["key"]


def tried(proxy: Process) -> Any:
    if http_get(proxy.status_port, "/livez")[0] != 200:
        return None
    status = proxy.status()
    return status if status["authority"]["attempts"] > 1 else None


def is_live(proxy: Process) -> Any:
    if http_get(proxy.status_port, "/livez")[0] != 200:
        return None
    status = proxy.status()
    return status if status["source"] == "live" and status["ready"] else None


def test_a_proxy_starts_from_its_disk_without_its_master_and_then_resumes(
    site: Site, tmp_path: Path
) -> None:
    master, proxy = site.master().start(), site.proxy().start()
    eventually(lambda: has_copy(proxy), "a local copy")
    revision = change(site, "first", 3)
    eventually(lambda: proxy.status()["localCopy"]["revision"] == revision, "the changes on disk")
    proxy.stop(signal.SIGKILL)
    master.stop(signal.SIGKILL)
    expected = change(site, "second", 2)
    proxy.start()
    status = eventually(lambda: tried(proxy), "an attempt at the master")
    assert (status["source"], status["age"] > 0, status["ready"]) == ("disk", True, True)
    assert [alarm["alarm"] for alarm in status["alarms"]] == ["master"]
    assert (value_at(proxy), secret_at(proxy)) == ("first 2", "secret of first")
    files = [path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()]
    assert not any(b"secret of" in content for content in files), "no database, copy or log"
    assert http_get(proxy.port, "/freshz?max-age=0")[0] == 503
    master.start()
    status = eventually(lambda: is_live(proxy), "a live link")
    assert (status["loads"], status["authority"]["resumes"]) == (1, 1)
    assert (value_at(proxy), status["revision"]) == ("second 1", expected)
    assert status["treeHash"] == master.status()["treeHash"]
    assert http_get(proxy.port, "/freshz?max-age=0") == (200, "fresh: age 0.0 s, live\n")


def test_a_proxy_killed_at_any_moment_starts_with_what_it_had(site: Site) -> None:
    master, proxy = site.master().start(), site.proxy().start()
    random = Random(5)
    writer = site.begin_python(ENDLESS)
    try:
        for _ in range(2):
            eventually(lambda: is_live(proxy) and has_copy(proxy), "a local copy")
            time.sleep(random.random() * 0.5)
            kept = proxy.status()["localCopy"]["revision"]
            proxy.stop(signal.SIGKILL)
            proxy.start()
            status = proxy.status()
            assert status["localCopy"]["startedFrom"]
            assert status["revision"] >= kept
            assert not status["localCopy"]["refused"]
    finally:
        writer.kill()
        writer.communicate()
    eventually(lambda: proxy.status()["treeHash"] == master.status()["treeHash"], "equal data")
    assert proxy.status()["loads"] == 1


def test_a_proxy_killed_while_it_writes_a_snapshot_has_the_one_before(
    site: Site, tmp_path: Path
) -> None:
    master, proxy = site.master().start(), site.proxy().start()
    eventually(lambda: has_copy(proxy), "a local copy")
    revision = change(site, "before", 2)
    eventually(lambda: proxy.status()["localCopy"]["revision"] == revision, "the change on disk")
    proxy.stop(signal.SIGKILL)
    fuse = tmp_path / "fuse"
    fuse.touch()
    broken = site.proxy()
    step = "after proxyapp.runtime.copywriter:Writing._add_rows"
    broken.script = [str(ROOT / "tests" / "failpoints.py"), str(fuse), step]
    site.manage("newepoch")
    broken.start(ready=False)
    assert broken.child is not None
    assert broken.child.wait(30) == -signal.SIGKILL
    broken.wait()
    master.stop(signal.SIGKILL)
    proxy.start()
    assert (proxy.status()["source"], value_at(proxy)) == ("disk", "before 1")
