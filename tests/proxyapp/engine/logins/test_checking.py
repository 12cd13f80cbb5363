from __future__ import annotations

import json
from base64 import b64encode

import pytest

from confwire.messages import Open, Proof
from proxyapp.engine import commands, events
from proxyapp.engine.trust.ways import Internal, Kerberos, Ldap
from tests.proxyapp.engine.bench import (
    VERIFIER,
    Bench,
    Client,
    Proxy,
    environment,
    master,
    record,
)

LDAP = {"ldap-url": "ldap://d1/dc=t??sub?(uid=X)"}
KERBEROS = {"SPN": "confwire@host", "keytab": "/k", "realm": "R"}
DIRECTORY = {"authentication": {"library": "gauth_ldap"}, "gauth_ldap": LDAP}
TICKETS = {"authentication": {"library": "gauth_kerberos"}, "gauth_kerberos": KERBEROS}
TICKET = b64encode(b"ticket").decode()
ZOE = 110


def confserv(**options: dict[str, object]):
    """Return the master's application with these options."""
    return record(
        "application", 99, 500, name="confserv", type="configserver", accountDBID=100,
        portInfos=[{"id": "default", "port": "2020"}], options=options,
    )  # fmt: skip


def people():
    """Return two persons: one whom a directory checks, and one of the configuration alone."""
    application = record(
        "application",
        100,
        500,
        name="default",
        type="sce",
        acl=[(21, 201, 9), (3, 102, 9), (3, ZOE, 9)],
    )
    zoe = record("person", ZOE, userName="zoe", tenantDBID=1, externalID="зоя", verifier=VERIFIER)
    return [application, zoe]


def bench_with(*more, **options) -> Bench:
    given = [*environment(), confserv(**options), *people(), *more]
    return master(list({(item.type, item.dbid): item for item in given}.values()))


def ask(
    bench: Bench, user: str = "zoe", password: str = "тайна", secure: bool = True, **opening
) -> Client:
    client = bench.connect(secure)
    filled = {"application": "default", "mechanism": "PLAIN", "data": password, **opening}
    client.send(Open(user=user, **filled))
    return client


def judge(bench: Bench, outcome: str, **more: str) -> commands.Authenticate:
    """Let the last check that was asked for end like this."""
    check = bench.of(commands.Authenticate)[-1]
    bench.handle(events.Authenticated(check.ticket, outcome, **more))
    return check


def refusal(client: Client) -> str:
    assert client.closed == (4001, client.inbox[-1]["code"])
    return str(client.inbox[-1]["code"])


def test_a_password_is_judged_by_others_and_the_session_opens():
    bench = bench_with(**DIRECTORY)
    client = ask(bench)
    assert client.inbox == []
    check = judge(bench, "accepted")
    assert (check.user, check.data) == ("зоя", "тайна")
    assert [type(way) for way in check.ways] == [Ldap]
    assert 0 < check.seconds < 10
    assert client.inbox[-1]["message"] == "opened"
    assert client.inbox[-1]["personDBID"] == ZOE
    assert client.read("application") == [100]


def test_a_rejection_is_told_with_the_words_of_the_directory():
    bench = bench_with(**DIRECTORY)
    client = ask(bench)
    judge(bench, "rejected", text="пароль истёк")
    assert refusal(client) == "authenticationFailed"
    assert client.inbox[-1]["text"] == "user name or password is wrong: пароль истёк"
    (kept,) = [e for e in bench.log.entries if e.kind == "loginRefused"]
    assert (kept.user, "тайна" in kept.reason) == ("zoe", False)


def test_a_directory_that_is_away_is_no_wrong_password():
    bench = bench_with(**DIRECTORY)
    client = ask(bench)
    judge(bench, "unavailable", text="no answer in time")
    assert refusal(client) == "authenticationUnavailable"
    assert client.inbox[-1]["permanent"] is False


def test_others_are_served_while_a_check_waits():
    bench = bench_with(**DIRECTORY)
    waiting = ask(bench)
    assert bench.login("bob").read("skill") == [601, 602]
    assert waiting.inbox == []


