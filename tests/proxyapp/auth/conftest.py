from __future__ import annotations

from collections.abc import Iterator
from shutil import which

import pytest

from tests.authservers import LdapServer, RadiusServer, Realm


def needs(command: str, package: str) -> None:
    if which(command) is None and which(f"/usr/sbin/{command}") is None:
        pytest.skip(f"needs the Debian package {package}")


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LdapServer]:
    """An LDAP directory that runs."""
    needs("slapd", "slapd")
    server = LdapServer(tmp_path_factory.mktemp("ldap"))
    server.start()
    yield server
    server.stop()


@pytest.fixture(scope="module")
def radius_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RadiusServer]:
    """A RADIUS server that runs."""
    needs("freeradius", "freeradius")
    server = RadiusServer(tmp_path_factory.mktemp("radius") / "signed")
    server.start()
    yield server
    server.stop()


@pytest.fixture(scope="module")
def realm() -> Iterator[Realm]:
    """A Kerberos realm."""
    needs("krb5kdc", "krb5-kdc")
    made = Realm()
    yield made
    made.end()
