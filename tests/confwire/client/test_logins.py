from __future__ import annotations

import pytest

from confwire.client.credentials import Credentials
from confwire.client.logins import MECHANISMS, login_of
from confwire.errors import LocalProtocolError, RemoteProtocolError


def credentials(mechanism: str, **more: str) -> Credentials:
    given = {"user": "зоя", "password": "слово", "secret": "", **more}
    return Credentials("default", **given, mechanism=MECHANISMS[mechanism])


@pytest.mark.asyncio
async def test_a_password_is_sent_as_it_is():
    login = login_of(credentials("plain"), secure=True)
    assert await login.first() == "слово"
    login.verify("")
    with pytest.raises(RemoteProtocolError):
        await login.answer("r=x,s=y,i=4096")


def test_a_password_does_not_leave_in_clear():
    with pytest.raises(LocalProtocolError, match="TLS or loopback"):
        login_of(credentials("plain"), secure=False)


@pytest.mark.asyncio
async def test_scram_is_the_usual_way_on_any_line():
    login = login_of(credentials("scram"), secure=False)
    assert (await login.first()).startswith("n,,n=зоя,r=")


def test_what_does_not_go_together_is_refused():
    with pytest.raises(LocalProtocolError, match="which service"):
        credentials("kerberos")
    with pytest.raises(LocalProtocolError, match="for users"):
        credentials("plain", user="", password="", secret="s")


@pytest.mark.asyncio
async def test_without_a_ticket_it_is_said_which_one(monkeypatch, tmp_path):
    pytest.importorskip("gssapi")
    monkeypatch.setenv("KRB5CCNAME", str(tmp_path / "none"))
    login = login_of(credentials("kerberos", service="confwire@localhost"), secure=False)
    with pytest.raises(LocalProtocolError, match="no ticket for confwire@localhost"):
        await login.first()
