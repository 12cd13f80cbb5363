"""Proxies that start from what their disk holds, with their master there and away."""

from __future__ import annotations

import shutil
import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any

import pytest

from confwire.client import BlockingClient
from tests.servers import PASSWORD, ROOT, Process, Site, eventually, http_get

pytestmark = pytest.mark.slow

PAGE = (ROOT / "docs/topics/local-copy.md").read_text()
TABLE = {
    cells[0]: dict(zip(("up", "down"), cells[1:], strict=True))
    for line in PAGE.splitlines()
    if len(cells := [cell.strip() for cell in line.strip("|").split("|")]) == 3
    and cells[0] not in ("copy", "---")
}
CHANGE = """
import sys
from proxyapp.services import objects
for number in range(int(sys.argv[1])):
    delta = {"options": {"test": {"value": f"{sys.argv[2]} {number}"}}}
    done = objects.update("application", 100, delta, by=None, origin="test")
print(done.result.revision)
"""
SECRET = """
from proxyapp.models import Application
from proxyapp.services.accounts import make_secret
print(make_secret(Application.objects.get(name="site-1"), by=None, origin="test"))
"""


@pytest.fixture
def site(server_environment: dict[str, str], tmp_path: Path) -> Iterator[Site]:
    site = Site(server_environment, tmp_path)
    yield site
    site.end()


def copy_of(site: Site) -> Path:
    return Path(site.environment["CSPROXY_DATA"]) / "site-1" / "copy"


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


def logged(site: Site, text: str) -> bool:
    logs = (copy_of(site).parent / "logs").glob("*.log")
    return any(text in path.read_text() for path in logs)


def spoil(site: Site, case: str) -> None:
    """Make what is on the disk what the case says; the proxy is down, its master up."""
    folder = copy_of(site)
    newest = max(folder.glob("*.snapshot"))
    if case == "torn log":
        log = max(path for path in folder.glob("*.changes") if path.stat().st_size > 400)
        log.write_bytes(log.read_bytes()[:-5])
    elif case.startswith("torn snapshot"):
        if "one before" in case:  # the proxy takes the torn one for a newer one
            shutil.copy(newest, folder / "99999999.snapshot")
            newest = folder / "99999999.snapshot"
        newest.write_bytes(newest.read_bytes()[:-5])
    elif case == "other secret":
        site.secret_file.write_text(site.python(SECRET))
    elif case in ("other application", "older format"):
        old, new = {
            "other application": (b'"application":"site-1"', b'"application":"site-2"'),
            "older format": (b'"format":1', b'"format":0'),
        }[case]
        replace_header(newest, old, new)
    elif case == "older epoch":
        site.manage("newepoch")
    elif case == "none":
        shutil.rmtree(folder)


def replace_header(path: Path, old: bytes, new: bytes) -> None:
    from proxyapp.engine.localcopy import frame, frames

    with open(path, "rb") as file:
        payloads = list(frames(file.read))
    assert old in payloads[0]
    payloads[0] = payloads[0].replace(old, new)
    path.write_bytes(b"".join(map(frame, payloads)))


def outcome(proxy: Process, master_up: bool) -> str:
    """Tell what a start came to, in the words of the table."""
    if not master_up:
        time_to_read = eventually(lambda: tried(proxy), "an attempt at the master")
        return "disk" if time_to_read["ready"] else "waits"
    status = eventually(lambda: is_live(proxy), "a live link")
    how = "resumes" if status["authority"]["resumes"] else "loads"
    return f"disk, then {how}" if status["localCopy"]["startedFrom"] else how


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


@pytest.mark.parametrize("case", TABLE)
def test_a_start_comes_to_what_the_table_says(site: Site, case: str) -> None:
    master, proxy = site.master().start(), site.proxy().start()
    eventually(lambda: has_copy(proxy), "a local copy")
    revision = change(site, "first", 3)
    eventually(lambda: proxy.status()["localCopy"]["revision"] == revision, "the changes on disk")
    proxy.stop(signal.SIGKILL)
    spoil(site, case)
    kept = copy_of(site).with_name("kept")
    if copy_of(site).exists():
        shutil.copytree(copy_of(site), kept)

    proxy.start(ready=False)
    assert outcome(proxy, True) == TABLE[case]["up"]
    eventually(lambda: proxy.status()["treeHash"] == master.status()["treeHash"], "equal data")
    assert bool(proxy.status()["localCopy"]["refused"]) == logged(site, "local copy refused")
    proxy.stop(signal.SIGKILL)

    shutil.rmtree(copy_of(site))
    if kept.exists():
        kept.rename(copy_of(site))
    expected = change(site, "second", 2)
    master.stop(signal.SIGKILL)
    proxy.start(ready=False)
    assert outcome(proxy, False) == TABLE[case]["down"]
    if TABLE[case]["down"] == "disk":
        assert value_at(proxy) in (("first 1", "first 2") if case == "torn log" else ("first 2",))
        status = proxy.status()
        assert (status["source"], status["age"] > 0) == ("disk", True)
        assert [alarm["alarm"] for alarm in status["alarms"]] == ["master"]
    elif case != "none":
        assert proxy.status()["localCopy"]["refused"]

    master.start()
    eventually(lambda: is_live(proxy), "a live link")
    assert (value_at(proxy), proxy.status()["revision"]) == ("second 1", expected)
    assert proxy.status()["treeHash"] == master.status()["treeHash"]


