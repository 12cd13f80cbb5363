"""Two proxies of a pair: who serves, what the backup knows, and what a cut or a death does."""

from __future__ import annotations

import random
from typing import Any

import msgspec
import pytest

from confwire.messages import (
    AskSessions,
    Cursor,
    HandOver,
    Open,
    PairRole,
    SessionsMirrored,
    Subscription,
)
from proxyapp.engine import commands, events
from proxyapp.engine.standby.pairing import BEAT
from tests.proxyapp.engine.bench import BOB, FOLDER, Client, record
from tests.proxyapp.engine.pairbench import (
    BACKUP,
    PRIMARY,
    TIMEOUT,
    Member,
    PairBench,
    application,
)


@pytest.fixture
def two() -> PairBench:
    return PairBench()


def roles(two: PairBench) -> tuple[str, str]:
    return two.primary.running, two.backup.running


def sessions(member: Member) -> set[str]:
    return {record.session.session for record in member.node.serving.records}


def session_of(client: Client) -> str:
    roster = client.bench.node.serving.roster
    return str(roster.get(client.connection).id)


# ---------------------------------------------------------------- start


def test_the_configured_primary_serves_and_the_other_stands_by(two):
    assert roles(two) == ("primary", "backup")
    assert (two.primary.serves, two.backup.serves) == (True, False)
    assert [two.primary.node.ready(), two.backup.node.ready()] == [True, False]
    assert two.backup.node.stands_by()
    assert two.backup.node.status(two.backup.now)["ready"] is False
    assert (two.primary.pair["link"], two.backup.pair["link"]) == ("live", "live")
    assert two.primary.pair["term"] == 1


def test_a_server_that_finds_its_peer_primary_becomes_backup_even_if_it_is_the_primary():
    two = PairBench(start=False)
    two.backup.begin()
    for _ in range(9):
        two.tick(5.0)
    assert two.backup.running == "primary"
    two.primary.begin()
    two.primary.reach()
    assert roles(two) == ("backup", "primary")


def test_a_lone_backup_leads_after_twice_the_timeout():
    two = PairBench(start=False)
    two.backup.begin()
    begun = two.backup.now
    while two.backup.running != "primary":
        assert not two.backup.serves
        two.tick(1.0)
    assert 2 * TIMEOUT <= two.backup.now - begun < 2 * TIMEOUT + 4
    assert two.backup.serves


def test_if_both_start_together_the_configured_primary_leads():
    two = PairBench(start=False)
    two.backup.begin()
    two.primary.begin()
    two.backup.reach()
    two.primary.reach()
    assert roles(two) == ("primary", "backup")


def test_a_backup_takes_no_clients_by_any_port(two):
    client = two.backup.connect()
    client.open("bob")
    assert client.inbox[-1]["code"] == "notReady"
    assert "proxy1" in client.inbox[-1]["text"]


def test_a_single_server_serves_without_asking_anybody(proxy):
    assert proxy.node.ready()
    assert proxy.node.status(proxy.now)["pair"] is None
    assert [port.id for port in proxy.of(commands.Listen)[-1].ports] == ["default"]


def test_a_pair_without_ports_for_ha_sync_is_no_pair_and_says_so():
    two = PairBench(portInfos=[{"id": "default", "port": "2030"}])
    assert two.primary.serves
    assert not two.backup.serves
    assert two.primary.alarms() == {"pairing"} == two.backup.alarms()


# ---------------------------------------------------------------- the port for HA sync


def open_on(member: Member, port: str, **opening: object) -> Client:
    number = len(member.clients) + 1
    client = member.clients[number] = Client(member, number)
    nonce = "c2VydmVyLW5vbmNlLTAwMDAwMQ=="
    member.handle(events.Connected(number, f"10.0.0.1:{number}", port, True, nonce))
    client.open(**opening)
    return client


def test_only_the_other_server_gets_in_by_the_port_for_ha_sync(two):
    assert open_on(two.primary, "ha", user="bob").inbox[-1]["code"] == "noPermission"
    peer = {"user": "", "application": "proxy2", "role": "peer"}
    assert open_on(two.primary, "default", **peer).inbox[-1]["code"] == "noPermission"
    peer["application"] = "proxy1"
    assert open_on(two.primary, "ha", **peer).inbox[-1]["code"] == "noPermission"


