"""Reads that must be new enough: bounds of the reader, and what it has seen on other servers."""

from __future__ import annotations

from typing import Any

import pytest

from confwire.epochs import name_at
from confwire.messages import Cursor
from proxyapp.engine import commands, events
from proxyapp.engine.node import Node
from proxyapp.engine.reading.freshness import BEHIND_WAIT
from tests.proxyapp.engine.bench import (
    FOLDER,
    Bench,
    Client,
    Database,
    Proxy,
    environment,
    master,
    record,
    settings,
    skills,
)

EARLY, NOW, LATE = (name_at(number, bytes(10)) for number in (1_000, 2_000, 3_000))


@pytest.fixture
def bench() -> Bench:
    """A master whose epoch tells its time."""
    made = Bench(Node.for_master(settings()), Database(environment(), NOW))
    made.load()
    return made


def post(client: Client, freshness: Any, message: str = "readObjects", **filter_: Any) -> None:
    client.post(message, objectType="skill", filter=filter_, freshness=freshness)


def answer(client: Client) -> dict[str, Any]:
    """Return the one message that came, and forget it."""
    (found,) = client.inbox
    client.inbox.clear()
    return found


def ask(client: Client, freshness: Any, message: str = "readObjects") -> dict[str, Any]:
    post(client, freshness, message)
    return answer(client)


@pytest.fixture
def bob(bench: Bench) -> Client:
    return bench.login("bob")


# ---------------------------------------------------------------- what answers tell


def test_age_and_source_are_told_to_who_asks(bob):
    for message in ("readObjects", "readBrief"):
        found = ask(bob, True, message)
        assert (found["age"], found["source"], found["total"]) == (0.0, "live", 2)
    assert not ask(bob, False).keys() & {"age", "source", "behind"}


def test_also_a_read_of_one_object_tells_it(bob):
    post(bob, True, dbid=601)
    assert answer(bob)["source"] == "live"


def test_a_proxy_without_its_master_tells_its_age(proxy):
    bob = proxy.login("bob")
    proxy.sever()
    proxy.now += 90
    found = ask(bob, True)
    assert (found["source"], found["age"]) == ("memory", 90.0)


def test_every_packet_is_as_old_as_what_was_gathered(bench, bob):
    bench.commit(*skills(3000, text="x" * 200))
    bench.hold_again = True
    post(bob, True)
    while not bob.inbox:
        bench.turn()
    bench.now += 5
    bench.turn()
    ages = [m["age"] for m in bob.inbox if m["message"] == "objectsRead"]
    assert ages[0] == 0.0
    assert ages[-1] == 5.0


def test_the_age_counts_what_came_and_is_not_served_yet(bench, bob):
    bench.hold_again = True
    bench.commit(*skills(2500))
    bench.now += 3
    assert bench.node.status(bench.now)["age"] == 3.0
    bench.settle()
    assert bench.node.status(bench.now)["age"] == 0.0
    post(bob, True, dbid=601)
    assert answer(bob)["age"] == 0.0


def test_a_proxy_knows_that_its_master_has_lost_the_database(bench, proxy):
    bob = proxy.login("bob")
    bench.handle(events.AuthorityLost("gone"))
    bench.tick(20)
    proxy.now = bench.now
    assert proxy.link == "live"
    proxy.now += 1
    found = ask(bob, True)
    assert (found["age"] >= 20.0, found["source"]) == (True, "memory")
    bench.handle(events.AuthorityBack())
    bench.tick(2)
    proxy.now = bench.now
    assert ask(bob, True)["source"] == "live"


# ---------------------------------------------------------------- bounds


def test_a_read_within_its_bounds_is_answered_at_once(bench, bob):
    assert ask(bob, {"minRevision": 1, "maxAge": 0})["revision"] == 1
    assert ask(bob, {})["age"] == 0.0


def test_a_read_waits_for_its_revision(bench, bob):
    post(bob, {"minRevision": 2})
    assert bob.inbox == []
    bench.commit(record("skill", 604, FOLDER, name="new"))
    assert (answer(bob)["revision"], len(bench.node.serving.freshness)) == (2, 0)


def test_a_bound_that_is_not_met_in_time_is_refused_with_what_there_is(bench, bob):
    post(bob, {"minRevision": 5, "wait": 3})
    bench.tick(2.9)
    assert bob.inbox == []
    bench.tick(0.2)
    refused = answer(bob)
    assert (refused["code"], refused["permanent"]) == ("notFresh", False)
    assert refused["data"] == {"epoch": NOW, "revision": 1, "age": 0.0, "source": "live"}


def test_without_a_wait_it_is_refused_at_once(bob):
    assert ask(bob, {"minRevision": 5, "wait": 0})["code"] == "notFresh"


def test_an_age_is_waited_for_until_the_link_lives_again(bench, proxy):
    bob = proxy.login("bob")
    proxy.sever()
    proxy.now += 60
    post(bob, {"maxAge": 30, "wait": 10})
    assert bob.inbox == []
    proxy.dial()
    assert answer(bob)["source"] == "live"


