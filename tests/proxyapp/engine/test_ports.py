from __future__ import annotations

import pytest

from proxyapp.engine.ports import (
    client_ports,
    default_port,
    is_for_people,
    open_port,
    port_notices,
    ports_status,
)
from proxyapp.engine.transport import Tls


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


def test_a_secured_port_has_the_parameters_of_port_application_and_host():
    port = {"id": "tls", "port": "2021", "transportParams": "tls=1;certificate=/c.pem"}
    document = {**application(port), "options": {"security": {"certificate-key": "/k.pem"}}}
    host = {"userProperties": {"security": {"trusted-ca": "/ca.pem"}}}
    (found,) = client_ports(document, host)
    assert found.mode == "secured"
    assert found.tls == Tls(certificate="/c.pem", certificate_key="/k.pem", trusted_ca="/ca.pem")


def test_a_port_in_clear_has_no_parameters_of_tls():
    port = {"id": "default", "port": "2020", "transportParams": "certificate=/c.pem"}
    (found,) = client_ports(application(port))
    assert (found.mode, found.tls) == ("unsecured", None)


PORTS = application(
    {"id": "default", "port": "2020"},
    {"id": "ui", "port": "2030", "transportParams": "user=1", "listeningMode": "autodetect"},
    {"id": "ha", "port": "2040", "haSync": True, "clientsOnly": True},
)


def test_a_dedicated_port_is_for_people_and_an_ha_sync_port_never():
    assert [is_for_people(PORTS, name) for name in ("default", "ui", "ha", "web")] == [
        False,
        True,
        False,
        False,
    ]
    assert open_port(PORTS) == "2020"
    assert open_port(application({"id": "default", "port": "1", "clientsOnly": True})) == ""


def test_the_status_tells_what_each_port_is_for():
    assert ports_status(PORTS) == [
        {"id": "default", "port": 2020, "mode": "unsecured", "haSync": False, "clientsOnly": False},
        {"id": "ui", "port": 2030, "mode": "autodetect", "haSync": False, "clientsOnly": True},
        {"id": "ha", "port": 2040, "mode": "unsecured", "haSync": True, "clientsOnly": True},
    ]


def test_a_restricted_default_or_ha_sync_port_is_told():
    (ha,) = port_notices(PORTS)
    assert "2040 (ha) is for HA sync" in ha
    (default,) = port_notices(application({"id": "default", "port": "1", "clientsOnly": True}))
    assert "all other servers are refused" in default
