"""What a primary tells its backup, and that the backup could ask for it in the same words."""

from __future__ import annotations

import pytest

from confwire.messages import MirroredSession, ObjectId, SessionsMirrored, Subscription
from proxyapp.engine.standby.mirror import CURSORS_EVERY, Mirror, conditions_of, wire_form
from tests.proxyapp.engine.bench import FOLDER, Bench, record


@pytest.fixture
def told(bench: Bench) -> list[SessionsMirrored]:
    return []


@pytest.fixture
def mirror(bench: Bench, told: list[SessionsMirrored]) -> Mirror:
    return Mirror(bench.node.serving, told.append)


@pytest.mark.parametrize(
    "subscription",
    [
        Subscription(),
        Subscription(name="mine", types=["person", "skill"], tenants=[1], folders=[FOLDER]),
        Subscription(objects=[ObjectId("skill", 601)], mode="state"),
        Subscription(types=["skill"], filter={"name": "A*", "tenant_dbid": 1}),
    ],
)
def test_a_subscription_is_told_as_a_client_would_ask_for_it(bench, subscription):
    client = bench.login("bob")
    follower = bench.node.serving.roster.get(client.connection).follower
    ((name, spec),) = follower.specs_of([subscription]).items()
    assert wire_form(name, spec) == subscription
    assert follower.specs_of([wire_form(name, spec)]) == {name: spec}


def test_nothing_is_told_before_it_begins_and_after_it_stops(bench, mirror, told):
    client = bench.login("bob")
    mirror.flush()
    mirror.begin()
    bench.tick(0.0)
    assert [message.whole for message in told] == [True, False]
    told.clear()
    mirror.stop()
    client.watch(types=["skill"])
    mirror.flush()
    mirror.tick(1e9)
    assert told == []


def test_who_opens_and_leaves_before_it_is_told_is_not_told(bench, mirror, told):
    mirror.begin()
    told.clear()
    bench.login("bob").leave()
    mirror.flush()
    assert told == []


def test_cursors_are_told_only_when_they_have_moved(bench, mirror, told):
    bench.login("bob").watch(types=["skill"])
    mirror.begin()
    bench.tick(0.0)
    told.clear()
    mirror.tick(1000.0 - CURSORS_EVERY)
    assert [message.behind for message in told] == [[]]
    told.clear()
    mirror.tick(1000.0)
    assert told == []
    bench.commit(record("skill", 700, FOLDER, name="New", tenantDBID=1))
    mirror.tick(1000.0 + CURSORS_EVERY / 2)
    assert told == []
    mirror.tick(1000.0 + CURSORS_EVERY)
    (message,) = told
    assert (message.revision, message.sessions, message.behind) == (2, [], [])


def test_a_session_that_lags_is_told_until_it_has_caught_up(bench, mirror, told):
    client = bench.login("bob")
    client.watch(types=["skill"])
    mirror.begin()
    client.block()
    bench.commit(record("skill", 700, FOLDER, name="New", tenantDBID=1))
    mirror.tick(1000.0)
    name = bench.node.serving.roster.get(client.connection).id
    assert told[-1].behind == [(name, 1)]
    client.drain()
    mirror.tick(1001.0)
    assert told[-1].behind == []


def test_what_is_too_large_for_a_message_is_told_without_subscriptions(bench, mirror, told):
    client = bench.login("bob")
    for name in ("a", "b", "c"):
        objects = [{"objectType": "skill", "DBID": n} for n in range(9_000)]
        client.watch(name=name, objects=objects)
    mirror.begin()
    bench.tick(0.0)
    (session,) = [item for message in told for item in message.sessions]
    assert session.subscriptions == []


def test_large_sessions_come_in_messages_of_their_own(bench, mirror, told):
    for _ in range(4):
        client = bench.login("bob")
        objects = [{"objectType": "skill", "DBID": n} for n in range(9_000)]
        client.watch(objects=objects)
    mirror.begin()
    bench.tick(0.0)
    weights = [
        sum(conditions_of(s) for item in message.sessions for s in item.subscriptions)
        for message in told
    ]
    assert sum(weights) == 4 * 9_001
    assert max(weights) <= 20_000
    assert all(isinstance(item, MirroredSession) for message in told for item in message.sessions)
