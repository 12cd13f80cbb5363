"""The writer keeps its connection from write to write, and lets go of a broken one."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterator

import pytest
from django.db import connection

from confwire.errors import DatabaseUnavailable
from confwire.messages import CreateObject
from proxyapp.engine.commands import Write
from proxyapp.engine.events import Event, WriteRefused, Written
from proxyapp.runtime import writes
from proxyapp.runtime.writes import Writer
from tests.servers import eventually

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.postgres_only]

_OTHERS = """
FROM pg_stat_activity
WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend'
"""


@pytest.fixture
def runner() -> Iterator[asyncio.Runner]:
    """Return what runs coroutines, so that the test itself may ask the database between."""
    with asyncio.Runner() as runner:
        yield runner


def backends() -> list[int]:
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT pid {_OTHERS}")
        return [pid for (pid,) in cursor.fetchall()]


def terminate_others() -> None:
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT pg_terminate_backend(pid, 5000) {_OTHERS}")


@pytest.mark.parametrize("paused", [False, True])
def test_a_connection_is_kept_until_it_breaks_and_looked_at_after_a_pause(
    runner: asyncio.Runner, monkeypatch: pytest.MonkeyPatch, paused: bool
) -> None:
    monkeypatch.setattr(writes, "_TRUSTED", 0.0 if paused else 60.0)

    async def write(name: str) -> Event:
        document = {"name": name, "tenantDBID": 1}
        request = CreateObject(ref=1, object_type="skill", object=document, folder_dbid=0)
        writer.write(Write(1, request, 100, "test"))
        return await asyncio.wait_for(told.get(), 30)

    told: asyncio.Queue[Event] = asyncio.Queue()
    writer = Writer(told.put_nowait)
    try:
        assert isinstance(runner.run(write("first")), Written)
        kept = backends()
        assert len(kept) == 1
        assert isinstance(runner.run(write("second")), Written)
        assert backends() == kept
        terminate_others()
        third = runner.run(write("third"))
        if paused:
            assert isinstance(third, Written)
        else:
            assert isinstance(third, WriteRefused)
            assert isinstance(third.error, DatabaseUnavailable)
        assert isinstance(runner.run(write("fourth")), Written)
    finally:
        runner.run(writer.stop())
    eventually(lambda: backends() == [], "the end of its connection")  # PostgreSQL takes a moment


def test_a_write_keeps_its_distance_from_the_one_before(runner: asyncio.Runner) -> None:
    async def write(interval: float) -> float:
        request = CreateObject(ref=1, object_type="skill", object={}, folder_dbid=0)
        writer.write(Write(1, request, 100, "test", interval=interval))
        await asyncio.wait_for(told.get(), 30)
        return time.monotonic()

    told: asyncio.Queue[Event] = asyncio.Queue()
    writer = Writer(told.put_nowait)
    first = runner.run(write(0.0))
    assert runner.run(write(0.3)) - first >= 0.25
    begun = time.monotonic()
    runner.run(stop_with_one_waiting(writer, write))
    assert time.monotonic() - begun < 10


async def stop_with_one_waiting(writer: Writer, write: Callable[[float], Awaitable[float]]) -> None:
    """A write that waits for its time must not hold up the end of the server."""
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(write(60.0))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        await writer.stop()
