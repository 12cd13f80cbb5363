"""Logging in to the web."""

from __future__ import annotations

import time
from itertools import count
from typing import Any

import pytest
from django.contrib.auth import authenticate
from django.test import RequestFactory

from confwire.messages import AccountState
from proxyapp.auth.web import ChainBackend
from proxyapp.engine.events import AccountsTold
from proxyapp.models import Application, Person
from proxyapp.models.accounts import keep, state_of, states_since
from proxyapp.services import accounts, objects
from tests.authservers import ADMIN, ADMIN_PASSWORD, PEOPLE, LdapServer
from tests.proxyapp.engine.bench import VERIFIER, record
from tests.proxyapp.engine.logins.test_checking import bench_with
from tests.proxyapp.engine.logins.test_opening import WRONG

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
    assert ChainBackend().get_user(user.pk) == user


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
    assert ChainBackend().get_user(user.pk) is None


def test_a_person_without_a_password_cannot_log_in(user: Person) -> None:
    document = {"tenantDBID": 1, "employeeID": "f", "userName": "other"}
    objects.create("person", document, by=None, origin="test")
    assert authenticate(username="other", password=PASSWORD) is None


# ---------------------------------------------------------------- rules and directories

_addresses = count(1)
RULES = {"account-lockout-threshold": 3, "password-min-length": 6, "password-no-repeats": 2}


@pytest.fixture
def request_() -> Any:
    """A request from an address that has not failed yet."""
    return RequestFactory().get("/", REMOTE_ADDR=f"198.51.100.{next(_addresses)}")


@pytest.fixture
def rules(db: None) -> None:
    annex = {"userProperties": {"security-authentication-rules": RULES}}
    objects.update("tenant", 1, annex, by=None, origin="test")


def test_an_account_is_locked_on_the_web_too(user: Person, rules: None, request_: Any) -> None:
    for _ in range(3):
        assert authenticate(request_, username="ivan", password="wrong") is None
    assert "locked" in request_.META["proxyapp.locked"]
    assert authenticate(request_, username="ivan", password=PASSWORD) is None
    assert "locked after too many" in request_.META["proxyapp.refusal"]
    accounts.unlock(user)
    assert authenticate(request_, username="ivan", password=PASSWORD) == user


def test_failures_at_the_node_count_on_the_web(user: Person, rules: None, request_: Any) -> None:
    now = time.time()
    keep([AccountState(user.dbid, failures=[now, now + 0.0001])])
    assert authenticate(request_, username="ivan", password="wrong") is None
    assert state_of(user.dbid).locked_until > time.time()


def test_failures_on_the_web_count_at_the_node(user: Person, rules: None, request_: Any) -> None:
    began = time.time()
    for _ in range(2):
        assert authenticate(request_, username="ivan", password="wrong") is None
    sections = {"security-authentication-rules": RULES}
    tenant = record("tenant", 1, name="Environment", userProperties=sections)
    person = record("person", user.dbid, userName="ivan", tenantDBID=1, verifier=VERIFIER)
    bench = bench_with(tenant, person)
    bench.now = began + 1
    bench.handle(AccountsTold(states_since(began)))
    codes = []
    for _ in range(2):
        client = bench.connect()
        client.open("ivan", salted=WRONG)
        codes.append(client.inbox[-1]["code"])
    assert codes == ["authenticationFailed", "accountLocked"]


def test_a_new_password_unlocks(user: Person, rules: None, request_: Any) -> None:
    for _ in range(3):
        authenticate(request_, username="ivan", password="wrong")
    accounts.set_password(user, "новое слово", by=None, origin="test")
    assert authenticate(request_, username="ivan", password="новое слово") == user


def test_an_address_that_fails_too_often_has_to_wait(user: Person, request_: Any) -> None:
    options = {"options": {"security": {"failed-logins-per-address": 3}}}
    objects.update("application", 99, options, by=None, origin="test")
    for number in range(3):
        authenticate(request_, username=f"user{number}", password="x")
    assert authenticate(request_, username="ivan", password=PASSWORD) is None
    assert "address" in request_.META["proxyapp.refusal"]


def test_a_directory_checks_those_whom_it_checks_on_the_wire(
    user: Person, directory: LdapServer, request_: Any
) -> None:
    section = {"ldap-url": directory.url(), "connect-timeout": 1, "retry-interval": 0}
    options = {"options": {"authentication": {"library": "gauth_ldap"}, "gauth_ldap": section}}
    objects.update("application", 99, options, by=None, origin="test")
    objects.update("person", user.dbid, {"externalID": "зоя"}, by=None, origin="test")
    user.refresh_from_db()
    assert authenticate(request_, username="ivan", password=PEOPLE["зоя"]) == user
    assert authenticate(request_, username="ivan", password=PASSWORD) is None
    directory.stop()
    try:
        assert authenticate(request_, username="ivan", password=PEOPLE["зоя"]) is None
        assert "cannot be reached" in request_.META["proxyapp.refusal"]
    finally:
        directory.start()


def test_a_secret_of_the_settings_is_opened(
    user: Person, directory: LdapServer, request_: Any
) -> None:
    section = {
        "ldap-url": directory.url(),
        "app-user": ADMIN,
        "password": {"secret": ADMIN_PASSWORD},
        "connect-timeout": 1,
        "retry-interval": 0,
    }
    options = {"options": {"authentication": {"library": "gauth_ldap"}, "gauth_ldap": section}}
    objects.update("application", 99, options, by=None, origin="test")
    kept = Application.objects.get(pk=99).options["gauth_ldap"]["password"]
    assert ADMIN_PASSWORD not in kept
    objects.update("person", user.dbid, {"externalID": "зоя"}, by=None, origin="test")
    assert authenticate(request_, username="ivan", password=PEOPLE["зоя"]) is not None
