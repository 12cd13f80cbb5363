"""Resume tokens that are shown again, by others, or altered."""

from __future__ import annotations

from typing import Any

import pytest

from confwire.messages import Cursor, Open, Subscription
from proxyapp.engine.node import Node
from tests.proxyapp.engine.bench import (
    BOB,
    OTHER,
    Bench,
    Client,
    Database,
    Proxy,
    environment,
    master,
    record,
    settings,
)

SECRET = b"the masters' secret"
NONCE = "client-nonce-0123456789ab"


@pytest.fixture
def bench() -> Bench:
    return master(token_secret=SECRET)


@pytest.fixture
def proxy(bench: Bench) -> Proxy:
    made = Proxy(bench)
    made.start()
    return made


def log_in(bench: Bench) -> tuple[Client, dict[str, Any]]:
    client = bench.connect()
    client.open("bob", token="")
    return client, client.inbox[-1]


def show(bench: Bench, token: str, **opening: Any) -> Client:
    client = bench.connect()
    client.send(Open(application="default", user="bob", token=token, data=NONCE, **opening))
    return client


def kept(bench: Bench, session: str) -> list[tuple[str, str]]:
    """Return the kinds and the reasons of what the history log has of a session."""
    return [(entry.kind, entry.reason) for entry in bench.log.entries if entry.session == session]


def test_a_used_token_that_another_client_shows_takes_the_session_from_the_first_one(bench):
    before, opened = log_in(bench)
    before.leave()
    owner = show(bench, opened["token"])
    thief = show(bench, opened["token"])
    assert owner.closed is not None
    assert owner.closed[0] == 4003
    assert thief.inbox[0]["session"] == opened["session"]
    assert [s["session"] for s in bench.node.status(bench.now)["sessions"]] == [opened["session"]]
    *_, alone, over = kept(bench, opened["session"])
    assert alone == ("sessionRestored", "")
    assert over == ("sessionRestored", "its connection from 10.0.0.1:2 was still open")


def test_who_was_thrown_out_logs_in_beside_and_neither_ends_the_other(bench):
    _, opened = log_in(bench)
    thief = show(bench, opened["token"])
    again, anew = log_in(bench)
    assert anew["session"] != opened["session"]
    assert (again.closed, thief.closed) == (None, None)
    assert len(bench.node.status(bench.now)["sessions"]) == 2


def test_a_replaced_token_ends_with_its_own_time_and_not_with_that_of_its_successor(bench):
    client, opened = log_in(bench)
    bench.tick(1900)
    renewed = client.inbox[-1]["token"]
    bench.tick(1800)
    client.leave()
    (error,) = show(bench, opened["token"]).inbox
    assert (error["code"], "expired" in error["text"]) == ("tokenRefused", True)
    assert show(bench, renewed).inbox[0]["restored"]


def test_at_another_server_it_opens_a_second_connection_and_the_history_says_so(bench, proxy):
    owner, opened = log_in(bench)
    thief = show(proxy, opened["token"])
    assert thief.inbox[0]["session"] == opened["session"]
    assert owner.closed is None, "servers do not ask each other about persons"
    assert kept(proxy, opened["session"]) == [("sessionMoved", "")]


def test_a_replay_gives_the_rights_of_now_and_none_of_then(bench):
    _, opened = log_in(bench)
    bench.commit(record("skill", 601, OTHER, name="hidden", tenantDBID=1))
    thief = show(bench, opened["token"])
    assert thief.read("skill") == [602]


def test_another_password_ends_what_all_of_its_tokens_can_do(bench):
    _, opened = log_in(bench)
    thief = show(bench, opened["token"])
    bench.commit(record("person", BOB, 0, userName="bob", tenantDBID=1, verifier="other"))
    for token in (opened["token"], thief.inbox[0]["token"]):
        assert show(bench, token).inbox[0]["code"] == "tokenRefused"


@pytest.mark.parametrize(
    "altered",
    [
        lambda text: text[:-1],
        lambda text: text[:-4],
        lambda text: text[: len(text) // 2],
        lambda text: text[4:],
        lambda text: text + "AAAA",
        lambda text: text + text,
        lambda text: text[:-4] + "AAAA",
        lambda text: "AAAA" + text[4:],
        lambda text: text.swapcase(),
    ],
)
def test_an_altered_token_opens_nothing_harms_nobody_and_is_kept_in_the_history(bench, altered):
    owner, opened = log_in(bench)
    client = show(bench, altered(opened["token"]))
    (error,) = client.inbox
    assert error["code"] in ("tokenRefused", "invalidParameter")
    assert owner.closed is None
    assert [entry.kind for entry in bench.log.entries][-1] == "loginRefused"


def test_a_token_of_an_epoch_before_counts_for_the_account_and_not_for_the_data(bench):
    _, opened = log_in(bench)
    database = Database(environment())
    database.epoch = "e2"
    restored = Bench(Node.for_master(settings(token_secret=SECRET)), database)
    restored.load()
    client = show(restored, opened["token"], since=Cursor(epoch="e1", revision=1),
                  subscriptions=[Subscription(types=["skill"])])  # fmt: skip
    assert [message["message"] for message in client.inbox] == ["opened", "notificationsLost"]
    assert client.inbox[0]["epoch"] == "e2"


def test_a_token_of_an_epoch_before_is_void_for_an_account_that_is_another_one_now(bench):
    _, opened = log_in(bench)
    other = record("person", BOB, 0, userName="bob", tenantDBID=1, verifier="another's")
    records = [item for item in environment() if (item.type, item.dbid) != (other.type, other.dbid)]
    restored = master([*records, other], token_secret=SECRET)
    assert show(restored, opened["token"]).inbox[0]["code"] == "tokenRefused"


def test_a_flood_of_replays_leaves_one_session_and_one_connection(bench):
    _, opened = log_in(bench)
    clients = [show(bench, opened["token"]) for _ in range(200)]
    assert [client.closed is None for client in clients] == [False] * 199 + [True]
    clients[-1].leave()
    assert bench.node.status(bench.now)["sessions"] == []
