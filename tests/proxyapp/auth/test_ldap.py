"""Passwords against a real directory: OpenLDAP."""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from proxyapp.auth.ldap import check
from proxyapp.auth.verdict import Standing, Verdict
from proxyapp.engine.trust.ways import Directory, Ldap
from tests.authservers import ADMIN, ADMIN_PASSWORD, PEOPLE, LdapServer
from tests.servers import free_port


def ask(
    *directories: Directory,
    user: str = "ivan",
    password: str = PEOPLE["ivan"],
    seconds: float = 5.0,
    standing: Standing | None = None,
) -> Verdict:
    until = time.monotonic() + seconds
    return check(Ldap(directories), user, password, until, standing or Standing())


def at(server: LdapServer, scheme: str = "ldap", **more: object) -> Directory:
    authorities = str(server.folder / "ca.pem")
    return Directory(url=server.url(scheme), **{"cacert_path": authorities, "timeout": 1.0, **more})


@pytest.fixture
def back(directory: LdapServer) -> Iterator[LdapServer]:
    """The directory, which the test may stop or stall."""
    yield directory
    directory.go_on()
    if not directory.listens():
        directory.start()


@pytest.mark.parametrize("name", PEOPLE)
def test_names_and_passwords_of_every_script(directory: LdapServer, name: str) -> None:
    assert ask(at(directory), user=name, password=PEOPLE[name]).outcome == "accepted"
    assert ask(at(directory), user=name, password=PEOPLE[name][:-1]).outcome == "rejected"


@pytest.mark.parametrize(
    "name", ["nobody", "*", "iva*", "ivan)(uid=*", "", "\0", "ivan\0", "x" * 5000, "\\"]
)
def test_names_that_are_nobodys_ask_for_nothing_else(directory: LdapServer, name: str) -> None:
    assert ask(at(directory), user=name).outcome == "rejected"


def test_an_empty_password_is_never_put_to_a_directory(directory: LdapServer) -> None:
    assert ask(at(directory), password="").outcome == "rejected"


@pytest.mark.parametrize(("scheme", "start_tls"), [("ldaps", False), ("ldap", True)])
def test_tls(directory: LdapServer, scheme: str, start_tls: bool) -> None:
    assert ask(at(directory, scheme, start_tls=start_tls)).outcome == "accepted"
    untrusted = at(directory, scheme, start_tls=start_tls, cacert_path="")
    assert ask(untrusted).outcome == "unavailable"


def test_a_password_in_clear_goes_to_this_host_alone() -> None:
    url = "ldap://192.0.2.1/dc=t??sub?(uid=X)"
    verdict = ask(Directory(url=url))
    assert verdict == Verdict(
        "unavailable", "passwords would cross the network in clear: use ldaps or start-tls"
    )


def test_the_search_may_need_an_account(directory: LdapServer, tmp_path: Path) -> None:
    file = tmp_path / "password"
    file.touch(0o600)
    file.write_text(f"{ADMIN_PASSWORD}\n")
    assert ask(at(directory, app_user=ADMIN, password=ADMIN_PASSWORD)).outcome == "accepted"
    assert ask(at(directory, app_user=ADMIN, password_file=str(file))).outcome == "accepted"
    wrong = ask(at(directory, app_user=ADMIN, password="wrong"))
    assert wrong.outcome == "unavailable"
    assert "app-user" in wrong.text
    file.chmod(0o644)
    assert "chmod 600" in ask(at(directory, app_user=ADMIN, password_file=str(file))).text


@pytest.mark.parametrize(
    ("filter_", "outcome"),
    [
        ("(&(objectClass=inetOrgPerson)(uid=X))", "accepted"),
        ("(|(uid=X)(cn=X))", "accepted"),
        ("(objectClass=X)", "rejected"),
        ("(uid=*)", "unavailable"),
        ("", "unavailable"),
        ("(uid=X", "unavailable"),
    ],
)
def test_the_filter_finds_exactly_one(directory: LdapServer, filter_: str, outcome: str) -> None:
    url = directory.url(filter_=filter_)
    assert ask(Directory(url=url), user="ivan").outcome == outcome


def test_several_entries_are_nobody(directory: LdapServer) -> None:
    url = directory.url(filter_="(objectClass=X)")
    assert ask(Directory(url=url), user="inetOrgPerson").outcome == "rejected"


def test_a_directory_that_is_gone_or_stalls_hands_on_to_the_next(back: LdapServer) -> None:
    gone = Directory(url=f"ldap://127.0.0.1:{free_port()}/dc=t??sub?(uid=X)")
    assert ask(gone, at(back)).outcome == "accepted"
    standing = Standing()
    back.stall()
    stalled = at(back, timeout=0.3, pause=30.0)
    begun = time.monotonic()
    assert ask(stalled, gone, standing=standing).outcome == "unavailable"
    assert 0.25 < time.monotonic() - begun < 2.0
    back.go_on()
    begun = time.monotonic()
    assert ask(stalled, gone, standing=standing, seconds=1).outcome == "unavailable"
    assert time.monotonic() - begun < 0.9, "it is left alone after it was silent"


@pytest.mark.parametrize("scheme", ["ldaps", "ldap"])
def test_a_stalled_handshake_ends_in_time_too(back: LdapServer, scheme: str) -> None:
    back.stall()
    begun = time.monotonic()
    secured = at(back, scheme, start_tls=scheme == "ldap", timeout=0.3)
    assert ask(secured, seconds=0.5).outcome == "unavailable"
    assert time.monotonic() - begun < 1.5


def test_the_directory_that_answered_last_is_asked_first(directory: LdapServer) -> None:
    standing = Standing()
    gone = Directory(url=f"ldap://127.0.0.1:{free_port()}/dc=t??sub?(uid=X)")
    assert ask(gone, at(directory), standing=standing).outcome == "accepted"
    assert standing.order(2) == [1, 0]


def test_a_restart_during_logins(back: LdapServer) -> None:
    standing = Standing()
    with ThreadPoolExecutor(4) as threads:
        logins = [threads.submit(ask, at(back, attempts=10), standing=standing) for _ in range(40)]
        back.restart()
        outcomes = {login.result().outcome for login in logins}
    assert outcomes <= {"accepted", "unavailable"}
    assert ask(at(back), standing=standing).outcome == "accepted"
