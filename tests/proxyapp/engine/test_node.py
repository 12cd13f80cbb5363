from __future__ import annotations

from proxyapp.engine import commands


def test_a_loaded_master_listens_on_the_ports_of_its_application(bench):
    (listen,) = bench.of(commands.Listen)
    assert [(port.id, port.port) for port in listen.ports] == [("default", 2020)]
    assert bench.node.ready()


def test_a_client_logs_in_and_reads_one_object(bench):
    client = bench.login("bob")
    (answer,) = client.ask("readObjects", objectType="skill", filter={"dbid": 601})
    assert answer["objects"] == [
        {"DBID": 601, "name": "Английский", "tenantDBID": 1, "folderDBID": 501}
    ]
    assert answer["last"] is True
    assert answer["revision"] == 1
