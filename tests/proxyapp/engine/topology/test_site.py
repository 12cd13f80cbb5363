"""What a proxy with a site limit shows, tells and keeps to itself, whatever changes."""

from __future__ import annotations

from random import Random
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from confwire.messages import Cursor, Open, Record, Subscription
from proxyapp.engine import commands
from proxyapp.engine.notifying import sights
from tests.proxyapp.engine.bench import (
    BOB,
    EVE,
    FOLDER,
    INNER,
    OTHER,
    PASSWORD,
    STEADY,
    VERIFIER,
    Bench,
    Client,
    Proxy,
    gone,
    master,
    record,
    tree_of,
)
from tests.proxyapp.engine.limited import PROXIES, Limits, proxy_record
from tests.proxyapp.engine.world import PERSONS, Copy, Document, Key

SITE = "folder:Environment/Skills/Inner"
OWNER = {"objectType": "tenant", "DBID": 1}


def proxies(bench: Bench, **limits: str) -> list[Proxy]:
    """Return proxies with these limits and live links."""
    made = []
    for name, limit in limits.items():
        bench.commit(proxy_record(name, limit))
        proxy = Proxy(bench, application=name)
        proxy.start()
        assert proxy.link == "live"
        made.append(proxy)
    return made


@pytest.fixture
def bench() -> Bench:
    """A master whose tokens count everywhere; Bob reads all but what is hidden, Eve all."""
    made = master(token_secret=b"theirs")
    made.commit(record("tenant", 1, name="Environment", acl=[(3, EVE, 127)]))
    return made


@pytest.fixture
def site(bench: Bench) -> Proxy:
    """A proxy that shows the inner folder."""
    return proxies(bench, proxy1=SITE)[0]


def limit(bench: Bench, text: str, name: str = "proxy1") -> None:
    bench.commit(proxy_record(name, text))


def log_in(server: Bench, user: str = "bob") -> tuple[Client, str]:
    """Return a client and its token."""
    client = server.connect()
    client.open(user, token="")
    token = client.inbox[-1]["token"]
    client.inbox.clear()
    return client, token


def newest(messages: list[Document], token: str) -> str:
    """Return the token that came last."""
    return str([token, *(m["token"] for m in messages if "token" in m)][-1])


def kinds(client: Client) -> list[str]:
    """Return and forget what came."""
    found = [message["message"] for message in client.inbox]
    client.inbox.clear()
    return found


# ---------------------------------------------------------------- what is shown


def test_clients_see_what_the_limit_and_their_rights_share(bench, site):
    for server, skill, folder in ((bench, [601, 602], [501, 502]), (site, [602], [502])):
        bob = server.login("bob")
        assert bob.read("skill") == skill
        assert bob.read("folder") == folder
        assert bob.read("skill", name="Английский") == skill[:-1]
        assert [bob.error("readSecrets", objectType="skill", DBID=d) for d in skill] == [
            "noPermission"
        ] * len(skill)
        (info,) = bob.ask("readServerInfo")
        assert info["treeHash"] == tree_of(bench)[2]


def test_a_limit_grants_nothing(bench, site):
    limit(bench, "tenant:Environment")
    assert site.login("bob").read("skill") == [601, 602]
    assert site.login("eve").read("skill") == [601, 602, 603]


def test_what_lies_in_an_object_outside_is_told_from_nowhere(site):
    eve = site.login("eve")
    for key in ({"objectType": "skill", "DBID": 603}, {"objectType": "folder", "DBID": OTHER}):
        assert eve.error("readPermissions", **key) == "objectNotFound"
        assert eve.error("readSecrets", **key) == "objectNotFound"
        assert eve.error("registerPermissions", objects=[key]) == "objectNotFound"
        (past,) = eve.ask("readPast", objectType=key["objectType"], revision=tree_of(site)[1])
        assert key["DBID"] not in [found["DBID"] for found in past["objects"]]


def test_paths_begin_below_the_limit(site):
    (answer, *_) = site.login("bob").ask(
        "readObjects", objectType="skill", filter={"object_path": 1}
    )
    assert answer["objectPaths"] == ["Inner"]