@pytest.mark.parametrize(
    "message", [PairRole(running="primary", term=9),
                SessionsMirrored(epoch="e1", revision=1, run="one", number=1),
                AskSessions(), HandOver(run="one", said=1)],
)  # fmt: skip
def test_clients_cannot_speak_for_a_server_of_the_pair(two, message):
    client = two.primary.login("bob")
    client.send(message)
    assert client.inbox[-1]["code"] == "noPermission"
    assert roles(two) == ("primary", "backup")


# ---------------------------------------------------------------- the mirror


def test_the_backup_knows_every_session_with_subscriptions_and_cursor(two):
    client = two.primary.login("bob")
    assert sessions(two.backup) == {session_of(client)}
    client.watch(name="mine", types=["skill"], folders=[FOLDER], mode="state")
    (kept,) = two.backup.node.serving.records
    assert (kept.session.application, kept.session.user) == ("default", "bob")
    assert kept.session.person_dbid == BOB
    (subscription,) = kept.subscriptions
    assert (subscription.name, subscription.types, subscription.mode) == (
        "mine",
        ["skill"],
        "state",
    )
    assert subscription.folders == [FOLDER]
    two.master.commit(record("skill", 700, FOLDER, name="New", tenantDBID=1))
    two.tick(0.5)
    found = two.backup.node.serving.records.find(session_of(client))
    assert found is not None
    assert found.cursor == two.primary.node.serving.revision
    client.leave()
    assert sessions(two.backup) == set()


def test_a_client_that_lags_is_mirrored_with_its_own_cursor(two):
    client = two.primary.login("bob")
    client.watch(types=["skill"])
    before = two.primary.node.serving.revision
    client.block()
    two.master.commit(record("skill", 700, FOLDER, name="New", tenantDBID=1))
    two.tick(0.5)
    records = two.backup.node.serving.records
    assert records.find(session_of(client)).cursor == before
    client.drain()
    two.tick(0.5)
    assert records.find(session_of(client)).cursor == before + 1


def mirrored_by(two: PairBench, number: int, run: str = "", **more: Any) -> SessionsMirrored:
    run = run or two.primary.node.serving.settings.run
    return SessionsMirrored(epoch="e1", revision=1, run=run, number=number, **more)


def test_what_was_told_of_sessions_on_a_slower_line_changes_nothing(two):
    client = two.primary.login("bob")
    pairing = two.backup.node.serving.pairing
    pairing.take(mirrored_by(two, 1, whole=True))
    pairing.take(mirrored_by(two, 2, closed=[session_of(client)]))
    pairing.take(mirrored_by(two, 1, run="a former one", whole=True))
    assert sessions(two.backup) == {session_of(client)}


def test_a_message_about_sessions_that_is_missing_is_found_out_and_all_is_told_anew(two):
    first = two.primary.login("bob")
    two.backup.peer_line, line = None, two.backup.peer_line
    second = two.primary.login("bob")
    assert sessions(two.backup) == {session_of(first)}
    two.backup.peer_line = line
    third = two.primary.login("bob")
    assert sessions(two.backup) == {session_of(client) for client in (first, second, third)}
    assert two.backup.pair["void"] == ""


def test_it_asks_once_a_beat_until_it_is_told_and_nothing_holds_meanwhile(two):
    two.primary.login("bob")
    two.backup.peer_line = None  # what it asks is not heard
    pairing = two.backup.node.serving.pairing

    def asked() -> int:
        sent = [m for command in two.backup.of(commands.SendLink) for m in command.messages]
        return sum(b"askSessions" in bytes(message) for message in sent)

    for number in (90, 91, 92):
        pairing.take(mirrored_by(two, number))
    two.tick(0.0)
    assert (sessions(two.backup), asked()) == (set(), 1)
    assert "gap" in two.backup.pair["void"]
    two.tick(BEAT)
    pairing.take(mirrored_by(two, 93))
    two.tick(0.0)
    assert asked() == 2


def test_sessions_that_were_there_before_the_backup_are_told_over_some_turns(two):
    two.backup.kill()
    clients = [two.primary.login("bob") for _ in range(600)]
    two.anew(two.backup).begin()
    two.backup.reach()
    assert sessions(two.backup) == {session_of(client) for client in clients}
    assert two.backup.peer_line is not None
    told = [m for m in two.backup.peer_line.inbox if m["message"] == "sessionsMirrored"]
    assert max(len(m.get("sessions", ())) for m in told) == 250


def test_a_proof_of_moments_is_in_the_backups_history_log(two):
    client = two.primary.login("bob")
    client.watch(types=["skill"])
    client.leave()
    two.tick(0.5)
    kept = two.backup.log.taken["mirror"]
    assert [entry.kind for entry in kept] == ["sessionOpened", "sessionMoved", "sessionClosed"]
    assert {entry.server for entry in kept} == {"proxy1"}
    assert [entry.number for entry in kept] == sorted(entry.number for entry in kept)


