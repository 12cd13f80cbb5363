"""What a change of rights or places costs, and what it tells when it would cost too much."""

from __future__ import annotations

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxyapp.engine import intake
from proxyapp.engine.notifying import sights
from tests.proxyapp.engine.bench import (
    BOB,
    FOLDER,
    INNER,
    OTHER,
    STEADY,
    USERS,
    Client,
    Proxy,
    master,
    record,
    skills,
)
from tests.proxyapp.engine.world import PERSONS, Copy, World

OWNER = {"objectType": "tenant", "DBID": 1}


def folder(dbid: int, parent: int = 0, acl: object = None):
    return record("folder", dbid, parent, acl, name=f"F{dbid}", type="skill", owner=OWNER)


def watcher(bench, **subscription) -> Client:
    client = bench.login("bob")
    client.watch(**subscription, snapshot=True)
    client.inbox.clear()
    return client


@STEADY
@given(st.integers(0, 2**32), st.integers(0, 12), st.sampled_from([1, 2, 2_000]))
def test_whoever_is_told_is_told_all_and_the_others_that_they_must_read_anew(seed, rows, large):
    random = Random(seed)
    world = World(random)
    bench = master(list(world.records.values()), large_transaction=large)
    copies = [Copy(bench, random.choice(list(PERSONS)), world.some_specs()) for _ in range(4)]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sights, "ROWS_AT_ONCE", rows)
        patch.setattr(intake, "ROWS_AT_ONCE", rows)
        for _ in range(15):
            bench.commit(*world.transaction())
            for copy in copies:
                copy.take()
                if copy.lost:
                    copy.subscribe()
                assert copy.objects == world.view(copy.person, copy.specs)


@pytest.fixture
def few(monkeypatch):
    monkeypatch.setattr(sights, "ROWS_AT_ONCE", 100)


def test_a_grant_on_more_than_can_be_compared_lets_its_readers_read_anew(bench, few):
    bench.commit(*skills(200, OTHER))
    bob = watcher(bench, types=["skill"])
    bench.commit(folder(OTHER, acl=[(21, USERS, 1)]))
    (lost,) = bob.inbox
    assert (lost["message"], lost["reason"], lost["revision"]) == (
        "notificationsLost",
        "compacted",
        3,
    )
    assert len(bob.read("skill", folder_dbid=OTHER)) == 201


@pytest.mark.parametrize(("more", "goes_on"), [({}, True), ({"types": ["person"]}, False)])
def test_at_a_proxy_that_is_behind_who_was_told_it_elsewhere_goes_on(bench, few, more, goes_on):
    bench.commit(*skills(200, OTHER))
    proxy = Proxy(bench)
    proxy.start()
    proxy.hold_wire = True
    bench.commit(folder(OTHER, acl=[(21, USERS, 1)]))
    bob = proxy.login("bob")
    bob.watch(types=["skill"], since={"epoch": "e1", "revision": 3})
    if more:  # to which the cursor does not apply
        bob.watch(**more, name="more", snapshot=True)
    bob.inbox.clear()
    proxy.hold_wire = False
    proxy.pump()
    assert ([m["message"] for m in bob.inbox] == []) is goes_on
    bench.commit(record("skill", 601, INNER, name="x", tenantDBID=1))
    assert (bob.changes() == [("updated", "skill", 601)]) is goes_on
    bench.commit(folder(OTHER))
    assert [m["message"] for m in bob.inbox] == ["notificationsLost"] * goes_on, "that is news"


def test_who_looks_elsewhere_goes_on(bench, few):
    bench.commit(*skills(200, OTHER))
    others = [
        watcher(bench, types=["skill"], folders=[INNER]),
        watcher(bench, types=["person"]),
        watcher(bench, objects=[{"objectType": "skill", "DBID": 601}]),
    ]
    bench.commit(folder(OTHER, acl=[(21, USERS, 1)]))
    assert [client.inbox for client in others] == [[], [], []]
    bench.commit(record("skill", 601, INNER, name="x", tenantDBID=1))
    assert [client.changes() for client in others] == [
        [("entered", "skill", 601)],
        [],
        [("updated", "skill", 601)],
    ]


def test_who_looks_where_little_changes_is_told_though_others_are_not(bench, few):
    bench.commit(folder(510, OTHER), *skills(200, OTHER))
    bench.commit(record("skill", 700, 510, name="x", tenantDBID=1))
    many = watcher(bench, types=["skill"])
    one = watcher(bench, types=["skill"], folders=[510])
    bench.commit(folder(OTHER, acl=[(21, USERS, 1)]))
    assert one.changes() == [("entered", "skill", 700)]
    assert [message["message"] for message in many.inbox] == ["notificationsLost"]


def test_a_folder_that_moves_with_too_much_in_it_lets_readers_of_folders_read_anew(bench, few):
    bench.commit(folder(510, FOLDER), *skills(200, 510))
    inner, all_of_them = watcher(bench, folders=[INNER]), watcher(bench, types=["skill"])
    bench.commit(folder(510, INNER))
    assert [message["message"] for message in inner.inbox] == ["notificationsLost"]
    assert all_of_them.inbox == []  # it may read and asked for all that moved, before and after


def test_a_new_group_changes_what_its_members_see_where_it_is_granted(bench):
    bob = watcher(bench, types=["skill"])
    group = {"name": "G", "type": "users", "tenantDBID": 1}
    bench.commit(record("accessGroup", 210, **group))
    bench.commit(folder(OTHER, acl=[(21, 210, 1)]))
    assert bob.inbox == []
    member = {"objectType": "person", "DBID": BOB}
    bench.commit(record("accessGroup", 210, **group, members=[member]))
    assert bob.changes() == [("entered", "skill", 603)]
