"""The local copy of a proxy: read at the start, and handed to its writer as changes come.

Knows no rules of the node: it carries out its commands.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from confwire.messages import Transaction
from proxyapp.engine import events as e
from proxyapp.engine.links.localcopy import Damaged
from proxyapp.runtime.copyfiles import Keys, Shelf, Snapshot
from proxyapp.runtime.copywriter import Order, Writing
from proxyapp.runtime.tasks import spawn

STOP_LIMIT = 3.0


class LocalCopy:
    """The loop's side: reads at the start, and hands to the thread what is to be written."""

    def __init__(
        self, tell: Callable[[e.Event], None], folder: Path, application: str, secret: str
    ) -> None:
        """Read and write in this folder. Must be made with a running loop."""
        self._tell = tell
        self._loop = asyncio.get_running_loop()
        keys = Keys(secret)
        self._shelf = Shelf(folder, application, keys)
        self._writing = Writing(folder, application, keys, self._tell_from_thread)
        self._refused: list[str] = []
        self._refusal = ""
        self._started_from: dict[str, Any] | None = None

    def read(self) -> None:
        """Tell the best copy, then CopyRead."""
        spawn("local copy", self._read())

    def refuse(self, reason: str) -> None:
        """Take the next best instead of what was just told."""
        self._refusal = reason

    def write(self, command: Order) -> None:
        """Write, soon and in this order."""
        self._writing.put(command)

    async def stop(self) -> None:
        """Write what waits, if the disk takes it in time, and end."""
        await asyncio.to_thread(self._writing.stop, STOP_LIMIT)

    def status(self) -> dict[str, Any]:
        """Return its state as JSON-able data."""
        return {
            **self._writing.status(),
            "startedFrom": self._started_from,
            "refused": self._refused,
        }

    def _tell_from_thread(self, event: e.Event) -> None:
        with suppress(RuntimeError):  # the loop has ended
            self._loop.call_soon_threadsafe(self._tell, event)

    async def _read(self) -> None:
        below: int | None = None
        while found := await asyncio.to_thread(self._shelf.best, below, self._refused):
            below, snapshot = found
            self._refusal = ""
            try:
                await self._tell_snapshot(snapshot)
            except (Damaged, OSError) as error:
                self._refusal = str(error)
            if not self._refusal:
                break
            self._refused.append(f"{snapshot.path.name}: {self._refusal}")
        keys = await asyncio.to_thread(self._shelf.token_keys, self._refused)
        self._tell(e.CopyRead(self._refused, keys))

    async def _tell_snapshot(self, snapshot: Snapshot) -> None:
        """Tell the load up to its end; if that holds, the transactions after it."""
        header, end = snapshot.header, snapshot.end
        self._tell(
            e.LoadStarted(
                header.epoch, header.revision, end.records, "local copy", snapshot.current_at
            )
        )
        for records in self._shelf.pages(snapshot):
            self._tell(e.RecordsLoaded(records))
            await asyncio.sleep(0)
        ended = False
        for parts in self._shelf.transactions(snapshot):
            if not ended and parts[-1].revision > end.revision:
                ended = True
                if not self._end_load(snapshot):
                    return
            await self._tell_transaction(parts)
        if not ended:
            self._end_load(snapshot)

    async def _tell_transaction(self, parts: list[Transaction]) -> None:
        for part in parts:
            self._tell(e.Committed(part))
            await asyncio.sleep(0)

    def _end_load(self, snapshot: Snapshot) -> bool:
        """Tell the end; return whether the node took it."""
        end = snapshot.end
        self._tell(e.LoadEnded(end.revision, int(end.tree, 16), end.hash))
        if self._refusal:
            return False
        self._started_from = {
            "file": snapshot.path.name,
            "madeAt": snapshot.header.at,
            "currentAt": snapshot.current_at,
            "epoch": snapshot.header.epoch,
        }
        return True
