from __future__ import annotations

from confwire.errors import UniquenessViolation
from proxyapp.engine import commands, events
from tests.proxyapp.engine.bench import FOLDER, record, tree_of


def test_a_running_masters_database_that_is_set_back_begins_a_new_epoch(bench):
    bob = bench.login("bob")
    bob.watch(types=["skill"])
    older = [*bench.database.records.values()][:-1]
    bench.commit(record("skill", 604, FOLDER, name="lost"))
    bob.inbox.clear()
    bench.database.restored(older, 1)
    bench.load("epoch")
    assert len(bench.of(commands.NewEpoch)) == 1
    assert tree_of(bench)[:2] == ("e1x", 1)
    assert bob.changes() == [("deleted", "skill", 604)]
    alarms = bench.node.status(bench.now)["alarms"]
    assert "epoch" in {alarm["alarm"] for alarm in alarms}


def test_writes_are_counted_by_their_ends(bench):
    bob = bench.login("bob")
    for number in range(3):
        bob.post("updateObject", objectType="skill", DBID=601, delta={"name": f"n{number}"})
    first, second, third = bench.of(commands.Write)
    bench.handle(events.Written(first.ticket, 1, 601))
    bench.handle(events.WriteRefused(second.ticket, UniquenessViolation()))
    bench.handle(events.WriteRefused(third.ticket, UniquenessViolation()))
    counters = bench.node.serving.counters
    assert (counters.writes, counters.rejections) == (1, 2)


def test_reads_that_wait_for_a_database_are_answered_when_it_is_back(bench):
    bob = bench.login("bob")
    bench.handle(events.AuthorityLost("no route"))
    bench.tick(5)
    bob.post("readObjects", objectType="skill", freshness={"maxAge": 1, "wait": 10})
    assert bob.inbox == []
    bench.handle(events.AuthorityBack())
    bench.turn(2)
    assert [len(message["objects"]) for message in bob.inbox] == [2]
