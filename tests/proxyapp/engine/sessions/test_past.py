from __future__ import annotations

import json
from typing import Any

import msgspec

from confwire.messages import HistoryLogRead, HistoryLogSent
from proxyapp.engine import events
from tests.proxyapp.engine.bench import (
    BOB,
    FOLDER,
    OTHER,
    Bench,
    Client,
    Proxy,
    T,
    gone,
    master,
    record,
    skills,
)


def past(client: Client, **request: Any) -> dict[str, Any]:
    """Return the one packet of an answer."""
    (answer,) = client.ask("historyLog", **request)
    assert answer["message"] == "historyLogRead", answer
    msgspec.json.decode(json.dumps(answer), type=HistoryLogRead)
    assert answer["last"]
    return answer


def told(answer: dict[str, Any]) -> list[tuple[int, str, str, int]]:
    return [
        (item["revision"], item["change"], item["objectType"], item["DBID"])
        for item in answer["changes"]
    ]


def since(revision: int, epoch: str = "e1") -> dict[str, Any]:
    return {"epoch": epoch, "revision": revision}


def english(name: str) -> Any:
    return record("skill", 601, FOLDER, name=name, tenantDBID=1)


def with_options(**options: Any) -> Any:
    return record(
        "application", 99, 500, name="confserv", type="configserver", accountDBID=100,
        portInfos=[{"id": "default", "port": "2020"}], options={"history-log": options},
    )  # fmt: skip


def step(revision: int, dbid: int, folder: int = 0, acl: Any = (), body: Any = None) -> Any:
    body = body if body is not None else {"revision": revision, "at": 1.0, "change": "deleted"}
    fields = {**body, "objectType": "skill", "DBID": dbid} if body else {}
    encoded = json.dumps(fields).encode() if fields else b""
    return events.PastChange(revision, 0, T["skill"], dbid, folder, list(acl), encoded)


def test_changes_behind_a_cursor_are_told_with_who_and_when(bench):
    bench.commit(english("one"))
    bench.commit(english("two"), gone("skill", 602))
    bob = bench.login("bob")
    answer = past(bob, since=since(2))
    assert answer["revision"] == 3
    assert told(answer) == [(3, "updated", "skill", 601), (3, "deleted", "skill", 602)]
    first = answer["changes"][0]
    assert (first["by"], first["at"]) == ("tester", 1.0)
    assert (first["delta"], first["former"]) == ({"name": "two"}, {"name": "one"})


def test_a_new_object_is_told_whole(bench):
    bench.commit(record("skill", 700, FOLDER, name="New", tenantDBID=1))
    (change,) = past(bench.login("bob"), since=since(1))["changes"]
    assert (change["change"], change["object"]["name"]) == ("created", "New")


def test_nothing_is_told_of_what_may_not_be_read_now(bench):
    bench.commit(english("one"), record("skill", 603, OTHER, name="Shown?", tenantDBID=1))
    assert told(past(bench.login("bob"), since=since(1))) == [(2, "updated", "skill", 601)]
    assert told(past(bench.login("eve"), since=since(1))) == []


def test_what_was_moved_out_of_sight_is_not_told_any_more(bench):
    bench.commit(english("one"))
    bench.commit(record("skill", 601, OTHER, name="one", tenantDBID=1))
    assert told(past(bench.login("bob"), since=since(1))) == []


def test_a_deleted_object_is_judged_by_where_it_was_last(bench):
    bench.commit(english("one"))
    bench.commit(record("skill", 601, OTHER, name="one", tenantDBID=1))
    bench.commit(gone("skill", 601))
    bench.commit(gone("skill", 602))
    assert told(past(bench.login("bob"), since=since(1))) == [(5, "deleted", "skill", 602)]


def test_a_deleted_object_with_a_grant_of_its_own_is_judged_by_it(bench):
    for acl in ([(3, BOB, 0)], [(3, BOB, 1)]):
        made = record("skill", 700 + acl[0][2], OTHER, name="x", tenantDBID=1, acl=acl)
        bench.commit(made)
        bench.commit(gone("skill", made.dbid))
    bench.commit(record("skill", 710, OTHER, name="y", tenantDBID=1, acl=[(3, BOB, 1)]))
    bob = bench.login("bob")
    assert {dbid for *_, dbid in told(past(bob, since=since(1)))} == {701, 710}


def test_rights_given_later_open_the_past(bench):
    bench.commit(record("skill", 603, OTHER, name="Now shown", tenantDBID=1))
    owner = {"objectType": "tenant", "DBID": 1}
    bench.commit(
        record("folder", OTHER, name="Hidden", type="skill", owner=owner, acl=[(3, BOB, 1)])
    )
    assert (2, "updated", "skill", 603) in told(past(bench.login("bob"), since=since(1)))


def test_a_change_of_grants_alone_is_not_told(bench):
    bench.commit(record("skill", 601, FOLDER, name="Английский", tenantDBID=1, acl=[(3, BOB, 1)]))
    assert past(bench.login("bob"), since=since(1))["changes"] == []


def test_the_session_hears_of_itself(bench):
    bob = bench.login("bob")
    (entry,) = past(bob, since=since(1))["entries"]
    assert (entry["kind"], entry["user"], entry["server"]) == ("sessionOpened", "bob", "confserv")
    assert entry["at"] == bench.now


