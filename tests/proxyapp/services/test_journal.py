"""Concurrent writers: revisions without gaps, whole transactions, in commit order."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.db import connection, connections

from proxyapp import selectors
from proxyapp.models import Change, ConfigObject
from proxyapp.services import changes, objects

WRITERS, COMMITS = 4, 15


@pytest.mark.django_db(transaction=True)
def test_concurrent_writers_leave_no_gap(verify_change: Any, create: Any) -> None:
    own = [create("skill", tenantDBID=1, name=f"skill {n}") for n in range(WRITERS)]
    shared = create("skill", tenantDBID=1, name="shared")

    def write(writer: int) -> None:
        try:
            for n in range(COMMITS):
                with changes.commit(by=None, origin="test"):
                    update(own[writer], writer, n)
                    update(shared, writer, n)
        finally:
            connections.close_all()

    def update(dbid: int, writer: int, n: int) -> None:
        delta = {"userProperties": {f"writer {writer}": {"n": n}}}
        objects.update("skill", dbid, delta, by=None, origin="test")

    with verify_change() as transactions, ThreadPoolExecutor(WRITERS) as pool:
        list(pool.map(write, range(WRITERS)))
    assert len(transactions) == WRITERS * COMMITS
    assert all(len(transaction.records) == 2 for transaction in transactions)
    annex = ConfigObject.objects.get(dbid=shared, name="shared").annex
    assert annex == {f"writer {n}": {"n": COMMITS - 1} for n in range(WRITERS)}


@pytest.mark.django_db(transaction=True)
@pytest.mark.postgres_only
def test_the_wake_up_bears_the_number_and_comes_after_the_commit(create: Any) -> None:
    import psycopg

    parameters = connection.get_connection_params()
    names = ("host", "port", "user", "password", "dbname")
    given = {name: parameters[name] for name in names if parameters.get(name)}
    with psycopg.connect(**given, autocommit=True) as listener:
        listener.execute("LISTEN csproxy")
        create("skill", tenantDBID=1, name="x")
        heard = [note.payload for note in listener.notifies(timeout=5, stop_after=1)]
    assert heard == [str(selectors.current_revision().revision)]


def test_changes_are_numbered_within_their_transaction(db: None) -> None:
    given = [{"tenantDBID": 1, "name": f"skill {n}"} for n in range(3)]
    with changes.commit(by=None, origin="test") as work:
        objects.create_many("skill", given, work=work)
    assert work.result is not None
    rows = Change.objects.filter(revision=work.result.revision).order_by("seq")
    assert list(rows.values_list("seq", flat=True)) == [0, 1, 2]
