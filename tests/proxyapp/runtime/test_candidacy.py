"""Which masters are refused before they stand for the lead."""

from __future__ import annotations

import pytest
from django.db import connection, connections

from proxyapp.runtime import candidacy
from proxyapp.runtime.bootstrap import StartError
from proxyapp.services import leadership

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _keep_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    """The transaction of the test ends with its connection."""
    monkeypatch.setattr(connections, "close_all", lambda: None)


def test_a_configuration_server_may_stand() -> None:
    candidacy.check("ConfServ")


def test_an_application_of_another_type_is_refused_with_the_type_that_it_needs() -> None:
    term = leadership.standing().term
    with pytest.raises(StartError, match=r"'default' is of type sce, and servers .* configserver"):
        candidacy.check("default")
    assert leadership.standing().term == term


def test_an_application_that_is_not_there_is_refused() -> None:
    with pytest.raises(StartError, match="there is no application 'nobody'"):
        candidacy.check("nobody")


def test_a_database_without_tables_is_told_before_all_else(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection.introspection, "table_names", list)
    with pytest.raises(StartError, match=r"no tables: run manage\.py migrate"):
        candidacy.check("confserv")