def test_what_was_deleted_outside_is_no_past_of_the_site(bench, site):
    bench.commit(gone("skill", 603), gone("skill", 602))
    (read,) = site.login("eve").ask("historyLog")
    assert [change["DBID"] for change in read["changes"]] == [602]


def test_who_administers_is_not_told_how_much_there_is(bench, site):
    bench.commit(
        record("accessGroup", 202, 0, name="Super", type="superadministrators", tenantDBID=1,
               members=[{"objectType": "person", "DBID": EVE}])
    )  # fmt: skip
    ((whole,), (part,)) = (server.login("eve").ask("readServerInfo") for server in (bench, site))
    assert whole["objects"]
    assert "objects" not in part


def test_persons_and_applications_outside_log_in_by_their_own_rights(bench, site):
    bob = site.login("bob")
    assert bob.read("application") == bob.read("person") == []
    bench.commit(record("application", 100, 500, name="default", type="sce"))
    assert bob.closed is not None, "the right to execute was withdrawn"


def test_a_daemon_outside_reads_its_own_secrets_and_no_other_object(bench, site):
    bench.commit(
        record("application", 130, 500, name="stat", type="statserver", accountDBID=BOB,
               verifier=VERIFIER, acl=[(3, BOB, 9)])
    )  # fmt: skip
    daemon = site.connect()
    daemon.open("", "stat")
    assert daemon.read("application") == []
    (answer,) = daemon.ask("readSecrets", objectType="application", DBID=130)
    assert answer["message"] == "secretsRead"


def test_the_server_itself_is_its_operators_business(bench, site):
    bench.commit(proxy_record("proxy1", SITE, state="enabled"))
    bench.commit(
        record("application", 110, name="proxy1", type="configserver", accountDBID=100,
               verifier=VERIFIER, acl=[(3, 100, 9), (3, EVE, 127)],
               options={"csproxy": {"site-limit": SITE}})
    )  # fmt: skip
    bob, eve = site.login("bob"), site.login("eve")
    assert bob.error("disconnect", session="nobody") == "noPermission"
    assert eve.error("disconnect", session="nobody") == "invalidParameter"
    assert bob.error("switchOver") == "noPermission"
    assert eve.error("switchOver") == "noBackup"


def test_who_may_change_its_own_object_may_change_its_password(bench, site):
    options = {"site-limit": SITE, "proxy-writable": "true", "password-change": "false"}
    bench.commit(
        record("person", EVE, 0, [(3, EVE, 4)], VERIFIER, userName="eve", tenantDBID=1),
        record("application", 110, name="proxy1", type="configserver", accountDBID=100,
               verifier=VERIFIER, acl=[(3, 100, 9)], options={"csproxy": options}),
    )  # fmt: skip
    passwords = {"oldPassword": PASSWORD, "newPassword": "other"}
    assert site.login("bob").error("changePassword", **passwords) == "noPermission"
    assert site.login("eve").ask("changePassword", **passwords) == [], "the master is asked"


# ---------------------------------------------------------------- writes


def annex(client: Client, dbid: int) -> list[Document]:
    delta = {"userProperties": {"s": {"o": "1"}}}
    return client.ask("updateObject", objectType="skill", DBID=dbid, delta=delta)


def test_a_write_to_what_is_not_shown_is_refused_as_of_nothing(bench, site):
    bench.commit(
        record("application", 110, name="proxy1", type="configserver", accountDBID=100,
               verifier=VERIFIER, acl=[(3, 100, 9)],
               options={"csproxy": {"site-limit": SITE, "proxy-writable": "true"}})
    )  # fmt: skip
    eve = site.login("eve")
    told = [annex(eve, dbid)[0] for dbid in (603, 999)]
    assert [error["code"] for error in told] == ["objectNotFound"] * 2
    assert told[0]["text"] == told[1]["text"].replace("999", "603")
    assert not bench.of(commands.Write), "the master was not asked"
    assert annex(eve, 602) == []
    (write,) = bench.of(commands.Write)
    assert write.request.dbid == 602