def test_changes_of_a_time_are_told(bench):
    for at, name in ((10.0, "a"), (20.0, "b"), (30.0, "c")):
        event = bench.database.commit(english(name))
        event.transaction.at = at
        bench.handle(event)
    bob = bench.login("bob")
    assert [r for r, *_ in told(past(bob, sinceTime=20.0))] == [3, 4]
    assert [r for r, *_ in told(past(bob, sinceTime=20.5))] == [4]
    assert told(past(bob, sinceTime=31.0)) == []


def test_a_master_reads_what_is_older_than_its_memory(bench):
    bench.log.changes = [
        step(1, 602, body={"revision": 1, "at": 1.0, "change": "updated", "delta": {}}),
        step(2, 603),
        step(3, 650, FOLDER),
        step(4, 651, OTHER),
        step(5, 652, OTHER, [(3, BOB, 1)]),
        step(6, 601, body={}),
    ]
    for _ in range(6):
        bench.commit(english("x"))
    bench.commit(record("skill", 710, OTHER, name="y", tenantDBID=1, acl=[(3, BOB, 1)]))
    answer = past(bench.login("bob"), since=since(0))
    assert [(r, d) for r, _, _, d in told(answer)] == [(1, 602), (3, 650), (5, 652)]


def test_a_history_beyond_the_revision_of_the_answer_is_left_out(bench):
    bench.log.changes = [step(1, 650, FOLDER), step(9, 651, FOLDER)]
    assert [r for r, *_ in told(past(bench.login("bob"), since=since(0)))] == [1]


def test_all_that_a_master_has_may_be_asked_for(bench):
    bench.log.changes = [step(1, 650, FOLDER)]
    assert told(past(bench.login("bob"))) == [(1, "deleted", "skill", 650)]


def test_a_proxy_tells_what_is_in_its_memory_and_refuses_what_is_not(bench, proxy):
    bench.commit(english("one"))
    bob = proxy.login("bob")
    assert told(past(bob)) == told(past(bob, since=since(1))) == [(2, "updated", "skill", 601)]
    assert bob.error("historyLog", since=since(0)) == "historyExpired"
    assert bob.error("historyLog", sinceTime=0.5) == "historyExpired"


def test_a_proxy_that_is_behind_its_client_has_nothing_new_for_it(proxy):
    assert told(past(proxy.login("bob"), since=since(9))) == []


def test_a_cursor_of_another_history_is_refused(bench):
    bob = bench.login("bob")
    assert bob.error("historyLog", since=since(1, "other")) == "epochChanged"
    assert bob.error("historyLog", since=since(9)) == "epochChanged"


def test_a_cursor_and_a_time_exclude_each_other(bench):
    request = {"since": since(1), "sinceTime": 1.0}
    assert bench.login("bob").error("historyLog", **request) == "invalidParameter"


def test_more_than_max_records_is_expired(bench):
    bench.commit(with_options(**{"max-records": "2"}))
    for name in "ab":
        bench.commit(english(name))
    bob = bench.login("bob")
    assert len(past(bob, since=since(2))["changes"]) == 2
    bench.commit(english("c"))
    assert bob.error("historyLog", since=since(2)) == "historyExpired"
    assert len(past(bob, since=since(3))["changes"]) == 2


def test_what_may_not_be_read_does_not_count(bench):
    bench.commit(with_options(**{"max-records": "1"}))
    for name in "abc":
        bench.commit(record("skill", 603, OTHER, name=name, tenantDBID=1))
    assert told(past(bench.login("bob"), since=since(1))) == []


def test_a_long_answer_comes_in_packets_and_says_when_it_ends(bench):
    bench.commit(*skills(400, description="x" * 600))
    *packets, end = bench.login("bob").ask("historyLog", since=since(1))
    assert len(packets) > 1
    assert not any("last" in packet for packet in packets)
    assert sum(len(packet["changes"]) for packet in packets) == end["total"] == 400
    assert [bool(packet.get("entries")) for packet in packets][-2:] == [False, True]
    msgspec.json.decode(json.dumps(end), type=HistoryLogSent)


def test_a_change_of_rights_on_the_way_ends_the_answer(bench):
    bench.commit(*skills(400, description="x" * 600))
    bob = bench.login("bob")
    bench.hold_again = True
    bob.post("historyLog", since=since(1))
    owner = {"objectType": "tenant", "DBID": 1}
    bench.commit(record("folder", FOLDER, name="Skills", type="skill", owner=owner))
    bench.settle()
    assert bob.inbox[-1]["code"] == "readInterrupted"


def test_what_cannot_be_read_now_is_said(bench):
    bench.log.changes = None
    assert bench.login("bob").error("historyLog", since=since(0)) == "databaseUnavailable"


def test_requests_behind_it_wait_for_the_answer(bench):
    bob = bench.login("bob")
    bench.hold_log = True
    bob.post("historyLog", since=since(1))
    bob.post("readServerInfo")
    assert bob.inbox == []
    bench.handle(events.SessionRead(bob.connection, None))
    assert [message["message"] for message in bob.inbox] == ["error", "serverInfo"]


def test_a_server_link_sees_all_of_the_past():
    bench: Bench = master()
    proxy = Proxy(bench)
    proxy.start()
    bench.commit(gone("skill", 603))
    assert proxy.line is not None
    (answer,) = proxy.line.ask("historyLog", since=since(1))
    assert told(answer) == [(2, "deleted", "skill", 603)]
