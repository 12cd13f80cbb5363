from __future__ import annotations

from random import Random

import pytest

from confwire.errors import AuthenticationFailed, PasswordRefused
from confwire.messages import RelayPassword
from proxyapp.engine import commands, events
from proxyapp.engine.links.relaying import PATIENCE
from proxyapp.engine.logins.passwords import MOST
from proxyapp.engine.trust.tokens import fingerprint_of
from tests.proxyapp.engine.bench import VERIFIER, Bench, Client, record
from tests.proxyapp.engine.logins.test_accounts import expiring, rules
from tests.proxyapp.engine.logins.test_checking import DIRECTORY, ask, bench_with, judge, site


def change(bench: Bench, client: Client, outcome: str = "accepted", new: str = "новый") -> None:
    client.inbox.clear()
    client.post("changePassword", oldPassword="старый", newPassword=new)
    judge(bench, outcome)
    for command in bench.of(commands.SetPassword)[-1:]:
        assert (command.person, command.password) == (101, new)
        bench.handle(events.PasswordSet(command.ticket, bench.database.revision))


def test_a_password_that_must_be_changed_bars_everything_else():
    bench = bench_with(expiring(changePasswordOnNextLogin=True), **DIRECTORY)
    client = bench.connect()
    client.open("bob")
    assert client.inbox[-1]["passwordChangeRequired"] is True
    assert client.error("readObjects", objectType="skill") == "passwordChangeRequired"
    assert client.error("readServerInfo") == "passwordChangeRequired"
    assert client.closed is None
    bench.tick(60)
    assert client.closed is None, "who types a password needs time"
    change(bench, client)
    assert client.inbox[-1]["message"] == "passwordChanged"
    client.inbox.clear()
    assert client.read("skill") == [601, 602]


def test_the_old_password_is_asked_for_and_counts():
    bench = bench_with(rules(), **DIRECTORY)
    client = bench.login("bob")
    for _ in range(3):
        change(bench, client, "rejected")
        assert client.inbox[-1]["code"] == "authenticationFailed"
    assert client.error("changePassword", oldPassword="x", newPassword="y") == "accountLocked"
    assert bench.of(commands.SetPassword) == []


def test_a_password_crosses_no_line_in_clear_for_a_change_either():
    bench = bench_with(**DIRECTORY)
    client = bench.connect(secure=False)
    client.open("bob")
    assert client.error("changePassword", oldPassword="x", newPassword="y") == "passwordInClear"


def test_a_password_of_another_system_is_changed_there():
    bench = bench_with(**DIRECTORY)
    client = ask(bench)
    judge(bench, "accepted")
    assert client.error("changePassword", oldPassword="x", newPassword="y") == "noPermission"


def test_a_proxy_names_the_master_for_it():
    _upper, proxy = site(**DIRECTORY)
    client = proxy.login("bob")
    assert client.error("changePassword", oldPassword="x", newPassword="y") == "readOnlyServer"


def test_it_may_be_forbidden():
    bench = bench_with(confserv={"password-change": "false"}, **DIRECTORY)
    client = bench.login("bob")
    assert client.error("changePassword", oldPassword="x", newPassword="y") == "noPermission"


def test_an_answer_waits_for_the_change_to_come_back():
    bench = bench_with(**DIRECTORY)
    client = bench.login("bob")
    client.post("changePassword", oldPassword="старый", newPassword="новый")
    judge(bench, "accepted")
    (command,) = bench.of(commands.SetPassword)
    bench.handle(events.PasswordSet(command.ticket, bench.database.revision + 1))
    assert client.inbox == []
    bench.commit(expiring())
    assert client.inbox[-1]["message"] == "passwordChanged"


def test_what_the_rules_refuse_is_told():
    bench = bench_with(**DIRECTORY)
    client = bench.login("bob")
    client.post("changePassword", oldPassword="старый", newPassword="x")
    judge(bench, "accepted")
    (command,) = bench.of(commands.SetPassword)
    error = PasswordRefused("the new password needs a digit", faults=["a digit"])
    bench.handle(events.PasswordSet(command.ticket, error=error))
    assert (client.inbox[-1]["code"], client.inbox[-1]["data"]) == (
        "passwordRefused",
        {"faults": ["a digit"]},
    )


