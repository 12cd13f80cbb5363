"""kill -9 at each step of a commit, of keeping, of forwarding and of pruning: nothing is torn.

What must hold after each: no committed change without its history, no history without its change,
revisions without a gap, and every entry that was on a disk at the master exactly once.
"""

from __future__ import annotations

import json
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

import pytest

from confwire.client import BlockingClient
from confwire.errors import WireError
from tests.servers import PASSWORD, ROOT, Process, Site, eventually

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

CHECK = """
import json
from django.core.management import call_command
from historylog.models import ChangedProperty, ChangeRecord, Transaction
from historylog.reader import floor
from proxyapp.models import Change, Commit, ConfigObject, Revision
call_command("verifyhistory")
number, lowest = Revision.objects.get().number, floor()
expected = list(range(lowest + 1, number + 1))
for model in (Transaction, Commit):
    rows = model.objects.filter(revision__gt=lowest).order_by("revision")
    assert list(rows.values_list("revision", flat=True)) == expected, model
columns = "revision", "seq", "type", "dbid", "body"
changes, records = (
    set(model.objects.filter(revision__gt=lowest).values_list(*columns))
    for model in (Change, ChangeRecord)
)
assert changes == records, changes ^ records
assert not ChangedProperty.objects.filter(revision__gt=number).exists()
skills = ConfigObject.objects.filter(type=13).order_by("dbid").values_list("name", flat=True)
print(json.dumps({"revision": number, "skills": list(skills), "floor": lowest}))
"""
ENTRIES = """
SELECT number, kind, server, session, reason FROM historylog_entryrecord
WHERE {} ORDER BY number
"""
OF_PROXY = "server = 'site-1'"
OWN = "store = (SELECT name FROM historylog_store)"
MORE = """
from historylog import writer
from historylog.entries import Kind, of_server
from proxyapp.services import objects
section = {"max-records": "1", "audit-max-records": "2", "write-former-value": "true"}
for value in ("yes", "true"):
    section["write-former-value"] = value
    options = {"options": {"history-log": section}}
    objects.update("application", 99, options, by=None, origin="test")
writer.keep([of_server(Kind.LOADED, 1e9 + second, "of old") for second in range(3)])
"""
WRITE = """
import sys
from itertools import count
from historylog import writer
from historylog.entries import Kind, of_server
from proxyapp.services import objects
print("begun", flush=True)
for number in count():
    document = {"tenantDBID": 1, "name": f"{sys.argv[1]} {number}"}
    objects.create("skill", document, by=None, origin="test")
    writer.keep([of_server(Kind.LOADED, float(number), sys.argv[1])])
"""
LEFT = """
from historylog.models import ChangedProperty, ChangeRecord, EntryRecord, Transaction
from historylog.reader import floor
for model in (ChangedProperty, ChangeRecord, Transaction):
    print(model.objects.filter(revision__lte=floor()).count())
print(EntryRecord.objects.filter(server="of old").count())
"""
COMMIT_POINTS = {
    "before the journal statement": ("before proxyapp.services.journal:write", False),
    "after it, before COMMIT": ("after proxyapp.services.journal:write", False),
    "after COMMIT, before it is told": ("after proxyapp.runtime.writes:carry_out", True),
    "before the wake-up": ("before proxyapp.runtime.authority:Authority._written", True),
    "before it is known to the node": (
        "before proxyapp.runtime.authority:Authority._tell_all Transaction(",  # no idle look
        True,
    ),
    "before the answer": (
        "before proxyapp.runtime.outlet:Outlet._write objectCreated",
        True,
    ),
    "after the answer": (
        "after proxyapp.runtime.outlet:Outlet._write objectCreated",
        True,
    ),
}
"""Where it ends, and whether the change must be there afterwards."""
ON_SQLITE = {
    "between journal and history": ("before historylog.writing:write_sqlite", False),
    "with half of the history": ("after historylog.writing:write_sqlite", False),
}
PRUNING_POINTS = [
    "before historylog.retention:_raise_floor",
    "after historylog.retention:_raise_floor",
    "after historylog.retention:_remove #1",
    "after historylog.retention:_remove #2",
    "after historylog.retention:_remove #3",
    "before historylog.retention:_remove_entries",
    "after historylog.retention:_remove_entries",
]
KEEPING_POINTS = [
    "before historylog.writer:_insert_all",
    "after historylog.writer:_insert_all",
    "after historylog.writer:keep",
]
PROXY_POINTS = [
    "after historylog.forwarding:next_entries",
    "after proxyapp.runtime.links:Link.send historyEntries entries",
    "before historylog.forwarding:mark_forwarded",
    "after historylog.forwarding:mark_forwarded",
]
MASTER_POINTS = [
    "before historylog.writer:take number",
    "after historylog.writer:_insert",
    "after historylog.writer:take number",
    "before proxyapp.runtime.outlet:Outlet._write historyTaken",
    "after proxyapp.runtime.outlet:Outlet._write historyTaken",
]


