"""PostgreSQL's wake-ups come at once, and again after the connection was lost."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import psycopg
import pytest
import pytest_asyncio
from django.db import connection

from proxyapp.runtime import feed
from proxyapp.runtime.tasks import cancel, spawn

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.postgres_only]


@pytest_asyncio.fixture
async def wake() -> AsyncIterator[asyncio.Event]:
    """Return an event that notifications set; the listener is there already."""
    wake = asyncio.Event()
    listening = spawn("listen", feed.listen(wake.set))
    await asyncio.wait_for(wake.wait(), 10)
    wake.clear()
    yield wake
    await cancel(listening)


async def execute(statement: str) -> None:
    """Run a statement on a connection of its own."""
    name = connection.settings_dict["NAME"]
    parameters = {**feed.parameters(), "dbname": name}
    async with await psycopg.AsyncConnection.connect(autocommit=True, **parameters) as other:
        await other.execute(statement)


@pytest.mark.asyncio
async def test_a_notification_wakes(wake) -> None:
    await execute(f"NOTIFY {feed.CHANNEL}, '7'")
    await asyncio.wait_for(wake.wait(), 0.9 * feed.poll_interval())


@pytest.mark.asyncio
async def test_it_listens_again_after_a_loss(wake) -> None:
    await execute(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
        " WHERE application_name = 'csproxy listen' AND datname = current_database()"
    )
    await asyncio.wait_for(wake.wait(), 10)  # lost
    wake.clear()
    await asyncio.wait_for(wake.wait(), 10)  # listening again
    wake.clear()
    await execute(f"NOTIFY {feed.CHANNEL}, '8'")
    await asyncio.wait_for(wake.wait(), 10)
