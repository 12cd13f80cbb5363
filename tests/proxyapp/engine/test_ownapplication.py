"""What a server takes over from its own Application object and its host."""

from __future__ import annotations

import pytest

from proxyapp.engine import commands
from proxyapp.engine.node import Node
from tests.proxyapp.engine.bench import (
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


def test_a_server_whose_application_is_of_another_type_does_not_start():
    bench = Bench(Node.for_master(settings("default")), Database(environment()))
    bench.load()
    assert "'default' is of type sce" in bench.of(commands.Stop)[0].reason
    assert "configserver" in bench.of(commands.Stop)[0].reason
    assert bench.of(commands.Listen) == []


def kinds(bench):
    return [entry.kind for entry in bench.log.entries]


def with_active(value):
    return record(
        "application", 99, 500, name="confserv", type="configserver", accountDBID=100,
        portInfos=[{"id": "default", "port": "2020"}], options={"history-log": {"active": value}},
    )  # fmt: skip


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