def test_who_leaves_meanwhile_is_no_matter():
    bench = bench_with(**DIRECTORY)
    client = bench.login("bob")
    client.post("changePassword", oldPassword="старый", newPassword="новый")
    client.leave()
    judge(bench, "accepted")
    (command,) = bench.of(commands.SetPassword)
    bench.handle(events.PasswordSet(command.ticket, 1))
    assert bench.login("bob")


def test_a_session_changes_its_password_once_at_a_time():
    bench = bench_with(**DIRECTORY)
    client = bench.login("bob")
    for outcome in ("accepted", "rejected", "accepted"):
        client.post("changePassword", oldPassword="старый", newPassword="новый")
        assert client.error("changePassword", oldPassword="a", newPassword="b") == "tooManyAttempts"
        judge(bench, outcome)
        if outcome == "accepted":
            assert (
                client.error("changePassword", oldPassword="a", newPassword="b")
                == "tooManyAttempts"
            )
            bench.handle(events.PasswordSet(bench.of(commands.SetPassword)[-1].ticket))


# ---------------------------------------------------------------- through a proxy

WRITABLE = {"csproxy": {"proxy-writable": "true"}}


class Vault:
    """The master's database: sets passwords, each name once, and counts them."""

    def __init__(self, upper: Bench) -> None:
        self.upper = upper
        self.receipts: dict[str, int] = {}
        self.set: list[str] = []
        self.seen = 0

    def carry_out(self) -> None:
        """Set all passwords that the master's node has asked for since."""
        while len(asked := self.upper.of(commands.SetPassword)) > self.seen:
            command, self.seen = asked[self.seen], self.seen + 1
            verifier = self.upper.database.records[3, 101].verifier
            error = None
            if command.name not in self.receipts:
                if command.former != fingerprint_of(verifier):
                    error = AuthenticationFailed("changed just now")
                else:
                    self.set.append(command.password)
                    self.upper.commit(
                        record("person", 101, userName="bob", tenantDBID=1,
                               verifier=f"verifier of {command.password}")
                    )  # fmt: skip
                    self.receipts[command.name] = self.upper.database.revision
            revision = self.upper.database.revision
            self.upper.handle(events.PasswordSet(command.ticket, revision, error))


def post(client: Client, new: str) -> None:
    client.post("changePassword", oldPassword="старый", newPassword=new)


def test_a_writable_proxy_judges_the_old_one_and_has_the_master_set_the_new_one():
    upper, proxy = site(WRITABLE, **DIRECTORY)
    client = proxy.login("bob")
    former = fingerprint_of(upper.database.records[3, 101].verifier)
    post(client, "новый")
    assert upper.of(commands.SetPassword) == [], "the old one is not judged yet"
    judge(proxy, "accepted")
    (command,) = upper.of(commands.SetPassword)
    assert (command.person, command.password, command.former) == (101, "новый", former)
    assert (command.name != "", command.through) == (True, "proxy1")
    assert "default 10.0.0.1" in command.origin
    assert client.inbox == []
    Vault(upper).carry_out()
    assert client.inbox[-1]["message"] == "passwordChanged"
    assert client.inbox[-1]["revision"] == upper.database.revision


def test_a_wrong_old_password_does_not_get_to_the_master():
    upper, proxy = site(WRITABLE, **DIRECTORY)
    client = proxy.login("bob")
    post(client, "новый")
    judge(proxy, "rejected")
    assert client.inbox[-1]["code"] == "authenticationFailed"
    assert upper.of(commands.SetPassword) == []


