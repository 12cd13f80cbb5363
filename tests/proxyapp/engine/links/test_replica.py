from __future__ import annotations

import base64
import json

import msgspec
import pytest

from confwire import codec
from confwire.messages import Record, ReplicationLoaded, ReplicationRecords, Transaction
from proxyapp.engine import commands, events
from proxyapp.engine.data.journal import GONE
from tests.proxyapp.engine.bench import FOLDER, Proxy, T, gone, record, skills, tree_of


def test_a_proxy_loads_everything_and_then_listens_on_its_own_ports(bench, proxy):
    assert tree_of(proxy) == tree_of(bench)
    assert proxy.node.ready()
    (listen,) = proxy.of(commands.Listen)
    assert [port.port for port in listen.ports] == [2030]


def test_a_change_at_the_master_reaches_a_client_behind_the_proxy(bench, proxy):
    bob = proxy.login("bob")
    bob.watch(types=["skill"])
    bench.commit(record("skill", 601, FOLDER, name="new", tenantDBID=1))
    assert bob.changes() == [("updated", "skill", 601)]
    assert tree_of(proxy) == tree_of(bench)


def test_what_a_client_gets_is_byte_for_byte_the_same_on_both_sides(bench, proxy):
    near, far = bench.login("bob"), proxy.login("bob")
    for client in (near, far):
        client.watch(snapshot=True)
    bench.commit(record("skill", 601, FOLDER, name="new"), gone("skill", 602))
    near.ask("readObjects", objectType="skill")
    far.ask("readObjects", objectType="skill")
    assert near.raw[3:] == far.raw[3:]


def test_with_the_master_away_reads_subscriptions_and_logins_go_on(bench, proxy):
    bob = proxy.login("bob")
    bob.watch(types=["skill"])
    proxy.sever()
    assert bob.read("skill") == [601, 602]
    new = proxy.login("bob")
    assert new.watch(types=["skill"], snapshot=True)[-1]["message"] == "notificationRegistered"
    assert proxy.node.ready()
    assert proxy.alarms() == {"master"}
    bench.commit(gone("skill", 601))
    proxy.dial()
    assert bob.changes() == new.changes() == [("deleted", "skill", 601)]
    assert proxy.alarms() == set()


def test_writes_are_refused_with_the_address_of_the_master(bench, proxy):
    bob = proxy.login("bob")
    (answer,) = bob.ask("deleteObject", objectType="skill", DBID=601)
    assert answer["code"] == "readOnlyServer"
    assert answer["data"] == {"masterHost": "master.example", "masterPort": "2020"}
    proxy.sever()
    (answer,) = bob.ask("deleteObject", objectType="skill", DBID=601)
    assert (answer["code"], answer["permanent"]) == ("masterUnavailable", False)
    assert bench.of(commands.Write) == proxy.of(commands.Write) == []


def test_the_age_counts_from_the_masters_last_word(bench, proxy):
    heard = proxy.now
    proxy.now += 7
    proxy.sever()
    proxy.now += 1
    assert proxy.node.status(proxy.now)["age"] >= proxy.now - heard - 0.001


def test_the_age_grows_while_the_master_is_away(bench, proxy):
    proxy.sever()
    proxy.now += 7
    (info,) = proxy.login("bob").ask("readServerInfo")
    assert info["age"] == 7
    assert info["link"] != "live"
    assert proxy.node.status(proxy.now)["age"] == 7


def test_attempts_come_later_and_later_but_within_two_seconds(bench, proxy):
    proxy.sever()
    for _ in range(12):
        proxy.handle(events.LinkLost("refused", 0, 0.99))
    delays = [command.delay for command in proxy.of(commands.ConnectLink)[1:]]
    assert delays == sorted(delays)
    assert 0 < delays[0] < 0.5
    assert delays[-1] < 2


def test_jitter_keeps_proxies_apart(bench, proxy):
    proxy.sever()
    for jitter in (0.0, 0.9):
        proxy.handle(events.LinkLost("refused", 0, jitter))
    early, late = proxy.of(commands.ConnectLink)[-2:]
    assert early.delay < late.delay


