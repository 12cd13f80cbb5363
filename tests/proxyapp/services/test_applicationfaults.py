"""Faults of an object with its rows, as they are in the database."""

from __future__ import annotations

from typing import Any

from proxyapp.models import Application, Connection, Port
from proxyapp.services import changes
from proxyapp.services.applicationfaults import faults_of


def test_ports_and_connections_count_with_the_object(server: Any) -> None:
    one, two = server("one", "3000"), server("two", "3001")
    assert faults_of(Application.objects.get(pk=one)) == []
    with changes.commit(by=None, origin="test") as work:
        work.save(Connection(application_id=one, server_id=two, transport_params="adress=::1"))
        port = Port.objects.get(application=one)
        port.transport_params = "tsl=1"
        work.save(port)
    assert faults_of(Application.objects.get(pk=one)) == [
        f"port {port.port_id}: transport parameter 'tsl' has no effect: is tls meant?",
        f"connection to the application with DBID {two}: transport parameter 'adress' has no"
        " effect: is address meant?",
    ]
