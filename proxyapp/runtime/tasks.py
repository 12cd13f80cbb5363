"""The one way to start a task: named, kept from the collector, its failure logged and told.

Knows nothing of what the tasks do.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import structlog

log = structlog.get_logger(__name__)

_running: set[asyncio.Task[Any]] = set()


def spawn(
    name: str,
    coroutine: Coroutine[Any, Any, Any],
    failed: Callable[[BaseException], None] | None = None,
) -> asyncio.Task[Any]:
    """Run the coroutine as a task of the running loop.

    A failure is logged with its traceback; `failed` is then told, for tasks that the process
    cannot do without. Cancelling is no failure.
    """
    task = asyncio.get_running_loop().create_task(coroutine, name=name)
    _running.add(task)

    def ended(task: asyncio.Task[Any]) -> None:
        _running.discard(task)
        if task.cancelled():
            return
        if (error := task.exception()) is not None:
            log.error("a task failed", task=name, exc_info=error)
            if failed is not None:
                failed(error)

    task.add_done_callback(ended)
    return task


async def cancel(task: asyncio.Task[Any] | None) -> None:
    """Cancel a task and wait for its end; None and finished tasks are left alone."""
    if task is None or task.done():
        return
    task.cancel()
    await asyncio.wait([task])