def test_an_age_is_waited_for_until_the_master_knows_it_again(bench, proxy):
    bob = proxy.login("bob")
    bench.handle(events.AuthorityLost("gone"))
    bench.tick(20)
    proxy.now = bench.now
    post(bob, {"maxAge": 1, "wait": 10})
    assert bob.inbox == []
    bench.handle(events.AuthorityBack())
    bench.tick(2)
    assert answer(bob)["age"] == 0.0


def test_an_age_is_waited_for_until_a_silent_link_speaks(bench, proxy):
    bob = proxy.login("bob")
    proxy.now += 8  # it is not noticed yet that the line is dead
    post(bob, {"maxAge": 1, "wait": 10})
    assert bob.inbox == []
    bench.tick(8)
    assert answer(bob)["age"] == 0.0


def test_an_age_is_waited_for_until_a_large_transaction_is_served(bench, bob):
    bench.hold_again = True
    bench.commit(*skills(2500))
    bench.now += 3
    post(bob, {"maxAge": 1, "wait": 10}, dbid=601)
    assert bob.inbox == []
    bench.settle()
    assert (answer(bob)["age"], len(bench.node.serving.freshness)) == (0.0, 0)


def test_data_that_grows_too_old_while_it_is_gathered_is_gathered_again(bench, proxy):
    bench.commit(*skills(3000))
    bob = proxy.login("bob")
    proxy.hold_again = True
    post(bob, {"maxAge": 3, "wait": 10}, state="disabled")
    proxy.now += 6  # the link is silent, and the rest of the work comes late
    proxy.settle()
    assert bob.inbox == []
    bench.tick(8)
    proxy.settle()
    assert answer(bob)["age"] == 0.0


def test_data_that_grows_too_old_while_it_is_gathered_is_refused_in_time(bench, proxy):
    bench.commit(*skills(3000))
    bob = proxy.login("bob")
    proxy.hold_again = True
    post(bob, {"maxAge": 3, "wait": 5}, state="disabled")
    proxy.now += 6
    proxy.settle()
    assert answer(bob)["code"] == "notFresh"


def test_an_age_is_waited_for_after_a_stop_of_the_process(bench, bob):
    for _ in range(8):
        bench.tick(0.5)
    bench.now += 30
    post(bob, {"maxAge": 1, "wait": 10})
    assert bob.inbox == []
    for _ in range(8):
        bench.tick(0.5)
    assert answer(bob)["age"] == 0.0


def test_an_age_that_is_not_reached_is_refused(proxy):
    bob = proxy.login("bob")
    proxy.sever()
    proxy.now += 60
    assert ask(bob, {"maxAge": 61})["age"] == 60.0
    post(bob, {"maxAge": 59, "wait": 1})
    proxy.tick(1.5)
    refused = answer(bob)
    assert (refused["code"], refused["data"]["age"], refused["data"]["source"]) == (
        "notFresh",
        61.5,
        "memory",
    )


def test_what_was_sent_after_a_read_that_waits_is_answered_after_it(bench, bob):
    post(bob, {"minRevision": 2})
    post(bob, False, dbid=601)
    assert bob.inbox == []
    bench.commit(record("skill", 604, FOLDER, name="new"))
    assert [m["revision"] for m in bob.inbox] == [2, 2]
    assert [m["ref"] for m in bob.inbox] == [1, 2]


def test_a_wrong_filter_is_refused_before_any_wait(bob):
    post(bob, {"minRevision": 5}, colour="red")
    assert answer(bob)["code"] == "unknownFilterKey"


def test_a_session_that_leaves_waits_no_more(bench, bob):
    post(bob, {"minRevision": 5})
    assert len(bench.node.serving.freshness) == 1
    bob.leave()
    assert len(bench.node.serving.freshness) == 0
    bench.commit(record("skill", 604, FOLDER, name="new"))


def test_notifications_come_while_a_read_waits(bench, bob):
    bob.watch(types=["skill"])
    post(bob, {"minRevision": 3})
    bench.commit(record("skill", 604, FOLDER, name="new"))
    assert bob.changes() == [("created", "skill", 604)]
    bench.commit(record("skill", 605, FOLDER, name="newer"))
    assert [m["message"] for m in bob.inbox] == ["objectsChanged", "objectsRead"]


@pytest.mark.parametrize(
    ("epoch", "code"), [(EARLY, ""), (NOW, ""), (LATE, "notFresh"), ("other", "epochChanged")]
)
def test_a_revision_of_another_epoch_is_told_by_the_order_of_epochs(bob, epoch, code):
    revision = 900 if epoch == EARLY else 1
    found = ask(bob, {"minRevision": revision, "epoch": epoch, "wait": 0})
    assert found.get("code", "") == code


@pytest.mark.parametrize(
    "bounds",
    [
        {"minRevision": -1},
        {"maxAge": -0.1},
        {"wait": 61},
        {"wait": -1},
        {"minRevision": "7"},
        {"maxAge": "soon"},
        7,
        "yes",
        [],
    ],
)
def test_bounds_that_make_no_sense_are_refused(bob, bounds):
    assert ask(bob, bounds)["code"] == "invalidParameter"


