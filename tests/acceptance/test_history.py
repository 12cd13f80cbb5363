"""The history log of real servers: what was on a disk reaches the master once, whoever dies."""

from __future__ import annotations

import resource
import shutil
import signal
import sqlite3
import stat
import time
from collections import Counter
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from confwire.client import BlockingClient
from confwire.errors import AuthenticationFailed
from tests.servers import PASSWORD, Process, Site, eventually

pytestmark = pytest.mark.slow

READ = """
SELECT number, kind FROM historylog_entryrecord WHERE server = 'site-1' ORDER BY number
"""
OPTIONS = """
import sys
from proxyapp.models import Application
from proxyapp.services import objects
proxy = Application.objects.get(name="site-1")
section = dict(word.split("=") for word in sys.argv[1:])
options = {"options": {"history-log": section}}
objects.update("application", proxy.dbid, options, by=None, origin="test")
"""


STATES = ("authority", "history", "alarms")


def visit(process: Process, times: int = 1) -> None:
    """Log in and out."""
    for _ in range(times):
        BlockingClient.connect(
            [("127.0.0.1", process.port)], application="default", user="default", password=PASSWORD
        ).close()


def at_master(site: Site) -> list[tuple[int, str]]:
    return [(number, kind) for number, kind in site.rows(READ)]


def file_of(site: Site) -> Path:
    return site.folder / "var/site-1/history.sqlite3"


def on_disk(site: Site) -> list[tuple[int, str]]:
    """Return what the proxy's own file holds."""
    try:
        with closing(sqlite3.connect(f"file:{file_of(site)}?mode=ro", uri=True)) as database:
            rows = database.execute("SELECT number, kind FROM historylog_entryrecord ORDER BY 1")
            return [tuple(row) for row in rows]
    except sqlite3.OperationalError:
        return []  # it has not begun yet


def arrived(site: Site, *servers: Process) -> Any:
    """Wait until the master has what the proxy's file has; say what is missing if it has not."""
    try:
        return eventually(lambda: (found := at_master(site)) == on_disk(site) and found, "arrival")
    except AssertionError as error:
        there, here = Counter(at_master(site)), Counter(on_disk(site))
        states = [{key: server.status().get(key) for key in STATES} for server in servers]
        text = f"{error}: missing {here - there}, too many {there - here}, {states}"
        raise AssertionError(text) from error


def test_what_a_proxy_keeps_is_at_the_master_and_only_its_owner_can_read_the_file(
    site: Site,
) -> None:
    site.master().start()
    proxy = site.proxy().start()
    visit(proxy)
    with pytest.raises(AuthenticationFailed):
        BlockingClient.connect(
            [("127.0.0.1", proxy.port)], application="default", user="default", password="wrong"
        )
    eventually(lambda: len(on_disk(site)) == 6, "the entries on the disk")
    kinds = [kind for _, kind in arrived(site)]
    assert kinds[:1] == ["serverStarted"]
    assert kinds[-3:] == ["sessionOpened", "sessionClosed", "loginRefused"]
    assert stat.S_IMODE(file_of(site).stat().st_mode) == 0o600
    assert proxy.status()["history"]["state"] == "live"


def test_what_happened_without_the_master_arrives_when_it_is_back(site: Site) -> None:
    master, proxy = site.master().start(), site.proxy().start()
    eventually(lambda: len(at_master(site)) == 3, "the first entries")
    master.stop(signal.SIGKILL)
    visit(proxy, 3)
    eventually(lambda: [k for _, k in on_disk(site)].count("sessionClosed") == 3, "the disk")
    master.start()
    eventually(lambda: "masterBack" in [kind for _, kind in on_disk(site)][4:], "the link")
    assert [kind for _, kind in arrived(site)].count("sessionOpened") == 3


