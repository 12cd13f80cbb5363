"""A server's clean-up of its history, at the start and every half hour, in its own thread."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime

import structlog
from django.db import DatabaseError, connections
from django.utils import timezone

from historylog.retention import Pruned
from proxyapp.runtime.tasks import cancel, spawn
from proxyapp.services import retention

log = structlog.get_logger(__name__)

INTERVAL = 1800.0
LOOK = 5.0
"""Seconds after which it asks again whether it is this server that has to."""

Prune = Callable[[datetime, Callable[[float], bool | None]], Pruned]
"""Removes what is too old as of a time; the function waits between batches, true means stop."""


class Pruning:
    """Prunes again and again."""

    def __init__(
        self,
        prune: Prune = retention.prune,
        interval: float = INTERVAL,
        may: Callable[[], bool] = lambda: True,
    ) -> None:
        """Prune nothing yet.

        Args:
            prune: what is done each time.
            interval: seconds between two times.
            may: whether it is this server that has to; asked in the thread each time.
        """
        self._prune_once = prune
        self._may = may
        self._interval = interval
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="pruning")
        self._stopping = threading.Event()
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin; must be called with a running loop."""
        self._task = spawn("pruning", self._run())

    async def stop(self) -> None:
        """End after the batch under way."""
        self._stopping.set()
        await cancel(self._task)
        await asyncio.get_running_loop().run_in_executor(self._thread, connections.close_all)
        self._thread.shutdown(wait=False)

    async def _run(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            try:
                pruned = await loop.run_in_executor(self._thread, self._prune)
            except DatabaseError as error:
                log.error("the history could not be pruned", reason=str(error).strip())
            else:
                if pruned is None:
                    await asyncio.sleep(min(self._interval, LOOK))
                    continue
                if pruned.transactions or pruned.entries:
                    log.info("the history was pruned", **pruned._asdict())
            await asyncio.sleep(self._interval)

    def _prune(self) -> Pruned | None:
        try:
            if not self._may():
                return None
            return self._prune_once(timezone.now(), self._stopping.wait)
        finally:
            connections.close_all()
