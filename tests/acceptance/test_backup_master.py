"""Two masters on one database: killed, frozen and cut off from it, beside a proxy and a writer."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
import pytest

from confwire.client import BlockingClient, OutcomeUnknown
from confwire.errors import RequestError
from tests.servers import PASSWORD, Process, Site, eventually, free_port, http_get

pytestmark = [pytest.mark.slow, pytest.mark.postgres_only]

PAIR = """
import sys
from proxyapp.models import Application, ApplicationTemplate, Host, Port
from proxyapp.services import changes
from proxyapp.services.provisioning import application_from, place
with changes.commit(by=None, origin="test") as work:
    backup = application_from(ApplicationTemplate.objects.get(name="Configuration Server"))
    backup.name, backup.redundancy_type = "confserv-backup", "warmstandby"
    backup.host = Host(name="localhost", ip_address="127.0.0.1")
    place(backup.host)
    work.save(backup.host)
    place(backup)
    work.save(backup)
    work.save(Port(application=backup, port_id="default", port=sys.argv[1]))
    primary = Application.objects.get(pk=99)
    primary.backup_server, primary.redundancy_type = backup, "warmstandby"
    primary.host = backup.host
    work.save(primary)
"""
FOUND = """
from historylog.models import EntryRecord
from proxyapp.models import Change
names = [change.body.split('"name":"')[1].split('"')[0]
         for change in Change.objects.filter(type=13).order_by("revision")]
roles = EntryRecord.objects.filter(kind="roleChanged").order_by("at")
print("|".join(names))
print("|".join(f"{entry.server}: {entry.reason}" for entry in roles))
"""


class Writer:
    """Writes one object after another, and asks again until each is answered."""

    def __init__(self, *ports: int, prefix: str = "Skill") -> None:
        self._ports = ports
        self._prefix = prefix
        self.acknowledged: list[str] = []
        self.longest = 0.0
        """Seconds between two acknowledgements at most."""
        self._ends = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        self._ends.set()
        self._thread.join(30)
        assert not self._thread.is_alive()

    def await_more(self, count: int = 5) -> None:
        """Wait for so many more acknowledgements."""
        wanted = len(self.acknowledged) + count
        eventually(lambda: len(self.acknowledged) >= wanted, "writes")

    def _run(self) -> None:
        with BlockingClient.connect(
            [("127.0.0.1", port) for port in self._ports],
            application="default",
            user="default",
            password=PASSWORD,
        ) as client:
            last = time.monotonic()
            while not self._ends.is_set():
                name = f"{self._prefix} {len(self.acknowledged)}"
                self._write(client, name)
                now = time.monotonic()
                self.longest, last = max(self.longest, now - last), now
                self.acknowledged.append(name)
                self._ends.wait(0.01)

    def _write(self, client: BlockingClient, name: str) -> None:
        request_id = f"the one of {name}"
        while True:
            try:
                client.create("skill", {"name": name, "tenantDBID": 1}, request_id=request_id)
            except OutcomeUnknown:
                continue
            except RequestError as error:
                if error.permanent:
                    raise
                self._ends.wait(0.05)
            else:
                return


@contextmanager
def database(site: Site) -> Iterator[psycopg.Connection]:
    with psycopg.connect(site.environment["DATABASE_URL"], autocommit=True) as connection:
        yield connection


def role_of(master: Process) -> str:
    role: str = master.status()["authority"]["role"]
    return role


def is_linked(proxy: Process, *, backup: bool) -> bool:
    state = proxy.status()["authority"]
    return state["link"] == "live" and state["backup"] is backup


def test_one_of_two_masters_leads_whatever_happens_to_the_other(site: Site) -> None:
    backup_port = free_port()
    site.python(PAIR, str(backup_port))
    one, two, proxy = (
        site.master().start(),
        site.backup(backup_port).start(ready=False),
        site.proxy(),
    )
    eventually(lambda: http_get(two.status_port, "/livez")[0] == 200, "the backup's start")
    eventually(lambda: role_of(two) == "backup", "the backup's role")
    assert http_get(two.port, "/readyz")[0] == 0, "a backup has its ports closed"
    assert two.status()["authority"]["leaderAddress"] == f"localhost:{one.port}"
    assert two.status()["history"]["state"] == "held"
    proxy.start()

    with BlockingClient.connect(
        [("127.0.0.1", proxy.port)], application="default", user="default", password=PASSWORD
    ) as client:
        watch = client.watch(["skill"])
        writer = Writer(one.port, two.port)
        writer.await_more()
        term = one.status()["authority"]["term"]

        # The database ends every connection, as it does when it is restarted: who led goes on.
        with database(site) as connection:
            connection.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
        eventually(lambda: one.status()["authority"]["term"] == term + 1, "another term")
        writer.await_more()
        assert (role_of(one), role_of(two)) == ("primary", "backup")
        restart_outage, writer.longest = writer.longest, 0.0

        # A frozen primary loses the lead, and a write that waits in its socket is refused.
        direct = BlockingClient.connect(
            [("127.0.0.1", one.port)], application="default", user="default", password=PASSWORD
        )
        assert one.child is not None
        one.child.send_signal(signal.SIGSTOP)
        late: list[Exception] = []

        def write_late() -> None:
            try:
                direct.create("skill", {"name": "late", "tenantDBID": 1})
            except RequestError as error:
                late.append(error)

        thread = threading.Thread(target=write_late)
        thread.start()
        eventually(two.is_ready, "the takeover from the frozen one")
        writer_before = len(writer.acknowledged)
        one.child.send_signal(signal.SIGCONT)
        eventually(lambda: role_of(one) == "backup", "the old primary's step down")
        thread.join(20)
        direct.close()
        assert http_get(one.port, "/readyz")[0] == 0
        eventually(lambda: len(writer.acknowledged) > writer_before, "writes at the backup")
        eventually(lambda: is_linked(proxy, backup=True), "the proxy's link to the backup")
        freeze_outage, writer.longest = writer.longest, 0.0

        # The leader is killed: the other one takes over.
        two.stop(signal.SIGKILL)
        eventually(one.is_ready, "the takeover from the killed one")
        writer.await_more()
        eventually(lambda: is_linked(proxy, backup=False), "the proxy's link to the primary")
        writer.stop()

        # The lock's lease is 5 s, and a proxy or client looks for a master every 1.5 s at most.
        outages = restart_outage, freeze_outage, writer.longest
        print(
            "seconds without a write: restart {:.2f}, freeze {:.2f}, kill {:.2f}".format(*outages)
        )
        assert max(outages) < 20
        names, roles = site.python(FOUND).splitlines()
        committed = [name for name in names.split("|") if name != "late"]
        assert committed == writer.acknowledged, "each acknowledged write is there, and once"
        seen = []
        while len(seen) < len(committed):
            notification = watch.next(timeout=10)
            assert notification is not None
            seen += [change.object["name"] for change in notification.changes]
        assert [name for name in seen if name != "late"] == committed
        assert proxy.status()["loads"] == 1
    assert [entry.partition(" in term")[0] for entry in roles.split("|")] == [
        "confserv-backup: primary",
        "confserv: backup, 'confserv-backup' leads",
        "confserv: primary",
    ]
    assert names.split("|").count("late") == (0 if late else 1), late
