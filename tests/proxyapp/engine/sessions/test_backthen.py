from __future__ import annotations

import random
from typing import Any

import pytest

from proxyapp.engine import commands, events
from tests.proxyapp.engine import bench as bench_module
from tests.proxyapp.engine.bench import (
    BOB,
    FOLDER,
    OTHER,
    Client,
    Proxy,
    T,
    gone,
    master,
    record,
    skills,
)


def read(client: Client, revision: int, **request: Any) -> dict[int, str]:
    """Return the names of all pages, by DBID."""
    found: dict[int, str] = {}
    after = 0
    while True:
        fields = {"objectType": "skill", "revision": revision, "after": after, **request}
        (answer,) = client.ask("readPast", **fields)
        assert (answer["message"], answer["revision"]) == ("pastRead", revision), answer
        found |= {item["DBID"]: item["name"] for item in answer["objects"]}
        after = answer.get("next", 0)
        if not after:
            return found
        assert after in found, "a page that ends at nothing that is shown tells of what is not"


def skill(dbid: int, name: str, folder: int = FOLDER, **more: Any) -> Any:
    return record("skill", dbid, folder, name=name, tenantDBID=1, **more)


def test_what_changed_since_is_as_it_was(bench):
    bob = bench.login("bob")
    first = read(bob, 1)
    bench.commit(skill(601, "one"), skill(700, "made"))
    bench.commit(gone("skill", 602), skill(601, "two"))
    assert read(bob, 1) == first
    assert read(bob, 2) == first | {601: "one", 700: "made"}
    assert read(bob, 2, DBID=601) == {601: "one"}
    assert read(bob, 1, DBID=700) == {}
    assert 602 not in read(bob, 3)


def test_an_object_that_was_made_again_is_each_of_its_lives(bench):
    bob = bench.login("bob")
    for change in (skill(700, "first"), gone("skill", 700), skill(700, "second")):
        bench.commit(change)
    assert [read(bob, number, DBID=700) for number in (1, 2, 3, 4)] == [
        {}, {700: "first"}, {}, {700: "second"},
    ]  # fmt: skip


def test_only_what_may_be_read_now_is_told(bench):
    bob, eve = bench.login("bob"), bench.login("eve")
    bench.commit(skill(700, "moved away"), skill(701, "gone from sight"), skill(702, "gone"))
    bench.commit(skill(700, "moved away", OTHER), skill(701, "gone from sight", OTHER))
    bench.commit(gone("skill", 701), gone("skill", 702))
    assert {700, 701, 702} & read(bob, 2).keys() == {702}
    assert read(eve, 2) == {}


def test_a_grant_of_its_own_opens_what_is_gone(bench):
    bench.commit(skill(700, "granted", OTHER, acl=[(3, BOB, 1)]), skill(701, "not", OTHER))
    bench.commit(gone("skill", 700), gone("skill", 701))
    bench.commit(skill(710, "there", OTHER, acl=[(3, BOB, 1)]))
    assert {700, 701} & read(bench.login("bob"), 2).keys() == {700}


def test_a_time_is_the_last_revision_up_to_it(bench):
    for at, name in ((10.0, "a"), (20.0, "b"), (30.0, "c")):
        event = bench.database.commit(skill(601, name))
        event.transaction.at = at
        bench.handle(event)
    bob = bench.login("bob")
    for time, revision in ((10.0, 2), (25.0, 3), (1e9, 4)):
        (answer,) = bob.ask("readPast", objectType="skill", time=time)
        assert answer["revision"] == revision


def test_a_folder_is_what_lay_right_in_it(bench):
    owner = {"objectType": "tenant", "DBID": 1}
    bench.commit(record("folder", OTHER, name="Seen", type="skill", owner=owner, acl=[(3, BOB, 1)]))
    bench.commit(skill(700, "x"))
    bench.commit(skill(700, "x", OTHER))
    bob = bench.login("bob")
    assert 700 in read(bob, 3, folderDBID=FOLDER)
    assert 700 not in read(bob, 3, folderDBID=OTHER)
    assert 700 in read(bob, 4, folderDBID=OTHER)


def test_names_and_tenants_are_looked_for_as_they_were(bench):
    bench.commit(skill(700, "Old name"))
    bench.commit(skill(700, "new name"))
    bob = bench.login("bob")
    assert read(bob, 2, name="old*") == {700: "Old name"}
    assert read(bob, 2, name="new name") == {}
    assert read(bob, 3, name="NEW NAME", tenantDBID=1) == {700: "new name"}
    assert read(bob, 3, tenantDBID=2) == {}


