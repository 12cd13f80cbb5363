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

Prune = Callable[[datetime, Callable[[float], bool | None]], Pruned]
"""Removes what is too old as of a time; the function waits between batches, true means stop."""


class Pruning:
    """Prunes again and again."""

    def __init__(self, prune: Prune = retention.prune, interval: float = INTERVAL) -> None:
        self._prune_once = prune
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
                if pruned.transactions or pruned.entries:
                    log.info("the history was pruned", **pruned._asdict())
            await asyncio.sleep(self._interval)

    def _prune(self) -> Pruned:
        try:
            return self._prune_once(timezone.now(), self._stopping.wait)
        finally:
            connections.close_all()
