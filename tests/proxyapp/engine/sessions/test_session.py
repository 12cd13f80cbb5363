from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from confwire.errors import ERRORS, CloseCode, UniquenessViolation
from proxyapp.engine import commands, events
from tests.proxyapp.engine.bench import BOB, FOLDER, STEADY, gone, master, record, skills

ACL = [(3, 101, 1)]


@pytest.fixture
def bob(bench):
    return bench.login("bob")


@pytest.fixture
def big():
    """A master with more skills than one turn looks at."""
    bench = master()
    bench.commit(*skills(2500))
    return bench


def refs(client) -> list[object]:
    return [m.get("ref") for m in client.inbox]


def write(bob, number: int = 0, **more) -> None:
    delta = {"name": f"n{number}"}
    bob.post("updateObject", objectType="skill", DBID=601, delta=delta, **more)


# ---------------------------------------------------------------- order


def test_pipelined_requests_are_answered_in_their_order(bench, bob):
    kinds = [
        {"message": "readObjects", "objectType": "skill", "filter": {"dbid": 601}},
        {"message": "readObjects", "objectType": "skill"},
        {"message": "readBrief", "objectType": "folder"},
        {"message": "nothing"},
        {"message": "readServerInfo"},
        {"message": "readObjects", "objectType": "skill", "filter": {"folder_dbid": "x"}},
        {"message": "readObjects", "objectType": "dn", "filter": {"place_dbid": "x"}},
        {"message": "registerNotification", "subscriptions": [{}]},
        {"message": "unregisterNotification"},
    ]
    asked = [{**kind, "ref": n} for n, kind in enumerate(kinds * 3)]
    bob.send(*(json.dumps(item).encode() for item in asked))
    assert refs(bob) == list(range(len(asked)))


def test_requests_behind_a_long_read_wait_for_it(big):
    bob = big.login("bob")
    big.hold_again = True
    bob.post("readObjects", objectType="skill")
    bob.post("readObjects", objectType="skill", filter={"dbid": 601})
    bob.post("readServerInfo")
    assert bob.inbox == []
    big.settle()
    assert refs(bob)[-2:] == [2, 3]
    assert set(refs(bob)[:-2]) == {1}


def test_reading_is_paused_while_a_read_is_under_way(big):
    bob = big.login("bob")
    big.hold_again = True
    big.commands.clear()
    bob.post("readObjects", objectType="skill")
    assert [c.connection for c in big.of(commands.PauseReading)] == [bob.connection]
    assert big.of(commands.ResumeReading) == []
    big.settle()
    assert [c.connection for c in big.of(commands.ResumeReading)] == [bob.connection]


def test_a_thousand_refused_requests_in_one_read_are_all_answered(big):
    bob = big.login("bob")
    bad = {"message": "readObjects", "objectType": "dn", "filter": {"place_dbid": "x"}}
    first = {"message": "readObjects", "objectType": "skill", "ref": -1}
    bob.send(*(json.dumps(m).encode() for m in [first, *({**bad, "ref": n} for n in range(2000))]))
    assert refs(bob)[-2000:] == list(range(2000))


def test_others_are_served_while_one_reads_much(big):
    bob, eve = big.login("bob"), big.login("bob")
    big.hold_again = True
    bob.post("readObjects", objectType="skill")
    assert eve.read("skill", dbid=601) == [601]
    assert bob.inbox == []


def test_a_reader_that_goes_away_in_the_midst_of_its_read_leaves_nothing(big):
    bob = big.login("bob")
    big.hold_again = True
    bob.post("readObjects", objectType="skill")
    bob.leave()
    big.settle()
    assert bob.inbox == []
    assert big.node.status(big.now)["sessions"] == []


def test_a_blocked_reader_gets_no_packets_until_it_is_drained(big):
    bob = big.login("bob")
    big.hold_again = True
    bob.post("readObjects", objectType="skill")
    bob.block()
    big.settle()
    assert bob.inbox == []
    bob.drain()
    assert bob.inbox[-1]["message"] == "objectsSent"


# ---------------------------------------------------------------- small requests


def test_a_failure_inside_of_one_request_hurts_nobody(bench, bob):
    eve = bench.login("bob")
    acl = [(3, 101, 1)]
    bench.commit(record("place", 40, acl=acl, name="p", dnDBIDs=[{"not": "a number"}]))
    assert bob.error("readObjects", objectType="dn", filter={"place_dbid": 40}) == "internalError"
    assert any(log.event == "request failed" for log in bench.of(commands.Log))
    assert bob.closed is None
    assert bob.read("skill") == eve.read("skill") == [601, 602]


# ---------------------------------------------------------------- writes


def test_only_so_many_writes_of_one_session_wait_for_the_database(bench, bob):
    for number in range(70):
        write(bob, number)
    session = next(iter(bench.node.serving.roster))
    assert session.writes == 64
    assert bench.of(commands.PauseReading)[-1].connection == bob.connection
    done = []
    while len(asked := bench.of(commands.Write)) > len(done):
        done.append(asked[len(done)])
        assert session.writes <= 64
        bench.handle(events.Written(done[-1].ticket, 1, 601))
    names = [command.request.delta["name"] for command in done]
    assert names == [f"n{number}" for number in range(70)]
    assert bench.of(commands.ResumeReading)


