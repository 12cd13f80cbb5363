from __future__ import annotations

import json

import pytest

from proxyapp.engine import events
from proxyapp.engine.reading.gathering import SCANS_AT_ONCE, Found
from tests.proxyapp.engine.bench import (
    FOLDER,
    INNER,
    OTHER,
    USERS,
    documents,
    gone,
    master,
    record,
    skills,
)

OWNER = {"objectType": "tenant", "DBID": 1}


@pytest.fixture
def big():
    """A master with more skills than one turn looks at."""
    return made_big()


def made_big():
    bench = master()
    bench.commit(*skills(3500))
    return bench


def ids(messages) -> list[int]:
    return [document["DBID"] for document in documents(messages)]


def test_one_packet_says_that_it_is_the_last(bench):
    (answer,) = bench.login("bob").ask("readObjects", objectType="skill")
    assert (answer["count"], answer["total"], answer["last"]) == (2, 2, True)
    assert (answer["epoch"], answer["revision"], answer["objectType"]) == ("e1", 1, "skill")


@pytest.mark.parametrize("filter_", [{"dbid": 603}, {"dbid": 99999}, {"name": "Secret"}, {}])
def test_what_is_hidden_is_absent_as_if_it_were_not(bench, filter_):
    bench.commit(gone("skill", 601), gone("skill", 602))
    (answer,) = bench.login("bob").ask("readObjects", objectType="skill", filter=filter_)
    assert (answer["count"], answer["total"], answer["objects"]) == (0, 0, [])
    assert answer["last"] is True


@pytest.mark.parametrize("dbid", [0, -1, 10**30, 255, 256])
def test_a_number_that_no_object_has_finds_none(bench, dbid):
    assert bench.login("bob").read("skill", dbid=dbid) == []


def test_refs_come_back_as_they_were_sent(bench):
    bob = bench.login("bob")
    for ref in (7, "seven", 'a "quoted" Ключ', -3, 10**20):
        for filter_ in ({"dbid": 601}, {}):
            message = {"message": "readObjects", "ref": ref, "objectType": "skill"}
            bob.send(json.dumps({**message, "filter": filter_}).encode())
            assert bob.inbox[-1]["ref"] == ref


def test_brief_answers_carry_what_lists_need_and_respect_rights(bench):
    (answer,) = bench.login("bob").ask("readBrief", objectType="skill")
    assert answer["message"] == "briefInfo"
    assert answer["objects"] == [
        {"DBID": 601, "name": "Английский", "state": "enabled", "tenantDBID": 1, "folderDBID": 501},
        {"DBID": 602, "name": "French", "state": "enabled", "tenantDBID": 1, "folderDBID": 502},
    ]


def test_folders_and_paths_come_beside_the_objects(bench):
    filter_ = {"read_folder_dbid": 1, "object_path": 1}
    (answer,) = bench.login("bob").ask("readObjects", objectType="skill", filter=filter_)
    assert answer["folderDBIDs"] == [FOLDER, INNER]
    assert answer["objectPaths"] == ["Skills", "Skills/Inner"]
    (answer,) = bench.login("bob").ask(
        "readObjects", objectType="skill", filter={**filter_, "dbid": 602}
    )
    assert answer["objectPaths"] == ["Skills/Inner"]


def test_a_path_never_names_a_folder_that_may_not_be_read(bench):
    deep = {"type": "skill", "owner": OWNER}
    bench.commit(
        record("folder", 510, OTHER, name="Deep", acl=[(21, USERS, 1)], **deep),
        record("skill", 610, 510, name="Deep skill"),
        record("skill", 611, OTHER, name="Only this one", acl=[(21, USERS, 1)]),
    )
    (answer,) = bench.login("bob").ask(
        "readObjects", objectType="skill", after=609, filter={"object_path": True}
    )
    assert ids([answer]) == [610, 611]
    assert answer["objectPaths"] == ["Deep", ""]


def test_pages_by_limit_and_after(big):
    bob = big.login("bob")
    found, after = [], 0
    while page := ids(bob.ask("readObjects", objectType="skill", limit=1000, after=after)):
        found += page
        after = page[-1]
    assert found == [601, 602, *range(1000, 4500)]
    assert ids(bob.ask("readObjects", objectType="skill", limit=1)) == [601]
    assert bob.error("readObjects", objectType="skill", limit=-1) == "invalidParameter"
    assert bob.error("readBrief", objectType="skill", after=-1) == "invalidParameter"


def test_limit_and_after_hold_for_every_way_of_finding(bench):
    bob = bench.login("bob")
    for filter_ in ({"folder_dbid": FOLDER}, {"tenant_dbid": 1}, {"name": "*"}, {"name": "French"}):
        assert ids(bob.ask("readObjects", objectType="skill", filter=filter_, after=602)) == []
    assert ids(bob.ask("readObjects", objectType="skill", filter={"dbid": 601}, after=601)) == []
    (answer,) = bob.ask("readObjects", objectType="skill", filter={"tenant_dbid": 1}, limit=1)
    assert (ids([answer]), answer["total"]) == ([601], 1)


