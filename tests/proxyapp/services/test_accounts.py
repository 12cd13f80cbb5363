"""Passwords and secrets are kept as verifiers, which travel with the object's record."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest

from confwire.errors import (
    AuthenticationFailed,
    InvalidParameter,
    NoPermission,
    PasswordRefused,
)
from confwire.handshake import check_password
from confwire.messages import AccountState
from confwire.objects import ObjectType
from proxyapp import selectors
from proxyapp.engine.trust.tokens import fingerprint_of
from proxyapp.models import Application, FormerPassword, Person, Receipt
from proxyapp.models.accounts import keep, state_of
from proxyapp.services import accounts, objects

Create = Callable[..., int]


def test_a_password_is_a_change_of_the_person_and_in_no_document(
    verify_change: Any, person: Person
) -> None:
    with verify_change() as transactions:
        accounts.set_password(person, "пароль", by=None, origin="test")
    (record,) = transactions[0].records
    assert check_password(record.verifier, "пароль")
    assert b"SCRAM" not in bytes(record.body)
    assert person.check_password("пароль")
    assert not person.check_password("parol")


def test_an_empty_password_is_refused(person: Person) -> None:
    with pytest.raises(InvalidParameter):
        accounts.set_password(person, "", by=None, origin="test")


def test_a_secret_is_shown_once_and_replaced_by_the_next(verify_change: Any) -> None:
    application = Application.objects.get(pk=99)
    with verify_change() as transactions:
        first = accounts.make_secret(application, by=None, origin="test")
        second = accounts.make_secret(application, by=None, origin="test")
    verifier = transactions[-1].records[0].verifier
    assert check_password(verifier, second)
    assert not check_password(verifier, first)
    assert len(second) >= 32


def test_a_withdrawn_secret_is_gone(verify_change: Any) -> None:
    application = Application.objects.get(pk=99)
    accounts.make_secret(application, by=None, origin="test")
    with verify_change() as transactions:
        accounts.withdraw_secret(application, by=None, origin="test")
    assert transactions[0].records[0].verifier == ""


# ---------------------------------------------------------------- rules of passwords


@pytest.fixture
def ruled(create: Create) -> Callable[..., Person]:
    """Return a function that gives the tenant rules, and returns a person of it."""

    def rules(**rules: object) -> Person:
        section = {name.replace("_", "-"): value for name, value in rules.items()}
        annex = {"userProperties": {"security-authentication-rules": section}}
        objects.update("tenant", 1, annex, by=None, origin="test")
        dbid = create("person", tenantDBID=1, employeeID="r", userName="ruled")
        return Person.objects.get(pk=dbid)

    return rules


def administrator() -> Person:
    return Person.objects.get(user_name="default")


def document(person: Person) -> dict[str, object]:
    return selectors.document_of(ObjectType.PERSON, person.pk)


def test_the_rules_bind_whoever_sets_a_password(ruled: Callable[..., Person]) -> None:
    person = ruled(password_min_length=8, password_req_numbers="true")
    for by in (administrator(), person):
        with pytest.raises(PasswordRefused, match="at least 8 characters, a digit") as refused:
            accounts.set_password(person, "слово", by=by, origin="test")
        assert refused.value.data["faults"] == ["at least 8 characters", "a digit"]
    assert not person.has_usable_password()
    accounts.set_password(person, "слово", by=None, origin="test")
    accounts.set_password(person, "длинное слово 1", by=person, origin="test")


def test_former_passwords_cannot_be_chosen_again(ruled: Callable[..., Person]) -> None:
    person = ruled(password_no_repeats=2)
    accounts.set_password(person, "first", by=None, origin="test")
    with pytest.raises(PasswordRefused, match="among the last 2"):
        accounts.set_password(person, "first", by=person, origin="test")
    for word in ("second", "third"):
        accounts.set_password(person, word, by=person, origin="test")
    for word in ("third", "second"):
        with pytest.raises(PasswordRefused):
            accounts.set_password(person, word, by=person, origin="test")
    accounts.set_password(person, "fourth", by=person, origin="test")
    accounts.set_password(person, "second", by=person, origin="test")
    rows = FormerPassword.objects.filter(person=person.pk)
    assert rows.count() == 2
    assert len({row.salt for row in rows}) == 1
    assert not any("second" in row.digest for row in rows)


def test_a_password_that_somebody_else_has_set_is_to_be_changed(
    ruled: Callable[..., Person],
) -> None:
    person = ruled(force_password_reset="true")
    accounts.set_password(person, "given", by=administrator(), origin="test")
    assert document(person)["changePasswordOnNextLogin"] is True
    assert accounts.must_change_password(person)
    former = fingerprint_of(person.verifier)
    accounts.change_own_password(person.pk, "chosen", origin="test", former=former)
    person = Person.objects.get(pk=person.pk)
    assert document(person)["changePasswordOnNextLogin"] is False
    assert not accounts.must_change_password(person)


def test_when_a_password_was_set_is_told_to_all_servers(ruled: Callable[..., Person]) -> None:
    person = ruled(password_expiration=1)
    accounts.set_password(person, "слово", by=None, origin="test")
    assert abs(int(str(document(person)["passwordUpdatingDate"])) - time.time()) < 60
    assert not accounts.must_change_password(person)
    person.password_updating_date = int(time.time()) - 2 * 86_400
    assert accounts.must_change_password(person)


def test_a_new_password_lifts_a_lock(ruled: Callable[..., Person]) -> None:
    person = ruled()
    keep([AccountState(person.pk, locked_at=1.0, locked_until=1e12)])
    accounts.set_password(person, "слово", by=None, origin="test")
    assert state_of(person.pk).locked_until == 0.0


def test_nobody_changes_the_password_of_who_is_gone(db: None) -> None:
    with pytest.raises(NoPermission):
        accounts.change_own_password(10**6, "слово", origin="test", former=b"")


def test_a_password_counts_by_the_one_that_was_judged_alone(ruled: Callable[..., Person]) -> None:
    person = ruled()
    judged = fingerprint_of(person.verifier)
    accounts.set_password(person, "another", by=None, origin="test")
    with pytest.raises(AuthenticationFailed):
        accounts.change_own_password(person.pk, "chosen", origin="test", former=judged)
    assert Person.objects.get(pk=person.pk).check_password("another")


def test_a_named_change_of_a_password_is_carried_out_once(ruled: Callable[..., Person]) -> None:
    person = ruled()
    asked = {"origin": "desk", "former": fingerprint_of(person.verifier), "name": "p.1"}
    first = accounts.change_own_password(person.pk, "chosen", through="site-1", **asked)
    again = accounts.change_own_password(person.pk, "chosen", through="site-1", **asked)
    assert first.revision == again.revision
    person = Person.objects.get(pk=person.pk)
    assert person.check_password("chosen")
    accounts.set_password(person, "newer", by=None, origin="test")
    accounts.change_own_password(person.pk, "chosen", through="site-1", **asked)
    assert Person.objects.get(pk=person.pk).check_password("newer"), "not done again"
    assert Receipt.objects.get().digest == asked["former"].hex()