def test_ten_thousand_waiting_reads_are_not_looked_at_by_each_commit(bench):
    looked = 0
    freshness = bench.node.serving.freshness
    plain = freshness.look

    def look() -> None:
        nonlocal looked
        looked += 1
        plain()

    freshness.look = look
    for number in range(20):
        post(bench.login("bob"), {"minRevision": 1000 + number, "wait": 60})
    for number in range(50):
        bench.commit(record("skill", 604, FOLDER, name=f"new {number}"))
    assert (looked, len(freshness)) == (0, 20)


# ---------------------------------------------------------------- backward reads


def behind(proxy: Proxy, **opening: Any) -> Client:
    """Log in to a proxy as one who has seen more on another server."""
    epoch, revision = proxy.node.serving.epoch, proxy.node.serving.revision
    return proxy.login("bob", seen=Cursor(epoch, revision + 1), **opening)


def test_a_server_that_is_behind_waits_and_then_marks_its_answer(proxy):
    bob = behind(proxy)
    post(bob, False, dbid=601)
    assert bob.inbox == []
    proxy.tick(BEHIND_WAIT + 0.1)
    found = answer(bob)
    assert (found["behind"], found["total"]) == (True, 1)
    assert "age" not in found


def test_the_wait_is_one_for_the_session_not_one_for_each_read(proxy):
    bob = behind(proxy)
    proxy.tick(BEHIND_WAIT + 0.1)
    assert ask(bob, False)["behind"] is True
    assert ask(bob, True)["behind"] is True


def test_who_wants_nothing_older_is_refused(proxy):
    bob = behind(proxy, monotonic=True)
    proxy.tick(BEHIND_WAIT + 0.1)
    refused = ask(bob, False)
    assert refused["code"] == "notFresh"
    assert "seen on another server" in refused["text"]


def test_a_server_that_catches_up_answers_as_ever(bench, proxy):
    proxy.sever()
    bench.commit(record("skill", 604, FOLDER, name="new"))
    bob = behind(proxy, monotonic=True)
    post(bob, False)
    assert bob.inbox == []
    proxy.dial()
    assert (answer(bob)["revision"], "behind" in ask(bob, False)) == (2, False)
    post(bob, False, dbid=601)
    assert "behind" not in answer(bob)


def test_a_proxy_of_an_earlier_epoch_is_behind_whatever_its_revision(bench, proxy):
    bob = proxy.login("bob", seen=Cursor(LATE, 1))
    proxy.tick(BEHIND_WAIT + 0.1)
    assert ask(bob, False)["behind"] is True


@pytest.mark.parametrize("seen", [Cursor(NOW, 1), Cursor(EARLY, 900), Cursor("other", 900)])
def test_who_has_seen_nothing_newer_is_not_held_up(bench, seen):
    assert "behind" not in ask(bench.login("bob", seen=seen, monotonic=True), False)


# ---------------------------------------------------------------- epochs that go back


def test_a_master_that_was_restored_to_an_earlier_epoch_begins_a_new_one(bench):
    bench.database.epoch = EARLY
    bench.load("epoch")
    (asked,) = bench.of(commands.NewEpoch)
    assert asked.proven == NOW


def test_a_proxy_that_knows_a_later_epoch_proves_it(bench, proxy):
    proxy.sever()
    restored = Bench(Node.for_master(settings()), Database(environment(), EARLY))
    restored.load()
    proxy.master = restored
    proxy.dial()
    (asked,) = restored.of(commands.NewEpoch)
    assert asked.proven == NOW


def test_a_load_of_a_later_epoch_is_taken(bench):
    bench.database.epoch = LATE
    bench.load("epoch")
    assert bench.node.serving.epoch == LATE
    assert not bench.of(commands.NewEpoch)


# ---------------------------------------------------------------- the health check


def test_the_freshness_check_goes_by_its_limit_and_else_by_the_option(bench, proxy):
    proxy.sever()
    proxy.now += 61
    node = proxy.node
    assert node.fresh(None, proxy.now) == (
        False,
        "not fresh: age 61.0 s, memory; the limit is 60 s",
    )
    assert node.fresh(61.0, proxy.now) == (True, "fresh: age 61.0 s, memory")
    assert node.ready()


def test_a_server_without_data_is_not_fresh():
    node = Node.for_master(settings())
    assert node.fresh(1e9, 0.0) == (False, "not fresh: no data to serve")


def test_the_limit_is_an_option():
    chosen = [
        item
        if item.dbid != 99
        else record("application", 99, 500, name="confserv", type="configserver", accountDBID=100,
                    options={"csproxy": {"freshness-limit": "10"}},
                    portInfos=[{"id": "default", "port": "2020"}])
        for item in environment()
    ]  # fmt: skip
    bench = master(chosen)
    bench.handle(events.AuthorityLost("gone"))
    assert bench.node.fresh(None, bench.now + 10)[0]
    assert not bench.node.fresh(None, bench.now + 10.1)[0]
