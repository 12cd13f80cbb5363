from __future__ import annotations

from collections import deque

import pytest

from confwire.errors import RemoteProtocolError
from confwire.messages import Record
from proxyapp.engine import commands, events
from proxyapp.engine.data.journal import tree_text
from proxyapp.engine.data.rows import Row
from proxyapp.engine.data.store import Store
from proxyapp.engine.links import replication
from proxyapp.engine.node import Node
from tests.proxyapp.engine.bench import (
    FOLDER,
    OTHER,
    USERS,
    Bench,
    Client,
    Database,
    Proxy,
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


@pytest.mark.parametrize("parts", [1, 2, 3])
def test_what_came_in_part_behind_a_large_transaction_is_told_again(bench, monkeypatch, parts):
    monkeypatch.setattr(replication, "PACKET", 50)
    proxy = Proxy(bench, large_transaction=50)
    proxy.start()
    bob = proxy.login("bob")
    bob.watch(types=["skill"])
    monkeypatch.setattr(replication, "PACKET", 50_000)
    proxy.hold_again = True
    bench.commit(*skills(100))
    monkeypatch.setattr(replication, "PACKET", 50)
    proxy.hold_wire = True
    bench.commit(gone("skill", 602))
    names = {dbid: record("skill", dbid, FOLDER, name=f"new {dbid}") for dbid in (601, 1001, 1002)}
    bench.commit(*names.values())
    proxy.pump(1 + parts)
    proxy.hold_wire = False
    proxy.sever()
    proxy.dial()
    proxy.turn(20)
    assert tree_of(proxy) == tree_of(bench)
    told = bob.changes()
    assert told.count(("deleted", "skill", 602)) == 1
    assert [told.count(("updated", "skill", dbid)) for dbid in names] == [1, 1, 1]


@pytest.mark.parametrize(
    ("more", "told"), [(0, ["objectsChanged"]), (1, ["notificationsLost"])], ids=["all", "less"]
)
def test_who_has_seen_more_elsewhere_must_not_take_the_difference_of_a_load(
    bench, proxy, more, told
):
    proxy.hold_wire = True
    bench.commit(record("skill", 700, FOLDER, name="new"))
    epoch, revision, _ = tree_of(bench)
    client = proxy.login("bob")
    client.watch(types=["skill"], since={"epoch": epoch, "revision": revision})
    for dbid in range(more):
        bench.commit(record("skill", 800 + dbid, FOLDER, name="unseen"))
    for event in bench.database.load_events("compacted"):
        proxy.handle(event)
    # What is not above its cursor the client drops; anything else would bring skill 700 twice.
    assert [message["message"] for message in client.inbox] == told
    assert more or client.inbox[0]["revision"] == revision


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


OWNER = {"objectType": "tenant", "DBID": 1}
GRANT = record("folder", OTHER, acl=[(21, USERS, 1)], name="Hidden", type="skill", owner=OWNER)


def messages(client: Client) -> list[str]:
    return [message["message"] for message in client.inbox]


def most_taken_in_one_turn(bench: Bench) -> int:
    """Give put-off tasks their turns; return how many rows the busiest of them made."""
    most, made = 0, Store.row

    def counted(store: Store, item: Record) -> Row:
        counts[-1] += 1
        return made(store, item)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Store, "row", counted)
        while bench.tasks:
            counts = [0]
            bench.handle(events.Resumed(bench.tasks.popleft()))
            most = max(most, counts[0])
    return most


def test_a_large_transaction_that_changes_rights_is_taken_in_over_many_turns():
    bench = master()
    bob, eve = bench.login("bob"), bench.login("eve")
    bob.watch(types=["skill"])
    eve.watch(types=["person"])
    bench.hold_again = True
    bench.commit(GRANT, *skills(12_000))
    assert bob.read("skill", dbid=603) == []
    assert most_taken_in_one_turn(bench) <= 500
    assert (messages(bob), messages(eve)) == (["notificationsLost"], [])
    assert bob.read("skill", dbid=603) == [603]
    assert bob.read("skill", dbid=1000) == [1000]
    assert bench.of(commands.Reload) == []


def test_a_load_that_changes_much_is_taken_in_over_many_turns():
    bench = master()
    bob, eve = bench.login("bob"), bench.login("eve")
    bob.watch(types=["skill"])
    eve.watch(types=["person"])
    bench.hold_again = True
    bench.database.commit(*skills(12_000))
    bench.load("compacted")
    assert most_taken_in_one_turn(bench) <= 500
    assert (messages(bob), messages(eve)) == (["notificationsLost"], [])
    assert tree_of(bench)[1:] == (2, tree_text(bench.database.tree))


def test_many_views_make_fewer_changes_a_large_transaction():
    bench = master()
    bench.commit(*skills(100))
    for dbid in range(1000, 1100):
        bench.login("bob").watch(types=["skill"], filter={"name": f"Skill {dbid}"})
    bench.hold_again = True
    bench.commit(*skills(40, description="few for few views"))
    assert bench.tasks == deque()
    bench.login("bob").watch(types=["skill"])
    bench.commit(*skills(40, description="the same for more"))
    assert len(bench.tasks) == 1
    bench.settle()
    last = bench.clients[101]
    assert len(last.changes()) == 40