def test_a_big_answer_comes_in_packets_and_ends_with_objects_sent(big):
    answers = big.login("bob").ask("readObjects", objectType="skill")
    *packets, sent = answers
    assert len(packets) > 1
    assert sent == {
        "message": "objectsSent", "ref": 1, "epoch": "e1", "revision": 2, "total": 3502,
    }  # fmt: skip
    assert sum(p["count"] for p in packets) == len(ids(packets)) == 3502
    assert {p["total"] for p in packets} == {3502}
    assert not any("last" in p for p in packets)


def test_a_big_read_is_sliced_and_shows_exactly_one_revision(big):
    bob = big.login("bob")
    big.hold_again = True
    bob.post("readObjects", objectType="skill", filter={"name": "Skill*"})
    assert bob.inbox == []
    big.commit(
        gone("skill", 1000),
        record("skill", 1001, FOLDER, name="Other"),
        record("skill", 9000, FOLDER, name="Skill 9000"),
        record("skill", 601, FOLDER, name="Skill 601"),
        record("skill", 1002, OTHER, name="Skill 1002"),
    )
    big.turn()
    big.commit(gone("skill", 4499))
    big.settle()
    assert ids(bob.inbox) == [601, *range(1003, 4499), 9000]
    assert {m["revision"] for m in bob.inbox} == {4}


def test_a_limited_read_fills_the_place_of_what_vanished_meanwhile(big):
    bob = big.login("bob")
    big.hold_again = True
    bob.post("readObjects", objectType="skill", limit=1500, after=999)
    big.commit(gone("skill", 1000), gone("skill", 1001))
    big.settle()
    assert ids(bob.inbox) == list(range(1002, 2502))


def test_a_limited_read_takes_in_what_came_before_its_end(big):
    bob = big.login("bob")
    big.hold_again = True
    bob.post("readObjects", objectType="skill", limit=1500)
    big.commit(record("skill", 700, FOLDER, name="new"), record("skill", 9000, FOLDER, name="x"))
    big.settle()
    assert ids(bob.inbox) == [601, 602, 700, *range(1000, 2497)]


def test_a_read_starts_anew_when_rights_change_under_it(big):
    bob = big.login("bob")
    big.hold_again = True
    bob.post("readObjects", objectType="skill")
    big.turn()
    big.commit(record("folder", FOLDER, name="Skills", type="skill", owner=OWNER))
    big.settle()
    assert ids(bob.inbox) == []


def test_a_join_is_asked_anew_when_what_it_looks_at_changes():
    acl = [(21, USERS, 1)]
    bench = master()
    bench.commit(
        *(record("dn", n, acl=acl, number=str(n)) for n in range(1, 2501)),
        record("place", 40, acl=acl, name="p", dnDBIDs=[1, 2]),
    )
    bob = bench.login("bob")
    bench.hold_again = True
    bob.post("readObjects", objectType="dn", filter={"place_dbid": 40})
    bench.commit(record("place", 40, acl=acl, name="p", dnDBIDs=[2, 2400]))
    bench.settle()
    assert ids(bob.inbox) == [2, 2400]
    assert bob.inbox[0]["revision"] == 3


def test_a_read_ends_however_often_others_spoil_it():
    acl = [(21, USERS, 1)]
    bench = master()
    bench.commit(*(record("dn", n, acl=acl, number=str(n)) for n in range(1, 2501)))
    bob = bench.login("bob")
    bench.hold_again = True
    bob.post("readObjects", objectType="dn", filter={"no_place_dbid": 1})
    turns = 0
    while not bob.inbox:
        bench.commit(record("place", 40, name="p", dnDBIDs=[turns + 1]))
        bench.turn()
        turns += 1
        assert turns < 50
    bench.settle()
    assert ids(bob.inbox) == [n for n in range(1, 2501) if n != turns]


def test_a_read_that_is_spoiled_again_and_again_holds_nobody_up_in_the_end():
    acl = [(21, USERS, 1)]
    bench = master()
    bench.commit(*(record("dn", n, acl=acl, number=str(n)) for n in range(1, 21_500)))
    bob = bench.login("bob")
    bench.hold_again = True
    bob.post("readObjects", objectType="dn", filter={"no_place_dbid": 1})
    for turns in range(5):
        bench.commit(record("place", 40, name="p", dnDBIDs=[turns + 1]))
        bench.turn(25)
    bench.settle()
    assert [(m["message"], m["code"]) for m in bob.inbox] == [("error", "readInterrupted")]


