from __future__ import annotations

import json

import pytest

from confwire.handshake import ClientHandshake, derive
from confwire.messages import Open
from proxyapp.engine import commands
from tests.proxyapp.engine.bench import (
    VERIFIER,
    record,
)

WRONG = derive("wrong", b"0123456789abcdef", 4096)


def refusal(client) -> str:
    """Return the code of the refusal that ended the connection."""
    error, closed = client.inbox[-1], client.closed
    assert error["message"] == "error", error
    assert closed is not None
    assert closed[0] == 4001
    return str(error["code"])


def challenge(bench, user: str) -> dict[str, str]:
    """Return the parts of the challenge that an opening as this user gets."""
    client = bench.connect()
    first = ClientHandshake(user, "client-nonce-0123456789ab").first()
    client.send(Open(application="default", user=user, data=first))
    return dict(part.split("=", 1) for part in client.inbox[0]["data"].split(","))


def test_a_user_name_is_the_same_in_any_case(bench):
    assert bench.login("BOB").read("skill") == [601, 602]


def test_the_server_proves_that_it_knows_the_account(bench):
    client = bench.connect()
    handshake = ClientHandshake("bob", "client-nonce-0123456789ab")
    client.send(Open(application="default", user="bob", data=handshake.first()))
    salted = derive("пароль-7", b"0123456789abcdef", 4096)
    final = handshake.final(client.inbox[-1]["data"], salted)
    client.send(json.dumps({"message": "proof", "data": final}).encode())
    handshake.verify(client.inbox[-1]["data"])
    assert client.closed is None


@pytest.mark.parametrize("user", ["bob", "nobody"])
def test_a_wrong_password_and_an_unknown_user_are_refused_alike(bench, user):
    client = bench.connect()
    client.open(user, salted=WRONG)
    assert [m["message"] for m in client.inbox] == ["challenge", "error"]
    assert refusal(client) == "authenticationFailed"
    assert client.inbox[-1]["text"] == "user name or password is wrong"


def test_a_challenge_does_not_tell_who_exists(bench):
    known, unknown = challenge(bench, "bob"), challenge(bench, "nobody")
    assert known.keys() == unknown.keys()
    assert (len(known["s"]), known["i"]) == (len(unknown["s"]), unknown["i"])
    for name in ("bob", "nobody"):  # nor does the salt, asked for again or in another case
        assert challenge(bench, name)["s"] == challenge(bench, name.upper())["s"]


def test_a_disabled_person_is_told_so_only_after_the_right_password(bench):
    bench.commit(record("person", 101, userName="bob", state="disabled", verifier=VERIFIER))
    client = bench.connect()
    client.open("bob", salted=WRONG)
    assert refusal(client) == "authenticationFailed"
    client = bench.connect()
    client.open("bob")
    assert refusal(client) == "accountDisabled"


def test_a_person_without_a_password_cannot_log_in(bench):
    bench.commit(record("person", 101, userName="bob"))
    client = bench.connect()
    client.open("bob")
    assert refusal(client) == "authenticationFailed"


def test_an_unknown_application_and_one_without_the_right_to_execute_are_refused_alike(bench):
    bench.commit(record("application", 120, 500, name="secret", type="sce", acl=[(3, 101, 1)]))
    texts = []
    for name in ("secret", "no such"):
        client = bench.connect()
        client.open("bob", application=name)
        assert refusal(client) == "applicationUnknown"
        texts.append(client.inbox[-1]["text"].replace(name, "…"))
    assert texts[0] == texts[1]


def test_a_disabled_application_is_refused(bench):
    acl = [(3, 101, 9)]
    bench.commit(record("application", 100, 500, name="default", state="disabled", acl=acl))
    client = bench.connect()
    client.open("bob")
    assert refusal(client) == "applicationDisabled"


def test_an_application_of_another_type_is_refused(bench):
    client = bench.connect()
    client.open("bob", application_type="tserver")
    assert refusal(client) == "applicationTypeMismatch"
    bench.login("bob", application_type="sce")


def test_the_opening_and_its_scram_message_must_name_one_account(bench):
    client = bench.connect()
    first = ClientHandshake("eve", "client-nonce-0123456789ab").first()
    client.send(Open(application="default", user="bob", data=first))
    assert refusal(client) == "authenticationFailed"


def test_a_proof_cannot_be_tried_twice(bench):
    client = bench.connect()
    client.open("bob", salted=WRONG)
    before = len(client.inbox)
    client.send(b'{"message":"proof","data":"c=biws,r=x,p=AAAA"}')
    assert len(client.inbox) == before


@pytest.fixture
def daemon(bench):
    """A master that knows a daemon with a secret of its own."""
    bench.commit(
        record("application", 130, 500, name="stat", type="statserver", accountDBID=100,
               verifier=VERIFIER, acl=[(3, 100, 9), (3, 101, 9)])
    )  # fmt: skip
    return bench


def test_a_daemon_logs_in_by_its_own_secret_and_has_the_rights_of_its_account(daemon):
    client = daemon.connect()
    client.open("", application="stat")
    opened = client.inbox[-1]
    assert (opened["applicationDBID"], opened["personDBID"]) == (130, 100)
    client.inbox.clear()
    assert client.read("application", name="stat") == [130]
    assert client.read("skill") == []


def test_a_daemon_cannot_log_in_as_a_user(daemon):
    client = daemon.connect()
    client.open("bob", application="stat")
    assert refusal(client) == "authenticationFailed"


def test_a_second_session_of_a_daemon_is_refused_and_the_first_one_polled(daemon):
    first, second = daemon.connect(), daemon.connect()
    first.open("", application="stat")
    second.open("", application="stat")
    assert refusal(second) == "applicationInUse"
    assert second.inbox[-1].get("permanent", True) is False
    assert [probe.connection for probe in daemon.of(commands.Probe)] == [first.connection]
    first.leave()
    third = daemon.connect()
    third.open("", application="stat")
    assert third.inbox[-1]["message"] == "opened"


def test_a_user_application_may_have_any_number_of_sessions(bench):
    for _ in range(3):
        bench.login("bob")
    assert len(bench.node.status(bench.now)["sessions"]) == 3


@pytest.mark.parametrize("data", ["", "n,,", "n,,n=bob", "y,,n=bob,r=abc", "n,,n=bob,r=", "\x00"])
def test_an_opening_without_a_scram_message_is_refused(bench, data):
    client = bench.connect()
    client.send(json.dumps({"message": "open", "application": "x", "data": data}).encode())
    assert refusal(client) == "invalidParameter"


def test_a_refused_login_is_logged_without_its_secret(bench):
    client = bench.connect()
    client.open("bob", salted=WRONG)
    (log,) = [log for log in bench.of(commands.Log) if log.event == "login refused"]
    assert log.fields["user"] == "bob"
    assert log.fields["peer"] == "10.0.0.1:1"
    assert "SCRAM" not in str(log.fields)


def test_a_refused_login_is_kept_in_the_history_without_a_secret(bench):
    client = bench.connect()
    client.open("bob", application="x" * 300, salted=b"x" * 32)
    (entry,) = [entry for entry in bench.log.entries if entry.kind == "loginRefused"]
    assert (entry.application, entry.user) == ("x" * 255, "bob")
    assert (entry.peer, entry.port, entry.server) == ("10.0.0.1:1", "default", "confserv")
    assert entry.reason.startswith("authenticationFailed: ")
