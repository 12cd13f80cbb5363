"""What a pair of servers means for its two objects."""

from __future__ import annotations

from typing import Any

import pytest

from confwire.errors import DependencyViolation, UnchangeableProperty
from confwire.messages import HistoryEntry
from historylog import writer
from historylog.entries import Kind
from proxyapp.models import Application
from proxyapp.services import documents, objects
from proxyapp.services.pairs import TAKEN_OVER

PAIRED = "warmstandby"


def update(dbid: int, **delta: Any) -> None:
    objects.update("application", dbid, delta, by=None, origin="test")


def taken_over(dbid: int) -> dict[str, Any]:
    document = documents.document_of(documents.find(Application.TYPE, [dbid]).get())
    return {name: document[name] for name in TAKEN_OVER if name in document}


@pytest.fixture
def pair(server: Any) -> tuple[int, int]:
    """A primary with a connection, tenants and an annex, and its backup."""
    backup = server("two", "3001")
    primary = server(
        "one",
        "3000",
        redundancyType=PAIRED,
        serverInfo={"backupServerDBID": backup},
        appServers=[{"appServerDBID": 99, "connProtocol": "addp", "timeoutLocal": 7}],
        tenantDBIDs=[1],
        userProperties={"section": {"option": "value"}},
    )
    return primary, backup


def session(kind: Kind, name: str, at: float) -> None:
    writer.keep([HistoryEntry(kind=kind.value, at=at, application=name, session=f"s-{name}")])


@pytest.mark.django_db
def test_a_backup_takes_over_connections_tenants_and_annex(pair: tuple[int, int]) -> None:
    primary, backup = pair
    assert set(taken_over(primary)) == {"appServers", "tenantDBIDs", "userProperties"}
    assert taken_over(backup) == taken_over(primary)


@pytest.mark.django_db
def test_they_are_kept_in_step(pair: tuple[int, int]) -> None:
    primary, backup = pair
    update(primary, userProperties={"section": {"option": "other"}}, tenantDBIDs={"remove": [1]})
    update(primary, appServers={"put": [{"appServerDBID": 99, "timeoutLocal": 9}]})
    assert taken_over(backup) == taken_over(primary)
    assert taken_over(backup)["userProperties"] == {"section": {"option": "other"}}


@pytest.mark.django_db
def test_nobody_changes_them_at_the_backup(pair: tuple[int, int]) -> None:
    _, backup = pair
    with pytest.raises(UnchangeableProperty, match="change userProperties there"):
        update(backup, userProperties={"section": {"option": "own"}})
    with pytest.raises(UnchangeableProperty):
        update(backup, appServers={"remove": [99]})
    update(backup, workDirectory="/elsewhere")


@pytest.mark.django_db
def test_a_connection_to_the_backup_itself_is_left_out(pair: tuple[int, int]) -> None:
    primary, backup = pair
    update(primary, appServers={"put": [{"appServerDBID": backup}]})
    assert [item["appServerDBID"] for item in taken_over(backup)["appServers"]] == [99]
    update(backup, workDirectory="/elsewhere")


@pytest.mark.django_db
def test_servers_that_run_are_not_parted(pair: tuple[int, int]) -> None:
    primary, backup = pair
    session(Kind.SESSION_OPENED, "one", 1000.0)
    session(Kind.SESSION_OPENED, "two", 1001.0)
    split = {"serverInfo": {"backupServerDBID": None}, "redundancyType": "coldstandby"}
    with pytest.raises(DependencyViolation, match="cannot be separated at run time"):
        update(primary, **split)
    with pytest.raises(DependencyViolation):
        objects.delete("application", primary, by=None, origin="test")
    session(Kind.SESSION_CLOSED, "two", 1002.0)
    update(primary, **split)
    assert Application.objects.get(pk=backup).is_primary


@pytest.mark.django_db
def test_other_changes_of_servers_that_run_are_taken(pair: tuple[int, int]) -> None:
    primary, _ = pair
    session(Kind.SESSION_OPENED, "one", 1000.0)
    session(Kind.SESSION_OPENED, "two", 1001.0)
    update(primary, workDirectory="/elsewhere")
