from __future__ import annotations

import pytest

from tests.proxyapp.engine.bench import (
    FOLDER,
    INNER,
    OTHER,
    documents,
    gone,
    master,
    record,
    skills,
)

SKILLS = {"types": ["skill"]}


def skill(dbid: int, name: str, folder: int = FOLDER) -> object:
    return record("skill", dbid, folder, name=name, tenantDBID=1)


def regrant(bench) -> None:
    """Change rights, though not bob's."""
    bench.commit(record("skill", 603, OTHER, name="Secret", acl=[(3, 102, 1)]))


@pytest.fixture
def bob(bench):
    return bench.login("bob")


# ---------------------------------------------------------------- registering


def test_a_registration_is_answered_and_live_from_then_on(bench, bob):
    (answer,) = bob.watch(**SKILLS)
    assert answer == {
        "message": "notificationRegistered", "ref": 1, "epoch": "e1", "revision": 1,
    }  # fmt: skip
    bench.commit(skill(604, "new"))
    assert bob.changes() == [("created", "skill", 604)]


def test_a_subscription_that_has_ended_is_not_heard_of(bench, bob):
    bob.watch(**SKILLS)
    (answer,) = bob.ask("unregisterNotification", subscription="default")
    assert (answer["message"], answer["subscription"]) == ("notificationUnregistered", "default")
    bench.commit(skill(604, "new"))
    assert bob.inbox == []
    assert bob.error("unregisterNotification", subscription="default") == "unknownSubscription"


def test_a_registration_under_a_known_name_replaces_it(bench, bob):
    bob.watch(**SKILLS)
    bob.watch(types=["folder"])
    bench.commit(skill(604, "new"))
    assert bob.inbox == []


def test_an_object_that_two_subscriptions_name_is_told_once(bench, bob):
    bob.watch(name="a", **SKILLS)
    bob.watch(name="b", folders=[FOLDER], mode="state")
    bench.commit(skill(601, "x"))
    assert bob.changes() == [("updated", "skill", 601)]


def test_a_session_has_at_most_64_subscriptions(bob):
    names = [{"name": str(number)} for number in range(64)]
    assert bob.ask("registerNotification", subscriptions=names)[0]["ref"] == 1
    more = [{"name": "one more"}]
    assert bob.error("registerNotification", subscriptions=more) == "tooManySubscriptions"
    assert bob.watch(name="63")[0]["message"] == "notificationRegistered"


@pytest.mark.parametrize(
    ("subscription", "code"),
    [
        ({"types": ["thing"]}, "invalidParameter"),
        ({"objects": [{"objectType": "thing", "DBID": 1}]}, "invalidParameter"),
        ({"filter": {"name": "x"}}, "invalidParameter"),
        ({"types": ["skill", "dn"], "filter": {"name": "x"}}, "invalidParameter"),
        ({"types": ["dn"], "filter": {"place_dbid": 1}}, "invalidParameter"),
        ({"types": ["skill"], "filter": {"color": 1}}, "unknownFilterKey"),
        ({"mode": "loud"}, "invalidParameter"),
        ({"name": "a\0b"}, "invalidParameter"),
        ({"tenants": ["one"]}, "invalidParameter"),
    ],
)
def test_a_subscription_that_means_nothing_is_refused(bench, bob, subscription, code):
    bob.watch(name="kept", **SKILLS)
    assert bob.error("registerNotification", subscriptions=[subscription]) == code
    assert bob.error("registerNotification", subscriptions=[]) == "invalidParameter"
    bench.commit(skill(601, "x"))
    assert bob.changes() == [("updated", "skill", 601)]


def test_filters_that_mean_opposite_things_do_not_share_a_view(bench):
    acl = [(3, 101, 1)]
    twos, trues = bench.login("bob"), bench.login("bob")
    twos.watch(types=["person"], filter={"is_agent": 1})
    trues.watch(types=["person"], filter={"is_agent": True})
    bench.commit(record("person", 150, acl=acl, userName="agent", isAgent=True))
    assert (twos.changes(), trues.changes()) == ([], [("created", "person", 150)])


# ---------------------------------------------------------------- snapshots


def test_a_snapshot_comes_before_the_answer_by_type_and_as_of_one_revision(bench, bob):
    *packets, sent, registered = bob.watch(snapshot=True)
    assert [p["objectType"] for p in packets] == ["application", "skill", "folder"]
    assert sent["total"] == len(list(documents(packets))) == 5
    assert registered["message"] == "notificationRegistered"
    assert {m["revision"] for m in [*packets, sent, registered]} == {1}


def test_an_empty_snapshot_says_that_it_was_sent(bob):
    sent, registered = bob.watch(types=["campaign"], snapshot=True)
    assert (sent["message"], sent["total"]) == ("objectsSent", 0)
    assert registered["message"] == "notificationRegistered"


