from __future__ import annotations

import pytest

from confwire.errors import CloseCode
from historylog.entries import Kind
from proxyapp.engine import commands, events
from proxyapp.engine.commands import HoldHistory, Listen
from tests.proxyapp.engine.bench import Bench, Proxy, environment, gone, master, record, tree_of

CONFSERV_BACKUP = record(
    "application",
    120,
    name="confserv-backup",
    type="configserver",
    state="enabled",
    tenantDBIDs=[1],
    serverInfo={"hostDBID": 10},
    portInfos=[{"id": "default", "port": "3020"}],
)


@pytest.fixture
def one() -> Bench:
    """A master that has its data, and has not heard yet whether it leads."""
    host = record("host", 10, name="host-1")
    return master([*environment(), host, CONFSERV_BACKUP], elects=True)


def role_of(bench: Bench) -> str:
    role: str = bench.node.status(bench.now)["authority"]["role"]
    return role


def kinds(bench: Bench) -> list[str]:
    return [entry.kind for keep in bench.of(commands.Keep) for entry in keep.entries]


def elect(bench: Bench, term: int = 1, former: str = "") -> None:
    bench.handle(events.Elected(term, former))


def depose(bench: Bench, term: int = 2) -> None:
    bench.handle(events.Deposed("confserv-backup", term))


def test_a_master_serves_nobody_before_it_is_elected(one):
    assert not one.node.ready()
    assert one.of(Listen) == []
    stranger = one.connect()
    stranger.open("bob")
    assert stranger.inbox[0]["code"] == "notReady"
    elect(one)
    assert one.node.ready()
    (listen,) = one.of(Listen)
    assert [port.port for port in listen.ports] == [2020]
    assert role_of(one) == "primary"
    assert one.login("bob").read("skill") == [601, 602]


def test_a_lone_master_keeps_no_change_of_role_at_its_start(one):
    elect(one, former="confserv")
    assert Kind.ROLE_CHANGED.value not in kinds(one)
    assert one.of(HoldHistory) == [HoldHistory(False)]


def test_a_backup_follows_the_data_and_serves_nobody(one):
    depose(one)
    one.commit(gone("skill", 601))
    assert tree_of(one)[1] == 2
    assert one.of(Listen) == one.of(HoldHistory) == []
    assert not one.node.ready()
    assert one.node.stands_by()
    status = one.node.status(one.now)
    assert status["withheld"] == "this is a backup master, 'confserv-backup' leads"
    assert status["authority"]["leader"] == "confserv-backup"
    assert status["authority"]["leaderAddress"] == "host-1:3020"


def test_a_backup_takes_over_with_all_data_and_keeps_that(one):
    depose(one)
    one.hold_again = True
    one.database.new_epoch()
    one.load("epoch")
    elect(one, 3, "confserv-backup")
    assert not one.node.ready(), "the load is not taken in yet"
    one.hold_again = False
    one.turn(50)
    one.handle(events.Ticked())
    assert one.node.ready()
    assert tree_of(one)[0] == one.database.epoch
    assert [len(listen.ports) for listen in one.of(Listen)] == [1]
    assert one.of(HoldHistory)[-1] == HoldHistory(False)
    assert kinds(one).count(Kind.ROLE_CHANGED.value) == 1


def test_a_primary_in_doubt_serves_reads_and_takes_no_writes(one):
    elect(one)
    bob = one.login("bob")
    one.handle(events.LeadDoubted("the lock was lost"))
    one.now += 3
    assert bob.read("skill") == [601, 602]
    (answer,) = bob.ask("deleteObject", objectType="skill", DBID=601)
    assert (answer["code"], answer["permanent"]) == ("databaseUnavailable", False)
    status = one.node.status(one.now)
    assert (status["age"], status["source"]) == (3, "memory")
    assert {alarm["alarm"] for alarm in status["alarms"]} == {"leader"}
    elect(one, 2, "confserv")
    assert one.node.status(one.now)["alarms"] == []
    assert [len(listen.ports) for listen in one.of(Listen)] == [1]
    bob.post("deleteObject", objectType="skill", DBID=601)
    assert len(one.of(commands.Write)) == 1


def test_a_primary_that_was_stopped_is_as_old_as_the_stop_was_long(one):
    elect(one)
    one.tick(0.25)
    one.now += 12.0
    one.handle(events.LeadDoubted("the connection that holds the lock is gone"))
    one.tick(0.25)
    assert one.node.serving.age(one.now) == 12.25


def test_a_deposed_primary_sends_everybody_to_the_one_that_leads(one):
    elect(one)
    bob, proxy = one.login("bob"), Proxy(one)
    proxy.start()
    stranger = one.connect()
    depose(one)
    assert one.of(Listen)[-1] == Listen((), shut=True)
    assert {found.code for found in one.of(commands.Close)} == {CloseCode.NOT_SERVING}
    assert len(one.of(commands.Close)) == 3
    (notice,) = [message for message in bob.inbox if message["message"] == "draining"]
    assert (notice["host"], notice["port"]) == ("host-1", "3020")
    assert not stranger.inbox
    assert proxy.link != "live"
    assert role_of(one) == "backup"


def test_the_end_of_its_sessions_is_kept_and_then_nothing_more(one):
    elect(one)
    one.login("bob")
    depose(one)
    for _ in range(3):
        one.handle(events.Ticked())
    kept = [command for command in one.commands if isinstance(command, commands.Keep | HoldHistory)]
    assert [item for item in kept if isinstance(item, HoldHistory)][1:] == [HoldHistory(True)]
    assert kept[-1] == HoldHistory(True)
    assert kinds(one)[-2:] == [Kind.ROLE_CHANGED.value, Kind.SESSION_CLOSED.value]


def test_a_master_that_does_not_lead_begins_no_epoch_because_others_are_ahead(one):
    elect(one)
    one.handle(events.LeadDoubted("the lock was lost"))
    one.node.serving.authority.doubt("a server has seen more")
    assert one.of(commands.NewEpoch) == []


def test_an_election_that_is_taken_back_before_the_data_is_level_has_no_effect(one):
    one.hold_again = True
    one.database.new_epoch()
    one.load("epoch")
    elect(one)
    one.handle(events.LeadDoubted("the lock was lost"))
    one.hold_again = False
    one.turn(50)
    one.handle(events.Ticked())
    assert not one.node.ready()


def test_a_database_that_is_set_back_gets_a_new_epoch_from_whoever_leads_then(one):
    elect(one)
    one.commit(record("skill", 604, 501, name="lost"))
    one.database.restored([*environment(), CONFSERV_BACKUP], 1)
    one.handle(events.LeadDoubted("the database names another leader"))
    one.load("epoch")
    assert one.of(commands.NewEpoch) == []
    elect(one, 2, "confserv")
    assert len(one.of(commands.NewEpoch)) == 1
    assert tree_of(one)[:2] == ("e1x", 1)


def test_a_backup_leaves_a_new_epoch_to_the_one_that_leads(one):
    depose(one)
    one.commit(record("skill", 604, 501, name="lost"))
    one.database.restored([*environment(), CONFSERV_BACKUP], 1)
    one.load("epoch")
    one.database.new_epoch()
    one.load("epoch")
    elect(one, 3, "confserv-backup")
    assert one.of(commands.NewEpoch) == []
    assert one.node.ready()
    assert tree_of(one)[:2] == ("e1x", 1)
