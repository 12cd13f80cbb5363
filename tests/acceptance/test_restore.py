"""A backup and its restore, by the commands of the page that tells how."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from urllib.parse import urlsplit

import pytest

from confwire.client import BlockingClient
from tests.servers import PASSWORD, ROOT, Site, eventually

pytestmark = pytest.mark.slow

PAGE = (ROOT / "docs/howto/backup-and-restore.md").read_text()
CREATE = """
import sys
from proxyapp.services import objects
document = {"name": sys.argv[1], "tenantDBID": 1}
print(objects.create("skill", document, 0, by=None, origin="test").result.revision)
"""


def commands(site: Site) -> tuple[str, str]:
    """Return how to back up and how to restore the database of a site."""
    url = site.environment["DATABASE_URL"]
    heading = "SQLite" if url.startswith("sqlite") else "PostgreSQL"
    section = PAGE.partition(f"## {heading}\n")[2].partition("\n## ")[0]
    backup, restore = re.findall(r"```sh\n(.*?)```", section, re.DOTALL)
    places = {
        "var/csproxy.sqlite3": urlsplit(url).path,
        "csproxy.backup": str(site.folder / "csproxy.backup"),
        "csproxy.dump": str(site.folder / "csproxy.dump"),
    }
    for name, place in places.items():
        backup, restore = backup.replace(name, place), restore.replace(name, place)
    python = re.compile(r"^(python3|\.venv/bin/python)\b", re.MULTILINE)
    backup, restore = (
        python.sub(lambda _: shlex.quote(sys.executable), script) for script in (backup, restore)
    )
    return backup, restore


def run(site: Site, script: str) -> str:
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script],
        cwd=ROOT,
        env=site.environment,
        text=True,
        capture_output=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_after_a_restore_all_go_on_from_the_backup_in_a_new_epoch(site: Site) -> None:
    backup, restore = commands(site)
    master, proxy = site.master().start(), site.proxy().start()
    with BlockingClient.connect(
        [("127.0.0.1", proxy.port)], application="default", user="default", password=PASSWORD
    ) as client:
        watch = client.watch(["skill"])
        site.python(CREATE, "kept")
        assert watch.next(timeout=10).changes[0].object["name"] == "kept"
        run(site, backup)  # the master runs
        site.python(CREATE, "lost")
        assert watch.next(timeout=10).changes[0].object["name"] == "lost"
        before = master.status()

        master.stop()
        (epoch,) = re.findall(r"The new epoch is (\w+)\.", run(site, restore))
        master.start()
        eventually(lambda: proxy.status()["loads"] == 2, "a load of the proxy")
        assert [change.kind for change in watch.next(timeout=10).changes] == ["deleted"]
        assert [item["name"] for item in client.read("skill")] == ["kept"]

        site.python(CREATE, "new")
        told = watch.next(timeout=10)
        assert told.changes[0].object["name"] == "new"
        assert (told.epoch, told.revision) == (epoch, before["revision"])
    after = master.status()
    assert before["epoch"] != epoch
    assert after["epoch"] == proxy.status()["epoch"] == epoch
    assert after["treeHash"] == proxy.status()["treeHash"]
    assert after["alarms"] == []
    assert {alarm["alarm"] for alarm in proxy.status()["alarms"]} == {"epoch"}
    site.manage("verifyhistory")
