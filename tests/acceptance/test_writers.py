"""Concurrent writers: what they commit arrives behind a proxy gapless, whole and in order."""

from __future__ import annotations

import subprocess
import sys

import pytest

from confwire.client import BlockingClient
from tests.servers import PASSWORD, ROOT, Site, eventually

pytestmark = pytest.mark.slow

WRITERS = 4
COMMITS = 150

MAKE = """
from proxyapp.services import objects
for number in range(4):
    document = {"name": f"Skill {number}", "tenantDBID": 1}
    print(objects.create("skill", document, 0, by=None, origin="test").dbid)
"""

WRITE = """
import sys
import django; django.setup()
from proxyapp.services import changes, objects
writer, commits, *skills = map(int, sys.argv[1:])
for number in range(commits):
    # Two objects in each transaction, one of them contended for by all writers.
    with changes.commit(by=None, origin=f"writer {writer}"):
        for skill in (skills[0], skills[1 + (writer + number) % 3]):
            delta = {"userProperties": {"w": {str(writer): f"{number}"}}}
            objects.update("skill", skill, delta, by=None, origin="test")
"""


def test_four_writers_arrive_gapless_whole_and_in_commit_order(site: Site) -> None:
    skills = site.python(MAKE).split()
    master, proxy = site.master().start(), site.proxy().start()
    with BlockingClient.connect(
        [("127.0.0.1", proxy.port)], application="default", user="default", password=PASSWORD
    ) as client:
        watch = client.watch(["skill"])
        start = master.status()["revision"]
        environment = {**site.environment, "DJANGO_SETTINGS_MODULE": "csproxy_site.settings"}
        writers = [
            subprocess.Popen(
                [sys.executable, "-c", WRITE, str(number), str(COMMITS), *skills],
                env=environment,
                cwd=ROOT,
            )
            for number in range(WRITERS)
        ]
        seen: list[tuple[int, list[tuple[int, dict[str, str]]]]] = []
        while len(seen) < WRITERS * COMMITS:
            notification = watch.next(timeout=60)
            assert notification is not None, f"the watch ended after {len(seen)} notifications"
            changes = [(c.dbid, c.delta["userProperties"]["w"]) for c in notification.changes]
            seen.append((notification.revision, changes))
        assert [writer.wait(60) for writer in writers] == [0] * WRITERS

    revisions = [revision for revision, _ in seen]
    assert revisions == list(range(start + 1, start + 1 + WRITERS * COMMITS)), "a gap or a repeat"
    progress = dict.fromkeys(map(str, range(WRITERS)), -1)
    for revision, changes in seen:
        assert len(changes) == 2, f"revision {revision} is not whole"
        assert changes[0][0] == int(skills[0])
        ((writer, number),) = changes[0][1].items()
        assert changes[1][1] == {writer: number}
        assert int(number) == progress[writer] + 1, f"{writer} out of order at {revision}"
        progress[writer] = int(number)
    eventually(
        lambda: proxy.status()["treeHash"] == master.status()["treeHash"], "equal tree hashes"
    )
