"""Which two servers are a pair, and how one reaches the other."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from confwire.messages import KeepAlive
from proxyapp.engine.data.store import Store
from proxyapp.engine.topology.pair import Configured
from proxyapp.engine.topology.partners import (
    address_of,
    backup_in,
    client_address,
    keep_alive_of,
    objection,
    partner_dbid,
    partner_of,
    primary_of,
)
from tests.proxyapp.engine.bench import master
from tests.proxyapp.engine.pairbench import BACKUP, PRIMARY, records


@pytest.fixture
def store() -> Store:
    return master(records()).node.serving.store


def document(store: Store, dbid: int) -> dict[str, Any]:
    found: dict[str, Any] = msgspec.json.decode(store.get(9, dbid).body)
    return found


def test_each_finds_the_other_and_its_own_role(store):
    found = partner_of(store, PRIMARY)
    assert (found.dbid, found.name, found.own) == (BACKUP, "proxy2", Configured.PRIMARY)
    found = partner_of(store, BACKUP)
    assert (found.dbid, found.name, found.own) == (PRIMARY, "proxy1", Configured.BACKUP)


def test_a_primary_is_who_names_the_backup(store):
    assert primary_of(store, BACKUP) == PRIMARY
    assert primary_of(store, PRIMARY) == primary_of(store, 4711) == 0
    assert backup_in(store.get(9, PRIMARY).body) == BACKUP
    assert backup_in(store.get(9, BACKUP).body) == 0


def test_others_are_of_no_pair(store):
    assert partner_of(store, 99) is None
    assert partner_of(store, 4711) is None
    assert partner_dbid(store, 99) == 0


def test_the_port_for_ha_sync_is_where_the_other_server_connects(store):
    assert address_of(store, document(store, BACKUP)) == (f"10.1.1.{BACKUP}", BACKUP + 1000)
    assert client_address(store, document(store, BACKUP)) == (f"host-{BACKUP}", str(BACKUP))


def test_who_has_no_host_or_no_such_port_cannot_be_reached(store):
    assert address_of(store, {**document(store, BACKUP), "serverInfo": {}}) == ("", 0)
    assert address_of(store, {**document(store, BACKUP), "portInfos": []}) == ("", 0)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"type": "tserver"}, "of another type"),
        ({"accountDBID": 101}, "another account"),
        ({"portInfos": [{"id": "default", "port": "1"}]}, "no port for HA sync"),
    ],
)
def test_two_that_cannot_work_together_are_told_why(store, change, words):
    own, partner = document(store, PRIMARY), partner_of(store, PRIMARY)
    assert objection(own, partner) == ""
    other = msgspec.structs.replace(partner, document={**partner.document, **change})
    assert words in objection(own, other)


@pytest.mark.parametrize(
    ("connections", "expected"),
    [
        ([], KeepAlive(10, 10)),
        ([{"appServerDBID": 99}], KeepAlive(10, 10)),
        ([{"appServerDBID": 99, "connProtocol": "addp", "timeoutLocal": 4}], KeepAlive(4, 4)),
        (
            [
                {"appServerDBID": 7, "connProtocol": "addp", "timeoutLocal": 1},
                {"appServerDBID": 99, "connProtocol": "addp", "timeoutLocal": 5,
                 "timeoutRemote": 6},
            ],
            KeepAlive(5, 6),
        ),
    ],
)  # fmt: skip
def test_the_pair_uses_the_timeouts_of_the_connection_to_the_master(connections, expected):
    assert keep_alive_of({"appServers": connections}, 99) == expected