@pytest.mark.parametrize("who", ["proxy", "master", "both"])
def test_a_kill_between_the_disk_and_the_master_loses_nothing_and_repeats_nothing(
    site: Site, who: str
) -> None:
    master, proxy = site.master().start(), site.proxy().start()
    for delay in (0.0, 0.15, 0.3):
        visit(proxy, 5)
        time.sleep(delay)  # the kill meets another step each time
        for process in {"proxy": [proxy], "master": [master], "both": [proxy, master]}[who]:
            process.stop(signal.SIGKILL)
        durable = on_disk(site)
        for process in {"proxy": [proxy], "master": [master], "both": [master, proxy]}[who]:
            process.start()
        found = eventually(
            lambda durable=durable: set(durable) <= set(found := at_master(site)) and found,
            "what was durable to arrive",
        )
        assert len({number for number, _ in found}) == len(found)
    arrived(site)


def test_an_orderly_stop_keeps_the_end_of_every_session_and_of_the_server(site: Site) -> None:
    master, proxy = site.master().start(), site.proxy().start()
    client = BlockingClient.connect(
        [("127.0.0.1", proxy.port)], application="default", user="default", password=PASSWORD
    )
    proxy.stop()
    client.close()
    kinds = [kind for _, kind in on_disk(site)]
    assert {"sessionOpened", "sessionClosed", "serverStopped"} <= set(kinds)
    proxy.start()
    assert arrived(site, master, proxy)


def test_an_old_copy_of_the_file_loses_and_repeats_nothing_that_came_later(site: Site) -> None:
    site.master().start()
    proxy, copy = site.proxy().start(), site.folder / "copy"
    visit(proxy)
    proxy.stop()
    shutil.copy(file_of(site), copy)
    proxy.start()
    visit(proxy)
    before = arrived(site)
    proxy.stop()
    shutil.copy(copy, file_of(site))
    proxy.start()
    visit(proxy)
    eventually(
        lambda: [kind for _, kind in at_master(site)].count("sessionClosed") == 3,
        "the last session",
    )
    found = at_master(site)
    assert not Counter(before) - Counter(found)
    kinds = Counter(kind for _, kind in found)
    assert (kinds["serverStarted"], kinds["sessionOpened"], kinds["sessionClosed"]) == (3, 3, 3)


def test_a_full_disk_is_told_once_and_over_when_there_is_room(site: Site) -> None:
    site.master().start()
    proxy = site.proxy().start()
    eventually(lambda: len(on_disk(site)) == 3, "the first entries")
    assert proxy.child is not None
    size = file_of(site).stat().st_size
    former = resource.prlimit(proxy.child.pid, resource.RLIMIT_FSIZE, (size, -1))
    visit(proxy, 20)
    status = eventually(
        lambda: (found := proxy.status())["history"]["state"] == "failing" and found, "the failure"
    )
    assert [alarm["alarm"] for alarm in status["alarms"]] == ["history"]
    assert status["history"]["waiting"] > 0
    visit(proxy)  # who comes is served all the same
    resource.prlimit(proxy.child.pid, resource.RLIMIT_FSIZE, former)
    eventually(lambda: proxy.status()["history"]["state"] == "live", "the recovery")
    assert proxy.status()["alarms"] == []
    assert [kind for _, kind in arrived(site)].count("sessionClosed") == 21
    _, errors = proxy.stop()
    assert errors.count("21-22138") == 2
    assert errors.count('event="history log error"') == 1


def test_in_memory_nothing_is_left_when_the_server_ends(site: Site) -> None:
    site.python(OPTIONS, "all=:memory:", "failsafe-store-processing=false")
    site.master().start()
    proxy = site.proxy().start()
    visit(proxy)
    assert [kind for _, kind in arrived(site)][-1] == "sessionClosed"
    target = file_of(site).resolve()
    assert target.parent == Path("/dev/shm")
    proxy.stop()
    assert not target.exists()
    assert not file_of(site).is_symlink()


def test_the_file_can_be_elsewhere_and_moves_along(site: Site) -> None:
    master, proxy = site.master().start(), site.proxy().start()
    visit(proxy)
    before = arrived(site)
    site.python(OPTIONS, f"all={site.folder / 'elsewhere/log'}")
    proxy.stop()
    proxy.start()
    target = site.folder / "elsewhere/log.sqlite3"
    eventually(lambda: file_of(site).resolve() == target, "the move")
    eventually(lambda: len(on_disk(site)) > len(before), "the first entry there")
    assert arrived(site)[: len(before)] == before
    assert master.status()["history"]["state"] == "live"
