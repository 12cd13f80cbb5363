"""How a proxy reaches its master, by what its objects and its command line say."""

from __future__ import annotations

from typing import Any

from proxyapp.engine import commands, events
from proxyapp.engine.links.contact import peer_contact
from proxyapp.engine.transport import Tls
from tests.proxyapp.engine.bench import VERIFIER, Bench, Proxy, record


def own(connection: dict[str, Any], **more: Any) -> Any:
    """Return the proxy's application with a connection to the master."""
    return record(
        "application", 110, 500, name="proxy1", type="configserver", accountDBID=100,
        verifier=VERIFIER, acl=[(3, 100, 9)], portInfos=[{"id": "default", "port": "2030"}],
        appServers=[{"appServerDBID": 99, "id": "default", **connection}], **more,
    )  # fmt: skip


def master_with(**port: Any) -> Any:
    """Return the master's application with such a default port."""
    ports = [{"id": "default", "port": "2020", **port}]
    document = {"name": "confserv", "type": "configserver", "accountDBID": 100}
    return record("application", 99, 500, portInfos=ports, **document)


def next_contact(bench: Bench, *records: Any, **settings: Any) -> commands.ConnectLink:
    """Return how a proxy that has these records connects after a loss."""
    bench.commit(*records)
    proxy = Proxy(bench, **settings)
    proxy.start()
    proxy.sever()
    command = proxy.of(commands.ConnectLink)[-1]
    assert isinstance(command, commands.ConnectLink)
    return command


def test_without_a_word_of_it_the_link_is_in_clear_from_any_address(bench):
    contact = next_contact(bench, own({}))
    assert (contact.tls, contact.local_address) == (None, None)


def test_the_first_contact_is_made_as_the_command_line_says(bench):
    given = {"tls": "1", "trusted-ca": "/ca.pem", "address": "10.0.0.7", "port": "4711"}
    proxy = Proxy(bench, link_parameters=given)
    proxy.start()
    (first,) = proxy.of(commands.ConnectLink)
    assert first.tls == Tls(trusted_ca="/ca.pem")
    assert first.local_address == ("10.0.0.7", 4711)


def test_the_status_says_why_there_is_no_link(bench):
    proxy = Proxy(bench)
    proxy.carry_out(proxy.node.start(proxy.now))
    reason = "cannot connect to master.example:2020: its certificate has expired: renew it there"
    proxy.handle(events.LinkLost(reason, 0, 0.5))
    assert proxy.node.status(proxy.now)["authority"]["failure"] == reason
    proxy.dial()
    assert proxy.link == "live"
    assert proxy.node.status(proxy.now)["authority"]["failure"] == ""


def test_connection_application_and_host_give_what_is_not_said(bench):
    contact = next_contact(
        bench,
        record("host", 300, name="site", userProperties={"security": {
            "trusted-ca": "/host.pem", "certificate": "/host-cert.pem", "tls-crl": "/crl.pem"}}),
        own(
            {"transportParams": "tls=1;trusted-ca=/connection.pem;port=4711"},
            options={"security": {"certificate": "/app.pem", "trusted-ca": "/app-ca.pem"}},
            serverInfo={"hostDBID": 300},
        ),
        link_parameters={"tls-target-name-check": "balancer"},
    )  # fmt: skip
    assert contact.tls == Tls(
        trusted_ca="/connection.pem", certificate="/app.pem", crl="/crl.pem", target="balancer"
    )
    assert contact.local_address == ("", 4711)


def test_the_command_line_wins_so_that_nobody_is_locked_out(bench):
    connection = {"transportParams": "tls=1;trusted-ca=/typo.pem;port=1;address=10.9.9.9"}
    given = {"trusted-ca": "/good.pem", "port": "4711"}
    contact = next_contact(bench, own(connection), link_parameters=given)
    assert contact.tls == Tls(trusted_ca="/good.pem")
    assert contact.local_address == ("10.9.9.9", 4711)


def test_a_master_whose_port_was_secured_is_reached_by_tls(bench):
    contact = next_contact(bench, own({}), master_with(transportParams="tls=1;sec-protocol=TLSv13"))
    assert contact.tls == Tls(protocol="TLSv13")


def test_the_connection_names_the_port(bench):
    secured = master_with(listeningMode="secured")
    assert next_contact(bench, own({"id": "other"}), secured).tls is None


def test_a_connection_to_another_server_says_nothing(bench):
    daemon = record("application", 120, 500, name="stat", type="statserver", accountDBID=100)
    connection = {"appServerDBID": 120, "transportParams": "tls=1"}
    assert next_contact(bench, daemon, own(connection)).tls is None


def test_the_other_server_of_a_pair_is_reached_as_its_port_says(bench):
    given = {"tls": "1", "tls-target-name-check": "master", "trusted-ca": "/ca.pem", "port": "1"}
    proxy = Proxy(bench, link_parameters=given)
    proxy.start()
    serving = proxy.node.serving
    ports = [{"id": "default"}, {"id": "ha", "port": "2040", "haSync": True}]
    clear = peer_contact(serving, "10.0.0.8", 2040, 0.0, 10.0, {"portInfos": ports})
    assert (clear.link, clear.tls, clear.local_address) == ("peer", None, None)
    ports[1]["listeningMode"] = "secured"
    contact = peer_contact(serving, "10.0.0.8", 2040, 0.0, 10.0, {"portInfos": ports})
    assert contact.tls == Tls(trusted_ca="/ca.pem")
