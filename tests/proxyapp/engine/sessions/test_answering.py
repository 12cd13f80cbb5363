"""What clients ask besides reads and subscriptions."""

from __future__ import annotations

import json

import pytest

from proxyapp.engine import commands, events
from tests.proxyapp.engine.bench import FOLDER, record
from tests.proxyapp.engine.sessions.test_session import write


@pytest.fixture
def bob(bench):
    return bench.login("bob")


def test_server_info_tells_who_serves_and_how_current_it_is(bench, bob):
    (info,) = bob.ask("readServerInfo")
    assert (info["server"]["application"], info["server"]["mode"]) == ("confserv", "master")
    assert info["treeHash"] == bench.node.status(bench.now)["treeHash"]
    assert info["sessions"] == 1
    assert "objects" not in info, "how much there is that bob may not read is not told"
    assert "link" not in info


def test_an_acknowledgement_is_not_answered_and_never_goes_back(bench, bob):
    for revision in (5, 3):
        bob.send(json.dumps({"message": "acknowledge", "revision": revision}).encode())
    assert bob.inbox == []
    assert bench.node.status(bench.now)["sessions"][0]["acknowledged"] == 5


def test_a_created_object_comes_back_as_it_is_stored(bench, bob):
    bob.post("createObject", objectType="skill", object={"name": "new"})
    bench.handle(events.Written(bench.of(commands.Write)[0].ticket, 2, 700))
    bench.commit(record("skill", 700, FOLDER, name="new", tenantDBID=1))
    (answer,) = bob.inbox
    assert (answer["message"], answer["DBID"]) == ("objectCreated", 700)
    assert answer["object"] == {"DBID": 700, "name": "new", "tenantDBID": 1, "folderDBID": FOLDER}


def test_a_write_of_an_unknown_type_is_refused_at_once(bench, bob):
    assert bob.error("createObject", objectType="thing", object={}) == "invalidParameter"
    assert bench.of(commands.Write) == []


def test_writes_are_refused_while_the_database_is_away_and_reads_are_not(bench, bob):
    bench.handle(events.AuthorityLost("no route"))
    assert bob.error("deleteObject", objectType="skill", DBID=601) == "databaseUnavailable"
    assert bob.read("skill") == [601, 602]
    bench.handle(events.AuthorityBack())
    write(bob)
    assert len(bench.of(commands.Write)) == 1


def test_a_session_that_may_not_change_the_server_sends_nobody_away(bench, bob):
    bench.login("eve")
    assert bob.error("shed", percent=50) == "noPermission"
    assert bench.of(commands.Close) == []