# ---------------------------------------------------------------- the primary is gone


def test_a_killed_primary_is_replaced_at_once_and_its_sessions_are_known(two):
    client = two.primary.login("bob")
    known = session_of(client)
    two.primary.kill()
    assert two.backup.running == "primary"
    assert two.backup.serves
    assert two.backup.pair["term"] == 2
    assert two.backup.node.serving.records.claim(known) is not None
    assert two.backup.node.serving.records.claim(known) is None
    two.backup.login("bob")


def test_records_are_forgotten_when_nobody_comes_back(two):
    two.primary.login("bob")
    two.primary.kill()
    two.tick(599.0)
    assert len(sessions(two.backup)) == 1
    two.tick(1.0)
    assert sessions(two.backup) == set()


def test_the_old_primary_comes_back_as_backup_and_hears_of_the_sessions(two):
    two.primary.kill()
    client = two.backup.login("bob")
    back = two.anew(two.primary)
    back.begin()
    back.reach()
    assert (back.running, two.backup.running) == ("backup", "primary")
    assert sessions(back) == {session_of(client)}
    assert two.backup.alarms() == set()


def test_a_primary_that_stops_in_an_orderly_way_hands_over_first(two):
    client = two.primary.login("bob")
    two.primary.handle(events.Stopping("signal SIGTERM"))
    assert two.backup.running == "primary"
    assert sessions(two.backup) == {session_of(client)}


def test_a_server_that_stops_does_not_mind_what_becomes_of_the_link(two):
    two.backup.handle(events.Stopping("signal SIGTERM"))
    before = len(two.backup.of(commands.Listen))
    two.primary.go_silent()
    two.backup.tick(100.0)
    assert two.backup.running == "backup"
    assert len(two.backup.of(commands.Listen)) == before


# ---------------------------------------------------------------- going on with a session


def watching(two: PairBench) -> tuple[Client, str, Cursor]:
    """Return a client of the primary that hears of skills, its token, and where it is."""
    client = two.primary.connect()
    client.open("bob", token="")
    token = next(m["token"] for m in client.inbox if m["message"] == "opened")
    client.watch(name="mine", types=["skill"])
    serving = two.primary.node.serving
    return client, token, Cursor(serving.epoch, serving.revision)


def come_back(member: Member, token: str, **opening: Any) -> Client:
    client = member.connect()
    nonce = "a nonce of the client's"
    client.send(Open(application="default", user="bob", token=token, data=nonce, **opening))
    return client


def test_the_backup_goes_on_with_a_session_without_login_registration_or_read(two):
    before, token, cursor = watching(two)
    known = session_of(before)
    two.primary.kill()
    two.master.commit(record("skill", 700, FOLDER, name="New", tenantDBID=1))
    two.backup.commands.clear()
    client = come_back(two.backup, token, since=cursor)
    opened = client.inbox[0]
    assert (opened["message"], opened["restored"], opened["session"]) == ("opened", True, known)
    assert client.changes() == [("created", "skill", 700)]
    two.master.commit(record("skill", 701, FOLDER, name="Newer", tenantDBID=1))
    assert client.changes() == [("created", "skill", 701)]
    assert two.backup.of(commands.ReadTransactions) == []


def test_a_client_that_brings_no_cursor_subscribes_itself(two):
    _, token, cursor = watching(two)
    # Sent, and lost with the line: that it was sent does not mean that the client has it.
    two.master.commit(record("skill", 700, FOLDER, name="New", tenantDBID=1))
    two.tick(0.5)
    two.primary.kill()
    client = come_back(two.backup, token)
    assert client.inbox[0]["restored"]
    two.master.commit(record("skill", 701, FOLDER, name="Newer", tenantDBID=1))
    assert client.changes() == []
    since = {"epoch": cursor.epoch, "revision": cursor.revision}
    found = client.watch(types=["skill"], since=since)
    told = [(c["change"], c["DBID"]) for m in found for c in m.get("changes", ())]
    assert told == [("created", 700), ("created", 701)]


def test_what_the_client_says_of_its_subscriptions_counts_more_than_the_record(two):
    _, token, cursor = watching(two)
    two.primary.kill()
    client = come_back(two.backup, token, since=cursor, subscriptions=[Subscription(name="other")])
    roster = two.backup.node.serving.roster
    assert set(roster.get(client.connection).follower.specs) == {"other"}


