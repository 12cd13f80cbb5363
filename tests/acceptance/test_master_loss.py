"""The master is gone, comes back, or comes back with older data."""

from __future__ import annotations

import shutil
import signal
import subprocess
import time
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from confwire.client import BlockingClient
from tests.servers import PASSWORD, Site, eventually

pytestmark = pytest.mark.slow

CREATE = """
import sys
from proxyapp.services import objects
document = {"name": sys.argv[1], "tenantDBID": 1}
print(objects.create("skill", document, 0, by=None, origin="test").result.revision)
"""


def client_of(port: int) -> BlockingClient:
    return BlockingClient.connect(
        [("127.0.0.1", port)], application="default", user="default", password=PASSWORD
    )


def names(client: BlockingClient) -> list[str]:
    return sorted(skill["name"] for skill in client.read("skill"))


def test_a_killed_master_is_not_noticed_and_its_return_needs_no_load(site: Site) -> None:
    master, proxy = site.master().start(), site.proxy().start()
    with client_of(proxy.port) as client:
        watch = client.watch(["skill"])
        site.python(CREATE, "before")
        assert watch.next(timeout=10).changes[0].object["name"] == "before"
        master.stop(signal.SIGKILL)
        eventually(lambda: proxy.status()["authority"]["link"] != "live", "the loss to be seen")
        assert names(client) == ["before"]
        with client_of(proxy.port) as newcomer:
            assert names(newcomer) == ["before"]
        assert any(alarm["alarm"] == "master" for alarm in proxy.status()["alarms"])
        # Written while no node runs: only the journal table has it when the master is back.
        site.python(CREATE, "meanwhile")
        master.start()
        back = time.monotonic()
        assert watch.next(timeout=10).changes[0].object["name"] == "meanwhile"
        assert time.monotonic() - back < 2, "the proxy must find its master within 2 s"
        site.python(CREATE, "after")
        assert watch.next(timeout=10).changes[0].object["name"] == "after"
    status = proxy.status()
    assert (status["loads"], status["authority"]["resumes"]) == (1, 1)
    assert status["treeHash"] == master.status()["treeHash"]
    assert status["alarms"] == []


def test_an_older_dump_is_detected_and_everything_is_loaded_anew(site: Site) -> None:
    master, proxy = site.master().start(), site.proxy().start()
    site.python(CREATE, "kept")
    eventually(lambda: "skill" in proxy.status()["objects"], "the change at the proxy")
    dump = Dump(site)
    with client_of(proxy.port) as client:
        watch = client.watch(["skill"])
        site.python(CREATE, "lost")
        assert watch.next(timeout=10).changes[0].object["name"] == "lost"
        epoch = proxy.status()["epoch"]
        master.stop()
        dump.restore()
        master.start()
        eventually(lambda: proxy.status()["loads"] == 2, "a full load at the proxy")
        status = proxy.status()
        assert status["epoch"] not in ("", epoch)
        assert any(alarm["alarm"] == "epoch" for alarm in status["alarms"])
        assert any(alarm["alarm"] == "epoch" for alarm in master.status()["alarms"])
        assert status["treeHash"] == master.status()["treeHash"]
        assert names(client) == ["kept"]
        gone = watch.next(timeout=10)
        assert [change.kind for change in gone.changes] == ["deleted"]
        site.python(CREATE, "new")
        assert watch.next(timeout=10).changes[0].object["name"] == "new"


class Dump:
    """A copy of a site's database as of now."""

    def __init__(self, site: Site) -> None:
        self._url = site.environment["DATABASE_URL"]
        self._file = site.folder / "dump"
        if self._is_sqlite():
            site.python(
                "import sys\nfrom django.db import connection\n"
                "connection.cursor().execute('VACUUM INTO %s', [sys.argv[1]])",
                str(self._file),
            )
        else:
            self._run("pg_dump", "--clean", "--if-exists", "--file", str(self._file), self._url)

    def restore(self) -> None:
        """Put it back; nobody may be using the database."""
        if self._is_sqlite():
            database = Path(urlsplit(self._url).path)
            for rest in database.parent.glob(f"{database.name}-*"):
                rest.unlink()
            shutil.copy(self._file, database)
        else:
            self._run("psql", "--quiet", "--file", str(self._file), self._url)

    def _is_sqlite(self) -> bool:
        return self._url.startswith("sqlite")

    def _run(self, *command: str) -> None:
        subprocess.run(command, check=True, capture_output=True)