def test_places_are_looked_through_over_many_turns():
    acl = [(21, USERS, 1)]
    bench = master()
    places = [record("place", n, name=str(n), dnDBIDs=[n]) for n in range(1, 2501)]
    bench.commit(*places, *(record("dn", n, acl=acl, number=str(n)) for n in range(2499, 2503)))
    bob = bench.login("bob")
    bench.hold_again = True
    bob.post("readObjects", objectType="dn", filter={"no_place_dbid": 1})
    bench.turn()
    assert bob.inbox == []
    bench.settle()
    assert ids(bob.inbox) == [2501, 2502]


def test_a_large_transaction_is_mended_into_a_read_over_many_turns(big):
    other = made_big()
    changed = [record("skill", 1000, FOLDER, name="Skill changed"), gone("skill", 1001)]
    for bench in (big, other):
        bench.hold_again = True
        bench.commit(*changed, *skills(4000, first=10_000))
    needed = 0
    while other.node.serving.revision == 2:
        other.turn()
        needed += 1
    bob = big.login("bob")
    big.turn(needed - 2)
    bob.post("readObjects", objectType="skill", filter={"name": "Skill *"})
    assert big.node.serving.revision == 2
    big.turn(3)
    assert (big.node.serving.revision, bob.inbox) == (3, [])
    big.settle()
    assert ids(bob.inbox) == [1000, *range(1002, 4500), *range(10_000, 14_000)]
    assert {message["revision"] for message in bob.inbox} == {3}
    assert bob.inbox[0]["objects"][0]["name"] == "Skill changed"


def test_many_small_transactions_are_mended_into_a_read_in_one_step(big, monkeypatch):
    steps, exchange = [], Found.exchange

    def counted(found, gone_ones, *rest):
        steps.append(len(gone_ones))
        exchange(found, gone_ones, *rest)

    monkeypatch.setattr(Found, "exchange", counted)
    bob = big.login("bob")
    big.hold_again = True
    bob.post("readObjects", objectType="skill")
    for dbid in range(1000, 1050):
        big.commit(record("skill", dbid, FOLDER, name="changed"))
    big.settle()
    assert steps == [50]
    assert len(ids(bob.inbox)) == 3502


def test_no_row_leaves_after_its_right_was_withdrawn(big):
    bob = big.login("bob")
    big.hold_again = True
    bob.post("readObjects", objectType="skill")
    while not bob.inbox:
        big.turn()
    seen = ids(bob.inbox)
    big.commit(record("folder", FOLDER, name="Skills", type="skill", owner=OWNER))
    bob.inbox.clear()
    big.settle()
    assert len(seen) < 3502
    assert ids(bob.inbox) == []
    assert [m["message"] for m in bob.inbox] == ["error"]


def test_a_read_bears_the_epoch_of_its_objects(big):
    bob = big.login("bob")
    big.hold_again = True
    bob.post("readObjects", objectType="skill")
    while not bob.inbox:
        big.turn()
    big.database.new_epoch()
    big.load("epoch")
    big.compare()
    big.settle()
    for message in bob.inbox:
        assert message["message"] == "error" or message["epoch"] == "e1"


def test_a_search_under_which_the_data_was_replaced_begins_anew(big):
    bob = big.login("bob")
    big.hold_again = True
    bob.post("readObjects", objectType="skill", filter={"name": "*"}, limit=5000)
    big.database.restored([*big.database.records.values()][:-3000], 2)
    big.database.epoch = "e2"
    big.load("epoch")
    big.compare()
    big.settle()
    assert ids(bob.inbox) == bob.read("skill")
    assert len(bob.read("skill")) == 502


def test_a_read_begins_anew_when_the_journal_no_longer_tells_what_happened():
    bench = master(journal_capacity=2)
    bench.commit(*skills(2500))
    bob = bench.login("bob")
    bench.hold_again = True
    bob.post("readObjects", objectType="skill")
    for dbid in range(1000, 1005):
        bench.commit(gone("skill", dbid))
    bench.settle()
    assert ids(bob.inbox) == [601, 602, *range(1005, 3500)]


def test_many_big_reads_take_turns_and_all_end(bench):
    bench.commit(*skills(3_000))
    clients = [bench.login("bob") for _ in range(40)]
    bench.hold_again = True
    for client in clients:
        client.post("readObjects", objectType="skill")
    for _ in range(200):
        bench.turn()
        assert bench.node.serving.reader.gatherer.scans <= SCANS_AT_ONCE
    clients[0].bench.handle(events.Disconnected(clients[0].connection, "gone"))
    bench.hold_again = False
    bench.settle()
    assert bench.node.serving.reader.gatherer.scans == 0
    for client in clients[1:]:
        assert client.inbox[0]["total"] == 3_002
