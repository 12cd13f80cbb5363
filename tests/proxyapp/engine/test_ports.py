from __future__ import annotations

import pytest

from proxyapp.engine.ports import client_ports, default_port


def application(*ports: dict) -> dict:
    return {"portInfos": list(ports)}


def test_client_ports_are_all_but_those_for_the_other_server_of_a_pair():
    found = client_ports(
        application(
            {"id": "default", "port": "2020"},
            {"id": "tls", "port": 2021, "listeningMode": "secured"},
            {"id": "ha", "port": "2022", "haSync": True},
        )
    )
    assert [(p.id, p.port, p.mode) for p in found] == [
        ("default", 2020, "unsecured"),
        ("tls", 2021, "secured"),
    ]


@pytest.mark.parametrize("port", ["", "http", "0", "65536", "-1", "²", None])
def test_what_is_no_port_number_is_not_listened_on(port):
    assert client_ports(application({"id": "x", "port": port}, {"id": "y"})) == ()


def test_the_port_that_others_are_told_is_the_default_one():
    ports = {"id": "a", "port": "1"}, {"id": "default", "port": "2"}
    assert default_port(application(*ports)) == "2"
    assert default_port(application(ports[0])) == "1"
    assert default_port({}) == ""
