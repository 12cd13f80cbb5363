"""Sessions that are told when their rights on objects change."""

from __future__ import annotations

from typing import Any

import pytest

from proxyapp.engine.sessions import rightswatch
from tests.proxyapp.engine.bench import BOB, FOLDER, OTHER, USERS, Bench, Client, gone, record

OWNER = {"objectType": "tenant", "DBID": 1}


def folder(*acl: tuple[int, int, int]) -> Any:
    return record("folder", FOLDER, name="Skills", type="skill", owner=OWNER, acl=list(acl) or None)


def skill(dbid: int = 601, place: int = FOLDER, *acl: tuple[int, int, int], **more: Any) -> Any:
    return record("skill", dbid, place, list(acl) or None, name="x", tenantDBID=1, **more)


def register(client: Client, *dbids: int) -> dict[str, Any]:
    objects = [{"objectType": "skill", "DBID": dbid} for dbid in dbids]
    (answer,) = client.ask("registerPermissions", objects=objects)
    return answer


def told(client: Client) -> list[tuple[int, int]]:
    """Return and forget what was told, as (DBID, mask)."""
    found = [
        (state["DBID"], state.get("mask", 0))
        for message in client.inbox
        if message["message"] == "permissionsChanged"
        for state in message["objects"]
    ]
    client.inbox.clear()
    return sorted(found)


@pytest.fixture
def bob(bench: Bench) -> Client:
    client = bench.login("bob")
    assert register(client, 601, 602)["message"] == "permissionsRegistered"
    return client


def test_a_grant_on_the_folder_is_told_of_all_that_lies_in_it(bench, bob):
    bench.commit(folder((21, USERS, 5)))
    (message,) = bob.inbox
    assert (message["epoch"], message["revision"]) == ("e1", 2)
    assert told(bob) == [(601, 5), (602, 5)]
    bench.commit(folder((21, USERS, 5)))
    bench.commit(skill(state="disabled"))
    assert told(bob) == [], "what changes no right is not told"


def test_what_may_not_be_read_any_more_is_told_like_what_is_gone(bench, bob):
    bench.commit(gone("skill", 601), skill(602, OTHER))
    assert told(bob) == [(601, 0), (602, 0)]
    bench.commit(skill(602, OTHER, state="disabled"))
    bench.commit(skill(602, OTHER, (21, 999, 127)))
    assert told(bob) == [], "nothing is told of what is hidden"
    bench.commit(skill(602, FOLDER))
    assert told(bob) == [(602, 1)]


def test_the_grants_are_told_to_who_may_read_them(bench, bob):
    bench.commit(skill(601, FOLDER, (3, BOB, 33)))
    (message,) = bob.inbox
    grant = {"subjectType": "person", "subjectDBID": BOB, "mask": 33}
    assert message["objects"] == [
        {"objectType": "skill", "DBID": 601, "mask": 33, "permissions": [grant]}
    ]
    bob.inbox.clear()
    bench.commit(skill(601, FOLDER, (3, BOB, 33), (3, 100, 127)))
    assert len(bob.inbox[0]["objects"][0]["permissions"]) == 2


def test_a_membership_and_the_move_of_one_object_count_too(bench, bob):
    bench.commit(
        record("accessGroup", USERS, 0, name="Users", type="users", members=[]),
        record("application", 100, 500, name="default", type="sce", acl=[(3, BOB, 9)]),
    )
    assert told(bob) == [(601, 0), (602, 0)]


def test_each_registration_replaces_the_one_before_and_none_ends_it(bench, bob):
    assert register(bob, 602)["message"] == "permissionsRegistered"
    bench.commit(folder((21, USERS, 5)))
    assert told(bob) == [(602, 5)]
    assert register(bob)["message"] == "permissionsRegistered"
    bench.commit(folder((21, USERS, 1)))
    assert told(bob) == []
    assert bench.node.serving.rights_watchers == {}


def test_a_proxy_tells_it_as_its_master_does(bench, proxy):
    client = proxy.login("bob")
    register(client, 601)
    bench.commit(folder((21, USERS, 5)))
    assert told(client) == [(601, 5)]


@pytest.mark.parametrize("dbid", [603, 999])
def test_what_may_not_be_read_is_not_watched(bench, bob, dbid):
    assert register(bob, 601, dbid)["code"] == "objectNotFound"
    bench.commit(folder((21, USERS, 5)))
    assert told(bob) == [(601, 5), (602, 5)], "what was registered before goes on"


def test_nothing_is_kept_of_who_left(bench, bob):
    bob.leave()
    assert bench.node.serving.rights_watchers == {}


def test_what_is_watched_in_all_has_a_bound(bench, bob, monkeypatch):
    monkeypatch.setattr(rightswatch, "MOST", 3)
    other = bench.login("bob")
    assert register(other, 601, 602)["code"] == "tooManySubscriptions"
    assert register(other, 601)["message"] == "permissionsRegistered"
    assert register(bob, 601, 602)["message"] == "permissionsRegistered", "its own do not count"
    objects = [{"objectType": "skill", "DBID": 601}] * 101
    assert bob.error("registerPermissions", objects=objects) == "invalidParameter"


def test_who_asks_how_things_stand_is_told_and_hears_of_what_may_be_read_later(bench, bob):
    objects = [{"objectType": "skill", "DBID": dbid} for dbid in (999, 603, 601)]
    (answer,) = bob.ask("registerPermissions", objects=objects, current=True)
    assert answer["objects"] == [
        {"objectType": "skill", "DBID": 999},
        {"objectType": "skill", "DBID": 603},
        {"objectType": "skill", "DBID": 601, "mask": 1},
    ], "what is hidden is told like what is not there"
    bench.commit(skill(603, OTHER, (3, BOB, 33)))
    assert told(bob) == [(603, 33)]
    bench.commit(skill(999, FOLDER))
    assert told(bob) == [(999, 1)]


def test_who_does_not_ask_how_things_stand_is_not_told(bob):
    assert "objects" not in register(bob, 601)


def test_a_wrong_type_is_refused_also_for_who_asks_how_things_stand(bob):
    objects = [{"objectType": "skil", "DBID": 601}]
    (answer,) = bob.ask("registerPermissions", objects=objects, current=True)
    assert answer["code"] == "invalidParameter"
