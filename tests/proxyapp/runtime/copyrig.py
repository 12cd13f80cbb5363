"""Proxies of a bench with a local copy on a real disk, by the parts that a server has for it."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

from proxyapp.engine import commands as c
from proxyapp.engine import events as e
from proxyapp.runtime.localcopy import LocalCopy
from tests.proxyapp.engine.bench import Bench, Proxy

_ORDERS = (c.BeginCopy, c.CopyRows, c.CopyEntry, c.DateCopy, c.KeepKeys)


class Server:
    """A proxy of a bench, with its local copy on a disk."""

    def __init__(
        self, bench: Bench, folder: Path, secret: str = "s", proxy: Proxy | None = None
    ) -> None:
        self.proxy = proxy = proxy or Proxy(bench, local_copy=True)
        application = proxy.node.serving.settings.application
        self.copy = LocalCopy(self.tell, folder, application, secret)
        carry_out = proxy.carry_out
        self.read = asyncio.Event()

        def with_copy(given: list[c.Command]) -> None:
            carry_out(given)
            for command in given:
                if isinstance(command, _ORDERS):
                    self.copy.write(command)
                elif isinstance(command, c.ReadCopy):
                    self.copy.read()
                elif isinstance(command, c.RefuseCopy):
                    self.copy.refuse(command.reason)

        proxy.carry_out = with_copy  # type: ignore[method-assign]

    def tell(self, event: e.Event) -> None:
        self.proxy.handle(event)
        if isinstance(event, e.CopyRead):
            self.read.set()

    async def start(self) -> Server:
        self.proxy.carry_out(self.proxy.node.start(self.proxy.now))
        async with asyncio.timeout(10):
            await self.read.wait()
        return self

    async def reached(self, **wanted: Any) -> dict[str, Any]:
        """Wait until the writing has come so far."""
        async with asyncio.timeout(20):
            while True:
                status = self.copy.status()
                if all(status[name] == value for name, value in wanted.items()):
                    return status
                await asyncio.sleep(0.01)

    async def leave(self) -> None:
        await self.copy.stop()
        self.proxy.sever()