def test_without_writes_all_are_refused_alike(site):
    eve = site.login("eve")
    assert [annex(eve, dbid)[0]["code"] for dbid in (602, 603)] == ["readOnlyServer"] * 2


# ---------------------------------------------------------------- the option


@pytest.mark.parametrize("text", ["folder:Environment/Nowhere", "everything", "folder:77", ","])
def test_what_names_nothing_shows_nothing_and_is_an_alarm(bench, text):
    (proxy,) = proxies(bench, proxy1=text)
    assert proxy.login("eve").read("skill") == []
    assert "site-limit" in proxy.alarms()
    limit(bench, "folder:501")
    assert proxy.alarms() == set()
    assert proxy.login("eve").read("skill") == [601, 602]


def test_what_is_misspelt_beside_others_shows_less_than_was_meant(bench):
    (proxy,) = proxies(bench, proxy1=f"{SITE}, tenant:Nobody")
    assert proxy.login("eve").read("skill") == [602]
    (alarm,) = proxy.node.status(proxy.now)["alarms"]
    assert "there is no tenant 'Nobody'" in alarm["text"]
    assert proxy.node.status(proxy.now)["siteLimit"] == f"{SITE}, tenant:Nobody"


def test_a_master_shows_everything_whatever_its_options_say(bench):
    bench.commit(
        record("application", 99, 500, name="confserv", type="configserver",
               options={"csproxy": {"site-limit": "folder:77"}})
    )  # fmt: skip
    assert bench.login("bob").read("skill") == [601, 602]


def test_a_server_whose_object_is_gone_keeps_its_limit(bench, site):
    bench.commit(gone("application", 110))
    assert site.login("eve").read("skill") == [602]


def test_the_backup_of_a_pair_has_the_limit_of_its_primary(bench):
    paired = {"serverInfo": {"backupServerDBID": 111}}
    bench.commit(proxy_record("proxy1", SITE, **paired))
    (backup,) = proxies(bench, proxy2="folder:503")
    shown = backup.node.serving.access.limit
    assert shown is not None
    assert shown.keys == {(22, INNER)}
    bench.commit(proxy_record("proxy1", "folder:501", **paired))
    assert backup.node.serving.access.limit.keys == {(22, FOLDER)}
    bench.commit(proxy_record("proxy1", SITE))
    assert backup.node.serving.access.limit.keys == {(22, OTHER)}, "it is of no pair now"


# ---------------------------------------------------------------- changes at run time


def test_another_limit_tells_what_goes_and_what_comes(bench, site):
    bob = site.login("bob")
    bob.watch(types=["skill", "folder"], snapshot=True)
    bob.inbox.clear()
    limit(bench, "folder:501")
    assert sorted(bob.changes()) == [("entered", "folder", 501), ("entered", "skill", 601)]
    limit(bench, SITE)
    assert sorted(bob.changes()) == [("left", "folder", 501), ("left", "skill", 601)]
    limit(bench, "")
    assert len(bob.changes()) == 2
    limit(bench, "nothing")
    assert {change for change, *_ in bob.changes()} == {"left"}


def test_a_limit_by_path_follows_the_names(bench, site):
    bob = site.login("bob")
    bob.watch(types=["skill"], snapshot=True)
    bob.inbox.clear()
    named = {"type": "skill", "owner": OWNER}
    bench.commit(record("folder", INNER, FOLDER, name="Другая", **named))
    assert bob.changes() == [("left", "skill", 602)]
    assert "site-limit" in site.alarms()
    bench.commit(record("folder", 504, FOLDER, name="inner", **named),
                 record("skill", 604, 504, name="x", tenantDBID=1))  # fmt: skip
    assert bob.changes() == [("created", "skill", 604)]
    assert site.alarms() == set()
    bench.commit(record("folder", 504, OTHER, name="inner", **named))
    assert bob.changes() == [("left", "skill", 604)]


