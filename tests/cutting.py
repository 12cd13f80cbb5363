"""A TCP proxy between a client and a server that breaks the line in every way a network does.

It runs in a thread of its own, so that tests with and without an event loop can use it: cut,
cut in the middle of a message, half-open, slow, refusing.
"""

from __future__ import annotations

import asyncio
import socket
import struct
import threading
from collections.abc import Awaitable, Callable
from types import TracebackType
from typing import TypeVar

_T = TypeVar("_T")
_RESET = struct.pack("ii", 1, 0)
"""SO_LINGER on, 0 s: closing sends RST, as a process that is gone or a firewall does."""


class Pair:
    """One connection through the line: the client's socket and the server's."""

    def __init__(self, line: Line, *sides: asyncio.StreamWriter) -> None:
        self._line = line
        self._sides = sides
        self.bytes_left: int | None = None
        """How many bytes still pass to the client before it is cut; None: no bound."""

    async def pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Carry bytes in one direction until the end."""
        to_client = writer is self._sides[0]
        while data := await reader.read(65536):
            await self._line.pass_on()
            if to_client and self.bytes_left is not None:
                data = data[: self.bytes_left]
                self.bytes_left -= len(data)
            writer.write(data)
            await writer.drain()
            if to_client and self.bytes_left == 0:
                self.cut()
        if writer.can_write_eof():
            writer.write_eof()

    def cut(self) -> None:
        """End both sides with RST; what was not delivered is lost."""
        for side in self._sides:
            if (end := side.get_extra_info("socket")) is not None and not side.is_closing():
                end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
            side.transport.abort()


class Line:
    """A port that leads to another one, until it is told otherwise; use it with `with`."""

    def __init__(self, target: int, host: str = "127.0.0.1") -> None:
        self.target = target
        self.host = host
        self.port = 0
        self.accepted = 0
        """Connections that came through so far."""
        self._delay = 0.0
        self._refuses = False
        self._pairs: set[Pair] = set()
        self._flows = asyncio.Event()
        self._flows.set()
        self._server: asyncio.Server | None = None
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)

    def __enter__(self) -> Line:
        self._thread.start()
        self._run(self._listen)
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._run(self._end)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    @property
    def address(self) -> tuple[str, int]:
        """Where a client connects to."""
        return (self.host, self.port)

    # ------------------------------------------------------------ what a network does

    def cut(self) -> int:
        """Break every connection with RST; return how many there were. New ones pass."""

        async def cut() -> int:
            pairs = list(self._pairs)
            for pair in pairs:
                pair.cut()
            return len(pairs)

        return self._run(cut)

    def cut_after(self, count: int) -> None:
        """Break every connection once this many more bytes have reached the client."""

        async def limit() -> None:
            for pair in self._pairs:
                pair.bytes_left = count

        self._run(limit)

    def freeze(self) -> None:
        """Let nothing pass and tell nobody: a half-open connection. New ones hang too."""

        async def freeze() -> None:
            self._flows.clear()

        self._run(freeze)

    def thaw(self) -> None:
        """Let everything pass that was held back."""

        async def thaw() -> None:
            self._flows.set()

        self._run(thaw)

    def delay(self, seconds: float) -> None:
        """Hold everything back for this long, in both directions."""
        self._delay = seconds

    def refuse(self) -> None:
        """Break all connections, and let nobody connect."""

        async def refuse() -> None:
            self._refuses = True
            assert self._server is not None
            self._server.close()

        self._run(refuse)
        self.cut()

    def accept(self) -> None:
        """Let clients connect again, on the same port."""
        self._run(self._listen)

    # ------------------------------------------------------------ in its own loop

    async def pass_on(self) -> None:
        """Wait as long as the line holds data back."""
        await self._flows.wait()
        if self._delay:
            await asyncio.sleep(self._delay)
            await self._flows.wait()

    async def _listen(self) -> None:
        self._refuses = False
        self._server = await asyncio.start_server(self._carry, self.host, self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            far_reader, far_writer = await asyncio.open_connection(self.host, self.target)
        except OSError:
            writer.transport.abort()
            return
        pair = Pair(self, writer, far_writer)
        self._pairs.add(pair)
        self.accepted += 1
        try:
            if self._refuses:
                return
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(pair.pump(reader, far_writer))
                tasks.create_task(pair.pump(far_reader, writer))
        except BaseExceptionGroup:
            pass  # one side is gone, so the other one goes, too
        finally:
            pair.cut()
            self._pairs.discard(pair)

    async def _end(self) -> None:
        assert self._server is not None
        self._server.close()
        self._flows.set()
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)

    def _run(self, function: Callable[[], Awaitable[_T]]) -> _T:
        async def run() -> _T:
            return await function()

        return asyncio.run_coroutine_threadsafe(run(), self._loop).result(20)