def test_a_password_in_clear_is_refused_and_not_passed_on():
    bench = bench_with(**DIRECTORY)
    client = ask(bench, secure=False)
    assert refusal(client) == "passwordInClear"
    assert bench.of(commands.Authenticate) == []


def test_an_application_gives_no_password():
    bench = bench_with(**DIRECTORY)
    assert refusal(ask(bench, user="")) == "invalidParameter"


def test_who_is_checked_by_others_cannot_use_a_verifier_that_is_left():
    bench = bench_with(**DIRECTORY)
    client = bench.connect()
    client.open("zoe")
    assert refusal(client) == "authenticationFailed"


def test_a_person_of_the_configuration_may_send_its_password_too():
    bench = bench_with(**DIRECTORY)
    client = ask(bench, user="bob", password="x")
    check = judge(bench, "accepted")
    assert (check.ways, check.verifier) == ((Internal(),), VERIFIER)
    assert client.inbox[-1]["message"] == "opened"


def test_a_stranger_takes_as_long_and_asks_no_directory():
    bench = bench_with(**DIRECTORY)
    client = ask(bench, user="nobody")
    check = judge(bench, "rejected")
    assert (check.ways, check.known, check.verifier) == ((Internal(),), False, "")
    assert refusal(client) == "authenticationFailed"


def test_an_accepted_password_does_not_open_what_is_disabled_meanwhile():
    bench = bench_with(**DIRECTORY)
    client = ask(bench)
    bench.commit(record("person", ZOE, userName="zoe", externalID="зоя", state="disabled"))
    judge(bench, "accepted")
    assert refusal(client) == "accountDisabled"


def test_an_answer_for_who_has_left_is_dropped():
    bench = bench_with(**DIRECTORY)
    client = ask(bench)
    client.leave()
    judge(bench, "accepted")
    assert len(bench.node.serving.roster) == 0


def test_messages_while_the_check_waits_end_the_connection():
    bench = bench_with(**DIRECTORY)
    client = ask(bench)
    client.send(Proof(data="x"))
    assert client.closed is not None
    judge(bench, "accepted")
    assert client.inbox[-1]["code"] == "notOpen"


def test_the_time_for_logins_binds_those_that_wait_too():
    bench = bench_with(**DIRECTORY)
    client = ask(bench)
    bench.tick(11)
    assert client.closed is not None
    assert client.closed[0] == 4000


def test_only_so_many_may_wait():
    authentication = {"library": "gauth_ldap", "authentication-queue-threshold": 2}
    bench = bench_with(authentication=authentication, gauth_ldap=LDAP)
    first, _second, third = ask(bench), ask(bench), ask(bench)
    assert refusal(third) == "authenticationUnavailable"
    bench.handle(events.Authenticated(1, "accepted"))
    assert first.inbox[-1]["message"] == "opened"
    assert ask(bench).inbox == []


def test_a_library_without_settings_refuses_instead_of_letting_in():
    bench = bench_with(authentication={"library": "gauth_ldap"})
    assert refusal(ask(bench)) == "authenticationUnavailable"
    assert [log for log in bench.of(commands.Log) if log.event == "library without settings"]


# ---------------------------------------------------------------- tickets


def bring(bench: Bench, user: str = "zoe") -> Client:
    client = ask(bench, user, TICKET, secure=False, mechanism="KERBEROS")
    if client.inbox[-1]["message"] == "challenge":
        client.send(Proof(data="signature"))
    return client


def test_the_owner_of_a_ticket_signs_the_nonce_of_the_connection():
    bench = bench_with(**TICKETS)
    client = bring(bench)
    check = judge(bench, "accepted", principal="зоя@R", data="mine")
    assert client.inbox[0]["data"] == check.nonce
    assert (check.data, check.proof) == (TICKET, "signature")
    assert [type(way) for way in check.ways] == [Kerberos]
    assert client.inbox[-1]["message"] == "opened"
    assert client.inbox[-1]["data"] == "mine"


