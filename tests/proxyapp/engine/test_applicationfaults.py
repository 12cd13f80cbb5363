"""What is told of an Application object that a server would not take as it is."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxyapp.engine.applicationfaults import faults_of
from proxyapp.engine.transport import PARAMETERS
from tests.proxyapp.engine.bench import STEADY

OPTIONS = {"csproxy": {"drain-time": "x"}}


def server(**fields: Any) -> dict[str, Any]:
    return {"type": "configserver", "name": "s", **fields}


def of_port(text: str) -> list[str]:
    return faults_of(server(portInfos=[{"id": "tls", "port": "1", "transportParams": text}]))


def of_connection(text: str) -> list[str]:
    return faults_of(server(appServers=[{"appServerDBID": 99, "transportParams": text}]))


def test_a_wrong_value_of_an_option_is_named_with_what_is_used_instead() -> None:
    (fault,) = faults_of(server(options=OPTIONS))
    assert fault.startswith("option [csproxy] drain-time has the value 'x', which is not valid: ")
    assert fault.endswith(" is used")


def test_valid_and_unknown_options_have_no_fault() -> None:
    options = {"csproxy": {"drain-time": "5"}, "mine": {"drain-time": "x"}}
    assert faults_of(server(options=options)) == []
    assert faults_of(server()) == []


def test_other_applications_are_their_own() -> None:
    port = {"id": "default", "transportParams": "tsl=1"}
    assert faults_of({"type": "sce", "options": OPTIONS, "portInfos": [port]}) == []


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("tls=1;tls-mutal=1", "'tls-mutal' has no effect: is tls-mutual meant?"),
        ("TLS = 1 ; Certificat=/a.pem", "'Certificat' has no effect: is certificate meant?"),
        ("transport=tcp", "'transport' has no effect"),
        ("tls=1,upgrade=1", "'tls' has the value '1,upgrade=1', which is neither 1 nor 0"),
        ("user=ja", "'user' has the value 'ja', which is neither 1 nor 0: 0 is used"),
        ("upgrade", "'upgrade' has no value: write upgrade=value"),
        ("certificate=", "'certificate' has no value"),
        ("tls=1;tls=0", "'tls' is given more than once: the last one counts"),
        ("port=2020", "'port' has no effect"),
    ],
)
def test_a_mistyped_parameter_of_a_port_is_named(text: str, said: str) -> None:
    (fault,) = of_port(text)
    assert fault.startswith(f"port tls: transport parameter {said}")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("adress=10.0.0.1", "'adress' has no effect: is address meant?"),
        ("port=99999", "'port' has the value '99999', which is no port number"),
        ("backup-port=²", "'backup-port' has the value '²', which is no port number"),
        ("upgrade=1", "'upgrade' has no effect"),
        ("tls-target-name-chek=no", "'tls-target-name-chek' has no effect: is tls-target-name"),
    ],
)
def test_a_mistyped_parameter_of_a_connection_is_named(text: str, said: str) -> None:
    (fault,) = of_connection(text)
    assert fault.startswith("connection to the application with DBID 99: transport parameter ")
    assert said in fault


def test_what_the_options_page_tells_of_has_no_fault() -> None:
    given = {"tls": "yes", "tls-mutual": "TRUE"}
    texts = [f"{one.name}={given.get(one.name, 'x')}" for one in PARAMETERS]
    both = [text for text in texts if not text.startswith(("tls-mutual", "tls-target"))]
    assert of_port(";".join([*both, "tls-mutual=1", "upgrade=0", "user=off", ""])) == []
    more = ["tls-target-name-check=no", "address=10.0.0.1", "port=2020", "backup-port=0"]
    assert of_connection(" ; ".join([*both, *more])) == []


@STEADY
@given(st.text(max_size=300))
def test_nonsense_is_told_in_few_words(text: str) -> None:
    for fault in of_port(text) + of_connection(text):
        assert len(fault) < 400
