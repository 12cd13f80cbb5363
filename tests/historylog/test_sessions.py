from __future__ import annotations

import pytest
from django.db import connection

from confwire.messages import HistoryEntry
from historylog import sessions, writer
from historylog.entries import Kind

pytestmark = pytest.mark.django_db


def moment(kind: Kind, session: str, at: float, **more: str) -> HistoryEntry:
    fields = {"application": "agent", "server": "site-1", **more}
    return HistoryEntry(kind=kind.value, session=session, at=at, **fields)


@pytest.fixture(autouse=True)
def lives() -> None:
    """Three sessions: one moved on, one ended, one of another application."""
    writer.keep(
        [
            moment(Kind.SESSION_OPENED, "a", 10.0),
            moment(Kind.SESSION_OPENED, "b", 11.0),
            moment(Kind.SESSION_OPENED, "c", 12.0, application="other"),
            moment(Kind.SESSION_CLOSED, "b", 13.0, reason="gone"),
            moment(Kind.SESSION_MOVED, "a", 14.0, server="site-2"),
            HistoryEntry(kind="loginRefused", at=15.0, application="agent", server="site-1"),
        ]
    )


def test_the_life_of_a_session_is_told_backwards():
    assert [entry.kind for entry in sessions.life_of("a")] == ["sessionMoved", "sessionOpened"]
    assert [entry.kind for entry in sessions.life_of("a", limit=1)] == ["sessionMoved"]


def test_moments_of_one_instant_are_told_in_the_order_in_which_they_were_kept():
    writer.keep([moment(Kind.SESSION_RESTORED, "a", 20.0), moment(Kind.SESSION_CLOSED, "a", 20.0)])
    assert sessions.state_of("a").kind == "sessionClosed"


def test_the_state_of_a_session_is_its_newest_moment():
    assert sessions.state_of("a").server == "site-2"
    assert sessions.state_of("b").reason == "gone"
    assert sessions.state_of("nobody") is None


def test_the_sessions_of_an_application_come_newest_first_and_once_each():
    found = [(entry.session, entry.kind) for entry in sessions.of_application("agent")]
    assert found == [("a", "sessionMoved"), ("b", "sessionClosed")]
    assert [e.session for e in sessions.of_application("agent", since=14.0)] == ["a"]


def test_open_sessions_of_a_server_are_those_that_neither_ended_nor_moved_on():
    assert [entry.session for entry in sessions.open_at("site-1", since=0.0)] == ["c"]
    assert [entry.session for entry in sessions.open_at("site-2", since=0.0)] == ["a"]


@pytest.mark.parametrize("column", ["session", "application", "server"])
def test_each_query_goes_along_an_index(column):
    writer.keep(
        [
            moment(Kind.SESSION_OPENED, f"s{n}", float(n), application=f"a{n}", server=f"p{n}")
            for n in range(2_000)
        ]
    )
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute("ANALYZE historylog_entryrecord")
        explain = "EXPLAIN" if connection.vendor == "postgresql" else "EXPLAIN QUERY PLAN"
        cursor.execute(
            f"{explain} SELECT * FROM historylog_entryrecord WHERE {column} = 'a'"
            " ORDER BY at DESC, id DESC LIMIT 1"
        )
        plan = " ".join(map(str, cursor.fetchall()))
    assert f"entry_{column}" in plan


def test_an_application_is_open_while_one_of_its_sessions_here_is():
    assert sessions.is_open("agent")
    writer.keep([moment(Kind.SESSION_CLOSED, "a", 20.0, server="site-2")])
    assert not sessions.is_open("agent")
    assert not sessions.is_open("nobody")


def test_a_new_session_counts_though_the_end_of_the_old_one_came_later():
    writer.keep(
        [
            moment(Kind.SESSION_OPENED, "new", 20.0, application="other"),
            moment(Kind.SESSION_CLOSED, "c", 21.0, application="other"),
        ]
    )
    assert sessions.is_open("other")


def test_what_a_killed_server_had_open_is_over_when_it_starts_again():
    writer.keep([HistoryEntry(kind="serverStarted", at=30.0, server="site-1")])
    assert not sessions.is_open("other")


def test_what_was_kept_under_a_former_name_of_the_database_counts():
    writer.open_store(anew=True)
    assert sessions.is_open("agent")


def test_sessions_at_other_servers_are_not_known_to_be_open():
    entry = moment(Kind.SESSION_OPENED, "far", 40.0, application="far", server="site-9")
    entry.number = 1
    writer.take("another store", [entry])
    assert not sessions.is_open("far")
