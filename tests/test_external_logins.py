"""Logins with real processes: a master, a proxy, a directory, a RADIUS server, a Kerberos realm."""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from shutil import which

import pytest

from confwire.client import BlockingClient
from confwire.errors import (
    AccountLocked,
    AccountMismatch,
    AuthenticationFailed,
    AuthenticationUnavailable,
    PasswordChangeRequired,
    PasswordRefused,
    RequestError,
)
from tests.authservers import PEOPLE, SECRET, LdapServer, RadiusServer, Realm
from tests.servers import PASSWORD, Process, Site, eventually

pytestmark = pytest.mark.slow

PREPARE = """
import json, sys
from proxyapp.models import Application, Person
from proxyapp.services import access, accounts, changes, objects

options, people = json.loads(sys.argv[1])
with changes.commit(by=None, origin="test"):
    for name, annex, external in people:
        document = {"tenantDBID": 1, "employeeID": name, "userName": name,
                    "externalID": external, "userProperties": annex}
        objects.create("person", document, by=None, origin="test")
        person = Person.objects.get_by_natural_key(name)
        access.grant(Application.objects.get(pk=100), person, 9, by=None, origin="test")
    for application in sys.argv[2:]:
        delta = {"options": options}
        objects.update("application", int(application), delta, by=None, origin="test")
rules = {"account-lockout-threshold": 3, "account-lockout-attempts-period": 10,
         "password-req-numbers": "true"}
annex = {"userProperties": {"security-authentication-rules": rules}}
objects.update("tenant", 1, annex, by=None, origin="test")
document = {"tenantDBID": 1, "employeeID": "p", "userName": "петр",
            "changePasswordOnNextLogin": True}
dbid = objects.create("person", document, by=None, origin="test").dbid
person = Person.objects.get(pk=dbid)
access.grant(Application.objects.get(pk=100), person, 9, by=None, origin="test")
accounts.set_password(person, "старое слово", by=None, origin="test")
"""


@pytest.fixture(scope="module")
def services(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple]:
    for command in ("slapd", "freeradius", "krb5kdc"):
        if which(command) is None and which(f"/usr/sbin/{command}") is None:
            pytest.skip(f"needs {command}")
    folder = tmp_path_factory.mktemp("services")
    made = LdapServer(folder / "ldap"), RadiusServer(folder / "radius"), Realm()
    for server in made[:2]:
        server.start()
    yield made
    for server in made[:2]:
        server.stop()
    made[2].end()


@pytest.fixture(scope="module")
def site(
    services: tuple[LdapServer, RadiusServer, Realm],
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Site]:
    folder = tmp_path_factory.mktemp("site")
    database = f"sqlite:///{folder / 'db.sqlite3'}"
    krb5 = {k: v for k, v in services[2].environment.items() if k.startswith("KRB5")}
    made = Site(
        {**os.environ, "DATABASE_URL": database, "CSPROXY_DATA": str(folder / "var"),
         "CSPROXY_SCRAM_ITERATIONS": "4096", "PYTHONUNBUFFERED": "1", **krb5},
        folder,
    )  # fmt: skip
    ldap, radius, realm = services
    options = {
        "authentication": {
            "library": "gauth_ldap,gauth_kerberos",
            "refused-password-cache": 0,
        },
        "gauth_ldap": {"ldap-url": ldap.url(), "connect-timeout": 1, "retry-interval": 0},
        "gauth_radius": {
            "servers": f"127.0.0.1:{radius.port}", "secret": SECRET, "timeout": 1,
            "retry-interval": 0,
        },
        "gauth_kerberos": {"SPN": realm.spn, "keytab": realm.keytab, "realm": realm.name},
        "confserv": {"client-connect-timeout": 4},
    }  # fmt: skip
    by_radius = {"authentication": {"library": "gauth_radius"}}
    people = [("зоя", {}, "зоя"), ("tanaka", by_radius, "田中"), ("ivan", {}, "")]
    proxy = made.python("from proxyapp.models import Application\n"
                        "print(Application.objects.get(name='site-1').dbid)")  # fmt: skip
    made.python(PREPARE, json.dumps([options, people]), "99", proxy.strip())
    yield made
    made.end()


def log_in(server: Process, user: str, password: str, mechanism: str = "PLAIN", service: str = ""):
    """Open a session, read with it, and end it; return the seconds that it took."""
    begun = time.monotonic()
    with BlockingClient.connect(
        [("127.0.0.1", server.port)],
        application="default",
        user=user,
        password=password,
        mechanism=mechanism,
        service=service,
    ) as client:
        client.server_info()
    return time.monotonic() - begun


def refused(kind: type[RequestError], *login: object) -> str:
    with pytest.raises(kind) as caught:
        log_in(*login)
    return str(caught.value)


def client_of(server: Process, user: str, password: str) -> BlockingClient:
    return BlockingClient.connect(
        [("127.0.0.1", server.port)], application="default", user=user, password=password
    )


def logs_in(server: Process, user: str, password: str) -> bool:
    try:
        client_of(server, user, password).close()
    except AuthenticationFailed:
        return False
    return True


def is_locked(server: Process, user: str) -> bool:
    try:
        client_of(server, user, "новое слово 1").close()
    except AccountLocked:
        return True
    return False


