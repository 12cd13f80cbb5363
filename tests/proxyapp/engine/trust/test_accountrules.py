from __future__ import annotations

import pytest

from proxyapp.engine.trust.accountrules import (
    DAY,
    RULES,
    SECTION,
    faults_of,
    must_change,
    password_due,
    rules_for,
)


def tenant(**rules: object) -> dict[str, dict[str, object]]:
    return {SECTION: {name.replace("_", "-"): value for name, value in rules.items()}}


def person(**rules: object) -> dict[str, object]:
    return {"DBID": 101, "userProperties": tenant(**rules)}


def test_rules_are_inherited_and_the_nearest_wins():
    upper = tenant(password_min_length=8, password_no_repeats=3)
    lower = tenant(password_min_length="12")
    rules = rules_for(person(), [lower, upper])
    assert rules.number("password-min-length") == 12
    assert rules.number("password-no-repeats") == 3
    assert rules.number("account-lockout-duration") == 30


def test_a_person_overrides_each_rule_by_its_name_alone():
    own = person(override_account_lockout_threshold=9, password_min_length=1)
    rules = rules_for(own, [tenant(account_lockout_threshold=3, password_min_length=8)])
    assert rules.number("account-lockout-threshold") == 9
    assert rules.number("password-min-length") == 8


def test_a_tenant_may_have_its_rules_in_another_section():
    annex = {**tenant(tenant_override_section="ours", password_min_length=8)}
    annex["ours"] = {"password-min-length": 20}
    assert rules_for(None, [annex]).number("password-min-length") == 20


@pytest.mark.parametrize("value", ["many", "-1", "65", ""])
def test_a_value_that_is_not_valid_counts_as_not_given(value):
    rules = rules_for(None, [tenant(password_min_length=value), tenant(password_min_length=8)])
    assert rules.number("password-min-length") == 8


@pytest.mark.parametrize(
    ("rule", "bad", "good"),
    [
        ({"password_min_length": 5}, "пять", "秘密の言葉"),
        ({"password_req_alpha": "true"}, "123-45", "123я"),
        ({"password_req_mixed_case": "true"}, "слово", "Слово"),
        ({"password_req_numbers": "true"}, "слово", "слово٣"),
        ({"password_req_punctuation": "true"}, "слово1", "слово1。"),
    ],
)
def test_what_a_password_must_have_in_any_script(rule, bad, good):
    rules = rules_for(None, [tenant(**rule)])
    assert len(faults_of(rules, bad)) == 1
    assert faults_of(rules, good) == []
    assert faults_of(rules_for(None, []), "") == []


def test_a_password_expires_so_many_days_after_it_was_set():
    rules = rules_for(None, [tenant(password_expiration=10)])
    document = {"DBID": 101, "passwordUpdatingDate": 1000}
    assert password_due(rules, document) == 1000 + 10 * DAY
    assert not must_change(rules, document, 1000 + 10 * DAY - 1)
    assert must_change(rules, document, 1000 + 10 * DAY)
    assert password_due(rules, {**document, "DBID": 100}) is None
    assert password_due(rules, {"DBID": 101}) is None
    assert must_change(rules_for(None, []), {"changePasswordOnNextLogin": True}, 0.0)


def test_every_rule_is_explained():
    for rule in RULES:
        assert rule.meaning.endswith(".")