def test_a_grant_taken_with_the_limit_leaves_nothing_behind(bench, site):
    limit(bench, "tenant:1")
    eve = site.login("eve")
    eve.watch(types=["skill", "folder"], snapshot=True)
    eve.inbox.clear()
    bench.commit(record("tenant", 1, name="Environment"), proxy_record("proxy1", "folder:503"))
    left = {(kind, dbid) for change, kind, dbid in eve.changes() if change == "left"}
    assert {("folder", 500), ("folder", OTHER), ("skill", 603)} <= left
    assert eve.read("folder") == []


def test_watched_permissions_follow_the_limit(bench, site):
    bob = site.login("bob")
    bob.ask("registerPermissions", objects=[{"objectType": "skill", "DBID": 602}])
    limit(bench, "folder:503")
    (told,) = [m for m in bob.inbox if m["message"] == "permissionsChanged"]
    assert told["objects"] == [{"objectType": "skill", "DBID": 602}], "none"


def test_who_would_have_too_much_compared_must_read_anew(bench, site, monkeypatch):
    monkeypatch.setattr(sights, "PLACES_AT_ONCE", 3)
    bob = site.login("bob")
    bob.watch(types=["skill"], snapshot=True)
    bob.inbox.clear()
    limit(bench, "folder:501")
    assert kinds(bob) == ["notificationsLost"]
    assert bob.read("skill") == [601, 602]


def test_a_load_that_brings_another_limit_tells_the_same(bench, site):
    bob = site.login("bob")
    bob.watch(types=["skill"], snapshot=True)
    bob.inbox.clear()
    site.sever()
    limit(bench, "folder:501")
    bench.database.transactions, bench.database.first = [], bench.database.revision
    site.dial()
    assert ("entered", "skill", 601) in bob.changes()


def test_an_application_elsewhere_changes_nothing_here(bench, site):
    bob = site.login("bob")
    bob.watch(types=["skill"], snapshot=True)
    structural = site.node.serving.journal.structural
    limit(bench, "folder:503", "proxy2")
    assert site.node.serving.journal.structural == structural
    assert bob.read("skill") == [602]


# ---------------------------------------------------------------- from one server to another


def resume(server: Bench, token: str, cursor: Cursor) -> Client:
    client = server.connect()
    wanted = [Subscription(types=["skill"])]
    client.send(Open(application="default", user="bob", token=token, data="n" * 24, since=cursor,
                     subscriptions=wanted))  # fmt: skip
    assert client.inbox[0]["restored"] is True
    return client


def cursor_at(server: Bench) -> Cursor:
    epoch, revision, _ = tree_of(server)
    return Cursor(epoch=epoch, revision=revision)


@pytest.mark.parametrize(
    ("there", "here", "goes_on"),
    [
        ("", SITE, False),
        (SITE, "", False),
        (SITE, "folder:501", False),
        (SITE, SITE, True),
        (f"{SITE},tenant:Nobody", f" TENANT:nobody , {SITE}".replace("TENANT", "tenant"), True),
        ("", "", True),
    ],
)
def test_a_token_goes_on_where_the_same_is_shown(bench, there, here, goes_on):
    first, second = proxies(bench, proxy1=there, proxy2=here)
    client, token = log_in(first)
    token = newest(client.watch(types=["skill"]), token)
    client.leave()
    client = resume(second, token, cursor_at(first))
    assert kinds(client) == (["opened"] if goes_on else ["opened", "notificationsLost"])
    bench.commit(record("skill", 602, INNER, name="more", tenantDBID=1))
    assert bool(client.changes()) is goes_on


def test_a_new_token_says_nothing_before_something_was_told(bench):
    """Whoever leaves before it has read anew still has what another server has shown."""
    first, second = proxies(bench, proxy1=SITE, proxy2="")
    client, token = log_in(first)
    token = newest(client.watch(types=["skill"]), token)
    cursor = cursor_at(first)
    for server in (second, bench, second):
        client.leave()
        client = resume(server, token, cursor)
        token = newest(client.inbox, token)
        assert kinds(client) == ["opened", "notificationsLost"]
    client.leave()
    client, token = log_in(second)
    client.leave()
    client = resume(second, token, cursor)
    assert kinds(client) == ["opened", "notificationsLost"]
    token = newest(client.watch(types=["skill"], snapshot=True), token)
    client.leave()
    for server in (bench, second):
        client = resume(server, token, cursor_at(server))
        assert kinds(client) == ["opened"]


