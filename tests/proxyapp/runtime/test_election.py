"""Masters that stand for the lead of one database, on real locks."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
import pytest_asyncio
from asgiref.sync import sync_to_async
from django.db import connection, connections

from confwire.errors import MasterUnavailable
from proxyapp.engine import events as e
from proxyapp.runtime import election, feed
from proxyapp.runtime.bootstrap import StartError
from proxyapp.services import leadership

LIMIT = 10.0
needs_postgres = pytest.mark.postgres_only
pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.asyncio]


class Master:
    """A candidate, and what it was told."""

    def __init__(self, name: str, folder: Path) -> None:
        self.instance = f"instance of {name}"
        self.events: list[e.Event | None] = []
        self.moves = 0
        folder.mkdir(exist_ok=True)
        self.election = election.stand(name, self.instance, 8080, folder)
        self._changed = asyncio.Event()

    def start(self) -> None:
        self.election.start(self._heard, self._heard, self._halt, self._moved)

    def _moved(self) -> None:
        self.moves += 1

    def _heard(self, event: e.Event | None) -> None:
        self.events.append(event)
        self._changed.set()

    def _halt(self, reason: str) -> None:
        raise AssertionError(reason)

    async def told(self, kind: Any) -> e.Event:
        """Wait for the newest word to be one of a kind."""
        async with asyncio.timeout(LIMIT):
            while not self.events or not isinstance(self.events[-1], kind):
                self._changed.clear()
                await self._changed.wait()
        found = self.events[-1]
        assert found is not None
        return found


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Decide in tenths of seconds; afterwards this process writes as an operator again."""
    for name, seconds in (("LEASE", 0.6), ("BEAT", 0.1), ("ANSWER_LIMIT", 0.3), ("POLL", 0.05)):
        monkeypatch.setattr(election, name, seconds)
    monkeypatch.setattr(election, "HEAD_START", 0.3)
    parameters = feed.parameters()
    test_database = {**parameters, "dbname": connection.settings_dict["NAME"]}
    monkeypatch.setattr(feed, "parameters", lambda: test_database)
    yield
    leadership.forget()


@pytest_asyncio.fixture
async def stand(tmp_path: Path) -> AsyncIterator[Callable[[str], Master]]:
    """Return what starts a master; all end with the test."""
    started: list[Master] = []

    def start(name: str) -> Master:
        master = Master(name, tmp_path / name)
        started.append(master)
        master.start()
        return master

    yield start
    for master in started:
        await master.election.stop()


@sync_to_async
def standing() -> leadership.Standing:
    try:
        return leadership.standing()
    finally:
        connections.close_all()


async def execute(statement: str) -> None:
    async with await psycopg.AsyncConnection.connect(autocommit=True, **feed.parameters()) as other:
        await other.execute(statement)


async def holder() -> int:
    """Return the process of the database that holds the lock."""
    async with await psycopg.AsyncConnection.connect(autocommit=True, **feed.parameters()) as other:
        cursor = await other.execute(
            "SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND granted AND database ="
            " (SELECT oid FROM pg_database WHERE datname = current_database())"
        )
        ((pid,),) = await cursor.fetchall()
    return int(pid)


async def test_the_only_master_leads_at_once_under_a_new_term(stand) -> None:
    before = (await standing()).term
    one = stand("confserv")
    assert await one.told(e.Elected) == e.Elected(before + 1, "")
    assert await standing() == (before + 1, "confserv", one.instance, 8080)


@needs_postgres
async def test_a_second_one_hears_who_leads_and_takes_over_when_that_one_ends(stand) -> None:
    one = stand("confserv")
    first = await one.told(e.Elected)
    two = stand("confserv-backup")
    assert await two.told(e.Deposed) == e.Deposed("confserv", first.term)
    await one.election.stop()
    assert await two.told(e.Elected) == e.Elected(first.term + 1, "confserv")


@needs_postgres
async def test_a_lock_that_is_lost_leaves_one_leader_and_one_that_knows_it(stand) -> None:
    one = stand("confserv")
    first = await one.told(e.Elected)
    two = stand("confserv-backup")
    await two.told(e.Deposed)
    await execute(f"SELECT pg_terminate_backend({await holder()})")
    await one.told(e.LeadDoubted)
    found = await one.told(e.Elected | e.Deposed)
    leader, other = (one, two) if isinstance(found, e.Elected) else (two, one)
    assert await leader.told(e.Elected) == e.Elected(first.term + 1, "confserv")
    assert isinstance(await other.told(e.Deposed), e.Deposed)
    assert (await standing()).instance == leader.instance


