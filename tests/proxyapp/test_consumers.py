"""Browser sessions: a consumer of Channels as one more connection of the node."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio
from channels.testing import WebsocketCommunicator

from proxyapp import consumers
from proxyapp.consumers import WireConsumer
from proxyapp.engine import commands as c
from proxyapp.engine import events as e
from proxyapp.runtime import present
from proxyapp.runtime.worker import Worker


class Node:
    """Keeps events and answers each message with itself."""

    def __init__(self) -> None:
        self.events: list[e.Event] = []
        self.answers = True

    def start(self, now: float) -> list[c.Command]:
        return []

    def handle(self, event: e.Event, now: float) -> list[c.Command]:
        self.events.append(event)
        if isinstance(event, e.Received) and self.answers:
            return [c.Send(event.connection, event.messages)]
        return []

    def status(self, now: float) -> dict[str, Any]:
        return {}

    def ready(self) -> bool:
        return True

    def verifier_of(self, user_name: str) -> str | None:
        return None

    def is_super_administrator(self, user_name: str) -> bool:
        return False

    def told(self, kind: type[e.Event]) -> list[Any]:
        return [event for event in self.events if isinstance(event, kind)]


@pytest.fixture
def node() -> Node:
    return Node()


@pytest_asyncio.fixture
async def worker(node, monkeypatch) -> Worker:
    worker = Worker(node, halt=print, set_verbosity=print, loaded=print)
    monkeypatch.setattr(present, "_present", [worker])
    return worker


@pytest_asyncio.fixture
async def browser(worker) -> AsyncIterator[WebsocketCommunicator]:
    communicator = WebsocketCommunicator(
        WireConsumer.as_asgi(), "/ws/confwire", subprotocols=["confwire.1"]
    )
    communicator.scope["client"] = ["10.0.0.1", 5]
    connected, subprotocol = await communicator.connect()
    assert (connected, subprotocol) == (True, "confwire.1")
    yield communicator
    await communicator.disconnect()


async def closed_with(browser: WebsocketCommunicator) -> int:
    """Return the close code, after whatever is sent before it."""
    while (message := await browser.receive_output())["type"] != "websocket.close":
        pass
    return int(message["code"])


@pytest.mark.asyncio
async def test_it_is_a_connection_of_the_port_web(node, browser) -> None:
    (connected,) = node.told(e.Connected)
    assert (connected.peer, connected.port, connected.secure) == ("10.0.0.1:5", "web", False)


@pytest.mark.parametrize(("networks", "client"), [("10.0.0.1", "198.51.100.7"), ("", "")])
@pytest.mark.asyncio
async def test_the_client_of_a_trusted_balancer_is_told(node, worker, networks, client) -> None:
    worker.listeners.balancers.configure(networks, "proxy-v2")
    communicator = WebsocketCommunicator(
        WireConsumer.as_asgi(),
        "/ws/confwire",
        headers=[(b"x-forwarded-for", b"1.2.3.4, 198.51.100.7")],
    )
    communicator.scope["client"] = ["10.0.0.1", 5]
    await communicator.connect()
    (connected,) = node.told(e.Connected)
    assert (connected.peer, connected.forwarded) == ("10.0.0.1:5", client)
    await communicator.disconnect()


@pytest.mark.asyncio
async def test_messages_go_both_ways_and_the_end_is_told(node, worker, browser) -> None:
    await browser.send_to(text_data="Grüße")
    assert await browser.receive_from() == "Grüße"
    await browser.disconnect()
    assert node.told(e.Disconnected)
    assert worker.web_outlets == {}


@pytest.mark.asyncio
async def test_a_close_comes_after_what_was_sent(worker, browser) -> None:
    worker.run([c.Send(1, [b"last words"]), c.Close(1, 4001, "refused"), c.Send(1, [b"late"])])
    assert await browser.receive_from() == "last words"
    assert await closed_with(browser) == 4001


@pytest.mark.asyncio
async def test_codes_that_the_web_server_cannot_send_are_shifted(browser) -> None:
    await browser.send_to(bytes_data=b"binary")
    assert await closed_with(browser) == 3003


@pytest.mark.asyncio
async def test_messages_are_small_before_the_session_is_open(worker, browser) -> None:
    await browser.send_to(text_data="x" * 70_000)
    assert await closed_with(browser) == 3009


@pytest.mark.asyncio
async def test_messages_are_large_when_it_is_open(worker, browser) -> None:
    worker.run([c.Admit(1)])
    await browser.send_to(text_data="x" * 70_000)
    assert len(await browser.receive_from()) == 70_000


@pytest.mark.asyncio
async def test_a_held_session_waits_for_its_release(node, worker, browser) -> None:
    worker.run([c.PauseReading(1)])
    await browser.send_to(text_data="one")
    await browser.send_to(text_data="two")
    assert await browser.receive_nothing()
    worker.run([c.ResumeReading(1)])
    assert [await browser.receive_from(), await browser.receive_from()] == ["one", "two"]
    assert [event.messages for event in node.told(e.Received)] == [[b"one", b"two"]]


@pytest.mark.asyncio
async def test_too_many_waiting_requests_end_it(worker, browser, monkeypatch) -> None:
    monkeypatch.setattr(consumers, "INBOX_LIMIT", 2)
    worker.run([c.PauseReading(1)])
    for _ in range(3):
        await browser.send_to(text_data="x")
    assert await closed_with(browser) == 4005


@pytest.mark.asyncio
async def test_unanswered_output_blocks_and_any_message_shows_progress(
    node, worker, browser
) -> None:
    worker.listeners.configure(1000, 0, 60.0)
    worker.run([c.Send(1, [b"x" * 1001])])
    await browser.receive_from()
    assert len(node.told(e.Blocked)) == 1
    await browser.send_to(text_data="acknowledge")
    await browser.receive_from()
    assert len(node.told(e.Drained)) == 1


@pytest.mark.asyncio
async def test_output_beyond_the_limit_ends_it(worker, browser, monkeypatch) -> None:
    monkeypatch.setattr(consumers, "UNANSWERED_LIMIT", 1000)
    worker.run([c.Send(1, [b"x" * 1001])])
    assert await closed_with(browser) == 4005


@pytest.mark.asyncio
async def test_a_session_blocked_for_too_long_is_cut(worker, browser) -> None:
    worker.listeners.configure(1000, 0, 0.0)
    worker.run([c.Send(1, [b"x" * 1001])])
    await browser.receive_from()
    worker._tick()
    worker._ticker.stop()
    assert await closed_with(browser) == 4005


@pytest.mark.asyncio
async def test_broadcasts_and_polls_reach_it(worker, browser) -> None:
    worker.run([c.Broadcast([1], [b"news"]), c.Probe(1), c.SetKeepAlive(1, 5.0)])
    assert await browser.receive_from() == "news"
