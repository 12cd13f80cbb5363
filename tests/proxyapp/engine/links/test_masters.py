from __future__ import annotations

import msgspec
import pytest

from proxyapp.engine import commands, events
from tests.proxyapp.engine.bench import Bench, Proxy, environment, master, record

PRIMARY, BACKUP = ("master.example", 2020), ("10.0.0.2", 3021)


def server(dbid: int, name: str, backup: int = 0, **more: object):
    info = {
        "hostDBID": 11 if dbid == 99 else 12,
        **({"backupServerDBID": backup} if backup else {}),
    }
    return record("application", dbid, 500, name=name, type="configserver", accountDBID=100,
                  serverInfo=info, **more)  # fmt: skip


PORTS = [{"id": "default", "port": "3020"}, {"id": "links", "port": "3021"}]


def pair(own_port: str = "links"):
    return [
        *(item for item in environment() if item.dbid != 99),
        record("host", 11, name="one.example", ipAddress="10.0.0.1"),
        record("host", 12, name="two.example", ipAddress="10.0.0.2"),
        server(99, "confserv", 120, portInfos=[{"id": own_port, "port": "2020"},
                                               {"id": "other", "port": "2021"}]),
        server(120, "confserv-backup", portInfos=PORTS),
    ]  # fmt: skip


def options(**values: object):
    """Return the proxy's own object with these options."""
    document = msgspec.json.decode(next(r.body for r in environment() if r.dbid == 110))
    document["options"] = {
        "system": {name.replace("_", "-"): value for name, value in values.items()},
        "csproxy": {name.replace("_", "-"): value for name, value in values.items()},
    }
    del document["DBID"], document["folderDBID"]
    found = next(r for r in environment() if r.dbid == 110)
    return record("application", 110, 500, verifier=found.verifier, acl=found.acl, **document)


@pytest.fixture
def bench() -> Bench:
    return master(
        [
            *pair(),
        ]
    )


def proxy_of(bench: Bench, **settings: object) -> Proxy:
    proxy = Proxy(bench, **settings)
    proxy.start()
    return proxy


def attempts(proxy: Proxy, count: int, reason: str = "refused") -> list[tuple[str, int]]:
    """Lose the link, and refuse so many attempts; return where they went."""
    before = len(proxy.of(commands.ConnectLink))
    proxy.sever()
    for _ in range(count - 1):
        proxy.handle(events.LinkLost(reason, jitter=0.5))
    return [(item.host, item.port) for item in proxy.of(commands.ConnectLink)[before:]]


def test_the_primary_is_tried_first_and_then_the_backup_of_its_object(bench):
    proxy = proxy_of(bench)
    two = ("10.0.0.2", 3020)
    assert attempts(proxy, 5) == [PRIMARY, two, PRIMARY, two, PRIMARY]


def test_a_round_waits_longer_each_time_and_the_backup_comes_soon_after_the_primary(bench):
    proxy = proxy_of(bench)
    attempts(proxy, 24)
    delays = [item.delay for item in proxy.of(commands.ConnectLink)[1:]]
    assert delays[0] <= 0.1
    assert max(delays[1::2]) <= 0.1
    assert sorted(delays[::2]) == delays[::2]
    assert 0.75 <= max(delays) <= 1.5
    assert {item.patience for item in proxy.of(commands.ConnectLink)[1:]} == {3.0}


def test_it_stays_on_the_backup_until_that_one_is_lost(bench):
    proxy = proxy_of(bench)
    attempts(proxy, 2)
    proxy.dial()
    assert proxy.link == "live"
    status = proxy.node.status(proxy.now)["authority"]
    assert (status["master"], status["backup"]) == ("10.0.0.2:3020", True)
    before = len(proxy.of(commands.ConnectLink))
    for _ in range(1000):
        proxy.tick(1.0)
        bench.tick(1.0)
    assert proxy.link == "live"
    assert len(proxy.of(commands.ConnectLink)) == before
    assert attempts(proxy, 2) == [PRIMARY, ("10.0.0.2", 3020)]


def test_clients_are_told_the_master_that_takes_writes_now(bench):
    proxy = proxy_of(bench)
    bob = proxy.login("bob")
    attempts(proxy, 2)
    proxy.dial()
    (answer,) = bob.ask("deleteObject", objectType="skill", DBID=601)
    assert answer["data"] == {"masterHost": "10.0.0.2", "masterPort": "3020"}
    (info,) = bob.ask("readServerInfo")
    assert (info["server"]["masterHost"], info["server"]["masterPort"]) == ("10.0.0.2", "3020")


def test_ports_of_one_id_are_kept_to_where_that_is_asked_for(bench):
    bench.commit(options(consistent_port_selection="true"))
    assert attempts(proxy_of(bench), 2) == [PRIMARY, ("10.0.0.2", 3021)]
    bench.commit(server(120, "confserv-backup", portInfos=PORTS[:1]))
    assert attempts(proxy_of(bench), 2) == [PRIMARY, ("10.0.0.2", 3020)]


def test_the_command_line_names_the_backup_until_the_data_does():
    alone = master()
    proxy = Proxy(alone, backup_host="two.example", backup_port=4020)
    proxy.carry_out(proxy.node.start(proxy.now))
    for _ in range(2):
        proxy.handle(events.LinkLost("refused", jitter=0.5))
    tried = [(item.host, item.port) for item in proxy.of(commands.ConnectLink)]
    assert tried == [PRIMARY, ("two.example", 4020), PRIMARY]
    proxy.dial()
    for item in pair():
        alone.commit(item)
    assert attempts(proxy, 4) == [PRIMARY, ("10.0.0.2", 3020), PRIMARY, ("10.0.0.2", 3020)]


def test_a_backup_that_is_taken_from_the_object_is_not_tried_any_more(bench):
    proxy = proxy_of(bench)
    bench.commit(server(99, "confserv", portInfos=[{"id": "default", "port": "2020"}]))
    assert attempts(proxy, 3) == [PRIMARY] * 3
    assert proxy.of(commands.ConnectLink)[-1].patience == 10.0


def test_before_the_first_contact_both_servers_of_the_own_connection_are_tried(bench):
    """As after a start from the local copy: the command line may name either of the two."""
    proxy = proxy_of(bench)
    bench.commit(options(), record("skill", 700, 501, name="later"))
    own = msgspec.json.decode(proxy.node.serving.store.get(9, 110).body)
    own["appServers"] = [{"appServerDBID": 99}]
    proxy.node.serving.application = own
    masters = proxy.node.serving.authority._masters
    masters._home = 0
    assert [tuple(item[:2]) for item in masters.known()] == [
        PRIMARY, ("10.0.0.1", 2020), ("10.0.0.2", 3020),
    ]  # fmt: skip