class Fuse:
    """Lets a process end at a point, once it burns."""

    def __init__(self, folder: Path) -> None:
        self._file = folder / "fuse"

    def at(self, process: Process, point: str) -> Process:
        """Prepare a process that is not started yet."""
        self._file.unlink(missing_ok=True)
        process.script = [str(ROOT / "tests/failpoints.py"), str(self._file), point]
        return process

    def burn(self) -> None:
        """From now on."""
        self._file.touch()

    def out(self, process: Process) -> None:
        """Wait until the process has ended at its point; it can be started without one then."""
        assert process.child is not None
        eventually(
            lambda: process.child is not None and process.child.poll() is not None, "the end"
        )
        assert process.wait()[0] == -signal.SIGKILL
        process.script = [str(ROOT / "manage.py")]


@pytest.fixture
def fuse(tmp_path: Path) -> Fuse:
    return Fuse(tmp_path)


def client_of(process: Process, **options: Any) -> BlockingClient:
    address = [("127.0.0.1", process.port)]
    account = {"application": "default", "user": "default", "password": PASSWORD}
    return BlockingClient.connect(address, **account, **options)


def checked(site: Site) -> dict[str, Any]:
    """Check all that must hold of the history of changes; return what there is."""
    found: dict[str, Any] = json.loads(site.python(CHECK).splitlines()[-1])
    return found


def revision_of(site: Site) -> int:
    return int(site.rows("SELECT number FROM proxyapp_revision")[0][0])


# ---------------------------------------------------------------- commits


def create(master: Process, name: str) -> bool:
    """Create a skill; tell whether the answer came."""
    client = client_of(master, request_timeout=2)  # a killed one is not started meanwhile
    try:
        client.create("skill", {"tenantDBID": 1, "name": name})
    except WireError:
        return False
    finally:
        client.close()
    return True


def test_a_commit_is_there_with_its_history_or_not_at_all(site: Site, fuse: Fuse) -> None:
    points = dict(COMMIT_POINTS)
    if site.environment["DATABASE_URL"].startswith("sqlite"):
        points |= ON_SQLITE
    expected: list[str] = []
    master = site.master()
    for name, (point, stays) in points.items():
        fuse.at(master, point).start()
        before = revision_of(site)
        fuse.burn()
        answered = create(master, name)
        fuse.out(master)
        expected += [name] * stays
        after = checked(site)
        assert after["skills"] == expected, name
        assert after["revision"] == before + stays, name
        assert stays or not answered, name
    master.start()
    assert create(master, "and on it goes")
    assert checked(site)["skills"] == [*expected, "and on it goes"]


# ---------------------------------------------------------------- pruning