def test_what_happens_while_a_snapshot_is_taken_is_in_it_or_after_it():
    bench = master()
    bench.commit(*skills(3500))
    bob = bench.login("bob")
    bench.hold_again = True
    bob.post("registerNotification", subscriptions=[SKILLS], snapshot=True)
    bench.commit(skill(601, "in it"), gone("skill", 1000))
    while not bob.inbox:
        bench.turn()
    bench.commit(skill(602, "after it", INNER), gone("skill", 1001))
    bench.settle()
    copy = {d["DBID"]: d["name"] for d in documents(bob.inbox)}
    registered, changed = bob.inbox[-2:]
    assert (copy[601], copy[602], 1000 in copy, 1001 in copy) == ("in it", "French", False, True)
    assert (registered["revision"], changed["revision"]) == (3, 4)
    assert [c["DBID"] for c in changed["changes"]] == [602, 1001]


def test_what_was_missed_before_a_second_snapshot_is_not_told_to_it_again():
    bench = master()
    bench.commit(*skills(3500))
    bob = bench.login("bob")
    bob.watch(name="old", objects=[{"objectType": "skill", "DBID": 601}])
    bench.hold_again = True
    new = {"name": "new", **SKILLS}
    bob.post("registerNotification", subscriptions=[new], snapshot=True)
    bob.block()
    bench.commit(skill(601, "both"), skill(602, "only the new one", INNER))
    bob.drain()
    bench.settle()
    told = [(m["revision"], c["DBID"]) for m in bob.inbox for c in m.get("changes", ())]
    assert told == [(3, 601)]
    assert {d["DBID"]: d["name"] for d in documents(bob.inbox)}[602] == "only the new one"


# ---------------------------------------------------------------- resuming


def since(bob, revision: int, epoch: str = "e1", **more):
    return bob.watch(**SKILLS, since={"epoch": epoch, "revision": revision}, **more)


def test_a_cursor_replays_exactly_what_was_missed(bench, bob):
    for name in ("b", "c", "d"):
        bench.commit(skill(601, name), record("folder", 520, FOLDER, name=name, type="skill"))
    registered, *missed = since(bob, 2)
    assert registered["revision"] == 4
    assert [m["revision"] for m in missed] == [3, 4]
    assert [c["delta"]["name"] for m in missed for c in m["changes"]] == ["c", "d"]
    bench.commit(skill(601, "e"))
    assert [m["revision"] for m in bob.inbox] == [5]


def test_a_cursor_at_the_end_replays_nothing(bench, bob):
    assert [m["message"] for m in since(bob, 1)] == ["notificationRegistered"]


def test_a_long_replay_comes_in_turns_and_then_goes_live(bench, bob):
    for number in range(450):
        bench.commit(skill(601, str(number)))
    bench.hold_again = True
    bob.post("registerNotification", subscriptions=[SKILLS], since={"epoch": "e1", "revision": 1})
    bench.commit(skill(601, "meanwhile"))
    bench.settle()
    assert [m["revision"] for m in bob.inbox[1:]] == list(range(2, 453))


@pytest.mark.parametrize(
    ("revision", "epoch", "more", "code"),
    [
        (1, "e0", {}, "epochChanged"),
        (99, "e1", {}, "epochChanged"),
        (-1, "e1", {}, "compacted"),
        (0, "e1", {}, "compacted"),
        (1, "e1", {"snapshot": True}, "invalidParameter"),
    ],
)
def test_a_cursor_that_cannot_be_gone_on_from_is_refused(bench, bob, revision, epoch, more, code):
    bench.commit(skill(601, "x"))
    (answer,) = since(bob, revision, epoch, **more)
    assert answer["code"] == code


def test_a_cursor_older_than_the_ring_is_compacted():
    bench = master(journal_capacity=2)
    for name in "abcd":
        bench.commit(skill(601, name))
    assert since(bench.login("bob"), 2)[0]["code"] == "compacted"
    assert len(since(bench.login("bob"), 3)) == 3


def test_a_cursor_does_not_step_over_a_change_of_rights(bench, bob):
    bench.commit(skill(601, "x"))
    regrant(bench)
    assert since(bob, 1)[0]["code"] == "compacted"
    assert since(bob, 3)[0]["message"] == "notificationRegistered"


def test_a_cursor_goes_with_the_first_registration_only(bench, bob):
    bob.watch(name="first", types=["folder"])
    bench.commit(skill(601, "x"))
    assert since(bob, 1)[0]["code"] == "invalidParameter"


def test_a_proxy_that_is_behind_a_cursor_goes_on_from_it(bench, proxy):
    bob = proxy.login("bob")
    assert [m["message"] for m in since(bob, 5)] == ["notificationRegistered"]
    assert proxy.node.status(proxy.now)["epoch"] == "e1"


# ---------------------------------------------------------------- slow readers


def test_a_blocked_session_gets_nothing_and_then_exactly_what_it_missed(bench, bob):
    quick = bench.login("bob")
    bob.watch(**SKILLS)
    quick.watch(**SKILLS)
    bob.block()
    for name in "xyz":
        bench.commit(skill(601, name))
    bench.tick(30)
    assert bob.inbox == []
    bob.drain()
    assert [m for m in bob.inbox if m["message"] == "objectsChanged"] == [
        m for m in quick.inbox if m["message"] == "objectsChanged"
    ]
    bench.commit(skill(601, "live"))
    assert bob.inbox[-1]["revision"] == 5