@needs_postgres
async def test_a_silent_leader_loses_the_lock_and_can_write_nothing_after_it_wakes(stand) -> None:
    one = stand("confserv")
    first = await one.told(e.Elected)
    await one.election.stop()
    # In place of the connection of a stopped process: it has the lock, and says nothing more.
    async with await psycopg.AsyncConnection.connect(autocommit=True, **feed.parameters()) as other:
        await other.execute(f"SET idle_session_timeout = {int(election.LEASE * 1000)}")
        cursor = await other.execute("SELECT pg_try_advisory_lock(%s)", [election.LOCK])
        assert await cursor.fetchone() == (True,)
        two = stand("confserv-backup")
        assert isinstance(await two.told(e.Deposed), e.Deposed)
        assert await two.told(e.Elected) == e.Elected(first.term + 1, "confserv")
    leadership.claim(one.instance, first.term)
    with pytest.raises(MasterUnavailable):
        leadership.check(await standing())


@needs_postgres
async def test_a_leader_under_whom_the_database_is_restored_takes_the_lead_again(stand) -> None:
    one = stand("confserv")
    first = await one.told(e.Elected)
    await execute("UPDATE proxyapp_revision SET term = 0, leader = 'confserv', instance = 'old'")
    await one.told(e.LeadDoubted)
    assert await one.told(e.Elected) == e.Elected(first.term + 1, "confserv"), "and terms go on"


async def epoch() -> str:
    async with await psycopg.AsyncConnection.connect(autocommit=True, **feed.parameters()) as other:
        cursor = await other.execute("SELECT epoch FROM proxyapp_revision")
        ((name,),) = await cursor.fetchall()
    return str(name)


async def system() -> int:
    async with await psycopg.AsyncConnection.connect(autocommit=True, **feed.parameters()) as other:
        cursor = await other.execute("SELECT system_identifier FROM pg_control_system()")
        ((number,),) = await cursor.fetchall()
    return int(number)


@needs_postgres
@pytest.mark.parametrize(
    ("instance", "begins"), [("another", True), ("instance of confserv", False)]
)
async def test_after_a_failover_of_the_database_only_who_led_before_goes_on_in_its_epoch(
    stand, instance: str, begins: bool
) -> None:
    before = await epoch()
    await execute(f"UPDATE proxyapp_revision SET timeline = '7/1', instance = '{instance}'")
    one = stand("confserv")
    await one.told(e.Elected)
    assert (await epoch() > before) is begins
    await one.election.stop()
    after = await epoch()
    assert isinstance(await stand("confserv-backup").told(e.Elected), e.Elected)
    assert await epoch() == after, "on the timeline of the lead before nothing can be lost"


@needs_postgres
async def test_who_has_seen_a_later_timeline_does_not_lead_here_not_even_after_a_restart(
    stand, tmp_path: Path
) -> None:
    (tmp_path / "confserv").mkdir()
    (tmp_path / "confserv" / "timeline").write_text(f"{await system()}/99\n")
    one, two = stand("confserv"), stand("confserv-backup")
    assert isinstance(await two.told(e.Elected), e.Elected), "who knows nothing of it leads"
    assert one.events == []


@needs_postgres
async def test_who_led_last_goes_first_when_all_come_at_once(stand) -> None:
    one = stand("confserv-backup")
    await one.told(e.Elected)
    await one.election.stop()
    other, again = stand("confserv"), stand("confserv-backup")
    assert isinstance(await again.told(e.Elected), e.Elected)
    assert isinstance(await other.told(e.Deposed), e.Deposed)


@pytest.mark.skipif(feed.is_postgres(), reason="PostgreSQL knows several masters")
async def test_a_second_master_on_one_sqlite_file_is_refused_with_the_reason(stand) -> None:
    one = stand("confserv")
    with pytest.raises(
        StartError, match=rf"process {os.getpid()}\) has the database .* PostgreSQL"
    ):
        stand("confserv-backup")
    await one.election.stop()
    assert isinstance(await stand("confserv-backup").told(e.Elected), e.Elected)
    one.election.stop = lambda: asyncio.sleep(0)  # type: ignore[method-assign]