def test_without_tokens_a_session_goes_on_only_by_its_record():
    two = PairBench(options={"csproxy": {"resume-tokens": "false"}})
    _, token, cursor = watching(two)
    two.primary.kill()
    assert come_back(two.backup, token, since=cursor).inbox[0]["restored"]
    assert come_back(two.backup, token, since=cursor).inbox[0]["code"] == "tokenRefused"


def test_without_tokens_a_link_that_was_cut_before_leaves_nothing_to_go_on_with():
    two = PairBench(options={"csproxy": {"resume-tokens": "false"}})
    _, token, cursor = watching(two)
    two.primary.go_silent()
    two.primary.kill()
    two.tick(TIMEOUT)
    two.tick(1.0)
    assert two.backup.running == "primary"
    assert come_back(two.backup, token, since=cursor).inbox[0]["code"] == "tokenRefused"


# ---------------------------------------------------------------- silence


def test_a_cut_link_promotes_nobody_while_the_master_hears_the_primary(two):
    two.primary.login("bob")
    two.primary.go_silent()
    assert roles(two) == ("primary", "apart")
    assert sessions(two.backup) == set()
    assert "apart" in two.backup.alarms()
    assert "pair" in two.primary.alarms()
    for _ in range(4):
        two.tick(TIMEOUT)
    assert roles(two) == ("primary", "apart")
    two.primary.cut = False
    two.tick(1.0)
    assert roles(two) == ("primary", "backup")
    assert len(sessions(two.backup)) == 1
    assert two.backup.alarms() == set() == two.primary.alarms()


def test_a_silent_primary_that_the_master_misses_is_replaced_with_its_sessions(two):
    client = two.primary.login("bob")
    two.primary.sever()
    two.primary.go_silent()
    assert two.backup.running == "primary"
    assert sessions(two.backup) == {session_of(client)}


def test_two_primaries_heal_by_the_term_and_the_clients_go_to_the_other(two):
    client = two.primary.login("bob")
    two.backup.sever()
    two.primary.go_silent()
    assert roles(two) == ("primary", "primary")
    two.primary.cut = False
    two.tick(1.0)
    assert roles(two) == ("backup", "primary")
    assert not two.primary.serves
    (told,) = [m for m in client.inbox if m["message"] == "draining"]
    assert (told["host"], told["port"]) == (f"host-{BACKUP}", str(BACKUP))
    two.tick(5.0)
    assert client.closed is not None
    assert client.closed[0] == 4007
    assert two.backup.pair["primariesMet"] + two.primary.pair["primariesMet"] >= 1


# ---------------------------------------------------------------- terms


@pytest.mark.parametrize("first", ["primary", "backup"])
def test_a_pair_that_was_restarted_entirely_counts_on(two, first):
    two.backup.kill()
    two.primary.kill()
    second = "backup" if first == "primary" else "primary"
    for name in (first, second):
        member = two.anew(getattr(two, name))
        member.begin()
        member.reach()
        if name == first:
            for _ in range(9):
                two.tick(5.0)
            assert (member.running, member.pair["term"]) == ("primary", 2)
    two.tick(1.0)
    assert roles(two) == (("primary", "backup") if first == "primary" else ("backup", "primary"))


def test_a_pair_whose_servers_start_together_counts_on(two):
    for member in two.members:
        member.kill()
    for member in list(two.members):
        two.anew(member).begin()
    two.tick(1.0)
    assert roles(two) == ("primary", "backup")
    assert two.primary.pair["term"] == 2


def test_the_newest_promotion_wins_over_one_that_a_restart_has_made_older(two):
    two.primary.kill()
    two.tick(1.0)
    assert two.backup.running == "primary"  # term 2
    again = two.anew(two.primary)
    again.begin()
    again.reach()
    assert roles(two) == ("backup", "primary")
    two.backup.kill()
    two.tick(1.0)
    assert two.primary.pair["term"] == 3
    lonely = two.anew(two.backup)  # it comes back behind a cut line, and leads there, too
    lonely.cut = True
    lonely.begin()
    lonely.sever()
    for _ in range(9):
        two.tick(5.0)
    assert (lonely.running, lonely.pair["term"]) == ("primary", 3)
    lonely.cut = False
    two.tick(1.0)
    assert roles(two) == ("primary", "backup"), "on a tie the configuration decides"


# ---------------------------------------------------------------- two lines, and words lost