def test_in_mode_state_what_was_missed_is_told_once_as_it_stands(bench, bob):
    bob.watch(**SKILLS, mode="state")
    bob.block()
    for name in "xyz":
        bench.commit(skill(601, name), skill(604, name))
    bench.commit(skill(605, "brief life"), gone("skill", 602))
    bench.commit(gone("skill", 605))
    bob.drain()
    (message,) = bob.inbox
    assert message["revision"] == 6
    found = {c["DBID"]: (c["change"], c.get("object", {}).get("name")) for c in message["changes"]}
    assert found == {601: ("updated", "z"), 604: ("created", "z"), 602: ("deleted", None)}


def test_in_mode_state_what_was_seen_elsewhere_is_not_joined_to_what_was_not(bench, proxy):
    proxy.hold_wire = True
    bench.commit(skill(605, "seen elsewhere"))
    bob = proxy.login("bob")
    bob.watch(**SKILLS, mode="state", since={"epoch": "e1", "revision": 2})
    bob.watch(types=["person"], name="more")  # the cursor says nothing of these
    bob.block()
    bench.commit(gone("skill", 605))
    proxy.hold_wire = False
    proxy.pump()
    bob.drain()
    # The first one is dropped by who has seen revision 2, the other is news.
    assert [message["revision"] for message in bob.inbox if "changes" in message] == [2, 3]
    assert bob.changes() == [("created", "skill", 605), ("deleted", "skill", 605)]


def test_a_slow_reader_is_not_sent_what_it_was_told_elsewhere(bench, proxy):
    proxy.hold_wire = True
    bench.commit(skill(605, "seen elsewhere"))
    regrant(bench)
    bob = proxy.login("bob")
    bob.watch(**SKILLS, since={"epoch": "e1", "revision": 3})
    bob.block()
    bench.commit(gone("skill", 605))
    proxy.hold_wire = False
    proxy.pump()
    bob.drain()
    assert [message.get("revision") for message in bob.inbox] == [4]
    assert bob.changes() == [("deleted", "skill", 605)], "and the change of rights does not matter"


def test_continuity_that_is_lost_is_said_and_ends_every_subscription():
    bench = master(journal_capacity=2)
    bob = bench.login("bob")
    bob.watch(**SKILLS)
    bob.block()
    for name in "abcd":
        bench.commit(skill(601, name))
    bob.drain()
    assert [(m["message"], m["reason"]) for m in bob.inbox] == [("notificationsLost", "compacted")]
    bob.inbox.clear()
    bench.commit(skill(601, "e"))
    assert bob.inbox == []
    assert bob.watch(**SKILLS)[0]["message"] == "notificationRegistered"


def test_a_slow_reader_is_not_led_past_a_change_of_rights(bench, bob):
    bob.watch(**SKILLS)
    bob.block()
    bench.commit(skill(601, "x"))
    regrant(bench)
    bob.drain()
    assert [m["message"] for m in bob.inbox] == ["notificationsLost"]


@pytest.mark.parametrize("revision", [1, 4])
def test_a_slow_reader_hears_that_the_data_was_replaced(bench, bob, revision):
    bob.watch(**SKILLS)
    for name in "abc":
        bench.commit(skill(601, name))
    bob.inbox.clear()
    bob.block()
    older = [*bench.database.records.values()][:-1]
    bench.database.restored(older, revision)
    bench.database.epoch = "e2"
    bench.load("epoch")
    assert bob.inbox == []
    bob.drain()
    assert [(m["message"], m["reason"]) for m in bob.inbox] == [("notificationsLost", "epoch")]


def test_a_slow_readers_cursor_is_in_its_status(bench, bob):
    bob.watch(**SKILLS)
    bob.block()
    bench.commit(skill(601, "x"))
    (session,) = bench.node.status(bench.now)["sessions"]
    assert (session["cursor"], session["behind"], session["subscriptions"]) == (
        1,
        True,
        ["default"],
    )
    bob.drain()
    (session,) = bench.node.status(bench.now)["sessions"]
    assert (session["cursor"], session["behind"]) == (2, False)


def test_one_that_is_blocked_and_drained_in_a_row_gets_one_turn_at_a_time(bench, bob):
    bob.watch(**SKILLS)
    bench.hold_again = True
    bob.block()
    for number in range(450):
        bench.commit(skill(601, str(number)))
    bob.drain()
    for _ in range(5):
        bob.block()
        bob.drain()
    assert len(bench.tasks) == 1
    bench.settle()
    assert [m["revision"] for m in bob.inbox] == list(range(2, 452))


def test_what_is_asked_while_a_reader_is_slow_waits(bench, bob):
    bob.block()
    bob.post("registerNotification", subscriptions=[SKILLS])
    bench.commit(skill(601, "x"))
    assert bob.inbox == []
    bob.drain()
    assert [(m["message"], m["revision"]) for m in bob.inbox] == [("notificationRegistered", 2)]
