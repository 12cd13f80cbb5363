"""A large transaction reaches its readers whole, over many turns, worked out once a view."""

from __future__ import annotations

import pytest

from proxyapp.engine import commands
from tests.proxyapp.engine.bench import FOLDER, OTHER, Bench, gone, master, record, skills

LARGE = 20


@pytest.fixture
def bench() -> Bench:
    return master(large_transaction=LARGE)


def parts_of(client) -> list[dict]:
    return [message for message in client.inbox if message["message"] == "objectsChanged"]


def test_it_comes_in_packets_of_which_only_the_last_says_so(bench):
    client = bench.login("bob")
    client.watch(types=["skill"])
    bench.commit(*skills(2_500, description="x" * 1000))
    parts = parts_of(client)
    assert len(parts) > 1
    assert [part.get("last", False) for part in parts] == [False] * (len(parts) - 1) + [True]
    assert {part["revision"] for part in parts} == {2}
    assert sorted(c["DBID"] for part in parts for c in part["changes"]) == list(range(1000, 3500))


def test_what_comes_after_it_is_told_after_it(bench):
    client = bench.login("bob")
    client.watch(types=["skill"])
    bench.hold_again = True
    bench.commit(*skills(LARGE))
    bench.commit(record("skill", 601, FOLDER, name="Renamed", tenantDBID=1))
    assert client.inbox == []
    assert client.read("skill", dbid=1000) == [], "nothing of it is seen before all of it is"
    bench.hold_again = False
    bench.settle()
    assert [part["revision"] for part in parts_of(client)] == [2, 3]


def test_one_that_a_view_does_not_concern_costs_it_nothing(bench):
    other = bench.login("bob")
    other.watch(types=["person"])
    bench.commands.clear()
    bench.commit(*skills(LARGE))
    assert other.inbox == []
    assert not [c for c in bench.of(commands.Send) if c.connection == other.connection]


def test_new_groups_and_grants_in_it_are_in_force_at_once(bench):
    eve = bench.login("eve")
    eve.watch(types=["skill"])
    owner = {"objectType": "tenant", "DBID": 1}
    members = [{"objectType": "person", "DBID": 102}]
    bench.commit(
        record("accessGroup", 300, name="New", type="users", tenantDBID=1, members=members),
        record("folder", 800, name="For eve", type="skill", owner=owner, acl=[(21, 300, 1)]),
        *skills(LARGE, folder=800),
    )
    assert [c["change"] for p in parts_of(eve) for c in p["changes"]] == ["created"] * LARGE
    assert len(eve.read("skill")) == LARGE


def test_a_right_withdrawn_while_it_is_told_ends_the_telling(bench):
    client = bench.login("bob")
    client.watch(types=["skill"])
    bench.hold_again = True
    bench.commit(*skills(2_500, description="x" * 1000))
    while not parts_of(client):
        bench.turn()
    owner = {"objectType": "tenant", "DBID": 1}
    bench.commit(record("folder", FOLDER, name="Skills", type="skill", owner=owner))
    told = len(client.inbox)
    bench.hold_again = False
    bench.settle()
    assert [message["message"] for message in client.inbox[told:]] == ["notificationsLost"]


def test_a_slow_reader_goes_through_it_at_its_own_pace(bench):
    quick, slow = bench.login("bob"), bench.login("bob")
    for client in (quick, slow):
        client.watch(types=["skill"])
    slow.block()
    bench.commit(*skills(LARGE))
    bench.commit(*(gone("skill", dbid) for dbid in range(1000, 1000 + LARGE)))
    assert [part["revision"] for part in parts_of(quick)] == [2, 3]
    assert slow.inbox == []
    slow.drain()
    assert slow.inbox == quick.inbox


def test_hidden_objects_are_in_no_packet(bench):
    client = bench.login("bob")
    client.watch(types=["skill"])
    bench.commit(*skills(LARGE, folder=OTHER))
    assert client.inbox == []
