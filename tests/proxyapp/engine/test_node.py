from __future__ import annotations

import pytest

from confwire.objects import ObjectType
from proxyapp.engine import commands, events
from proxyapp.engine.node import Node
from tests.proxyapp.engine.bench import (
    FOLDER,
    VERIFIER,
    Bench,
    Database,
    T,
    environment,
    gone,
    master,
    record,
    settings,
)

CONFSERV = {"name": "confserv", "type": "configserver", "accountDBID": 100}


def test_a_loaded_master_listens_on_the_ports_of_its_application(bench):
    (listen,) = bench.of(commands.Listen)
    assert [(port.id, port.port) for port in listen.ports] == [("default", 2020)]
    assert bench.node.ready()
    assert repr(bench.node) == "<Node confserv e1:1>"


def test_a_client_logs_in_and_reads_one_object(bench):
    client = bench.login("bob")
    (answer,) = client.ask("readObjects", objectType="skill", filter={"dbid": 601})
    assert answer["objects"] == [
        {"DBID": 601, "name": "Английский", "tenantDBID": 1, "folderDBID": 501}
    ]
    assert answer["last"] is True
    assert answer["revision"] == 1


def test_a_change_of_its_own_application_is_taken_over_at_once(bench):
    bench.commands.clear()
    ports = [{"id": "default", "port": "2021"}]
    options = {"csproxy": {"client-response-timeout": "7", "max-client-output-queue-size": "2"}}
    bench.commit(record("application", 99, 500, portInfos=ports, options=options, **CONFSERV))
    (listen,) = bench.of(commands.Listen)
    (configure,) = bench.of(commands.Configure)
    assert [port.port for port in listen.ports] == [2021]
    assert (configure.response_timeout, configure.output_limit) == (7.0, 2048)


def test_tls_parameters_of_the_own_host_are_taken_over_at_once(bench):
    ports = [{"id": "default", "port": "2020", "transportParams": "tls=1"}]
    info = {"hostDBID": 70}
    security = {"security": {"certificate": "/c.pem"}}
    bench.commit(
        record("host", 70, name="host-a", userProperties=security),
        record("host", 71, name="host-b"),
        record("application", 99, 500, portInfos=ports, serverInfo=info, **CONFSERV),
    )
    (port,) = bench.of(commands.Listen)[-1].ports
    assert (port.mode, port.tls.certificate) == ("secured", "/c.pem")

    bench.commands.clear()
    bench.commit(record("host", 71, name="host-b", userProperties=security))
    bench.commit(record("host", 70, name="host-a", userProperties=security, ipAddress="10.0.0.1"))
    assert bench.of(commands.Listen) == []
    security["security"]["certificate"] = "/d.pem"
    bench.commit(record("host", 70, name="host-a", userProperties=security))
    (port,) = bench.of(commands.Listen)[-1].ports
    assert port.tls.certificate == "/d.pem"


def test_a_dedicated_default_port_is_told_in_log_and_status(bench):
    ports = [{"id": "default", "port": "2020", "clientsOnly": True}]
    bench.commit(record("application", 99, 500, portInfos=ports, **CONFSERV))
    assert any(log.event == "port notice" for log in bench.of(commands.Log))
    status = bench.node.status(bench.now)
    assert "all other servers are refused there" in status["notices"][0]
    assert status["ports"][0]["clientsOnly"]


def test_changes_of_others_leave_ports_and_options_alone(bench):
    bench.commands.clear()
    bench.commit(record("application", 100, 500, name="default", acl=[(21, 201, 9)]))
    assert bench.of(commands.Listen) == bench.of(commands.Configure) == []


@pytest.mark.parametrize(
    "change", [gone("application", 99), record("application", 99, 500, name="renamed")]
)
def test_a_server_whose_application_is_gone_goes_on_and_raises_an_alarm(bench, change):
    bench.commit(change)
    assert bench.of(commands.Stop) == []
    assert "'confserv'" in bench.node.serving.alarms["application"][0]
    bench.commit(record("application", 99, 500, **CONFSERV))
    assert "application" not in bench.node.serving.alarms


def test_a_server_without_an_application_does_not_start():
    bench = Bench(Node.for_master(settings("nobody")), Database(environment()))
    bench.load()
    assert "'nobody'" in bench.of(commands.Stop)[0].reason
    assert bench.of(commands.Listen) == []


def test_clients_are_told_where_the_backup_is(bench):
    bench.commit(
        record("host", 70, name="host-b"),
        record("application", 98, 500, name="confserv2", type="configserver",
               serverInfo={"hostDBID": 70}, portInfos=[{"id": "default", "port": "2120"}]),
        record("application", 99, 500, serverInfo={"backupServerDBID": 98}, **CONFSERV),
    )  # fmt: skip
    (info,) = bench.login("bob").ask("readServerInfo")
    assert (info["server"]["backupHost"], info["server"]["backupPort"]) == ("host-b", "2120")


