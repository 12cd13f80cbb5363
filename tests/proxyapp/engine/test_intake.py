from __future__ import annotations

import pytest

from confwire.errors import RemoteProtocolError
from confwire.messages import Record
from proxyapp.engine import commands, events
from proxyapp.engine.node import Node
from tests.proxyapp.engine.bench import (
    FOLDER,
    Bench,
    Database,
    environment,
    gone,
    master,
    record,
    settings,
    skills,
    tree_of,
)


@pytest.fixture
def bob(bench):
    client = bench.login("bob")
    client.watch(types=["skill"])
    return client


def test_nothing_is_served_before_the_first_load_is_whole():
    bench = Bench(Node.for_master(settings()), Database(environment()))
    started, records, ended = bench.database.load_events()
    bench.handle(started)
    bench.handle(records)
    assert not bench.node.ready()
    assert bench.of(commands.Listen) == []
    bench.handle(ended)
    assert bench.node.ready()


def test_transactions_that_overtake_a_load_are_in_it():
    bench = Bench(Node.for_master(settings()), Database(environment()))
    started, records, _ = bench.database.load_events()
    bench.handle(started)
    bench.handle(records)
    bench.commit(gone("skill", 601), record("skill", 700, FOLDER, name="new"))
    bench.handle(events.LoadEnded(2, bench.database.tree, bench.database.hash))
    assert tree_of(bench)[1] == 2
    assert bench.login("bob").read("skill") == [602, 700]


def test_a_load_that_is_not_what_the_authority_says_is_not_served():
    bench = Bench(Node.for_master(settings()), Database(environment()))
    started, records, ended = bench.database.load_events()
    for event in (started, events.RecordsLoaded(records.records[1:]), ended):
        bench.handle(event)
    assert len(bench.of(commands.Reload)) == 1
    assert bench.node.ready()  # by the second load
    assert bench.node.status(bench.now)["loads"] == 1


def test_a_later_load_tells_only_what_differs(bench, bob):
    bench.database.commit(gone("skill", 601), record("skill", 700, FOLDER, name="new"))
    bench.load("compacted")
    assert sorted(bob.changes()) == [("created", "skill", 700), ("deleted", "skill", 601)]
    bench.commit(record("skill", 700, FOLDER, name="newer"))
    assert bob.changes() == [("updated", "skill", 700)]


def test_a_load_without_a_difference_tells_nothing(bench, bob):
    bench.load("compacted")
    assert bob.inbox == []


def test_a_load_is_compared_over_many_turns_while_the_old_data_is_served():
    bench = master()
    bench.commit(*skills(3000))
    bob = bench.login("bob")
    bob.watch(types=["skill"])
    bench.hold_again = True
    bench.database.commit(gone("skill", 601))
    bench.load("compacted")
    bench.turn()
    assert bob.read("skill", dbid=601) == [601]
    bench.commit(record("skill", 602, FOLDER, name="later"))
    assert bob.inbox == []
    bench.settle()
    assert bob.changes() == [("deleted", "skill", 601), ("updated", "skill", 602)]
    assert tree_of(bench)[1] == 4


def test_a_new_load_takes_the_place_of_one_that_is_being_compared():
    bench = master()
    bench.commit(*skills(3000))
    bench.hold_again = True
    bench.load("compacted")
    bench.turn()
    bench.database.commit(gone("skill", 601))
    bench.load("compacted")
    bench.settle()
    assert bench.login("bob").read("skill", dbid=601) == []
    assert tree_of(bench)[1] == 3


def test_a_load_overtakes_a_large_transaction_that_is_on_its_way_in():
    bench = master(large_transaction=1_000)
    bob = bench.login("bob")
    bob.watch(types=["skill"])
    bench.hold_again = True
    bench.commit(*skills(3000))
    bench.turn()
    bench.database.commit(gone("skill", 601))
    bench.load("compacted")
    bench.settle()
    assert bob.changes().count(("deleted", "skill", 601)) == 1
    assert len(bob.read("skill")) >= 3000
    assert tree_of(bench)[1] == 3


def test_transactions_that_are_known_already_are_passed_over(bench, bob):
    event = bench.database.commit(record("skill", 601, FOLDER, name="x"))
    bench.handle(event)
    bench.handle(event)
    assert bob.changes() == [("updated", "skill", 601)]
    assert bench.of(commands.Reload) == []


def test_a_gap_between_transactions_is_never_passed_over(bench, bob):
    bench.database.commit(record("skill", 601, FOLDER, name="missed"))
    bench.handle(bench.database.commit(record("skill", 602, FOLDER, name="x")))
    assert len(bench.of(commands.Reload)) == 1
    assert bob.changes() == [("updated", "skill", 601), ("updated", "skill", 602)]


def test_parts_of_a_transaction_are_applied_together(bench, bob):
    event = bench.database.commit(record("skill", 601, FOLDER, name="x"), gone("skill", 602))
    whole = event.transaction
    first = events.Committed(
        type(whole)(epoch="e1", revision=2, at=1.0, records=whole.records[:1], last=False)
    )
    whole.records = whole.records[1:]
    bench.handle(first)
    assert bob.inbox == []
    bench.handle(event)
    assert sorted(bob.changes()) == [("deleted", "skill", 602), ("updated", "skill", 601)]


def test_another_epoch_is_followed_by_the_difference_and_ends_no_session(bench, bob):
    bench.database.new_epoch()
    bench.database.commit(gone("skill", 601))
    bench.load("epoch")
    (message,) = bob.inbox
    assert (message["epoch"], message["revision"]) == ("e1x", 2)
    assert bob.closed is None
    (answer,) = bob.ask("readObjects", objectType="skill", filter={"dbid": 602})
    assert answer["epoch"] == "e1x"


def test_objects_of_a_type_of_a_later_release_are_refused_by_name(bench):
    event = bench.database.commit(record("skill", 601, FOLDER, name="x"))
    event.transaction.records.append(Record(99, 1, 0, event.transaction.records[0].body))
    with pytest.raises(RemoteProtocolError, match="type 99"):
        bench.handle(event)