def hold_rules_everywhere(site: Site, master: Process, proxy: Process) -> None:
    """A failure at the master or its proxy counts at both, and so does a new password."""
    with client_of(master, "петр", "старое слово") as client:
        with pytest.raises(PasswordChangeRequired):
            client.read("skill")
        with pytest.raises(PasswordRefused, match="a digit"):
            client.change_password("старое слово", "новое слово")
        client.change_password("старое слово", "новое слово 1")
        client.read("skill")
    eventually(lambda: logs_in(proxy, "петр", "новое слово 1"), "the new password at the proxy")
    for server in (proxy, master, proxy):
        refused(AuthenticationFailed, server, "петр", "wrong", "SCRAM-SHA-256")
    kept = Path(site.environment["CSPROXY_DATA"]) / "site-1" / "accounts.json"
    eventually(
        lambda: (
            kept.is_file()
            and any(state.get("lockedUntil") for state in json.loads(kept.read_text()))
        ),
        "the lock at the proxy",
        10,
    )
    assert is_locked(proxy, "петр")
    assert is_locked(master, "петр")


KEPT = """
from historylog.models import EntryRecord
for entry in EntryRecord.objects.filter(kind="loginRefused", user="ivan"):
    print(entry.server, entry.reason)
"""


def refuse_the_ticket_of_another_realm(
    site: Site, realm: Realm, monkeypatch: pytest.MonkeyPatch, *servers: Process
) -> None:
    """Of a service of the same name, for a person of the same name; the history tells of it."""
    other = Realm(("ivan",), "OTHER.TEST")
    try:
        with monkeypatch.context() as there:
            for name, value in other.cache_of("ivan").items():
                if name.startswith("KRB5"):
                    there.setenv(name, value)
            texts = [
                refused(AuthenticationFailed, server, "ivan", "", "KERBEROS", other.spn)
                for server in servers
            ]
    finally:
        other.end()
    assert all(other.spn in text and realm.spn in text for text in texts)

    def kept() -> bool:
        lines = site.python(KEPT).splitlines()
        found = {line.partition(" ")[0] for line in lines if "authenticationFailed" in line}
        return found == {"confserv", "site-1"} and all(other.spn in line for line in lines)

    eventually(kept, "the refusals in the history", 20)


def test_logins_by_every_way_at_master_and_proxy_and_without_the_master(
    site: Site, services: tuple[LdapServer, RadiusServer, Realm], monkeypatch: pytest.MonkeyPatch
) -> None:
    ldap, radius, realm = services
    caches = {
        user: realm.cache_of(principal)
        for user, principal in (("зоя", "зоя"), ("tanaka", "田中"), ("ivan", "ivan"))
    }
    for name, value in caches["ivan"].items():
        if name.startswith("KRB5"):
            monkeypatch.setenv(name, value)
    master, proxy = site.master().start(), site.proxy().start()

    def all_ways(server: Process) -> None:
        log_in(server, "default", PASSWORD, "SCRAM-SHA-256")
        log_in(server, "default", PASSWORD)
        log_in(server, "зоя", PEOPLE["зоя"])
        log_in(server, "tanaka", PEOPLE["田中"])
        for user, cache in caches.items():  # the last one is ivan's, as before
            monkeypatch.setenv("KRB5CCNAME", cache["KRB5CCNAME"])
            log_in(server, user, "", "KERBEROS", realm.spn)
        refused(AccountMismatch, server, "зоя", "", "KERBEROS", realm.spn)
        refused(AuthenticationFailed, server, "зоя", PEOPLE["ivan"])
        assert "привет, 田中" in refused(AuthenticationFailed, server, "tanaka", "wrong")

    all_ways(master)
    all_ways(proxy)
    refuse_the_ticket_of_another_realm(site, realm, monkeypatch, master, proxy)
    hold_rules_everywhere(site, master, proxy)
    master.stop(signal.SIGKILL)
    assert is_locked(proxy, "петр")
    log_in(proxy, "зоя", PEOPLE["зоя"])
    proxy.stop()
    proxy.start()  # from its local copy: it has not seen a master
    all_ways(proxy)
    assert is_locked(proxy, "петр")
    realm.stop_issuing()  # who has a ticket needs the realm no more
    log_in(proxy, "ivan", "", "KERBEROS", realm.spn)

    ldap.stall()
    radius.stall()
    try:
        begun = time.monotonic()
        refused(AuthenticationUnavailable, proxy, "зоя", PEOPLE["зоя"])
        refused(AuthenticationUnavailable, proxy, "tanaka", PEOPLE["田中"])
        assert time.monotonic() - begun < 9
        assert log_in(proxy, "default", PASSWORD, "SCRAM-SHA-256") < 1
        assert log_in(proxy, "ivan", "", "KERBEROS", realm.spn) < 1
    finally:
        ldap.go_on()
        radius.go_on()
    ldap.stop()
    radius.stop()
    refused(AuthenticationUnavailable, proxy, "зоя", PEOPLE["зоя"])
    refused(AuthenticationUnavailable, proxy, "tanaka", PEOPLE["田中"])
    log_in(proxy, "default", PASSWORD)
    ldap.start()
    radius.start()
    all_ways(proxy)
    status = proxy.status()["runtime"]
    assert status["authentication"]["waiting"] == 0
    assert status["longestStall"] < 1
    proxy.stop(signal.SIGKILL)
