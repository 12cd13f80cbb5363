from __future__ import annotations

from proxyapp.engine import commands, events
from tests.proxyapp.engine.bench import (
    FOLDER,
    record,
)


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


def test_the_end_of_a_session_is_logged_with_who_it_was(bench):
    client = bench.login("bob")
    client.leave()
    (log,) = [log for log in bench.of(commands.Log) if log.event == "session closed"]
    assert (log.fields["user"], log.fields["reason"]) == ("bob", "gone")
    assert len(bench.node.status(bench.now)["sessions"]) == 0
    bench.commit(record("skill", 601, FOLDER, name="x"))


def kinds(bench):
    return [entry.kind for entry in bench.log.entries]


def test_the_life_of_a_server_is_kept(bench):
    bench.carry_out(bench.node.start(bench.now))
    bench.load("compacted")
    bench.handle(events.Stopping("a test"))
    assert kinds(bench) == ["loaded", "serverStarted", "loaded", "serverStopped"]
    assert bench.log.entries[-1].reason == "a test"
    assert (bench.log.entries[-1].epoch, bench.log.entries[-1].revision) == ("e1", 1)