def test_a_new_token_counts_behind_a_snapshot_not_within(bench, site):
    client, _ = log_in(site)
    site.hold_again = True
    client.post("registerNotification", subscriptions=[{"types": ["skill"]}], snapshot=True)
    while site.tasks:
        site.turn()
    assert kinds(client)[-2:] == ["notificationRegistered", "tokenRenewed"]


def test_what_was_seen_ahead_of_a_server_is_not_what_it_has_told(bench):
    first, second = proxies(bench, proxy1=SITE, proxy2="folder:501")
    second.hold_wire = True
    bench.commit(record("skill", 602, INNER, name="more", tenantDBID=1))
    ahead, behind = cursor_at(first), cursor_at(second)
    client = second.connect()
    client.open("bob", token="", seen=ahead)
    token = newest(client.inbox, "")
    token = newest(client.watch(types=["skill"], snapshot=True), token)
    client.leave()
    second.hold_wire = False
    second.pump()
    for cursor in (ahead, behind):
        assert kinds(resume(second, token, cursor)) == ["opened", "notificationsLost"]
    bench.commit(record("skill", 602, INNER, name="again", tenantDBID=1))
    assert kinds(resume(second, token, cursor_at(second))) == ["opened"]


@pytest.mark.parametrize("claimed", [2**63, 2**64 - 1])
def test_a_client_that_claims_to_have_seen_what_cannot_be_harms_nobody(bench, site, claimed):
    client = site.connect()
    client.open("bob", token="", seen=Cursor(epoch="e1", revision=claimed))
    client.watch(types=["skill"], snapshot=True)
    token = newest(client.inbox, "")
    limit(bench, "folder:501")
    limit(bench, "folder:502", "proxy2")
    token = newest(client.inbox, token)
    assert client.closed is None
    client.leave()
    assert kinds(resume(site, token, cursor_at(site))) == ["opened", "notificationsLost"]


def test_the_first_limit_gives_everybody_a_token_that_says_what_was_told(bench):
    first, _ = proxies(bench, proxy1="", proxy2="")
    told, token = log_in(first)
    told.watch(types=["skill"])
    fresh, other = log_in(first)
    limit(bench, SITE, "proxy2")
    token, other = newest(told.inbox, token), newest(fresh.inbox, other)
    told.leave(), fresh.leave()
    assert kinds(resume(first, token, cursor_at(first))) == ["opened"]
    assert kinds(resume(first, other, cursor_at(first))) == ["opened", "notificationsLost"]


def since(server: Bench, cursor: Cursor) -> str:
    """Log in without a token and go on from a cursor; return the answer."""
    client = server.login("bob")
    (answer, *_) = client.watch(types=["skill"], since=msgspec.to_builtins(cursor))
    return str(answer.get("code", answer["message"]))


def test_without_a_token_nobody_knows_what_a_cursor_is_of(bench):
    first, second = proxies(bench, proxy1="", proxy2="")
    assert since(second, cursor_at(first)) == "notificationRegistered"
    limit(bench, SITE)
    for server in (bench, first, second):
        assert since(server, cursor_at(first)) == "compacted"
    limit(bench, "")
    before = Cursor(epoch="e1", revision=tree_of(bench)[1] - 1)
    assert since(second, before) == "compacted", "it may be of when there was a limit"
    assert since(second, cursor_at(first)) == "notificationRegistered"


def test_a_session_goes_on_from_its_own_cursors(bench, site):
    client = site.login("bob")
    client.watch(types=["skill"], snapshot=True)
    bench.commit(record("skill", 602, INNER, name="more", tenantDBID=1))
    client.ask("unregisterNotification", subscription="default")
    cursor = Cursor(epoch="e1", revision=tree_of(site)[1] - 1)
    told = client.watch(types=["skill"], since=msgspec.to_builtins(cursor))
    assert [m["message"] for m in told] == ["notificationRegistered", "objectsChanged"]