def test_a_refusal_before_the_first_load_ends_the_process_and_later_is_an_alarm(bench, proxy):
    proxy.sever()
    proxy.password = "wrong"
    proxy.dial()
    assert proxy.of(commands.Stop) == []
    assert proxy.alarms() == {"master", "refused"}
    proxy.password = "пароль-7"
    proxy.dial()
    assert proxy.link == "live"
    assert proxy.alarms() == set()


def test_a_refusal_that_may_pass_is_tried_again(bench, proxy):
    other = Proxy(bench)
    other.start()
    assert other.of(commands.Stop) == []
    assert bench.of(commands.Probe)[-1].connection == proxy.line.connection
    proxy.sever()
    other.dial()
    assert other.link == "live"


def test_keys_that_were_derived_for_a_lost_link_are_not_used(bench):
    proxy = Proxy(bench)
    proxy.hold_proof = True
    proxy.start()
    late = proxy.proof(proxy.of(commands.ProveLink)[0])
    proxy.sever()
    line = bench.connect(kind=type(proxy.line or bench.connect()))
    proxy.handle(events.LinkOpened(base64.b64encode(b"proxy-nonce-second").decode(), True))
    proxy.handle(late)
    assert line.closed is None
    assert proxy.link == "opening"
    proxy.sever()
    proxy.handle(events.LinkLost("gone", 0, 0.5))
    proxy.hold_proof = False
    proxy.dial()
    assert proxy.link == "live"


def test_keys_are_used_once(bench):
    proxy = Proxy(bench)
    proxy.start()
    proxy.handle(proxy.proof(proxy.of(commands.ProveLink)[0]))
    assert proxy.link == "live"


@pytest.mark.parametrize(
    "data",
    [
        b"nonsense",
        b"{}",
        b'{"message":"opened"}',
        b'{"message":"objectsSent","ref":1,"epoch":"e1","revision":1,"total":0}',
        codec.encode(ReplicationLoaded(ref=1, epoch="e1", revision=1, tree="zz", hash="")),
        codec.encode(Transaction(epoch="e1", revision=2, at=1.0, records=[Record(99, 1, 0, GONE)])),
        codec.encode(
            ReplicationRecords(ref=1, epoch="e1", revision=1, records=[Record(13, 1, 0, GONE)])
        ),
    ],
)
def test_a_master_that_talks_nonsense_does_not_bring_the_proxy_down(bench, proxy, data):
    bob = proxy.login("bob")
    proxy.handle(events.LinkReceived([data]))
    assert bob.read("skill") == [601, 602]
    if proxy.line is None:
        proxy.dial()
    bench.commit(record("skill", 604, FOLDER, name="x"))
    assert tree_of(proxy) == tree_of(bench)


def test_a_server_that_cannot_prove_itself_is_not_believed(bench):
    proxy = Proxy(bench)
    proxy.hold_proof = True
    proxy.start()
    opened = {
        "message": "opened", "session": "s", "epoch": "e", "revision": 1, "data": "v=AAAA",
        "server": {"application": "x", "DBID": 1, "release": "1.0.0", "mode": "master"},
        "applicationDBID": 110,
    }  # fmt: skip
    proxy.handle(events.LinkReceived([json.dumps(opened).encode()]))
    assert proxy.line is None
    assert not proxy.node.ready()


def test_a_gap_in_the_revisions_is_found_out_and_mended_by_a_load(bench, proxy):
    bench.database.commit(record("skill", 604, FOLDER, name="unseen"))
    missed = bench.database.transactions[-1]
    bench.handle(events.Committed(missed))
    later = codec.encode(Transaction(epoch="e1", revision=9, at=1.0, records=[]))
    proxy.handle(events.LinkReceived([later]))
    assert "diverged" in proxy.alarms()
    proxy.dial()
    assert tree_of(proxy) == tree_of(bench)


