"""Tasks are kept, named, and their failures told."""

from __future__ import annotations

import asyncio

import pytest
from structlog.testing import capture_logs

from proxyapp.runtime.tasks import cancel, spawn


@pytest.mark.asyncio
async def test_a_failure_is_logged_and_told() -> None:
    async def fail() -> None:
        raise KeyError("the bug")

    told: list[BaseException] = []
    with capture_logs() as logs:
        task = spawn("doomed", fail(), told.append)
        await asyncio.wait([task])
        await asyncio.sleep(0)
    assert (logs[0]["event"], logs[0]["task"]) == ("a task failed", "doomed")
    assert isinstance(told[0], KeyError)


@pytest.mark.asyncio
async def test_cancelling_is_no_failure_and_is_waited_for() -> None:
    ended: list[str] = []

    async def run() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            ended.append("cleanly")

    with capture_logs() as logs:
        task = spawn("endless", run())
        await asyncio.sleep(0)
        await cancel(task)
        await cancel(task)
        await cancel(None)
    assert (ended, logs) == (["cleanly"], [])