@pytest.mark.parametrize("limit", [1, 7, 0])
def test_pages_bring_all_once(bench, limit):
    bench.commit(*skills(40, description="x" * 9000))
    bench.commit(*(gone("skill", item.dbid) for item in skills(40)[::2]))
    assert len(read(bench.login("bob"), 2, limit=limit)) >= 40


@pytest.mark.parametrize(
    ("request_", "code"),
    [
        ({}, "invalidParameter"),
        ({"revision": 1, "time": 5.0}, "invalidParameter"),
        ({"revision": 9}, "invalidParameter"),
        ({"revision": -1}, "invalidParameter"),
        ({"revision": 1, "DBID": 2**63}, "invalidParameter"),
        ({"revision": 1, "objectType": "nothing"}, "invalidParameter"),
    ],
)
def test_nonsense_is_refused(bench, request_, code):
    assert bench.login("bob").error("readPast", **{"objectType": "skill", **request_}) == code


def test_a_proxy_says_how_far_back_it_goes():
    proxy = Proxy(master())
    proxy.start()
    bob = proxy.login("bob")
    (answer,) = bob.ask("readPast", objectType="skill", revision=0)
    assert (answer["code"], answer["data"]["oldest"]) == ("historyExpired", 1)


def test_what_is_older_is_found_in_the_history_and_judged_here(bench):
    body = b'{"DBID":%d,"name":"old"}'
    bench.log.found = [
        events.PastObject(T["skill"], 601, None, body % 601),
        events.PastObject(T["skill"], 690, (FOLDER, []), body % 690),
        events.PastObject(T["skill"], 691, (OTHER, []), body % 691),
        events.PastObject(T["skill"], 692, None, body % 692),
    ]
    assert read(bench.login("bob"), 0) == {601: "old", 690: "old"}
    assert read(bench.login("eve"), 0) == {}


def test_no_page_of_the_history_ends_at_what_may_not_be_seen(bench):
    dbids = [601, *range(690, 700), 602, *range(700, 710)]
    bench.log.found = [
        events.PastObject(T["skill"], dbid, (OTHER, []), b'{"DBID":%d,"name":"old"}' % dbid)
        for dbid in sorted(dbids)
    ]
    assert read(bench.login("bob"), 0) == {601: "old", 602: "old"}
    assert read(bench.login("eve"), 0) == {}


def test_a_small_page_among_what_may_not_be_seen_takes_few_readings(bench, monkeypatch):
    dbids = range(1000, 3500)
    readings = []

    def find(log, command):
        readings.append(command)
        ahead = [dbid for dbid in dbids if dbid > command.after]
        page = [
            events.PastObject(T["skill"], dbid, (OTHER, []), b'{"DBID":%d,"name":"old"}' % dbid)
            for dbid in ahead[: command.limit]
        ]
        following = page[-1].dbid if len(ahead) > len(page) else 0
        return events.PastFound(command.connection, page, command.revision, following)

    monkeypatch.setitem(bench_module._LOG, commands.FindPast, find)
    assert read(bench.login("eve"), 0, limit=1) == {}
    assert len(readings) == 4


def test_no_page_of_memory_ends_at_what_may_not_be_seen(bench):
    hidden = [skill(dbid, "hidden", OTHER) for dbid in range(1000, 3500)]
    bench.commit(*hidden, skill(9000, "seen"))
    bench.commit(skill(9000, "changed"))
    assert read(bench.login("bob"), 2)[9000] == "seen"
    assert read(bench.login("eve"), 2) == {}


def test_a_history_that_cannot_be_read_is_said(bench):
    bench.log.found = None
    code = bench.login("bob").error("readPast", objectType="skill", revision=0)
    assert code == "databaseUnavailable"


@pytest.mark.parametrize("seed", range(8))
def test_each_revision_in_memory_is_what_a_replay_gives(bench, seed):
    rng = random.Random(seed)
    bob = bench.login("bob")
    states = {1: read(bob, 1)}
    for revision in range(2, 30):
        state = dict(states[revision - 1])
        changes = []
        for dbid in rng.sample(range(700, 712), rng.randint(1, 4)):
            if dbid in state and rng.random() < 0.4:
                del state[dbid]
                changes.append(gone("skill", dbid))
            else:
                state[dbid] = f"name {rng.random()}"
                changes.append(skill(dbid, state[dbid]))
        bench.commit(*changes)
        states[revision] = state
    for revision, state in states.items():
        assert read(bob, revision, limit=rng.randint(0, 5)) == state


def test_a_page_looks_at_no_more_than_so_many_objects(bench):
    bench.commit(*skills(2500))
    bench.commit(*(gone("skill", item.dbid) for item in skills(2500)))
    (answer,) = bench.login("bob").ask("readPast", objectType="skill", revision=1)
    assert len(answer["objects"]) < 10
    assert answer["next"]
    assert len(read(bench.login("bob"), 2)) >= 2500