def test_data_that_differs_from_the_masters_is_loaded_anew_and_clients_told(bench, proxy):
    bob = proxy.login("bob")
    bob.watch(types=["skill"])
    wrong = Transaction(
        epoch="e1", revision=2, at=1.0, tree="0" * 32, hash="x",
        records=[record("skill", 602, FOLDER, name="never was", tenantDBID=1)],
    )  # fmt: skip
    proxy.handle(events.LinkReceived([codec.encode(wrong)]))
    assert proxy.line is None
    proxy.dial()
    assert tree_of(proxy) == tree_of(bench)
    assert bob.changes() == [("updated", "skill", 602), ("updated", "skill", 602)]
    assert bob.read("skill", name="French") == [602]


def test_a_load_beside_the_served_data_tells_clients_only_the_difference(bench, proxy):
    bob = proxy.login("bob")
    bob.watch(types=["skill"])
    proxy.sever()
    bench.commit(gone("skill", 601), *skills(2500))
    bench.database.transactions.clear()
    bench.database.first = bench.database.revision
    bench.restart()
    proxy.hold_again = True
    proxy.dial()
    assert bob.read("skill") == [601, 602]
    bench.commit(record("skill", 602, FOLDER, name="in between"))
    proxy.settle()
    found = bob.changes()
    assert found.count(("deleted", "skill", 601)) == 1
    assert len(found) == 2502
    assert tree_of(proxy) == tree_of(bench)


def test_a_challenge_that_is_no_answer_to_the_opening_breaks_the_link(bench):
    proxy = Proxy(bench)
    proxy.hold_proof = True
    proxy.start()
    asked = proxy.of(commands.ProveLink)[0]
    other = b'{"message":"challenge","data":"r=another,s=MDEyMzQ1Njc4OWFiY2RlZg==,i=4096"}'
    proxy.handle(events.LinkReceived([other]))
    proxy.handle(proxy.proof(asked))
    assert proxy.line is None
    assert proxy.of(commands.CloseLink)


def test_a_client_that_knew_more_than_its_proxy_is_told_when_that_never_was(bench, proxy):
    bob = proxy.login("bob")
    bob.watch(types=["skill"], since={"epoch": "e1", "revision": 5})
    other = proxy.login("bob")
    other.watch(types=["skill"])
    bench.database.new_epoch()
    bench.database.commit(gone("skill", 601))
    bench.load("epoch")
    proxy.dial()
    assert [(m["message"], m.get("reason")) for m in bob.inbox] == [("notificationsLost", "epoch")]
    assert other.changes() == [("deleted", "skill", 601)]


def odd(dbid: int, name: str) -> Record:
    """Return a skill in JSON that no encoder writes: its spaces, escapes and order are its own."""
    text = f'{{"name" : "{name}\\u00e9",  "folderDBID":{FOLDER}, "tenantDBID":1 ,"DBID":{dbid}}}'
    return Record(T["skill"], dbid, FOLDER, msgspec.Raw(text.encode()))


def test_no_server_builds_the_json_of_a_document_again(bench):
    """From the commit to the last client the bytes are those that the commit published."""
    bench.commit(odd(801, "loaded"))
    proxy = Proxy(bench)
    proxy.start()  # it gets the first by a load, the others by their transactions
    follower, reader = proxy.login("bob"), proxy.login("bob")
    follower.watch(types=["skill"], mode="state", snapshot=True)
    bench.commit(odd(802, "created"))
    bench.commit(odd(801, "updated"))
    bench.commit(*(odd(dbid, "large") for dbid in range(10_000, 12_500)))
    for client, dbid, name in (
        (follower, 801, "loaded"),
        (follower, 802, "created"),
        (follower, 801, "updated"),
        (follower, 12_499, "large"),
    ):
        assert sum(raw.count(bytes(odd(dbid, name).body)) for raw in client.raw) == 1
    for side in (reader, bench.login("bob")):
        for filter_ in ({"dbid": 801}, {"name": "updated\u00e9"}, {"folder_dbid": FOLDER}):
            side.raw.clear()
            side.post("readObjects", objectType="skill", filter=filter_)
            assert sum(raw.count(bytes(odd(801, "updated").body)) for raw in side.raw) == 1
    assert tree_of(proxy) == tree_of(bench)
