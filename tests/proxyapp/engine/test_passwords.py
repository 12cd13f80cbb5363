from __future__ import annotations

from confwire.errors import PasswordRefused
from proxyapp.engine import commands, events
from tests.proxyapp.engine.bench import Bench, Client
from tests.proxyapp.engine.test_accounts import expiring, rules
from tests.proxyapp.engine.test_checking import DIRECTORY, ask, bench_with, judge, site


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
