"""SQLite is told to look how the tables of the history are filled, and chooses by it."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from historylog import reader, statistics
from historylog.reader import Question


def plans(question: Question) -> str:
    """Return how the database finds the changes of a question."""
    with CaptureQueriesContext(connection) as queries:
        reader.changes(question)
    statement = next(row["sql"] for row in queries if "record.revision" in row["sql"])
    with connection.cursor() as cursor:
        cursor.execute("EXPLAIN QUERY PLAN " + statement.replace("%", "%%"))
        return " ".join(row[3] for row in cursor.fetchall())


@pytest.fixture
def many(skill: Callable[..., int]) -> int:
    """Return a skill among many that was changed now and then."""
    dbids = [skill(f"skill {number}") for number in range(40)]
    for dbid in dbids[:20]:
        skill(dbid=dbid, state="disabled")
    return dbids[3]


@pytest.mark.skipif("connection.vendor != 'sqlite'", reason="PostgreSQL looks by itself")
def test_it_learns_how_many_rows_each_index_has_for_one_value(many: int) -> None:
    statistics.refresh()
    with connection.cursor() as cursor:
        cursor.execute("SELECT stat FROM sqlite_stat1 WHERE idx = 'history_object'")
        rows, of_type, of_object, _ = map(int, cursor.fetchone()[0].split())
    assert rows > of_type > of_object


@pytest.mark.skipif("connection.vendor != 'sqlite'", reason="PostgreSQL looks by itself")
def test_names_are_found_by_theirs(many: int) -> None:
    assert "history_name (key>? AND key<?)" in plans(Question(name="skill 1"))


def test_a_look_changes_no_answer(many: int) -> None:
    before = reader.changes(Question(type=13, dbid=many))
    statistics.refresh()
    assert reader.changes(Question(type=13, dbid=many)) == before
