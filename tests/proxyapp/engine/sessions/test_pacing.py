from __future__ import annotations

import msgspec

from proxyapp.engine import commands, events
from proxyapp.engine.sessions.pacing import AT_ONCE
from tests.proxyapp.engine.bench import Bench, environment, gone, record


def option(bench: Bench, **values: int) -> None:
    document = msgspec.json.decode(next(r.body for r in environment() if r.dbid == 99))
    document["options"] = {"system": {name.replace("_", "-"): v for name, v in values.items()}}
    del document["DBID"], document["folderDBID"]
    bench.commit(record("application", 99, 500, **document))


def test_a_few_writes_are_under_way_and_the_others_wait_in_their_order(bench):
    bob = bench.login("bob")
    for number in range(AT_ONCE + 3):
        bob.post("deleteObject", objectType="skill", DBID=700 + number)
    begun = bench.of(commands.Write)
    assert [write.request.dbid for write in begun] == [700 + number for number in range(AT_ONCE)]
    assert bench.node.status(bench.now)["authority"]["writesWaiting"] == 3
    bench.commit(gone("skill", 601))
    bench.handle(events.Written(begun[0].ticket, bench.database.revision, 700))
    assert bench.of(commands.Write)[-1].request.dbid == 700 + AT_ONCE


def test_the_interval_of_the_option_goes_with_each_write(bench):
    option(bench, throttle_updates_interval=250)
    bench.login("bob").post("deleteObject", objectType="skill", DBID=601)
    (write,) = bench.of(commands.Write)
    assert write.interval == 0.25


def test_what_waits_for_too_long_is_refused_and_was_not_begun(bench):
    option(bench, deferred_requests_expiration=10)
    bob = bench.login("bob")
    for number in range(AT_ONCE + 1):
        bob.post("deleteObject", objectType="skill", DBID=700 + number)
    bench.tick(9.0)
    assert bob.inbox == []
    bench.tick(2.0)
    (error,) = bob.inbox
    assert (error["code"], error["permanent"]) == ("requestExpired", False)
    assert len(bench.of(commands.Write)) == AT_ONCE
    assert bench.node.status(bench.now)["authority"]["writesWaiting"] == 0


def test_without_an_expiration_they_wait(bench):
    option(bench, deferred_requests_expiration=0)
    bob = bench.login("bob")
    for number in range(AT_ONCE + 1):
        bob.post("deleteObject", objectType="skill", DBID=700 + number)
    bench.tick(1e6)
    assert bob.inbox == []