def test_a_token_from_before_the_limit_is_replaced_before_anything_is_told(bench):
    first, second = proxies(bench, proxy1="", proxy2="")
    client, old = log_in(first)
    client.watch(types=["skill"])
    before = cursor_at(first)
    limit(bench, SITE)
    assert [m["message"] for m in client.inbox] == ["tokenRenewed", "objectsChanged"]
    new = client.inbox[0]["token"]
    client.leave()
    assert kinds(resume(second, new, cursor_at(first))) == ["opened", "notificationsLost"]
    limit(bench, SITE, "proxy2")
    assert kinds(resume(second, new, before)) == ["opened", "notificationsLost"]
    assert kinds(resume(first, new, before)) == ["opened", "notificationsLost"]
    assert kinds(resume(first, old, cursor_at(first))) == ["opened", "notificationsLost"]
    assert kinds(resume(first, new, cursor_at(first))) == ["opened"]


def test_a_new_token_is_none_for_a_cursor_from_before_it(bench):
    first, second = proxies(bench, proxy1="", proxy2=SITE)
    client, _ = log_in(first)
    client.watch(types=["skill"])
    before = cursor_at(first)
    limit(bench, SITE)
    token = client.inbox[0]["token"]
    client.leave()  # and what was told after the token was lost on the way
    assert kinds(resume(second, token, before)) == ["opened", "notificationsLost"]
    assert kinds(resume(second, token, cursor_at(first))) == ["opened"]


def test_who_comes_ahead_of_the_news_of_a_limit_reads_anew(bench):
    first, second = proxies(bench, proxy1="", proxy2="")
    second.hold_wire = True
    limit(bench, SITE)
    client = second.login("bob")
    client.watch(types=["skill"], since=msgspec.to_builtins(cursor_at(first)))
    client.inbox.clear()
    second.hold_wire = False
    second.pump()
    assert kinds(client) == ["notificationsLost"]


def test_tokens_are_renewed_over_many_turns_before_the_limit_binds(bench):
    (proxy,) = proxies(bench, proxy1="")
    clients = [log_in(proxy)[0] for _ in range(250)]
    proxy.hold_again = True
    limit(bench, SITE)
    proxy.turn()
    assert 0 < sum(bool(client.inbox) for client in clients) < 250
    late, token = log_in(proxy)
    assert late.read("skill") == [601, 602], "it binds when all have their tokens"
    proxy.settle()
    assert {tuple(kinds(client)) for client in clients} == {("tokenRenewed",)}
    assert late.read("skill") == [602]
    token = newest(late.watch(types=["skill"]), token)
    assert kinds(resume(proxy, token, cursor_at(bench))) == ["opened"]


# ---------------------------------------------------------------- at random


class Walker(Copy):
    """A client that goes from server to server, by its token or by a new login."""

    def __init__(self, bench: Bench, user: str, specs: list[Document]) -> None:
        self.user, self.token, self.floor = user, "", ("", 0)
        super().__init__(bench, user, specs)

    @property
    def server(self) -> str:
        return self.client.bench.node.serving.settings.application

    def go(self, bench: Bench, by_token: bool) -> None:
        """Lose the line, and go on from the cursor at a server."""
        self.take()
        if self.client.closed is None:
            self.client.leave()
        self.floor = self.epoch, self.revision
        self.lost = False
        cursor = Cursor(epoch=self.epoch, revision=self.revision)
        self.client = bench.connect()
        if by_token and self.token:
            wanted = [msgspec.convert(spec, Subscription) for spec in self.specs]
            self.client.send(Open(application="default", user=self.user, token=self.token,
                                  data="n" * 24, since=cursor, subscriptions=wanted))  # fmt: skip
            assert self.client.inbox[0].get("restored"), self.client.inbox
        else:
            self.client.open(self.user, token="")
            self.client.post("registerNotification", subscriptions=self.specs,
                             since=msgspec.to_builtins(cursor))  # fmt: skip
        self.take()

    def take(self) -> None:
        """Take in what came, but nothing that was there before."""
        messages, known = self.client.inbox, []
        for message in messages:
            self.token = message.get("token", self.token)
            cursor = message.get("epoch"), message.get("revision", 0)
            seen = cursor[0] == self.floor[0] and cursor[1] <= self.floor[1]
            if message["message"] == "error":
                assert message["code"] in ("compacted", "epochChanged"), message
                self.lost = True
            elif message["message"] in ("objectsChanged", "notificationRegistered"):
                # The answer to a cursor is no news, that to a snapshot is.
                if not seen and (message["message"] == "objectsChanged" or not self.floor[0]):
                    known.append(message)
            elif message["message"] not in ("tokenRenewed", "opened", "challenge"):
                known.append(message)
        self.client.inbox = known
        super().take()

    def subscribe(self) -> None:
        self.floor = "", 0
        super().subscribe()


