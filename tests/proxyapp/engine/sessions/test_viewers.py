"""Persons who look at a server's own pages."""

from __future__ import annotations

from confwire.objects import ObjectType
from tests.proxyapp.engine.bench import (
    VERIFIER,
    record,
)
from tests.proxyapp.engine.logins.test_accounts import code, fail, rules
from tests.proxyapp.engine.logins.test_checking import DIRECTORY, bench_with


def test_verifiers_and_administrators_are_looked_up_by_name(bench):
    admins = [{"objectType": "person", "DBID": 102}]
    bench.commit(
        record("accessGroup", 210, name="SA", type="superadministrators", members=admins),
        record("person", 103, userName="off", state="disabled", verifier=VERIFIER),
        record("person", 104, userName="none"),
    )
    node = bench.node
    names = ("BOB", "off", "none", "nobody")
    assert [node.verifier_of(name) for name in names] == [VERIFIER, None, None, None]
    assert [node.is_super_administrator(n) for n in ("eve", "bob", "nobody")] == [
        True,
        False,
        False,
    ]


def test_names_of_what_somebody_may_not_read_are_told(bench):
    bench.commit(record("skill", 603, 503, name="Hidden"), record("skill", 604, 502, name="seen"))
    names = ["hidden", "seen", "never there"]
    hidden = {
        user: bench.node.hidden_names(user, ObjectType.SKILL, names) for user in ("bob", "nobody")
    }
    assert hidden == {"bob": ["hidden"], "nobody": ["hidden", "seen"]}


def test_passwords_of_the_status_page_count_like_those_of_sessions():
    bench = bench_with(rules(), security={"failed-logins-per-address": 5}, **DIRECTORY)
    node = bench.node
    for _ in range(3):
        assert node.may_try("bob", "192.0.2.7")
        node.has_failed("bob", "192.0.2.7")
    assert not node.may_try("bob", "192.0.2.8")
    assert code(fail(bench)) == "accountLocked"
    for number in range(2):
        node.has_failed(f"user{number}", "192.0.2.7")
    assert not node.may_try("eve", "192.0.2.7")
    assert node.may_try("eve", "192.0.2.8")
