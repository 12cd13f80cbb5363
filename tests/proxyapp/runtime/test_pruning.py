"""The clean-up of the history beside a running master."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection

from historylog.models import Transaction
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