def said_by_the_primary(two: PairBench, said: int, **what: Any) -> None:
    """Let the backup hear something of the primary, by whatever line."""
    what = {"running": "starting", "term": 0} | what
    run = what.pop("run", two.primary.node.serving.settings.run)
    two.backup.node.serving.pairing.take(PairRole(run=run, said=said, **what))


def test_what_the_other_one_said_before_it_led_may_come_late_and_changes_nothing(two):
    said_by_the_primary(two, 1)
    run = two.primary.node.serving.settings.run
    assert roles(two) == ("primary", "backup")
    two.backup.node.serving.pairing.take(HandOver(run=run, said=1))
    assert roles(two) == ("primary", "backup")


def test_a_new_run_of_the_other_one_is_heard_from_its_first_word(two):
    said_by_the_primary(two, 1, run="another")
    assert two.backup.running == "primary"


def test_a_promotion_that_the_other_one_did_not_hear_of_is_told_again_and_again(two):
    two.tick(1.0)
    line, two.backup.peer_line = two.backup.peer_line, None
    said_by_the_primary(two, 1, run="another")
    assert roles(two) == ("primary", "primary")
    two.backup.peer_line = line
    two.tick(BEAT)
    assert roles(two) == ("backup", "primary")


@pytest.mark.parametrize(("other", "stays"), [(BACKUP, True), (1, False)])
def test_of_two_started_in_the_same_role_that_of_the_lower_dbid_stays_on_a_tie(two, other, stays):
    pairing = two.primary.node.serving.pairing
    pairing._partner = msgspec.structs.replace(pairing.partner, dbid=other)
    claim = PairRole(running="primary", term=1, configured="primary", run="another", said=1)
    pairing.take(claim)
    assert pairing.status()["running"] == ("primary" if stays else "backup")


def test_a_line_that_ends_beside_another_lets_both_say_what_they_do(two):
    two.backup.node.serving.pairing.relinked()
    two.primary.node.serving.pairing.relinked()
    told = [m["message"] for m in two.backup.peer_line.inbox][-2:]
    assert told == ["pairRole", "sessionsMirrored"]


# ---------------------------------------------------------------- the configuration


def test_a_pair_is_neither_made_nor_split_while_the_servers_run(two):
    two.master.commit(application(PRIMARY, "proxy1"))
    assert roles(two) == ("primary", "backup")
    assert "pairing" in two.primary.alarms() & two.backup.alarms()
    two.master.commit(application(PRIMARY, "proxy1", BACKUP))
    assert "pairing" not in two.primary.alarms() | two.backup.alarms()


def test_clients_are_told_the_other_servers_address_by_both(two):
    opened = [member.node.serving.identity() for member in two.members]
    assert [(server.backup_host, server.backup_port) for server in opened] == [
        (f"host-{BACKUP}", str(BACKUP)),
        (f"host-{PRIMARY}", str(PRIMARY)),
    ]


def test_changes_of_the_role_are_in_the_history(two):
    two.primary.kill()
    kinds = [entry.kind for entry in two.backup.log.entries]
    assert kinds.count("roleChanged") == 2


# ---------------------------------------------------------------- by chance


@pytest.mark.parametrize("seed", range(25))
def test_whatever_happens_one_serves_in_the_end_and_the_other_knows_its_sessions(seed):
    chance = random.Random(seed)
    two = PairBench()
    number = 700
    for _ in range(40):
        one = chance.choice(two.members)
        match chance.randrange(9):
            case 0 if one.alive:
                one.kill()
            case 1 if not one.alive:
                two.anew(one).begin()
            case 2 if one.alive:
                one.go_silent()
            case 3:
                one.cut = False
            case 4 if one.alive and one.line is not None:
                one.sever()
            case 5 if one.alive and one.line is None:
                one.dial()
            case 6 if one.alive and one.serves:
                one.login("bob").watch(types=["skill"])
            case 7:
                number += 1
                two.master.commit(record("skill", number, FOLDER, name=str(number), tenantDBID=1))
            case _:
                two.tick(chance.choice([0.25, 1.0, TIMEOUT]))
    for member in two.members:
        member.cut = False
        if not member.alive:
            two.anew(member).begin()
    for member in two.members:
        if member.line is None:
            member.dial()
    for _ in range(60):
        two.tick(1.0)
    assert sorted(roles(two)) == ["backup", "primary"], seed
    leader, other = sorted(two.members, key=lambda member: member.running != "primary")
    assert (leader.serves, other.serves) == (True, False)
    clients = {s.id for s in leader.node.serving.roster if s.role == "client"}
    assert sessions(other) == clients
    assert leader.alarms() == other.alarms() == set()
