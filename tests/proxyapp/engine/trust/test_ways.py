from __future__ import annotations

import pytest

from proxyapp.engine.trust.ways import (
    LIBRARY_OPTIONS,
    Internal,
    Kerberos,
    Ldap,
    Radius,
    Server,
    kerberos_of,
    libraries_in,
    ways_for,
)

LDAP = {"ldap-url": "ldap://d1/dc=t??sub?(uid=X)"}
RADIUS = {"servers": "r1, r2:1645 [2001:db8::1]:1812", "secret": "s"}


def server(library: str = "", **more: object) -> Server:
    sections = {"authentication": {"library": library}, "gauth_ldap": LDAP, "gauth_radius": RADIUS}
    return Server(sections, **more)


def kinds(ways: object) -> list[type]:
    return [type(way) for way in ways.ways]


def person(dbid: int = 101, external: str = "u1", library: str = "") -> dict[str, object]:
    annex = {"authentication": {"library": library}} if library else {}
    return {"DBID": dbid, "userName": "bob", "externalID": external, "userProperties": annex}


def test_without_a_library_everybody_is_checked_by_the_configuration():
    assert ways_for(person(), [], server()).ways == (Internal(),)


def test_only_persons_with_an_external_id_are_checked_by_others_unless_all_must():
    assert kinds(ways_for(person(), [], server("gauth_ldap"))) == [Ldap]
    assert kinds(ways_for(person(external=""), [], server("gauth_ldap"))) == [Internal]
    marked = {**person(external=""), "isExternalAuth": True}
    assert kinds(ways_for(marked, [], server("gauth_ldap"))) == [Ldap]
    enforced = server("gauth_ldap", enforce_external=True)
    assert kinds(ways_for(person(external=""), [], enforced)) == [Ldap]


def test_the_first_administrator_is_never_left_to_a_directory():
    enforced = server("gauth_ldap", enforce_external=True)
    assert kinds(ways_for(person(100), [], enforced)) == [Internal]


def test_internal_can_be_enforced_for_all():
    assert kinds(ways_for(person(), [], server("gauth_ldap", enforce_internal=True))) == [Internal]


def test_the_more_specific_level_wins():
    upper = {"authentication": {"library": "internal"}}
    lower = {"authentication": {"library": "gauth_radius"}}
    both = server("gauth_ldap")
    assert kinds(ways_for(person(), [upper], both)) == [Internal]
    assert kinds(ways_for(person(), [lower, upper], both)) == [Radius]
    assert kinds(ways_for(person(library="gauth_ldap"), [lower], both)) == [Ldap]
    assert kinds(ways_for(person(external="", library="gauth_ldap"), [], both)) == [Ldap]
    assert kinds(ways_for(person(library="internal"), [lower], both)) == [Internal]


def test_a_chain_keeps_its_order_and_tickets_stand_beside_it():
    found = ways_for(person(), [], server("gauth_kerberos, gauth_radius GAUTH_LDAP,internal,x"))
    assert kinds(found) == [Radius, Ldap, Internal]
    assert found.internal
    assert kinds(ways_for(person(), [], server("gauth_kerberos"))) == [Internal]


def test_a_library_without_settings_is_told():
    found = ways_for(person(), [], Server({"authentication": {"library": "gauth_ldap"}}))
    assert (found.ways, found.missing) == ((), ("gauth_ldap",))
    assert not found.internal


def test_several_directories_are_asked_in_the_order_of_their_numbers():
    sections = {
        "authentication": {"library": "gauth_ldap"},
        "gauth_ldap_10": {**LDAP, "connect-timeout": 3},
        "gauth_ldap_2": {**LDAP, "connect-timeout": 2},
        "gauth_ldap": {**LDAP, "connect-timeout": "1"},
        "gauth_ldap_3": {"app-user": "no url"},
        "gauth_ldap_x": LDAP,
    }
    (way,) = ways_for(person(), [], Server(sections)).ways
    assert isinstance(way, Ldap)
    assert [directory.timeout for directory in way.directories] == [1, 2, 3]


def test_a_tenant_has_directories_of_its_own_and_names_no_files_of_the_server():
    own = {"ldap-url": "ldap://own/dc=t??sub?(uid=X)", "password-file": "/etc/shadow"}
    tenant = {"authentication": {"library": "gauth_ldap"}, "gauth_ldap": own}
    (way,) = ways_for(person(), [tenant], server()).ways
    assert isinstance(way, Ldap)
    (directory,) = way.directories
    assert (directory.url, directory.password_file) == (own["ldap-url"], "")


def test_radius_servers_have_ports_or_the_usual_one():
    (way,) = ways_for(person(), [], server("gauth_radius")).ways
    assert isinstance(way, Radius)
    assert way.servers == (("r1", 1812), ("r2", 1645), ("2001:db8::1", 1812))


def test_values_that_are_not_valid_count_as_not_given():
    sections = {
        "authentication": {"library": "gauth_ldap"},
        "gauth_ldap": {**LDAP, "connect-timeout": "soon", "start-tls": "maybe"},
    }
    (way,) = ways_for(person(), [], Server(sections)).ways
    assert isinstance(way, Ldap)
    assert (way.directories[0].timeout, way.directories[0].start_tls) == (10, False)


@pytest.mark.parametrize(
    ("given", "realm"),
    [
        ({"SPN": "confwire@host", "keytab": "/k", "realm": "R"}, "R"),
        ({"SPN": "confwire/host@R2", "keytab": "/k"}, "R2"),
        ({"SPN": "confwire@host", "keytab": "/k"}, None),
        ({"SPN": "confwire@host", "realm": "R"}, None),
    ],
)
def test_tickets_are_taken_where_keys_and_realm_are_known(given, realm):
    sections = {"authentication": {"library": "gauth_kerberos"}, "gauth_kerberos": given}
    found = kerberos_of(Server(sections))
    assert (found.realm if isinstance(found, Kerberos) else None) == realm
    assert kerberos_of(Server({"gauth_kerberos": given})) is None


def test_words_that_are_no_libraries_are_passed_over():
    assert libraries_in({"authentication": {"library": "internal,internal nonsense"}}) == (
        "internal",
    )


def test_every_option_of_a_library_is_explained():
    for option in LIBRARY_OPTIONS:
        assert option.meaning.endswith(".")