def test_a_ticket_of_somebody_else_is_refused():
    bench = bench_with(**TICKETS)
    for user, principal in (("zoe", "bob@R"), ("bob", "зоя@R"), ("zoe", "зоя2@R")):
        client = bring(bench, user)
        judge(bench, "accepted", principal=principal)
        assert refusal(client) == "accountMismatch"
    client = bring(bench, "bob")
    judge(bench, "accepted", principal="BOB@R")
    assert client.inbox[-1]["message"] == "opened"


def test_a_server_without_keys_takes_no_tickets():
    assert refusal(bring(bench_with(**DIRECTORY))) == "invalidParameter"


# ---------------------------------------------------------------- proxies


def site(proxy_options: dict[str, object] | None = None, **options) -> tuple[Bench, Proxy]:
    own = record(
        "application", 110, 500, name="proxy1", type="configserver", accountDBID=100,
        verifier=VERIFIER, acl=[(3, 100, 9)], portInfos=[{"id": "default", "port": "2030"}],
        options=proxy_options or {},
    )  # fmt: skip
    upper = bench_with(own, **options)
    proxy = Proxy(upper)
    proxy.start()
    assert proxy.link == "live"
    return upper, proxy


def test_a_proxy_with_settings_judges_by_itself_also_without_its_master():
    upper, proxy = site(DIRECTORY, **DIRECTORY)
    proxy.sever()
    client = ask(proxy)
    judge(proxy, "accepted")
    assert client.inbox[-1]["message"] == "opened"
    assert upper.of(commands.Authenticate) == []


def test_a_proxy_without_settings_asks_its_master():
    upper, proxy = site(**DIRECTORY)
    client = ask(proxy)
    check = judge(upper, "rejected", text="нет")
    assert (check.user, check.data) == ("зоя", "тайна")
    assert client.inbox[-1]["text"].endswith(": нет")
    client = ask(proxy)
    judge(upper, "accepted")
    assert client.inbox[-1]["message"] == "opened"
    assert proxy.of(commands.Authenticate) == []


def test_without_the_master_such_a_login_is_refused_at_once():
    _upper, proxy = site(**DIRECTORY)
    waiting = ask(proxy)
    proxy.sever()
    assert refusal(waiting) == "authenticationUnavailable"
    assert refusal(ask(proxy)) == "masterUnavailable"
    client = ask(proxy, user="bob")
    judge(proxy, "accepted")
    assert client.inbox[-1]["message"] == "opened"


def test_a_proxy_refuses_verifiers_that_its_master_does_not_count():
    enforced = {"library": "gauth_ldap", "enforce-external-auth": "true"}
    _upper, proxy = site(authentication=enforced, gauth_ldap=LDAP)
    client = proxy.connect()
    client.open("bob")
    assert refusal(client) == "authenticationFailed"


def test_tickets_are_relayed_with_the_nonce_that_was_signed():
    upper, proxy = site(**TICKETS)
    client = bring(proxy)
    check = judge(upper, "accepted", principal="зоя@R", data="mine")
    assert check.nonce == client.inbox[0]["data"]
    assert client.inbox[-1]["data"] == "mine"


def test_a_master_that_takes_no_tickets_any_more_says_so_to_its_proxy():
    upper, proxy = site(**TICKETS)
    client = ask(proxy, "zoe", TICKET, secure=False, mechanism="KERBEROS")
    proxy.hold_wire = True
    upper.commit(confserv(**DIRECTORY))
    client.send(Proof(data="signature"))
    proxy.hold_wire = False
    proxy.pump()
    assert refusal(client) == "authenticationUnavailable"
    assert upper.of(commands.Authenticate) == []


def test_only_servers_have_logins_judged():
    bench = bench_with(**DIRECTORY)
    client = bench.login("bob")
    assert client.error("checkLogin", user="zoe", mechanism="PLAIN", data="x") == "noPermission"


@pytest.mark.parametrize("text", ["тайна", "秘密の言葉"])
def test_no_record_of_the_node_has_the_password(text):
    bench = bench_with(**DIRECTORY)
    for outcome in ("accepted", "rejected", "unavailable"):
        ask(bench, password=text)
        judge(bench, outcome)
    logged = json.dumps([log.fields for log in bench.of(commands.Log)], ensure_ascii=False)
    assert text not in logged
    assert text not in str(bench.log.entries)