class Estate:
    """A master, two proxies with limits, and clients that walk among them."""

    def __init__(self, seed: int, large: int = 2_000, ring: int = 50_000) -> None:
        self.random = random = Random(seed)
        self.world = Limits(random)
        more: dict[str, Any] = {"large_transaction": large, "journal_capacity": ring}
        self.master = master(list(self.world.records.values()), token_secret=b"theirs", **more)
        self.pasts: dict[int, dict[Key, Record]] = {1: dict(self.world.records)}
        self.proxies = [Proxy(self.master, application=name, **more) for name in PROXIES]
        for proxy in self.proxies:
            proxy.start()
        self.servers: list[Bench] = [self.master, *self.proxies, *self.proxies]
        self.copies = [
            Walker(random.choice(self.servers), random.choice(list(PERSONS)),
                   self.world.some_specs()) for _ in range(5)
        ]  # fmt: skip

    def step(self) -> None:
        act = self.random.random()
        if act < 0.6:
            self.master.commit(*self.world.transaction())
            self.pasts[self.master.database.revision] = dict(self.world.records)
        elif act < 0.85:
            copy = self.random.choice(self.copies)
            copy.go(self.random.choice(self.servers), self.random.random() < 0.7)
        elif act < 0.92:
            proxy = self.random.choice(self.proxies)
            proxy.hold_wire = not proxy.hold_wire
            proxy.pump()
        elif act < 0.96:
            self.random.choice(self.proxies).pump(self.random.randrange(1, 4))
        else:
            self.reload(self.random.choice(self.proxies))
        self.check()

    def reload(self, proxy: Proxy) -> None:
        """Let a proxy lose its link, miss too much, and load anew."""
        proxy.sever()
        self.master.commit(*self.world.transaction())
        database = self.master.database
        self.pasts[database.revision] = dict(self.world.records)
        if self.random.random() < 0.7:
            database.transactions, database.first = [], database.revision
        proxy.hold_wire = False
        proxy.dial()

    def check(self) -> None:
        for copy in self.copies:
            copy.take()
            if copy.lost:
                copy.subscribe()
            _, revision, _ = tree_of(copy.client.bench)
            if copy.revision <= revision:  # else its server is behind, and may have to change
                past = self.world.past(self.pasts[copy.revision])
                assert copy.objects == past.shown(copy.server, copy.person, copy.specs), (
                    copy.server, past.limit_of(copy.server), copy.revision)  # fmt: skip

    def settle(self) -> None:
        """Let everything come to its end, and compare with the data as it is."""
        for proxy in self.proxies:
            proxy.hold_wire = False
            proxy.pump()
            assert tree_of(proxy) == tree_of(self.master), "the tree hash is over all"
        for copy in self.copies:
            copy.take()
            if copy.lost:
                copy.subscribe()
            shown = self.world.shown(copy.server, copy.person, copy.specs)
            assert copy.objects == shown, (copy.server, self.world.limit_of(copy.server))


@settings(STEADY, max_examples=60)
@given(st.integers(0, 2**32), st.sampled_from([1, 2, 2_000]))
def test_a_copy_is_what_its_server_shows_of_what_its_reader_may_read(seed: int, large: int) -> None:
    estate = Estate(seed, large)
    for _ in range(40):
        estate.step()
    estate.settle()
