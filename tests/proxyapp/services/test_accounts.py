"""Passwords and secrets are kept as verifiers, which travel with the object's record."""

from __future__ import annotations

from typing import Any

import pytest

from confwire.errors import InvalidParameter
from confwire.handshake import check_password
from proxyapp.models import Application, Person
from proxyapp.services import accounts


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
