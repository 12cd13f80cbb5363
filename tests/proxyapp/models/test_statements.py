"""Statements of fixed text."""

from __future__ import annotations

import pytest
from django.db import DatabaseError

from proxyapp.models.statements import run

pytestmark = pytest.mark.django_db


def test_a_statement_gives_its_rows_or_none() -> None:
    assert run("SELECT name FROM proxyapp_tenant WHERE dbid = %s", [1]) == [("Environment",)]
    assert run("UPDATE proxyapp_revision SET number = number WHERE id = %s", [2]) == []


def test_a_mistake_is_an_error_of_the_database_as_that_of_a_model() -> None:
    with pytest.raises(DatabaseError):
        run("SELECT nothing FROM nowhere", [])


@pytest.mark.postgres_only
def test_postgresql_plans_a_statement_once_a_connection() -> None:
    prepared = "SELECT count(*) FROM pg_prepared_statements WHERE statement LIKE %s"
    pattern = ["SELECT name FROM proxyapp_tenant WHERE dbid = $1"]
    for _ in range(4):
        run("SELECT name FROM proxyapp_tenant WHERE dbid = %s", [1])
    assert run(prepared, pattern) == [(1,)]