def test_nothing_is_sent_after_a_close(bench, bob):
    write(bob)
    write(bob)
    bench.node.handle(events.Received(bob.connection, []), bench.now)
    session = next(iter(bench.node.serving.roster))
    session.close(CloseCode.RIGHTS_WITHDRAWN, "test")
    bench.node.serving.out.clear()
    first, second = bench.of(commands.Write)
    bench.handle(events.Written(first.ticket, 1, 601))
    bench.handle(events.WriteRefused(second.ticket, UniquenessViolation()))
    bench.handle(events.Drained(bob.connection))
    assert bob.inbox == []


# ---------------------------------------------------------------- bad input

scalars = st.none() | st.booleans() | st.integers() | st.text(max_size=8) | st.floats()
values = st.recursive(
    scalars,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3)
    ),
    max_leaves=6,
)  # fmt: skip
names = st.sampled_from(
    ["open", "proof", "readObjects", "readBrief", "registerNotification", "createObject",
     "unregisterNotification", "updateObject", "deleteObject", "readServerInfo", "acknowledge",
     "replicate", "opened", "transaction", ""]
)  # fmt: skip
fields = st.sampled_from(
    ["objectType", "filter", "limit", "after", "subscriptions", "snapshot", "since", "DBID",
     "delta", "object", "folderDBID", "revision", "data", "application", "user", "role",
     "subscription"]
)  # fmt: skip
plausible = st.sampled_from(
    ["skill", "folder", 601, 0, -1, {"dbid": 601}, {"name": "*"}, {"place_dbid": 1}, True, [],
     [{}], [{"types": ["skill"]}], [{"filter": {"name": "x"}}], {"epoch": "e1", "revision": 1},
     {"epoch": "e1", "revision": 0, "hash": "x"}, "n,,n=bob,r=abcdefgh", "default"]
)  # fmt: skip
messages = st.builds(
    lambda name, ref, rest: json.dumps({"message": name, "ref": ref, **rest}).encode(),
    names,
    st.integers(0, 9) | scalars,
    st.dictionaries(fields, plausible | values, max_size=5),
)
nonsense = st.lists(st.binary(max_size=40) | messages, min_size=1, max_size=6)


@STEADY
@given(st.booleans(), st.lists(nonsense, min_size=1, max_size=4))
def test_whatever_comes_is_answered_by_a_documented_error_or_close(opened, reads):
    bench = master()
    other = bench.login("bob")
    client = bench.login("bob") if opened else bench.connect()
    for data in reads:
        if client.closed is None:
            client.send(*data)
    for message in client.inbox:
        assert message["message"] != "error" or message["code"] in ERRORS
        assert message.get("code") != "internalError"
    assert client.closed is None or client.closed[0] in set(CloseCode)
    assert opened or client.closed is not None or refs(client) == [None] * len(client.inbox)
    assert other.read("skill") == [601, 602]


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"", "malformedMessage"),
        (b"\x00\xff", "malformedMessage"),
        (b"{}", "malformedMessage"),
        (b"[1]", "malformedMessage"),
        (b"{" * 100_000, "malformedMessage"),
        (b'{"message":"fly","ref":7}', "unknownMessage"),
        (b'{"message":"opened","ref":7}', "unknownMessage"),
        (b'{"message":"readObjects","ref":7}', "invalidParameter"),
        (b'{"message":"readObjects","ref":7,"objectType":5}', "invalidParameter"),
        (b'{"message":"readObjects","ref":7,"objectType":"skill","limit":"x"}', "invalidParameter"),
        (
            b'{"message":"createObject","ref":7,"objectType":"x","object":[]}',
            "invalidParameter",
        ),
        (b'{"message":"replicate","ref":7}', "noPermission"),
    ],
)
def test_a_bad_message_of_an_open_session_is_refused_and_the_session_goes_on(bob, data, code):
    bob.send(data)
    assert bob.inbox[-1]["code"] == code
    assert bob.inbox[-1].get("ref") == (7 if b'"ref":7' in data else None)
    assert bob.closed is None
    assert bob.read("skill") == [601, 602]


def test_a_session_names_itself_in_logs(bench, bob):
    (session,) = bench.node.serving.roster
    assert repr(session) == "<Session 1 default/bob open>"
    bob.watch(types=["skill"])
    bob.block()
    assert repr(session) == "<Session 1 default/bob behind open>"


def moments(bench):
    return [
        (entry.kind, entry.user, entry.revision, entry.reason)
        for entry in bench.log.entries
        if entry.session
    ]


def test_the_beginning_and_the_end_of_a_session_are_kept_with_its_cursor(bench):
    bob = bench.login("bob")
    bob.watch(types=["skill"])
    bob.block()
    bench.commit(record("skill", 601, FOLDER, name="new"))
    bob.leave()
    assert moments(bench) == [("sessionOpened", "bob", 1, ""), ("sessionClosed", "bob", 1, "gone")]
    (session,) = {entry.session for entry in bench.log.entries if entry.session}
    assert bench.log.entries[-1].application_type == "sce"
    assert len(session) == 24


def test_a_session_that_the_server_ended_is_kept_with_the_reason(bench):
    bench.login("bob")
    bench.commit(gone("person", BOB))
    assert moments(bench)[-1][3] == "the account was disabled or deleted"


def test_a_connection_that_never_logged_in_is_no_session(bench):
    bench.connect().leave()
    assert moments(bench) == []
