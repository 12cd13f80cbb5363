"""What tests of sockets share: uvloop, and a listening port with a script in place of a node."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from itertools import count
from typing import Any

import pytest
import pytest_asyncio
import uvloop

from proxyapp.engine.commands import ListeningPort
from proxyapp.engine.events import Connected, Disconnected, Event, Received
from proxyapp.runtime.accept import bind
from proxyapp.runtime.listeners import Listeners


def pytest_asyncio_loop_factories(config: pytest.Config, item: pytest.Item) -> dict[str, Any]:
    """Run these tests on the loop that the servers run on."""
    return {"uvloop": uvloop.new_event_loop}


class Port:
    """A listening port whose events are kept, and which echoes unless told otherwise."""

    def __init__(self) -> None:
        self.events: list[Event] = []
        self.healthy = True
        self.answer: Callable[[Received], list[bytes]] = lambda event: event.messages
        self.admits = True
        self._changed = asyncio.Event()
        self.listeners = Listeners(self.tell, self.probe, count(1).__next__, "127.0.0.1")
        listening = bind("127.0.0.1", 0)
        self.number: int = listening.getsockname()[1]
        self.listeners.open_on(listening, ListeningPort("default", self.number))

    @property
    def url(self) -> str:
        return f"ws://127.0.0.1:{self.number}/"

    def probe(self, path: str, query: str) -> tuple[bool, str]:
        return self.healthy, f"{path} {query} says {self.healthy}".replace("  ", " ")

    def tell(self, event: Event) -> None:
        self.events.append(event)
        self._changed.set()
        if isinstance(event, Connected) and self.admits:
            self.listeners.connections[event.connection].admit()
        elif isinstance(event, Received) and (answers := self.answer(event)):
            self.listeners.connections[event.connection].send(answers)

    async def told(self, kind: type[Event], times: int = 1) -> Any:
        """Wait for so many events of a kind, and return the last of them."""
        async with asyncio.timeout(10):
            while len(found := [event for event in self.events if type(event) is kind]) < times:
                self._changed.clear()
                await self._changed.wait()
        return found[times - 1] if times else None

    def received(self) -> list[list[bytes]]:
        """Return the messages of each Received event."""
        return [event.messages for event in self.events if isinstance(event, Received)]


@pytest_asyncio.fixture
async def port() -> AsyncIterator[Port]:
    port = Port()
    yield port
    port.listeners.close_doors()
    for connection in list(port.listeners.connections.values()):
        connection.abort(1001, "the test is over")
    await port.told(Disconnected, sum(isinstance(event, Connected) for event in port.events))
