"""Accounts of clients, and the key that is derived once."""

from __future__ import annotations

import pytest

from confwire.client import credentials as credentials_module
from confwire.client.credentials import Credentials
from confwire.errors import LocalProtocolError
from confwire.handshake import Salting, derive

SALTING = Salting(b"0123456789abcdef", 4096)


def test_a_person_or_the_application_itself_logs_in():
    assert Credentials("app", "me", "pw", "").name == "me"
    assert Credentials("app", "", "", "secret").name == "app"


def test_both_or_none_is_refused():
    for user, secret in (("me", "secret"), ("", "")):
        with pytest.raises(LocalProtocolError, match="give a user with a password, or the"):
            Credentials("app", user, "", secret)


def test_no_password_shows_itself():
    assert repr(Credentials("app", "me", "pw", "")) == "<Credentials me>"


@pytest.mark.asyncio
async def test_the_key_is_derived_once_for_each_salt(monkeypatch):
    derived = []

    def count(password, salt, iterations):
        derived.append(salt)
        return derive(password, salt, iterations)

    monkeypatch.setattr(credentials_module, "derive", count)
    credentials = Credentials("app", "me", "pw", "")
    key = await credentials.salted_password(SALTING)
    assert key == derive("pw", SALTING.salt, 4096) == await credentials.salted_password(SALTING)
    await credentials.salted_password(Salting(b"another salt....", 4096))
    assert derived == [SALTING.salt, b"another salt...."]
