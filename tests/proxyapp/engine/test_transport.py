from __future__ import annotations

import pytest

from proxyapp.engine.transport import (
    NAMES,
    Tls,
    client_tls,
    is_dedicated,
    local_address,
    mode_of,
    parameters_of,
    security_of,
    server_tls,
    tls_of,
)


@pytest.mark.parametrize(
    ("text", "parameters"),
    [
        ("", {}),
        (";;", {}),
        ("tls=1;certificate=/a=b.pem", {"tls": "1", "certificate": "/a=b.pem"}),
        (" TLS = 1 ; user=1 ", {"tls": "1", "user": "1"}),
        ("upgrade", {"upgrade": ""}),
        ("tls=1;tls=0", {"tls": "0"}),
    ],
)
def test_parameters_are_names_and_values_between_semicolons(text, parameters):
    assert parameters_of(text) == parameters


@pytest.mark.parametrize(
    ("mode", "parameters", "expected"),
    [
        ("unsecured", "", "unsecured"),
        ("unsecured", "tls=0", "unsecured"),
        ("unsecured", "tls=1", "secured"),
        ("unsecured", "upgrade=1", "autodetect"),
        ("unsecured", "upgrade=1;tls=1", "secured"),
        ("autodetect", "", "autodetect"),
        ("autodetect", "tls=1", "secured"),
        ("secured", "upgrade=1", "secured"),
        ("secured", "tls=0", "secured"),
    ],
)
def test_the_safer_of_two_modes_counts(mode, parameters, expected):
    assert mode_of({"listeningMode": mode, "transportParams": parameters}) == expected


def test_a_port_without_a_mode_is_in_clear():
    assert mode_of({}) == "unsecured"


@pytest.mark.parametrize(
    ("port", "expected"),
    [
        ({}, False),
        ({"clientsOnly": True}, True),
        ({"transportParams": "tls=1;user=1"}, True),
        ({"transportParams": "user=0"}, False),
        ({"clientsOnly": True, "transportParams": "user=0"}, True),
    ],
)
def test_a_port_is_dedicated_by_its_field_or_its_parameter(port, expected):
    assert is_dedicated(port) is expected


@pytest.mark.parametrize("name", [name for name in NAMES if name != "tls"])
def test_each_parameter_comes_from_the_nearest_level_that_gives_it(name):
    value = {level: "1" if name == "tls-mutual" else level for level in ("port", "app", "host")}
    other = {name: "0" if name == "tls-mutual" else ""}
    port = {"transportParams": f"{name}={value['port']}"}
    application = {"options": {"security": {name: value["app"]}}}
    host = {"userProperties": {"security": {name: value["host"]}}}
    assert server_tls(port, application, host) == tls_of({name: value["port"]})
    assert server_tls({}, application, host) == tls_of({name: value["app"]})
    assert server_tls({}, {}, host) == tls_of({name: value["host"]})
    assert server_tls({}, {}, {}) == Tls() == tls_of(other)


def test_levels_are_mixed_parameter_by_parameter():
    port = {"transportParams": "certificate=/port.pem"}
    application = {"options": {"security": {"certificate-key": "/app.key", "tls-mutual": 1}}}
    host = {"userProperties": {"security": {"trusted-ca": "/ca.pem", "certificate": "/host.pem"}}}
    assert server_tls(port, application, host) == Tls(
        certificate="/port.pem", certificate_key="/app.key", trusted_ca="/ca.pem", mutual=True
    )


def test_a_level_may_say_no_to_a_farther_one():
    host = {"userProperties": {"security": {"tls-mutual": "1"}}}
    assert not server_tls({"transportParams": "tls-mutual=0"}, {}, host).mutual


def test_options_come_before_the_annex():
    document = {
        "options": {"security": {"trusted-ca": "/options.pem"}},
        "userProperties": {"security": {"trusted-ca": "/annex.pem", "tls-crl": "/crl.pem"}},
    }
    assert security_of(document) == {"trusted-ca": "/options.pem", "tls-crl": "/crl.pem"}


SECURED = {"listeningMode": "secured"}


@pytest.mark.parametrize(
    ("levels", "port", "by_tls"),
    [
        ([], {}, False),
        ([], SECURED, True),
        ([], {"transportParams": "tls=1"}, True),
        ([], {"listeningMode": "autodetect"}, False),
        ([{"tls": "1"}], {}, True),
        ([{}, {"tls": "1"}], {"listeningMode": "autodetect"}, True),
        ([{"tls": "0"}, {"tls": "1"}], {}, False),
        ([{"tls": "0"}], SECURED, False),
        ([{"tls": ""}], SECURED, True),
    ],
)
def test_a_connection_goes_by_tls_when_it_says_so_or_else_the_port(levels, port, by_tls):
    assert (client_tls(levels, port) is not None) is by_tls


def test_a_client_takes_no_files_from_the_servers_port():
    port = {
        "listeningMode": "secured",
        "transportParams": "certificate=/server.pem;trusted-ca=/ca.pem;tls-mutual=1;"
        "sec-protocol=TLSv13;cipher-list=ECDHE+AESGCM;tls-target-name-check=balancer",
    }
    assert client_tls([{}], port) == Tls(
        protocol="TLSv13", cipher_list="ECDHE+AESGCM", target="balancer"
    )
    assert client_tls([{"tls-target-name-check": "host"}], port).target == "host"


@pytest.mark.parametrize(
    ("text", "backup", "expected"),
    [
        ("", False, None),
        ("port=0", False, None),
        ("port=4711", False, ("", 4711)),
        ("address=10.0.0.7", False, ("10.0.0.7", 0)),
        ("address=10.0.0.7;port=4711;backup-port=4712", False, ("10.0.0.7", 4711)),
        ("address=10.0.0.7;port=4711;backup-port=4712", True, ("10.0.0.7", 4712)),
        ("port=4711", True, None),
        ("port=http", False, None),
        ("port=99999", False, None),
        ("port=²", False, None),
    ],
)
def test_a_connection_says_where_it_goes_out_from(text, backup, expected):
    assert local_address(parameters_of(text), backup=backup) == expected


@pytest.mark.parametrize("name", [name for name in NAMES if name != "tls"])
def test_every_parameter_of_the_table_is_read(name):
    assert tls_of({name: "1"}) != Tls()
