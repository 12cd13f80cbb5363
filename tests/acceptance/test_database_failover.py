"""PostgreSQL fails over under two masters: with all commits, without the last, and back again."""

from __future__ import annotations

import json
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from confwire.client import BlockingClient
from tests.acceptance.test_backup_master import PAIR, Writer, is_linked, role_of
from tests.postgres import Machine, Server, programs
from tests.servers import PASSWORD, Process, Site, eventually, free_port, http_get

pytestmark = [pytest.mark.slow, pytest.mark.postgres_only]
DATABASE = "csproxy"


@pytest.fixture
def machine() -> Iterator[Machine]:
    bin_ = programs()
    if bin_ is None:
        pytest.skip("needs a PostgreSQL server on this machine: install postgresql-15")
    machine = Machine(bin_)
    yield machine
    machine.end()


@pytest.fixture
def first(machine: Machine) -> Server:
    """The primary."""
    first = Server(machine, "first").make().start()
    first.ask(f"CREATE DATABASE {DATABASE}")
    return first


@pytest.fixture
def second(machine: Machine) -> Server:
    """What becomes its standby."""
    return Server(machine, "second")


@pytest.fixture
def site(
    first: Server, second: Server, server_environment: dict[str, str], tmp_path: Path
) -> Iterator[Site]:
    hosts = f"127.0.0.1:{first.port},127.0.0.1:{second.port}"
    url = f"postgres://csproxy@{hosts}/{DATABASE}?target_session_attrs=read-write"
    site = Site({**server_environment, "DATABASE_URL": url}, tmp_path)
    yield site
    site.end()


def skills(server: Server) -> list[str]:
    """Return the names of all skills that a database has."""
    rows = server.ask("SELECT body FROM proxyapp_document WHERE type = 13", DATABASE)
    return sorted(json.loads(body)["name"] for (body,) in rows)


def position(server: Server) -> tuple[int, int]:
    """Return revision and term of a database."""
    ((number, term),) = server.ask("SELECT number, term FROM proxyapp_revision", DATABASE)
    return number, term


def sessions(server: Server) -> int:
    """Return how often the database was connected to."""
    counted = f"SELECT sessions FROM pg_stat_database WHERE datname = '{DATABASE}'"
    return int(server.ask(counted)[0][0])


def users(server: Server) -> list[str]:
    """Return who is connected to the database, but for those who look whether it is a primary."""
    rows = server.ask(
        "SELECT application_name, query FROM pg_stat_activity"
        f" WHERE datname = '{DATABASE}' AND application_name <> 'csproxy look'"
    )
    return [" ".join(row) for row in rows]


def term(master: Process) -> int:
    number: int = master.status()["authority"]["term"]
    return number


def is_streaming(primary: Server, state: str) -> bool:
    return primary.ask("SELECT sync_state FROM pg_stat_replication") == [(state,)]


def test_a_failover_loses_nothing_or_says_what_and_a_former_primary_gets_no_write(
    site: Site, first: Server, second: Server
) -> None:
    backup_port = free_port()
    site.python(PAIR, str(backup_port))
    second.follow(first).start()
    first.configure(synchronous_standby_names="*")
    eventually(lambda: is_streaming(first, "sync"), "synchronous replication")
    one, two = site.master().start(), site.backup(backup_port).start(ready=False)
    proxy = site.proxy().start()
    eventually(lambda: http_get(two.status_port, "/livez")[0] == 200, "the backup's start")
    eventually(lambda: role_of(two) == "backup", "the backup's role")
    epoch, began = proxy.status()["epoch"], term(one)

    with BlockingClient.connect(
        [("127.0.0.1", proxy.port)], application="default", user="default", password=PASSWORD
    ) as client:
        watch = client.watch(["skill"])
        writer = Writer(one.port, backup_port)
        writer.await_more()

        # The database crashes and is started again: who led leads on.
        first.kill()
        first.start()
        writer.await_more()
        assert (role_of(one), role_of(two)) == ("primary", "backup")
        restart_outage, writer.longest = writer.longest, 0.0

        # The primary dies, the standby has each commit that was acknowledged.
        first.kill()
        second.promote()
        writer.await_more()
        eventually(lambda: term(one) > began or term(two) > began, "a leader with another term")
        assert {role_of(one), role_of(two)} == {"primary", "backup"}
        writer.stop()
        failover_outage = writer.longest
        assert skills(second) == sorted(writer.acknowledged), "each is there, and once"
        seen: list[str] = []
        while len(seen) < len(writer.acknowledged):
            notification = watch.next(timeout=10)
            assert notification is not None
            seen += [(change.object or {})["name"] for change in notification.changes]
        assert seen == writer.acknowledged
        assert (proxy.status()["epoch"], proxy.status()["loads"]) == (epoch, 1)

        # The former primary comes back alone, first in the list and ready for writes.
        first.start().configure(synchronous_standby_names="")
        stands, led = position(first), term(one)
        second.kill()
        two.stop(signal.SIGKILL)
        two.start(ready=False)  # what it had seen before it knows from its data folder
        eventually(lambda: http_get(two.status_port, "/livez")[0] == 200, "the restart")
        looked = sessions(first)
        eventually(lambda: sessions(first) > looked + 5, "the masters' looking for a database")
        second.start()
        eventually(lambda: term(one) > led or term(two) > led, "the lock's being taken anew")
        more = Writer(one.port, backup_port, prefix="Later")
        more.await_more()
        more.stop()
        roles = {"primary", "backup"}
        eventually(lambda: {role_of(one), role_of(two)} == roles, "the other one's standing by")
        assert position(first) == stands, "nobody leads on the former primary, nor writes there"

        # It becomes a standby that misses the last commits when it takes over.
        first.kill()
        first.follow(second).start()
        eventually(lambda: is_streaming(second, "async"), "asynchronous replication")
        first.configure(primary_conninfo="")
        eventually(lambda: not second.ask("SELECT 1 FROM pg_stat_replication"), "its falling back")
        stands = position(first)
        leader = one if role_of(one) == "primary" else two
        with BlockingClient.connect(
            [("127.0.0.1", leader.port)], application="default", user="default", password=PASSWORD
        ) as lost:
            lost.create("skill", {"name": "lost", "tenantDBID": 1})
        eventually(lambda: client.read("skill", {"name": "lost"}), "the change at the proxy")
        assert position(first) == stands
        stands = position(second)
        first.promote()  # and nobody has stopped the other one
        eventually(lambda: proxy.status()["epoch"] > epoch, "a new epoch")
        eventually(lambda: not client.read("skill", {"name": "lost"}), "the proxy's going back")
        leader = one if role_of(one) == "primary" else two
        eventually(lambda: is_linked(proxy, backup=leader is two), "the proxy's link")
        assert proxy.status()["treeHash"] == leader.status()["treeHash"]
        assert position(second) == stands, "nobody has led there since, nor written"
        eventually(lambda: not users(second), "everybody's leaving it")
    print(f"seconds without a write: restart {restart_outage:.2f}, failover {failover_outage:.2f}")
    assert "lost" not in skills(first)
