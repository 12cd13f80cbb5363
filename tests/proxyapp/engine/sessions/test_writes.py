from __future__ import annotations

import pytest

from confwire.errors import UniquenessViolation
from proxyapp.engine import commands, events
from tests.proxyapp.engine.bench import FOLDER, gone, record


@pytest.fixture
def bob(bench):
    return bench.login("bob")


def write(bob, number: int = 0) -> None:
    delta = {"name": f"n{number}"}
    bob.post("updateObject", objectType="skill", DBID=601, delta=delta)


def test_a_write_is_handed_on_as_the_person_and_answered_when_it_has_come_back(bench, bob):
    write(bob)
    (command,) = bench.of(commands.Write)
    assert (command.person, command.request.dbid) == (101, 601)
    assert "default" in command.origin
    assert "10.0.0.1" in command.origin
    bench.handle(events.Written(command.ticket, 2, 601))
    assert bob.inbox == []
    bench.commit(record("skill", 601, FOLDER, name="n0"))
    (answer,) = bob.inbox
    assert (answer["message"], answer["DBID"], answer["revision"]) == ("objectUpdated", 601, 2)


def test_an_answer_warns_of_what_a_server_would_not_take(bench, bob):
    delta = {"options": {"csproxy": {"drain-time": "x"}}}
    bob.post("updateObject", objectType="application", DBID=99, delta=delta)
    bench.commit(record("application", 99, 500, name="confserv", type="configserver", **delta))
    (command,) = bench.of(commands.Write)
    bench.handle(events.Written(command.ticket, 2, 99))
    (answer,) = bob.inbox
    assert answer["message"] == "objectUpdated"
    assert "drain-time has the value 'x'" in answer["warnings"][0]


@pytest.mark.parametrize("revision", [0, 1])
def test_an_answer_tells_that_nothing_was_to_change(bench, bob, revision):
    bob.post("updateObject", objectType="application", DBID=99, delta={})
    (command,) = bench.of(commands.Write)
    bench.handle(events.Written(command.ticket, revision, 99))
    (answer,) = bob.inbox
    assert answer.get("unchanged", False) is (revision == 0)


def test_a_write_that_came_back_before_it_was_told_written_is_answered_at_once(bench, bob):
    bob.post("deleteObject", objectType="skill", DBID=601)
    bench.commit(gone("skill", 601))
    assert bob.inbox == []
    bench.handle(events.Written(bench.of(commands.Write)[0].ticket, 2, 601))
    assert bob.inbox[0]["message"] == "objectDeleted"


def test_the_notification_of_a_write_comes_before_its_answer(bench, bob):
    bob.watch(types=["skill"])
    write(bob)
    bench.handle(events.Written(bench.of(commands.Write)[0].ticket, 2, 601))
    bench.commit(record("skill", 601, FOLDER, name="n0"))
    assert [m["message"] for m in bob.inbox] == ["objectsChanged", "objectUpdated"]


def test_a_refused_write_is_passed_on(bench, bob):
    write(bob)
    error = UniquenessViolation("there is a skill of this name", name="n0")
    bench.handle(events.WriteRefused(bench.of(commands.Write)[0].ticket, error))
    (answer,) = bob.inbox
    assert (answer["code"], answer["ref"]) == ("uniquenessViolation", 1)
    assert (answer["text"], answer["data"]) == ("there is a skill of this name", {"name": "n0"})


def test_writes_are_answered_in_the_order_of_their_revisions(bench, bob):
    for number in range(3):
        write(bob, number)
    for revision, command in enumerate(bench.of(commands.Write), 2):
        bench.handle(events.Written(command.ticket, revision, 601))
    for number in range(3):
        bench.commit(record("skill", 601, FOLDER, name=f"n{number}"))
    assert [(m["ref"], m["revision"]) for m in bob.inbox] == [(1, 2), (2, 3), (3, 4)]


def test_a_write_of_one_who_has_gone_is_carried_out_and_answered_to_nobody(bench, bob):
    write(bob)
    write(bob)
    bob.leave()
    first, second = bench.of(commands.Write)
    bench.handle(events.Written(first.ticket, 1, 601))
    bench.handle(events.WriteRefused(second.ticket, UniquenessViolation()))
    assert bob.inbox == []


def test_a_write_of_a_replaced_epoch_is_refused_and_not_left_waiting(bench):
    client = bench.login("bob")
    client.ask("createObject", objectType="skill", object={"name": "x", "tenantDBID": 1})
    (command,) = bench.of(commands.Write)
    bench.handle(events.Written(command.ticket, 50, 700))
    assert client.inbox == []
    bench.database.epoch = "e2"
    bench.load("epoch")
    assert [(m["message"], m.get("code")) for m in client.inbox if m.get("ref")] == [
        ("error", "epochChanged")
    ]