def test_what_the_master_refuses_reaches_the_client_of_the_proxy():
    upper, proxy = site(WRITABLE, **DIRECTORY)
    client = proxy.login("bob")
    post(client, "x")
    judge(proxy, "accepted")
    error = PasswordRefused("the new password needs a digit", faults=["a digit"])
    upper.handle(events.PasswordSet(upper.of(commands.SetPassword)[0].ticket, error=error))
    assert (client.inbox[-1]["code"], client.inbox[-1]["data"]) == (
        "passwordRefused",
        {"faults": ["a digit"]},
    )
    assert client.ask("changePassword", oldPassword="x", newPassword="y") == [], "it is judged"


def test_the_master_checks_for_itself_who_may():
    upper, proxy = site(WRITABLE, confserv={"password-change": "false"}, **DIRECTORY)
    client = proxy.login("bob")
    post(client, "новый")
    judge(proxy, "accepted")
    assert client.inbox[-1]["code"] == "noPermission"
    assert upper.of(commands.SetPassword) == []


def test_a_client_passes_no_password_on():
    bench = bench_with(**DIRECTORY)
    client = bench.login("bob")
    client.send(RelayPassword(ticket=1, request_id="x", person_dbid=102, origin="", password="mine",
                              former=fingerprint_of(VERIFIER)))  # fmt: skip
    assert client.inbox[-1]["code"] == "noPermission"
    assert bench.of(commands.SetPassword) == []


def test_a_master_that_is_away_or_goes_is_told_of():
    _upper, proxy = site(WRITABLE, **DIRECTORY)
    client = proxy.login("bob")
    post(client, "новый")
    proxy.sever()
    judge(proxy, "accepted")
    assert client.inbox[-1]["code"] == "masterUnavailable"
    proxy.dial()
    proxy.pump()
    client.inbox.clear()
    post(client, "новый")
    judge(proxy, "accepted")
    proxy.sever()
    proxy.tick(PATIENCE / 2)
    proxy.tick(PATIENCE)
    assert client.inbox[-1]["code"] == "masterUnavailable"
    assert "log in with the new password" in client.inbox[-1]["text"]


@pytest.mark.parametrize("seed", range(5))
def test_a_password_is_set_once_however_often_the_link_breaks(seed: int) -> None:
    random = Random(seed)
    upper, proxy = site(WRITABLE, **DIRECTORY)
    vault, wanted, cuts = Vault(upper), [], 0
    client = proxy.login("bob")
    while cuts < 50:
        if proxy.line is None:
            proxy.dial()
        match random.randrange(4):
            case 0:
                proxy.now += 60
                wanted.append(f"{seed}.{len(wanted)}")
                post(client, wanted[-1])
                if any(isinstance(c, commands.Authenticate) for c in proxy.commands):
                    judge(proxy, "accepted")
                    proxy.commands[:] = [
                        c for c in proxy.commands if not isinstance(c, commands.Authenticate)
                    ]
            case 1:
                proxy.hold_wire = not proxy.hold_wire
                proxy.pump()
            case 2:
                vault.carry_out()
            case _:
                proxy.sever()
                cuts += 1
    proxy.hold_wire = False
    if proxy.line is None:
        proxy.dial()
    proxy.pump()
    vault.carry_out()
    done = [wanted[m["ref"] - 1] for m in client.inbox if m["message"] == "passwordChanged"]
    assert vault.set == sorted(set(vault.set), key=vault.set.index), "nothing twice"
    assert set(done) == set(vault.set), "what was set was answered, and nothing else"
    assert sorted(m["ref"] for m in client.inbox) == list(range(1, len(wanted) + 1))


def test_a_person_changes_its_password_only_so_often():
    bench = bench_with(**DIRECTORY)
    for _ in range(MOST):
        change(bench, bench.login("bob"))
    client = bench.login("bob")
    client.post("changePassword", oldPassword="a", newPassword="b")
    assert client.inbox[-1]["code"] == "tooManyAttempts"
    assert 0 < client.inbox[-1]["data"]["retryAfter"] <= 61
    bench.now += 61
    change(bench, client)
    assert client.inbox[-1]["message"] == "passwordChanged"
