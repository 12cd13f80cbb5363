"""How subscriptions begin, go on and end."""

from __future__ import annotations

import pytest

from tests.proxyapp.engine.bench import FOLDER, record


@pytest.fixture
def bob(bench):
    return bench.login("bob")


def subscription(name: str, **conditions: object):
    return {"name": name, **conditions}


def register(client, *subscriptions, **more):
    return client.ask("registerNotification", subscriptions=list(subscriptions), **more)


def test_a_registration_is_counted_and_answered_with_the_revision_it_counts_from(bench, bob):
    (answer,) = register(bob, subscription("a", types=["skill"]))
    assert (answer["message"], answer["revision"]) == ("notificationRegistered", 1)
    assert bench.node.serving.counters.registrations == 1


def test_another_registration_adds_to_the_first(bench, bob):
    register(bob, subscription("a", types=["skill"]))
    register(bob, subscription("b", types=["place"]))
    bench.commit(record("skill", 601, FOLDER, name="x"))
    bench.commit(record("place", 40, acl=[(3, 101, 1)], name="p"))
    assert bob.changes() == [("updated", "skill", 601), ("created", "place", 40)]


def test_what_ends_is_one_subscription_and_no_other(bench, bob):
    register(bob, subscription("a", types=["skill"]), subscription("b", types=["place"]))
    (answer,) = bob.ask("unregisterNotification", subscription="a")
    assert (answer["message"], answer["subscription"]) == ("notificationUnregistered", "a")
    bench.commit(record("skill", 601, FOLDER, name="x"))
    bench.commit(record("place", 40, acl=[(3, 101, 1)], name="p"))
    assert bob.changes() == [("created", "place", 40)]


def test_what_was_never_there_cannot_end(bob):
    assert bob.error("unregisterNotification", subscription="a") == "unknownSubscription"


def test_what_was_missed_since_a_cursor_follows(bench, bob):
    cursor = {"epoch": "e1", "revision": 1, "hash": ""}
    bench.commit(record("skill", 601, FOLDER, name="x"))
    wanted = [subscription("a", types=["skill"])]
    bob.post("registerNotification", subscriptions=wanted, since=cursor)
    bench.settle()
    assert bob.changes() == [("updated", "skill", 601)]


def test_a_cursor_of_another_epoch_is_refused_and_nothing_begins(bench, bob):
    cursor = {"epoch": "e0", "revision": 1, "hash": ""}
    told = bob.error(
        "registerNotification", subscriptions=[subscription("a", types=["skill"])], since=cursor
    )
    assert told == "epochChanged"
    bench.commit(record("skill", 601, FOLDER, name="x"))
    assert bob.changes() == []