def test_a_proxy_killed_at_any_moment_starts_with_what_it_had(site: Site) -> None:
    master, proxy = site.master().start(), site.proxy().start()
    random, stop = Random(5), threading.Event()

    def write() -> None:
        number = 0
        while not stop.is_set():
            change(site, f"round {number}", 20)
            number += 1

    writer = threading.Thread(target=write)
    writer.start()
    try:
        for _ in range(4):
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
        stop.set()
        writer.join()
    eventually(lambda: proxy.status()["treeHash"] == master.status()["treeHash"], "equal data")
    assert proxy.status()["loads"] == 1


@pytest.mark.parametrize(
    "step",
    [
        "before proxyapp.runtime.copywriter:Writing._add_rows",
        "after proxyapp.runtime.copywriter:Writing._add_rows",
        "before proxyapp.runtime.copywriter:encode_end",
        "before proxyapp.runtime.copywriter:sync_folder #2",
        "before proxyapp.runtime.copywriter:Writing._prune",
        "after proxyapp.runtime.copywriter:Writing._prune",
    ],
)
def test_a_proxy_killed_while_it_writes_a_snapshot_has_the_one_before(
    site: Site, step: str, tmp_path: Path
) -> None:
    master, proxy = site.master().start(), site.proxy().start()
    eventually(lambda: has_copy(proxy), "a local copy")
    revision = change(site, "before", 2)
    eventually(lambda: proxy.status()["localCopy"]["revision"] == revision, "the change on disk")
    proxy.stop(signal.SIGKILL)
    fuse = tmp_path / "fuse"
    fuse.touch()
    broken = site.proxy()
    broken.script = [str(ROOT / "tests" / "failpoints.py"), str(fuse), step]
    site.manage("newepoch")
    broken.start(ready=False)
    assert broken.child is not None
    assert broken.child.wait(30) == -signal.SIGKILL
    broken.wait()
    master.stop(signal.SIGKILL)
    proxy.start()
    status = proxy.status()
    assert (status["source"], value_at(proxy)) == ("disk", "before 1")
    master.start()
    eventually(lambda: is_live(proxy), "a live link")
    assert proxy.status()["treeHash"] == master.status()["treeHash"]


def test_only_fresh_data_is_served_where_that_is_asked_for(site: Site) -> None:
    master, proxy = site.master().start(), site.proxy().start()
    eventually(lambda: has_copy(proxy), "a local copy")
    change(site, "one")
    revision = int(site.python(FRESH_ONLY))
    eventually(lambda: proxy.status()["localCopy"]["revision"] == revision, "the change on disk")
    proxy.stop(signal.SIGKILL)
    master.stop(signal.SIGKILL)
    proxy.start(ready=False)
    status = eventually(lambda: tried(proxy), "an attempt at the master")
    assert not status["ready"]
    assert "fresh" in status["withheld"]
    assert http_get(proxy.status_port, "/readyz")[0] == 503
    assert http_get(proxy.port, "/readyz")[0] == 0
    master.start()
    eventually(lambda: is_live(proxy), "a live link")
    assert (proxy.status()["loads"], value_at(proxy)) == (1, "one 0")


FRESH_ONLY = """
from proxyapp.models import Application
from proxyapp.services import objects
delta = {"options": {"csproxy": {"fresh-data-only": "true"}}}
dbid = Application.objects.get(name="site-1").dbid
print(objects.update("application", dbid, delta, by=None, origin="test").result.revision)
"""


def test_a_folder_that_cannot_be_written_harms_nobody_and_heals(site: Site) -> None:
    site.master().start()
    folder = copy_of(site)
    folder.parent.mkdir(parents=True)
    folder.write_text("in the way")
    proxy = site.proxy().start()
    eventually(lambda: proxy.status()["localCopy"]["error"], "the failure")
    assert [alarm["alarm"] for alarm in proxy.status()["alarms"]] == ["copy"]
    change(site, "one")
    eventually(lambda: value_at(proxy) == "one 0", "the change")
    folder.unlink()
    eventually(lambda: has_copy(proxy), "a local copy")
    assert proxy.status()["alarms"] == []
