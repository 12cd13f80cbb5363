from __future__ import annotations

import pytest

from confwire.handshake import ClientHandshake
from confwire.messages import AccountState, Open, Proof
from proxyapp.engine import commands, events
from proxyapp.engine.logins import accounts
from proxyapp.engine.trust.accountrules import SECTION
from tests.proxyapp.engine.bench import SALTED, VERIFIER, Bench, Client, record
from tests.proxyapp.engine.logins.test_checking import (
    DIRECTORY,
    ask,
    bench_with,
    confserv,
    judge,
    refusal,
    site,
)
from tests.proxyapp.engine.logins.test_opening import WRONG

LOCK = {"account-lockout-threshold": 3, "account-lockout-attempts-period": 10}


def rules(**more: object):
    """Return the tenant with these rules of accounts."""
    given = {name.replace("_", "-"): value for name, value in more.items()}
    return record("tenant", 1, name="Environment", userProperties={SECTION: {**LOCK, **given}})


def fail(bench: Bench, user: str = "bob", times: int = 1) -> Client:
    for _ in range(times):
        client = bench.connect()
        client.open(user, salted=WRONG)
    return client


def code(client: Client) -> str:
    return refusal(client)


def test_an_account_is_locked_after_so_many_failures_whatever_is_proved_then():
    bench = bench_with(rules(), **DIRECTORY)
    assert code(fail(bench, times=3)) == "authenticationFailed"
    client = bench.connect()
    client.open("bob")
    assert code(client) == "accountLocked"
    assert client.inbox[-1]["data"]["retryAfter"] == 1801
    assert code(fail(bench)) == "accountLocked", "no hint whether the password was right"
    (entry,) = [e for e in bench.log.entries if e.kind == "accountLocked"]
    assert (entry.user, entry.reason) == ("bob", "locked: for 30 minutes")
    bench.now += 1801
    assert bench.login("bob").read("skill") == [601, 602]


def test_a_lock_is_of_one_account_alone():
    bench = bench_with(rules(), **DIRECTORY)
    fail(bench, times=5)
    assert bench.login("eve")


def test_failures_that_lie_too_far_back_do_not_count():
    bench = bench_with(rules(), **DIRECTORY)
    fail(bench, times=2)
    bench.now += 601
    fail(bench, times=2)
    assert bench.login("bob")


def test_a_login_that_succeeds_forgets_the_failures():
    bench = bench_with(rules(), **DIRECTORY)
    for _ in range(4):
        fail(bench, times=2)
        bench.now += 1
        bench.login("bob")
        bench.now += 1


def test_a_lock_may_have_no_end():
    bench = bench_with(rules(account_lockout_mode=1), **DIRECTORY)
    fail(bench, times=3)
    bench.now += 10**8
    assert code(fail(bench)) == "accountLocked"
    bench.handle(events.AccountsTold([AccountState(101, cleared_at=bench.now)]))
    assert bench.login("bob")


def test_an_account_may_be_exempt():
    never = {SECTION: {"override-account-lockout": "true"}}
    bob = record("person", 101, userName="bob", tenantDBID=1, verifier=VERIFIER,
                 userProperties=never)  # fmt: skip
    bench = bench_with(rules(), bob, **DIRECTORY)
    fail(bench, times=20)
    assert bench.login("bob")


def test_who_does_not_exist_is_locked_like_who_does():
    bench = bench_with(rules(), **DIRECTORY)
    codes = [code(fail(bench, user)) for user in ("bob", "nobody") for _ in range(4)]
    assert codes[:4] == codes[4:]


def test_a_burst_of_passwords_at_a_directory_gets_no_more_than_the_threshold():
    bench = bench_with(rules(), **DIRECTORY)
    clients = [ask(bench) for _ in range(50)]
    checks = bench.of(commands.Authenticate)
    assert len(checks) == 3
    for check in checks:
        bench.handle(events.Authenticated(check.ticket, "rejected"))
    codes = [code(client) for client in clients]
    assert codes == ["authenticationFailed"] * 3 + ["tooManyAttempts"] * 47
    assert code(ask(bench)) == "accountLocked"


def test_a_directory_that_is_away_locks_nobody():
    bench = bench_with(rules(), **DIRECTORY)
    for _ in range(10):
        ask(bench)
        judge(bench, "unavailable")
    ask(bench)
    judge(bench, "accepted")
    assert len(bench.node.serving.roster) == 1


def test_who_leaves_before_the_answer_is_counted_too():
    bench = bench_with(rules(), **DIRECTORY)
    for _ in range(3):
        ask(bench).leave()
        judge(bench, "rejected")
    assert code(ask(bench)) == "accountLocked"


def test_a_challenge_that_was_given_out_before_the_lock_opens_nothing():
    bench = bench_with(rules(), **DIRECTORY)
    early = bench.connect()
    handshake = ClientHandshake("bob", "client-nonce-0123456789ab")
    early.send(Open(application="default", user="bob", data=handshake.first()))
    fail(bench, times=3)
    early.send(Proof(handshake.final(early.inbox[-1]["data"], SALTED)))
    assert code(early) == "accountLocked"


# ---------------------------------------------------------------- addresses


def limited(most: int) -> Bench:
    return bench_with(security={"failed-logins-per-address": most}, **DIRECTORY)


