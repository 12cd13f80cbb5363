"""The words of the triggers on SQLite; what they do is told by the tests of the tables."""

from __future__ import annotations

import sqlite3
from contextlib import closing

import pytest

from historylog.models.appending import drop_sqlite, sqlite_refusing


def test_a_trigger_refuses_unless_its_condition_holds() -> None:
    with closing(sqlite3.connect(":memory:")) as database:
        database.execute("CREATE TABLE kept (number)")
        database.execute("INSERT INTO kept VALUES (1), (2)")
        database.execute(sqlite_refusing("kept", "DELETE", "OLD.number < 2"))
        database.execute("DELETE FROM kept WHERE number = 1")
        with pytest.raises(sqlite3.IntegrityError, match="append-only"):
            database.execute("DELETE FROM kept")
        database.execute(drop_sqlite("kept", "DELETE"))
        database.execute("DELETE FROM kept")