def test_pruning_goes_on_where_it_was_killed(site: Site, tmp_path: Path) -> None:
    (tmp_path / "fuse").touch()
    launcher = [sys.executable, str(ROOT / "tests/failpoints.py"), str(tmp_path / "fuse")]
    for point in PRUNING_POINTS:
        site.python(MORE)
        killed = subprocess.run(
            [*launcher, point, "prunehistory"], env=site.environment, cwd=ROOT, check=False
        )
        assert killed.returncode == -signal.SIGKILL, point
        checked(site)
    site.manage("prunehistory")
    assert site.python(LEFT).split() == ["0"] * 4
    found = checked(site)
    assert found["floor"] == found["revision"] - 2


def test_writers_of_one_database_die_at_any_moment_while_epochs_change(site: Site) -> None:
    for turn in range(3):
        before = revision_of(site)
        writers = [site.begin_python(WRITE, f"turn {turn} writer {number}") for number in range(3)]
        for writer in writers:
            assert writer.stdout is not None
            assert writer.stdout.readline() == "begun\n"
        for writer in writers:
            site.manage("newepoch")
            writer.send_signal(signal.SIGKILL)
            writer.communicate()
            assert writer.returncode == -signal.SIGKILL
        assert checked(site)["revision"] > before
    own = at_master(site)[1]
    assert len({row[0] for row in own}) == len(own) > 0


# ---------------------------------------------------------------- entries


def on_disk(site: Site) -> list[list[Any]]:
    """Return what the proxy's own file holds, as a process finds it after a kill."""
    file = site.folder / "var/site-1/history.sqlite3"
    with closing(sqlite3.connect(f"file:{file}?mode=ro", uri=True)) as database:
        rows = database.execute(
            "SELECT number, kind, server, session, reason FROM historylog_entryrecord ORDER BY 1"
        )
        return [list(row) for row in rows]


def at_master(site: Site) -> tuple[list[list[Any]], list[list[Any]]]:
    """Return the proxy's entries, and the master's own, in its database."""
    of_proxy, own = (site.rows(ENTRIES.format(which)) for which in (OF_PROXY, OWN))
    return [list(row) for row in of_proxy], [list(row) for row in own]


def is_within(part: list[list[Any]], whole: list[list[Any]]) -> bool:
    """Whether each of a part is in the whole, as often."""
    return all(whole.count(row) == part.count(row) == 1 for row in part)


def visit(process: Process) -> None:
    """Log in and out; the server may end meanwhile."""
    with suppress(WireError):
        client_of(process).close()


def test_what_a_proxy_had_on_its_disk_arrives_once_whenever_it_was_killed(
    site: Site, fuse: Fuse
) -> None:
    site.master().start()
    proxy = site.proxy()
    durable: list[list[Any]] = []
    for point in (*KEEPING_POINTS, *PROXY_POINTS):
        fuse.at(proxy, point).start()
        fuse.burn()
        visit(proxy)
        fuse.out(proxy)
        assert is_within(durable, on_disk(site)), point
        durable = on_disk(site)
        assert is_within(at_master(site)[0], durable), point
    proxy.start()
    eventually(lambda: at_master(site)[0] == on_disk(site), "what was durable to arrive")
    assert is_within(durable, at_master(site)[0])
    checked(site)


def test_what_a_proxy_forwards_arrives_once_whenever_the_master_is_killed(
    site: Site, fuse: Fuse
) -> None:
    master, proxy = site.master(), site.proxy()
    own: list[list[Any]] = []
    for point in (*MASTER_POINTS, *KEEPING_POINTS):
        fuse.at(master, point).start()
        if proxy.child is None:
            proxy.start()
        eventually(lambda: proxy.status()["authority"]["link"] == "live", "the link")
        fuse.burn()
        visit(proxy)
        visit(master)
        fuse.out(master)
        of_proxy, kept = at_master(site)
        assert is_within(of_proxy, on_disk(site)), point
        assert is_within(own, kept), point
        own = kept
    master.start()
    eventually(lambda: at_master(site)[0] == on_disk(site), "what was durable to arrive")
    assert is_within(own, at_master(site)[1])
    checked(site)