def test_an_address_that_fails_too_often_has_to_wait():
    bench = limited(6)
    users = [f"user{number}" for number in range(6)]
    assert [code(fail(bench, user)) for user in users] == ["authenticationFailed"] * 6
    client = bench.connect()
    client.open("bob")
    assert code(client) == "tooManyAttempts"
    bench.now += client.inbox[-1]["data"]["retryAfter"]
    assert bench.login("bob")


def test_logins_that_succeed_cost_an_address_nothing():
    bench = limited(2)
    for _ in range(20):
        bench.login("bob")


def test_logins_under_way_count_for_the_address():
    bench = limited(4)
    for _ in range(4):
        ask(bench)
    assert code(ask(bench)) == "tooManyAttempts"
    judge(bench, "accepted")
    assert ask(bench).inbox == []


def test_a_balancers_address_is_never_counted():
    own = {"balancer-networks": "10.0.0.0/8", "balancer-protocol": "x-forwarded-for"}
    bench = bench_with(security={"failed-logins-per-address": 2}, csproxy=own, **DIRECTORY)
    for number in range(10):
        fail(bench, f"user{number}")
    assert bench.login("bob")


# ---------------------------------------------------------------- rules of accounts


def test_an_account_may_have_only_so_many_sessions():
    bench = bench_with(rules(max_account_sessions=2), **DIRECTORY)
    first = bench.login("bob")
    bench.login("bob")
    client = bench.connect()
    client.open("bob")
    assert code(client) == "tooManySessions"
    bench.login("eve")
    first.leave()
    bench.login("bob")


def test_an_account_that_was_not_used_for_long_expires():
    bench = bench_with(rules(account_expiration=30), **DIRECTORY)
    bench.login("bob")
    bench.now += 29 * 86_400
    bench.login("bob")
    bench.now += 31 * 86_400
    client = bench.connect()
    client.open("bob")
    assert code(client) == "accountExpired"
    assert bench.login("eve"), "it never logged in"


def test_the_last_login_is_told():
    bench = bench_with(**DIRECTORY)
    bench.now = 5000.0
    bench.login("bob")
    bench.now = 6000.0
    client = bench.connect()
    client.open("bob")
    assert client.inbox[-1]["lastLogin"] == 5000.0
    bench.commit(confserv(confserv={"last-login": "false"}))
    bench.now = 7000.0
    bench.login("bob")
    client = bench.connect()
    client.open("bob")
    assert client.inbox[-1]["lastLogin"] == 6000.0


def expiring(**document: object):
    return record("person", 101, userName="bob", tenantDBID=1, verifier=VERIFIER, **document)


def test_the_day_of_expiry_is_told_when_it_is_near():
    near = rules(password_expiration=10, password_expiration_notify=3)
    bench = bench_with(near, expiring(passwordUpdatingDate=1000), **DIRECTORY)
    due = 1000 + 10 * 86_400
    for now, told in ((due - 4 * 86_400, None), (due - 2 * 86_400, due)):
        bench.now = float(now)
        client = bench.connect()
        client.open("bob")
        assert client.inbox[-1].get("passwordDue") == told
    bench.now = due + 1.0
    client = bench.connect()
    client.open("bob")
    assert client.inbox[-1]["passwordChangeRequired"] is True


# ---------------------------------------------------------------- servers


def test_servers_tell_each_other_of_failures_and_of_logins():
    upper, proxy = site(**DIRECTORY)
    bench_rules = rules()
    upper.commit(bench_rules)
    fail(proxy, times=2)
    proxy.tick(2)
    fail(upper, times=1)
    assert code(fail(upper)) == "accountLocked"
    upper.tick(2)
    assert code(fail(proxy)) == "accountLocked"
    kept = upper.of(commands.KeepAccounts)[-1].states
    assert [state.person for state in kept] == [101]


def test_failures_at_several_servers_lock_together():
    upper, proxy = site(**DIRECTORY)
    upper.commit(rules())
    fail(proxy, times=2)
    upper.now += 0.25
    fail(upper, times=2)
    proxy.tick(2)
    upper.tick(2)
    assert [code(fail(server)) for server in (proxy, upper)] == ["accountLocked"] * 2
    assert len([e for e in upper.log.entries if e.kind == "accountLocked"]) == 1


def test_without_the_master_a_proxy_enforces_what_it_knows_and_tells_it_later():
    upper, proxy = site(**DIRECTORY)
    upper.commit(rules())
    proxy.sever()
    fail(proxy, times=3)
    assert code(fail(proxy)) == "accountLocked"
    assert upper.login("eve")
    proxy.dial()
    proxy.tick(2)
    assert code(fail(upper)) == "accountLocked"


def test_a_client_tells_nothing_of_accounts():
    bench = bench_with(**DIRECTORY)
    client = bench.login("bob")
    client.inbox.clear()
    client.send(b'{"message":"accountStates","states":[{"person":102,"lockedUntil":1e12}]}')
    assert client.inbox[-1]["code"] == "noPermission"
    assert bench.login("eve")


@pytest.mark.parametrize("user", ["bob", "nobody"])
def test_the_memory_of_strangers_is_bounded(user):
    bench = bench_with(**DIRECTORY)
    found = bench.node.serving.accounts
    for number in range(accounts.STRANGERS + 10):
        found.failed(f"{user}{number}", "")
    assert len(found._strangers) == accounts.STRANGERS
