"""A session that goes on by its token: on the same server, on another one, without a master."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from confwire.errors import CloseCode
from confwire.handshake import make_verifier, resume_proof, server_key
from confwire.messages import Cursor, Open, Subscription
from proxyapp.engine import commands, events
from tests.proxyapp.engine.bench import (
    BOB,
    FOLDER,
    SALTED,
    USERS,
    VERIFIER,
    Bench,
    Client,
    Proxy,
    gone,
    master,
    record,
    tree_of,
)
from tests.proxyapp.engine.copybench import Copied, tell
from tests.proxyapp.engine.fleet import Fleet
from tests.proxyapp.engine.world import PERSONS, Copy

SKILLS = [Subscription(types=["skill"])]
NONCE = "client-nonce-0123456789ab"


@pytest.fixture
def bench() -> Bench:
    return master(token_secret=b"the masters' secret")


@pytest.fixture
def daemon(bench: Bench) -> Bench:
    bench.commit(
        record("application", 130, 500, name="stat", type="statserver", accountDBID=100,
               verifier=VERIFIER, acl=[(3, 100, 9), (3, BOB, 9)])
    )  # fmt: skip
    return bench


def log_in(bench: Bench, user: str = "bob", **opening: Any) -> tuple[Client, str]:
    """Return a client that has a token, and the token."""
    client = bench.connect()
    client.open(user, token="", **opening)
    opened = client.inbox[-1]
    assert opened["message"] == "opened", opened
    assert "restored" not in opened
    client.inbox.clear()
    return client, opened["token"]


def watching(bench: Bench) -> tuple[Client, str, Cursor]:
    """Return a client that hears of skills, its token, and the cursor of where it is."""
    client, token = log_in(bench)
    client.watch(types=["skill"])
    epoch, revision, _ = tree_of(bench)
    return client, token, Cursor(epoch=epoch, revision=revision)


def show(bench: Bench, token: str, user: str = "bob", application: str = "default",
         **opening: Any) -> Client:  # fmt: skip
    """Return a client that has shown a token."""
    client = bench.connect(opening.pop("secure", True))
    client.send(Open(application=application, user=user, token=token, data=NONCE, **opening))
    return client


def resume(bench: Bench, token: str, *arguments: str, **opening: Any) -> dict[str, Any]:
    """Show a token that is taken; return the answer."""
    opened = show(bench, token, *arguments, **opening).inbox[0]
    assert opened["message"] == "opened", opened
    return opened


def refusal(bench: Bench, token: str, *arguments: str, **opening: Any) -> tuple[str, str]:
    """Show a token that is refused; return code and text."""
    client = show(bench, token, *arguments, **opening)
    (error,) = client.inbox
    assert error["message"] == "error", error
    assert client.closed is None, "a login may follow"
    return error["code"], error["text"]


def made(bench: Bench) -> Proxy:
    proxy = Proxy(bench)
    proxy.start()
    assert proxy.link == "live"
    return proxy


# ---------------------------------------------------------------- it goes on


def test_one_message_brings_back_session_subscriptions_and_what_was_missed(bench):
    before, token, cursor = watching(bench)
    before.leave()
    bench.commit(record("skill", 601, FOLDER, name="new"), gone("skill", 602))
    client = show(bench, token, since=cursor, subscriptions=SKILLS)
    opened = client.inbox[0]
    assert (opened["message"], opened["restored"], opened["personDBID"]) == ("opened", True, BOB)
    assert client.changes() == [("updated", "skill", 601), ("deleted", "skill", 602)]
    bench.commit(gone("skill", 601))
    assert client.changes() == [("deleted", "skill", 601)]
    assert client.read("skill") == []


def test_the_session_keeps_its_id_and_the_history_tells_it(bench):
    before, token = log_in(bench)
    name = bench.node.status(bench.now)["sessions"][0]["session"]
    before.leave()
    assert resume(bench, token)["session"] == name
    kinds = [entry.kind for entry in bench.log.entries if entry.session == name]
    assert kinds == ["sessionOpened", "sessionClosed", "sessionRestored"]


def test_no_password_no_question_and_no_write_is_needed(bench):
    before, token, cursor = watching(bench)
    before.leave()
    bench.commands.clear()
    show(bench, token, since=cursor, subscriptions=SKILLS)
    kinds = {type(command) for command in bench.commands}
    assert kinds == {commands.Admit, commands.SetKeepAlive, commands.Log, commands.Keep,
                     commands.Send}  # fmt: skip


def test_the_server_proves_that_it_knows_the_account(bench):
    _, token = log_in(bench)
    proof = resume_proof(server_key(SALTED), NONCE, token)
    assert resume(bench, token)["data"] == proof
    assert resume_proof(server_key(SALTED), "another nonce", token) != proof


def test_each_resume_gives_another_token(bench):
    _, token = log_in(bench)
    bench.now += 1
    second = resume(bench, token)["token"]
    assert second != token
    assert resume(bench, second)["restored"]


def test_who_asks_for_no_token_gets_none(bench):
    client = bench.connect()
    client.open("bob")
    assert "token" not in client.inbox[-1]
    bench.tick(7200)
    assert [m["message"] for m in client.inbox[2:]] == []


def test_a_session_without_subscriptions_resumes_as_well(bench):
    _, token = log_in(bench)
    client = show(bench, token)
    client.inbox.clear()
    assert client.read("skill") == [601, 602]


def test_subscriptions_without_a_cursor_begin_now(bench):
    _, token = log_in(bench)
    bench.commit(gone("skill", 602))
    client = show(bench, token, subscriptions=SKILLS)
    assert [m["message"] for m in client.inbox] == ["opened"]
    bench.commit(gone("skill", 601))
    assert client.changes() == [("deleted", "skill", 601)]


def test_any_server_of_the_masters_takes_it(bench):
    one, other = made(bench), made_as(bench, "proxy2")
    before, token, cursor = watching(one)
    before.leave()
    bench.commit(gone("skill", 601))
    client = show(other, token, since=cursor, subscriptions=SKILLS)
    assert client.inbox[0]["restored"]
    assert client.changes() == [("deleted", "skill", 601)]
    kinds = [entry.kind for entry in other.log.entries if entry.session]
    assert kinds == ["sessionMoved"]
    assert resume(bench, token)["restored"], "the master as well"


def made_as(bench: Bench, name: str) -> Proxy:
    bench.commit(
        record("application", 111, 500, name=name, type="configserver", accountDBID=100,
               verifier=VERIFIER, acl=[(3, 100, 9)], portInfos=[{"id": "default", "port": "2031"}])
    )  # fmt: skip
    proxy = Proxy(bench, application=name)
    proxy.start()
    assert proxy.link == "live"
    return proxy


# ---------------------------------------------------------------- what cannot go on


def test_a_cursor_that_memory_does_not_reach_is_said_and_the_session_goes_on(bench):
    before, token, cursor = watching(bench)
    before.leave()
    bench.commit(record("folder", FOLDER, name="Skills", type="skill", acl=[(21, USERS, 3)],
                        owner={"objectType": "tenant", "DBID": 1}))  # fmt: skip
    client = show(bench, token, since=cursor, subscriptions=SKILLS)
    assert [m["message"] for m in client.inbox] == ["opened", "notificationsLost"]
    assert client.inbox[1]["reason"] == "compacted"
    assert [m["message"] for m in client.watch(types=["skill"], snapshot=True)][-1] == (
        "notificationRegistered"
    )


@pytest.mark.parametrize("cursor", [Cursor("other", 1), Cursor("e1", 999)])
def test_a_cursor_of_another_epoch_is_said_and_the_session_goes_on(bench, cursor):
    _, token = log_in(bench)
    client = show(bench, token, since=cursor, subscriptions=SKILLS)
    assert [m["message"] for m in client.inbox] == ["opened", "notificationsLost"]
    assert client.inbox[1]["reason"] == "epoch"


def test_a_proxy_that_is_behind_takes_a_cursor_ahead_of_it(bench):
    proxy = made(bench)
    before, token, cursor = watching(bench)
    proxy.hold_wire = True
    bench.commit(gone("skill", 601))
    client = show(proxy, token, since=Cursor(cursor.epoch, cursor.revision + 1),
                  subscriptions=SKILLS)  # fmt: skip
    assert [m["message"] for m in client.inbox] == ["opened"]
    proxy.hold_wire = False
    proxy.pump()
    assert before.changes() == client.changes() == [("deleted", "skill", 601)]


# ---------------------------------------------------------------- refusals


def test_after_a_refusal_a_login_may_follow_on_the_same_connection(bench):
    client = show(bench, "A" * 136)
    assert client.inbox.pop()["code"] == "tokenRefused"
    client.open("bob", token="")
    assert client.inbox[-1]["message"] == "opened"
    assert client.inbox[-1]["token"]


def test_a_connection_has_one_token(bench):
    _, token = log_in(bench)
    client = show(bench, "A" * 136)
    client.send(Open(application="default", user="bob", token=token, data=NONCE))
    assert client.inbox[-1]["code"] == "tokenRefused"
    assert client.closed[0] == CloseCode.REFUSED


def test_a_connection_that_only_shows_a_bad_token_is_sent_away_in_time(bench):
    client = show(bench, "A" * 136)
    bench.tick(11)
    assert client.closed[0] == CloseCode.OPENING_TIMEOUT


@pytest.mark.parametrize("token", ["x", "A" * 136, "é" * 136, "\0"])
def test_what_is_no_token_is_refused(bench, token):
    assert refusal(bench, token)[0] == "tokenRefused"


def test_a_token_that_is_too_long_is_no_opening(bench):
    client = show(bench, "A" * 2_000)
    assert client.inbox[0]["code"] == "invalidParameter"
    assert client.closed[0] == CloseCode.MALFORMED_OPENING


def test_a_token_of_other_masters_is_refused(bench):
    other = master(token_secret=b"of another environment")
    _, token = log_in(other)
    assert refusal(bench, token)[0] == "tokenRefused"


def test_an_expired_token_is_refused(bench):
    _, token = log_in(bench)
    bench.tick(3700)
    assert "expired" in refusal(bench, token)[1]


def test_a_token_of_another_account_or_application_is_refused(bench):
    bench.commit(record("application", 120, 500, name="other", type="sce", acl=[(3, BOB, 9)]))
    _, token = log_in(bench)
    for arguments in (("eve",), ("bob", "other"), ("nobody",), ("", "proxy1"), ("bob", "none")):
        assert refusal(bench, token, *arguments)[0] in ("tokenRefused", "applicationUnknown")


def test_a_new_password_makes_it_void_and_the_live_session_goes_on(bench):
    client, token = log_in(bench)
    new = make_verifier("another", b"0123456789abcdef", 4096)
    bench.commit(record("person", BOB, 0, userName="bob", tenantDBID=1, verifier=new))
    assert "password" in refusal(bench, token)[1]
    assert client.closed is None
    bench.tick(1900)
    renewed = client.inbox[-1]["token"]
    assert "password" in refusal(bench, renewed)[1], "what the old password gave stays void"


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (record("person", BOB, 0, userName="bob", state="disabled", verifier=VERIFIER),
         "accountDisabled"),
        (gone("person", BOB), "tokenRefused"),
        (record("application", 100, 500, name="default", type="sce", state="disabled",
                acl=[(3, BOB, 9)]), "applicationDisabled"),
        (record("application", 100, 500, name="default", type="sce"), "applicationUnknown"),
        (gone("application", 100), "applicationUnknown"),
    ],
)  # fmt: skip
def test_rights_are_looked_at_as_at_a_login(bench, change, code):
    before, token = log_in(bench)
    before.leave()
    bench.commit(change)
    assert refusal(bench, token)[0] == code


def test_a_new_generation_makes_all_tokens_void_and_renews_none(bench):
    client, token = log_in(bench)
    options = {"confserv": {"resume-token-generation": "1"}}
    bench.commit(record("application", 99, 500, name="confserv", type="configserver",
                        accountDBID=100, options=options))  # fmt: skip
    assert "revoked" in refusal(bench, token)[1]
    client.inbox.clear()
    bench.tick(1900)
    assert [m["message"] for m in client.inbox] == []
    _, new = log_in(bench)
    assert resume(bench, new)["restored"]


def test_a_new_generation_reaches_the_proxies(bench):
    proxy = made(bench)
    _, token = log_in(proxy)
    options = {"confserv": {"resume-token-generation": "1"}}
    bench.commit(record("application", 99, 500, name="confserv", type="configserver",
                        accountDBID=100, options=options))  # fmt: skip
    assert "revoked" in refusal(proxy, token)[1]


def test_a_server_that_takes_no_tokens_takes_those_whose_record_its_peer_has_left(bench):
    _, token = log_in(bench)
    name = bench.node.status(bench.now)["sessions"][0]["session"]
    options = {"confserv": {"resume-tokens": "false"}}
    bench.commit(record("application", 99, 500, name="confserv", type="configserver",
                        accountDBID=100, options=options))  # fmt: skip
    assert "resume-tokens" in refusal(bench, token)[1]
    bench.node.serving.has_record = {name}.__contains__
    assert resume(bench, token)["restored"]


def test_subscriptions_that_are_not_valid_are_refused_and_nothing_is_opened(bench):
    _, token = log_in(bench)
    wrong = [Subscription(types=["nothing"])]
    assert refusal(bench, token, subscriptions=wrong)[0] == "invalidParameter"
    assert len(bench.node.status(bench.now)["sessions"]) == 1


def test_nothing_is_done_for_who_shows_no_token(bench):
    wrong = [Subscription(types=["nothing"])]
    assert refusal(bench, "A" * 136, subscriptions=wrong)[0] == "tokenRefused"


def test_the_status_tells_how_long_tokens_go_on_without_a_master(bench):
    proxy = made(bench)
    assert proxy.node.status(proxy.now)["tokensUntil"] == 8 * 86_400.0


def test_a_server_link_takes_no_token(bench):
    _, token = log_in(bench)
    assert refusal(bench, token, "", "proxy1", role="proxy")[0] == "invalidParameter"


def test_a_server_link_gets_no_token_of_its_own(bench):
    line = bench.connect()
    line.open("", application="proxy1", role="proxy", token="")
    assert "token" not in line.inbox[-1]


def test_a_refused_token_is_logged_and_kept_without_itself(bench):
    refusal(bench, "A" * 136)
    (log,) = [log for log in bench.of(commands.Log) if log.event == "login refused"]
    assert log.fields["code"] == "tokenRefused"
    (entry,) = [entry for entry in bench.log.entries if entry.kind == "loginRefused"]
    assert "AAAA" not in str(log.fields) + entry.reason


# ---------------------------------------------------------------- one session, one connection


def test_a_line_that_died_unnoticed_is_told_and_closed(bench):
    before, token = log_in(bench)
    client = show(bench, token)
    assert before.closed[0] == CloseCode.TAKEN_OVER
    assert client.closed is None
    name = client.inbox[0]["session"]
    assert [s["session"] for s in bench.node.status(bench.now)["sessions"]] == [name]
    kinds = [entry.kind for entry in bench.log.entries if entry.session == name]
    assert kinds == ["sessionOpened", "sessionRestored"], "it did not end"


def test_a_token_that_is_shown_twice_leaves_one_session(bench):
    _, token = log_in(bench)
    clients = [show(bench, token) for _ in range(5)]
    assert [client.closed and client.closed[0] for client in clients] == [4003] * 4 + [None]
    assert len(bench.node.status(bench.now)["sessions"]) == 1


def test_a_daemon_with_its_token_takes_over_from_its_dead_line(daemon):
    before, token = log_in(daemon, "", application="stat")
    client = show(daemon, token, "", "stat")
    assert client.inbox[0]["restored"]
    assert before.closed[0] == CloseCode.TAKEN_OVER
    assert not daemon.of(commands.Probe)


def test_a_daemon_with_the_token_of_an_older_session_waits_for_the_probe(daemon):
    before, token = log_in(daemon, "", application="stat")
    before.leave()
    other, _ = log_in(daemon, "", application="stat")
    assert refusal(daemon, token, "", "stat")[0] == "applicationInUse"
    assert daemon.of(commands.Probe)[-1].connection == other.connection
    daemon.handle(events.Disconnected(other.connection, "it did not answer the probe"))
    assert resume(daemon, token, "", "stat")["restored"]


# ---------------------------------------------------------------- renewal


def test_a_long_session_gets_a_new_token_before_the_old_one_ends(bench):
    client, _ = log_in(bench)
    for _ in range(10):
        bench.tick(1000)
    renewed = [m["token"] for m in client.inbox if m["message"] == "tokenRenewed"]
    assert len(renewed) == 5
    client.leave()
    assert resume(bench, renewed[-1])["restored"]
    bench.tick(3600)
    assert [m["message"] for m in client.inbox if m["message"] == "tokenRenewed"] == (
        ["tokenRenewed"] * 5
    )


# ---------------------------------------------------------------- keys


def test_a_proxy_without_its_master_gives_and_takes_tokens_for_the_stated_outage(bench):
    proxy = made(bench)
    proxy.sever()
    proxy.tick(167 * 3600)
    client, token = log_in(proxy)
    client.leave()
    assert resume(proxy, token)["restored"]
    proxy.tick(26 * 3600)
    client = proxy.connect()
    client.open("bob", token="")
    assert client.inbox[-1]["message"] == "opened"
    assert "token" not in client.inbox[-1]
    assert "tokens" in proxy.alarms()
    bench.now = proxy.now
    bench.tick(0)
    proxy.dial()
    assert "tokens" not in proxy.alarms()
    assert log_in(proxy)[1]


def test_the_keys_go_to_server_links_alone(bench):
    client, _ = log_in(bench)
    proxy = made(bench)
    bench.tick(90_000)
    sent = [m for m in bench.clients.values() for m in m.inbox if m["message"] == "tokenKeys"]
    assert [m for m in client.inbox if m["message"] == "tokenKeys"] == []
    assert len(sent) == 2, "at its beginning, and when a period had passed"
    assert proxy.node.serving.issuing.ring.given == bench.node.serving.issuing.ring.given


def test_a_proxy_that_starts_without_its_master_honours_tokens(bench):
    copied = Copied(bench)
    copied.begin()
    copied.dial()
    _, token, cursor = watching(copied)
    keys = copied.of(commands.KeepKeys)[-1].keys
    again = Copied(bench)
    again.now = copied.now + 60
    again.carry_out(again.node.start(again.now))
    copied.sever()
    tell(again, copied.kept, copied.now)
    again.handle(events.CopyRead([], keys))
    client = show(again, token, since=cursor, subscriptions=SKILLS)
    assert client.inbox[0]["restored"]
    assert log_in(again)[1]


def test_a_server_without_keys_opens_sessions_without_tokens():
    bench = master()
    client = bench.connect()
    client.open("bob", token="")
    assert client.inbox[-1]["message"] == "opened"
    assert "token" not in client.inbox[-1]
    assert refusal(bench, "A" * 136)[0] == "tokenRefused"


# ---------------------------------------------------------------- attacks


def test_a_message_before_the_answer_to_the_token_is_taken_in_order(bench):
    _, token = log_in(bench)
    client = bench.connect()
    message = Open(application="default", user="bob", token=token, data=NONCE)
    client.send(message, b'{"message":"readObjects","ref":1,"objectType":"skill"}')
    assert [m["message"] for m in client.inbox] == ["opened", "objectsRead"]


def test_a_token_during_a_login_is_refused(bench):
    _, token = log_in(bench)
    client = bench.connect()
    message = Open(application="default", user="bob", data="n,,n=bob,r=abcdefghijklmnopqrstuvwx")
    client.send(message, Open(application="default", user="bob", token=token))
    assert client.inbox[-1]["code"] == "notOpen"
    assert client.closed is not None


def test_a_proxy_that_has_no_data_takes_no_token(bench):
    proxy = Proxy(bench)
    proxy.carry_out(proxy.node.start(proxy.now))
    assert refusal(proxy, "A" * 136)[0] == "notReady"


# ---------------------------------------------------------------- at random


class Mover(Copy):
    """A client that goes on with its session wherever it comes to."""

    def __init__(self, bench: Bench, user: str, specs: list[dict[str, Any]]) -> None:
        self.user, self.token, self.floor = user, "", ("", 0)
        super().__init__(bench, user, specs)
        self.client.leave()
        self.client, self.token = log_in(bench, user)
        self.subscribe()

    def move(self, bench: Bench, dead: bool = False) -> None:
        """Lose the line, and come to a server; the old one may not have noticed."""
        self.take()
        if self.client.closed is None and not dead:
            self.client.leave()
        self.floor = self.epoch, self.revision
        self.blocked = self.lost = False
        subscriptions = [msgspec.convert(spec, Subscription) for spec in self.specs]
        cursor = Cursor(epoch=self.epoch, revision=self.revision)
        self.client = show(bench, self.token, self.user, since=cursor, subscriptions=subscriptions)
        opened = self.client.inbox.pop(0)
        assert opened.get("restored"), opened
        self.token = opened["token"]
        self.take()

    def take(self) -> None:
        """Take in what came, but nothing that was there before."""
        known: list[dict[str, Any]] = []
        for message in self.client.inbox:
            self.token = message.get("token", self.token)
            cursor = message.get("epoch"), message.get("revision", 0)
            seen = cursor[0] == self.floor[0] and cursor[1] <= self.floor[1]
            if message["message"] != "tokenRenewed" and not (
                seen and message["message"] == "objectsChanged"
            ):
                known.append(message)
        self.client.inbox = known
        super().take()


class MovingFleet(Fleet):
    """A fleet whose clients change their servers and lose their lines."""

    def __init__(self, seed: int) -> None:
        super().__init__(seed)
        self.copies = [
            Mover(copy.client.bench, name, copy.specs)
            for copy in self.copies
            for name, dbid in PERSONS.items()
            if dbid == copy.person
        ]

    def step(self) -> None:
        if self.random.random() < 0.3:
            self.move()
            self.check()
        else:
            super().step()

    def move(self) -> None:
        copy = self.random.choice(self.copies)
        if copy.epoch:
            copy.move(self.random.choice((self.master, self.proxy)), self.random.random() < 0.5)

    def restart(self) -> None:
        self.proxy.sever()
        self.master.restart()
        for copy in self.copies:
            if copy.client.bench is self.master:
                copy.move(self.random.choice((self.master, self.proxy)))


@pytest.mark.parametrize("seed", range(40))
def test_whatever_happens_a_resumed_copy_is_what_its_reader_may_see(seed):
    fleet = MovingFleet(seed)
    for _ in range(60):
        fleet.step()
    fleet.settle()
