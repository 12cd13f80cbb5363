"""The clean-up of the history beside a running master."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from django.db import connection
from structlog.testing import capture_logs

from historylog.models import Transaction
from historylog.retention import Pruned
from proxyapp.runtime.pruning import Pruning
from proxyapp.services import objects

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.asyncio]


async def in_thread(function: Callable[..., Any], *arguments: Any) -> Any:
    """Use the database in a thread, and leave no connection behind."""

    def run() -> Any:
        try:
            return function(*arguments)
        finally:
            connection.close()

    return await asyncio.to_thread(run)


def keep(records: int) -> None:
    options = {"options": {"history-log": {"max-records": 1, "audit-max-records": records}}}
    objects.update("application", 99, options, by=None, origin="test")


async def until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while not await in_thread(holds):  # noqa: ASYNC110 - only the table tells
            await asyncio.sleep(0.01)


async def test_it_prunes_at_the_start_and_again() -> None:
    pruning = Pruning(interval=0.05)
    await in_thread(keep, 3)
    pruning.start()
    await until(lambda: Transaction.objects.count() <= 3)
    await in_thread(keep, 4)
    await in_thread(keep, 2)
    await until(lambda: Transaction.objects.count() == 2)
    await pruning.stop()


async def test_it_stops_at_once_while_it_waits() -> None:
    pruning = Pruning()
    pruning.start()
    async with asyncio.timeout(5):
        await pruning.stop()


async def test_a_clock_that_is_not_believed_is_an_alarm_until_it_is() -> None:
    judged: list[datetime | None] = [datetime(2026, 1, 31, tzinfo=UTC)] * 2
    looks = asyncio.Event()

    def prune(now: datetime, wait: Callable[[float], bool | None]) -> Pruned:
        if len(judged) > 1:
            return Pruned(0, 0, 0, judged=judged.pop())
        loop.call_soon_threadsafe(looks.set)
        return Pruned(0, 0, 0, judged=judged[0])

    loop = asyncio.get_running_loop()
    pruning = Pruning(prune, interval=0.001)
    with capture_logs() as logs:
        pruning.start()
        await looks.wait()
        assert [one["alarm"] for one in pruning.alarms(time.monotonic())] == ["pruning"]
        assert "as of 2026-01-31 00:00 UTC" in pruning.alarms(time.monotonic())[0]["text"]
        judged[0] = None
        async with asyncio.timeout(20):
            while pruning.alarms(time.monotonic()):  # noqa: ASYNC110 - nothing tells of it
                await asyncio.sleep(0)
        await pruning.stop()
    assert [line["event"] for line in logs] == ["alarm", "alarm cleared"]
