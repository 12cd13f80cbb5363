"""A server's clean-up of its history, at the start and every half hour, in its own thread."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from typing import Any

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
        self._complaint = ""
        self._since = 0.0

    def start(self) -> None:
        """Begin; must be called with a running loop."""
        self._task = spawn("pruning", self._run())

    async def stop(self) -> None:
        """End after the batch under way."""
        self._stopping.set()
        await cancel(self._task)
        await asyncio.get_running_loop().run_in_executor(self._thread, connections.close_all)
        self._thread.shutdown(wait=False)

    def alarms(self, now: float) -> list[dict[str, Any]]:
        """Return what is wrong, for status pages.

        Args:
            now: the monotonic time in seconds.
        """
        if not self._complaint:
            return []
        since = round(now - self._since, 1)
        return [{"alarm": "pruning", "text": self._complaint, "since": since}]

    def _doubt(self, judged: datetime | None) -> None:
        """Tell that ages are judged as of another time than the clock shows, or no more."""
        if judged is None:
            if self._complaint:
                log.info("alarm cleared", alarm="pruning", text=self._complaint)
            self._complaint = ""
            return
        text = (
            "the clock jumped far ahead: what is too old is judged as of"
            f" {judged:%Y-%m-%d %H:%M} UTC until it has gone on for a week; set it right, or run"
            " manage.py prunehistory -trust-clock at the master"
        )
        if text != self._complaint:
            log.warning("alarm", alarm="pruning", text=text)
            self._since = self._since if self._complaint else time.monotonic()
        self._complaint = text

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
                self._doubt(pruned.judged)
                if pruned.transactions or pruned.entries:
                    removed = pruned._asdict()
                    del removed["judged"]
                    log.info("the history was pruned", **removed)
            await asyncio.sleep(self._interval)

    def _prune(self) -> Pruned | None:
        try:
            if not self._may():
                return None
            return self._prune_once(timezone.now(), self._stopping.wait)
        finally:
            connections.close_all()