def test_clients_of_a_proxy_are_told_where_the_master_is(proxy):
    (info,) = proxy.login("bob").ask("readServerInfo")
    assert info["server"]["mode"] == "proxy"
    assert (info["server"]["masterHost"], info["server"]["masterPort"]) == (
        "master.example",
        "2020",
    )
    assert info["link"] == "live"


def test_readers_hear_from_time_to_time_that_they_miss_nothing(bench):
    watching, other, slow = bench.login("bob"), bench.login("bob"), bench.login("bob")
    watching.watch(types=["skill"])
    slow.watch(types=["skill"])
    slow.block()
    bench.commit(record("skill", 603, 503, name="hidden"))
    for _ in range(31):
        bench.tick(1.0)
    assert [(m["message"], m["revision"]) for m in watching.inbox] == [("progress", 2)] * 3
    assert other.inbox == slow.inbox == []


def test_servers_hear_from_their_master_every_two_seconds(bench, proxy):
    bench.tick(30)
    before = len(proxy.line.raw)
    for _ in range(8):
        bench.tick(0.5)
    assert len(proxy.line.raw) - before == 2


def test_verifiers_and_administrators_are_looked_up_by_name(bench):
    admins = [{"objectType": "person", "DBID": 102}]
    bench.commit(
        record("accessGroup", 210, name="SA", type="superadministrators", members=admins),
        record("person", 103, userName="off", state="disabled", verifier=VERIFIER),
        record("person", 104, userName="none"),
    )
    node = bench.node
    names = ("BOB", "off", "none", "nobody")
    assert [node.verifier_of(name) for name in names] == [VERIFIER, None, None, None]
    assert [node.is_super_administrator(n) for n in ("eve", "bob", "nobody")] == [
        True,
        False,
        False,
    ]


def test_names_of_what_somebody_may_not_read_are_told(bench):
    bench.commit(record("skill", 603, 503, name="Hidden"), record("skill", 604, 502, name="seen"))
    names = ["hidden", "seen", "never there"]
    hidden = {
        user: bench.node.hidden_names(user, ObjectType.SKILL, names) for user in ("bob", "nobody")
    }
    assert hidden == {"bob": ["hidden"], "nobody": ["hidden", "seen"]}


def test_events_of_connections_that_are_gone_are_nobodys(bench):
    for event in (
        events.Received(77, [b"{}"]),
        events.Blocked(77),
        events.Drained(77),
        events.Disconnected(77, "gone"),
    ):
        bench.commands.clear()
        bench.handle(event)
        assert bench.commands == []


def test_the_end_of_a_session_is_logged_with_who_it_was(bench):
    client = bench.login("bob")
    client.leave()
    (log,) = [log for log in bench.of(commands.Log) if log.event == "session closed"]
    assert (log.fields["user"], log.fields["reason"]) == ("bob", "gone")
    assert len(bench.node.status(bench.now)["sessions"]) == 0
    bench.commit(record("skill", 601, FOLDER, name="x"))


def kinds(bench):
    return [entry.kind for entry in bench.log.entries]


def with_active(value):
    return record(
        "application", 99, 500, name="confserv", type="configserver", accountDBID=100,
        portInfos=[{"id": "default", "port": "2020"}], options={"history-log": {"active": value}},
    )  # fmt: skip


def test_the_life_of_a_server_is_kept(bench):
    bench.carry_out(bench.node.start(bench.now))
    bench.load("compacted")
    bench.handle(events.Stopping("a test"))
    assert kinds(bench) == ["loaded", "serverStarted", "loaded", "serverStopped"]
    assert bench.log.entries[-1].reason == "a test"
    assert (bench.log.entries[-1].epoch, bench.log.entries[-1].revision) == ("e1", 1)


def test_entries_are_suspended_by_a_change_of_the_option_and_resumed(bench):
    bench.commit(with_active("false"))
    bench.login("bob")
    assert kinds(bench) == ["loaded"]
    bench.commit(with_active("true"))
    bench.login("bob")
    assert kinds(bench) == ["loaded", "sessionOpened"]


def test_a_server_that_starts_keeps_entries_whatever_it_finds():
    records = [item for item in environment() if item.dbid != 99 or item.type != T["application"]]
    bench = master([*records, with_active("false")])
    bench.login("bob")
    assert "sessionOpened" in kinds(bench)


def test_the_runtime_is_told_the_options_of_the_history(bench):
    (first,) = bench.of(commands.ConfigureHistory)
    assert first == commands.ConfigureHistory("", True, 1, 30)
