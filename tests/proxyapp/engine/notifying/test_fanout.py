from __future__ import annotations

from random import Random

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tests.proxyapp.engine.bench import FOLDER, INNER, OTHER, STEADY, USERS, gone, master, record
from tests.proxyapp.engine.world import PERSONS, Copy, World


@STEADY
@example(8, 2_000)
@example(296, 2_000)
@given(st.integers(0, 2**32), st.sampled_from([1, 2, 2_000]))
def test_every_copy_is_exactly_what_its_reader_may_see_after_every_transaction(seed, large):
    random = Random(seed)
    world = World(random)
    bench = master(list(world.records.values()), large_transaction=large)
    copies = [Copy(bench, random.choice(list(PERSONS)), world.some_specs()) for _ in range(4)]
    for _ in range(15):
        bench.commit(*world.transaction())
        for copy in copies:
            copy.take()
            assert not copy.lost
            assert copy.objects == world.view(copy.person, copy.specs)


OWNER = {"objectType": "tenant", "DBID": 1}


@pytest.fixture
def bob(bench):
    client = bench.login("bob")
    client.watch(types=["skill"], snapshot=True)
    client.inbox.clear()
    return client


def french(folder: int = INNER, **more) -> object:
    return record("skill", 602, folder, **{"name": "French", "tenantDBID": 1, **more})


def test_a_grant_brings_whole_objects_into_view_and_its_end_takes_them_out(bench, bob):
    hidden = {"name": "Hidden", "type": "skill", "owner": OWNER}
    bench.commit(record("folder", OTHER, acl=[(21, USERS, 1)], **hidden))
    ((message,)) = bob.inbox
    assert message["changes"] == [
        {
            "change": "entered",
            "objectType": "skill",
            "DBID": 603,
            "object": {"DBID": 603, "name": "Secret", "tenantDBID": 1, "folderDBID": OTHER},
        }
    ]
    bob.inbox.clear()
    bench.commit(record("folder", OTHER, **hidden))
    assert bob.changes() == [("left", "skill", 603)]


def test_a_hidden_object_is_never_mentioned(bench, bob):
    bench.commit(record("skill", 603, OTHER, name="New", tenantDBID=1))
    bench.commit(record("skill", 604, OTHER, name="Newer", tenantDBID=1))
    bench.commit(gone("skill", 604))
    assert bob.inbox == []


def test_an_object_moved_out_of_what_may_be_read_leaves_and_comes_back_whole(bench, bob):
    bench.commit(french(OTHER))
    assert bob.inbox[0]["changes"] == [{"change": "left", "objectType": "skill", "DBID": 602}]
    bob.inbox.clear()
    bench.commit(french(FOLDER, name="Français"))
    (change,) = bob.inbox[0]["changes"]
    assert (change["change"], change["object"]["name"]) == ("entered", "Français")


def test_an_object_with_grants_of_its_own_takes_on_the_rights_of_its_new_place(bench, bob):
    bench.commit(french(acl=[(3, 100, 1)]))
    bob.inbox.clear()
    bench.commit(french(OTHER, acl=[(3, 100, 1)]))
    assert bob.changes() == [("left", "skill", 602)]
    assert bob.read("skill", dbid=602) == []


def test_a_folder_moved_takes_all_that_lies_in_it_along(bench, bob):
    inner = {"name": "Inner", "type": "skill", "owner": OWNER}
    bench.commit(record("folder", INNER, OTHER, **inner))
    assert bob.changes() == [("left", "skill", 602)]
    bench.commit(record("folder", INNER, FOLDER, **inner))
    assert bob.changes() == [("entered", "skill", 602)]


@pytest.mark.parametrize("inner_first", [True, False])
def test_two_folders_that_change_places_in_one_transaction(bench, bob, inner_first):
    moved = [
        record("folder", INNER, OTHER, name="Inner", type="skill", owner=OWNER),
        record("folder", FOLDER, INNER, name="Skills", type="skill", owner=OWNER),
    ]
    bench.commit(*(moved if inner_first else reversed(moved)))
    assert sorted(bob.changes()) == [("left", "skill", 601), ("left", "skill", 602)]
    assert bob.read("skill") == []


def test_membership_decides_at_once(bench, bob):
    group = {"name": "Users", "type": "users", "tenantDBID": 1}
    stay = record("application", 100, 500, name="default", type="sce", acl=[(3, 101, 8)])
    bench.commit(stay)
    bench.commit(record("accessGroup", USERS, **group))
    assert sorted(bob.changes()) == [("left", "skill", 601), ("left", "skill", 602)]
    bench.commit(record("accessGroup", USERS, members=[{"objectType": "person", "DBID": 101}]))
    assert sorted(bob.changes()) == [("entered", "skill", 601), ("entered", "skill", 602)]


def test_a_transaction_is_one_notification_with_one_change_for_each_object(bench, bob):
    bench.commit(french(name="Français"), gone("skill", 601))
    (message,) = bob.inbox
    assert message["last"] is True
    assert message["revision"] == 2
    assert [c["DBID"] for c in message["changes"]] == [602, 601]


def test_a_large_transaction_comes_in_packets_and_the_last_one_says_so(bench, bob):
    options = {"csproxy": {"packet-size": "300"}}
    bench.commit(record("application", 99, 500, name="confserv", type="configserver",
                        options=options))  # fmt: skip
    bench.commit(*(record("skill", 700 + n, FOLDER, name="x" * 60) for n in range(9)))
    assert len(bob.inbox) > 1
    assert {m["revision"] for m in bob.inbox} == {3}
    assert [m.get("last", False) for m in bob.inbox] == [False] * (len(bob.inbox) - 1) + [True]
    assert len(bob.changes()) == 9


def test_a_change_of_a_secret_alone_is_not_told(bench):
    client = bench.login("bob")
    client.watch()
    bench.commit(french(verifier="SCRAM-SHA-256$4096:AAAA$AAAA:AAAA"))
    assert client.inbox == []


def test_log_tells_delta_and_former_values_and_state_the_whole(bench, bob):
    other = bench.login("bob")
    other.watch(types=["skill"], mode="state")
    bench.commit(french(name="Français"))
    (change,) = bob.inbox[0]["changes"]
    assert (change["delta"], change["former"]) == ({"name": "Français"}, {"name": "French"})
    (change,) = other.inbox[0]["changes"]
    assert change["object"]["name"] == "Français"
    assert "delta" not in change


def test_sessions_with_equal_rights_and_subscriptions_share_one_view(bench, bob):
    twin = bench.login("bob")
    twin.watch(types=["skill"])
    assert bench.node.status(bench.now)["views"] == 1
    bench.commit(french(name="x"))
    assert twin.raw[-1] == bob.raw[-1]
