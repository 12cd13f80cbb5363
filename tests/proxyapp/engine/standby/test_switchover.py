"""The backup of a pair leads because a person has asked for it."""

from __future__ import annotations

from tests.proxyapp.engine.bench import BOB
from tests.proxyapp.engine.pairbench import BACKUP, PRIMARY, PairBench, application
from tests.proxyapp.engine.standby.test_pairing import roles, session_of, sessions


def may_change() -> PairBench:
    acl = [(3, 100, 9), (3, BOB, 5)]
    two = PairBench()
    changed = application(PRIMARY, "proxy1", BACKUP)
    changed.acl = acl
    two.master.commit(changed)
    return two


def test_a_person_who_may_lets_the_backup_lead():
    two = may_change()
    client, other = two.primary.login("bob"), two.primary.login("bob")
    answers = client.ask("switchOver")
    (done,) = [m for m in answers if m["message"] == "switchedOver"]
    assert (done["server"], done["term"]) == ("proxy2", 2)
    assert roles(two) == ("backup", "primary")
    assert any(m["message"] == "draining" for m in other.inbox)
    assert sessions(two.backup) >= {session_of(other)}
    assert two.primary.pair["primariesMet"] == two.backup.pair["primariesMet"] == 0
    two.tick(5.0)
    assert {client.closed[0], other.closed[0]} == {4007}


def test_nobody_else_may():
    two = PairBench()
    assert two.primary.login("bob").error("switchOver") == "noPermission"
    assert roles(two) == ("primary", "backup")


def refusal(client):
    client.post("switchOver")
    answer = client.inbox[-1]
    assert answer["code"] == "noBackup"
    return answer["text"]


def test_without_a_backup_there_is_no_switchover():
    two = may_change()
    two.backup.kill()
    assert refusal(two.primary.login("bob")).startswith("no backup stands by to lead: start it")
    assert refusal(two.master.login("bob")).startswith("this server is no part of a pair")


def test_a_backup_that_does_not_take_over_in_time_is_told_of():
    two = may_change()
    client = two.primary.login("bob")
    two.backup.handle = lambda event: None
    client.post("switchOver")
    two.primary.tick(5.0)
    assert client.inbox[-1]["code"] == "noBackup"
    assert two.primary.running == "primary"


def test_one_at_a_time_is_waited_for():
    two = may_change()
    client = two.primary.login("bob")
    two.backup.handle = lambda event: None
    client.post("switchOver")
    assert refusal(client).startswith("a switchover is under way already")
