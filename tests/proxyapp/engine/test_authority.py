from __future__ import annotations

import pytest

from confwire.errors import DatabaseUnavailable
from proxyapp.engine import commands, events
from proxyapp.engine.authority import NEW_EPOCH_LIMIT
from tests.proxyapp.engine.bench import FOLDER, record, tree_of


def alarms(bench) -> set[str]:
    return {alarm["alarm"] for alarm in bench.node.status(bench.now)["alarms"]}


def test_a_database_that_is_away_is_an_alarm_until_it_is_back(bench):
    bench.handle(events.AuthorityLost("no route"))
    bench.now += 5
    bench.handle(events.AuthorityLost("still none"))
    status = bench.node.status(bench.now)
    assert (status["age"], status["ready"]) == (5, True)
    assert status["authority"]["database"] == "lost"
    assert status["alarms"][0]["since"] == 5
    bench.handle(events.AuthorityBack())
    status = bench.node.status(bench.now)
    assert (status["age"], status["authority"]["database"]) == (0, "live")
    assert alarms(bench) == set()


def test_data_that_is_not_the_databases_is_loaded_anew(bench):
    event = bench.database.commit(record("skill", 601, FOLDER, name="true"))
    event.transaction.records[0] = record("skill", 601, FOLDER, name="false")
    bench.handle(event)
    assert len(bench.of(commands.Reload)) == 1
    assert alarms(bench) >= {"diverged"}
    bob = bench.login("bob")
    assert bob.read("skill", name="true") == [601]
    assert tree_of(bench)[1] == 2


def test_a_new_epoch_is_begun_once_for_all_who_prove_its_need(bench):
    for _ in range(3):
        bench.node.serving.authority.doubt("a server has seen more")
    bench.handle(events.Ticked())
    assert len(bench.of(commands.NewEpoch)) == 1
    assert "epoch" in alarms(bench)


def test_a_new_epoch_that_could_not_begin_is_asked_for_again(bench):
    bench.database.writable = False
    bench.node.serving.authority.doubt("a server has seen more", "e7")
    for now in (0.1, NEW_EPOCH_LIMIT - 0.2):
        bench.tick(now)
    assert bench.of(commands.NewEpoch) == [commands.NewEpoch("a server has seen more", "e7")]
    bench.tick(0.2)
    assert len(bench.of(commands.NewEpoch)) == 2
    bench.database.writable = True
    bench.tick(NEW_EPOCH_LIMIT)
    assert tree_of(bench)[0] == "e1x"
    bench.tick(NEW_EPOCH_LIMIT)
    assert len(bench.of(commands.NewEpoch)) == 3


def test_a_second_restore_begins_another_epoch(bench):
    for epoch in ("e1x", "e1xx"):
        bench.node.serving.authority.doubt("a server has seen more")
        bench.handle(events.Ticked())
        assert tree_of(bench)[0] == epoch


def test_nothing_is_written_in_an_epoch_that_has_two_histories(bench):
    bench.database.writable = False
    bench.node.serving.authority.doubt("a server has seen more")
    with pytest.raises(DatabaseUnavailable, match="a new epoch begins"):
        bench.node.serving.authority.check_write(0, None)
    bench.database.writable = True
    bench.tick(NEW_EPOCH_LIMIT)
    bench.node.serving.authority.check_write(0, None)


def test_a_database_that_is_missed_after_a_stop_may_be_away_since_then(bench):
    for _ in range(4):
        bench.tick(0.5)
    stopped = bench.now
    bench.now += 30
    bench.handle(events.AuthorityLost("the connection was closed"))
    assert bench.node.serving.age(bench.now) == bench.now - stopped


def test_what_was_committed_during_a_stop_is_not_known_at_once(bench):
    for _ in range(4):
        bench.tick(0.5)
    stopped = bench.now
    bench.now += 30
    serving = bench.node.serving
    assert (serving.age(bench.now), serving.known_at()) == (30.0, stopped)
    assert serving.source() == "live"  # until an event tells the time
    bench.tick(0.5)
    assert serving.source() == "memory"
    for _ in range(8):
        bench.tick(0.5)
    assert (serving.age(bench.now), serving.source()) == (0.0, "live")
