"""Logging in to the web."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth import authenticate

from proxyapp.auth.internal import InternalBackend
from proxyapp.models import Person
from proxyapp.services import accounts, objects

PASSWORD = "correct horse"


@pytest.fixture
def user(db: None) -> Person:
    document = {"tenantDBID": 1, "employeeID": "e", "userName": "Ivan"}
    dbid = objects.create("person", document, by=None, origin="test").dbid
    person = Person.objects.get(pk=dbid)
    accounts.set_password(person, PASSWORD, by=None, origin="test")
    return person


def test_the_right_password_logs_in(user: Person) -> None:
    assert authenticate(username="ivan", password=PASSWORD) == user
    assert InternalBackend().get_user(user.pk) == user


@pytest.mark.parametrize(
    "credentials",
    [
        {"username": "ivan", "password": "wrong"},
        {"username": "ivan", "password": ""},
        {"username": "ivan", "password": "\0"},
        {"username": "nobody", "password": PASSWORD},
        {"username": "nobody", "password": "\0"},
        {"username": "", "password": PASSWORD},
        {},
    ],
)
def test_anything_else_does_not(user: Person, credentials: dict[str, Any]) -> None:
    assert authenticate(**credentials) is None


def test_a_disabled_person_is_out(user: Person) -> None:
    objects.update("person", user.pk, {"state": "disabled"}, by=None, origin="test")
    assert authenticate(username="ivan", password=PASSWORD) is None
    assert InternalBackend().get_user(user.pk) is None


def test_a_person_without_a_password_cannot_log_in(user: Person) -> None:
    document = {"tenantDBID": 1, "employeeID": "f", "userName": "other"}
    objects.create("person", document, by=None, origin="test")
    assert authenticate(username="other", password=PASSWORD) is None
