"""What comes to a port by WebSocket where none is served."""

from __future__ import annotations

import pytest
from channels.testing import WebsocketCommunicator

from proxyapp.routing import websocket
from proxyapp.runtime.nowhere import refuse

pytestmark = pytest.mark.asyncio


async def test_a_websocket_where_none_is_served_is_refused() -> None:
    client = WebsocketCommunicator(refuse, "/ws/confwire")
    connected, _ = await client.connect()
    assert not connected
    await client.wait()


async def test_other_paths_of_the_status_port_are_refused_not_failed() -> None:
    client = WebsocketCommunicator(websocket, "/other")
    connected, _ = await client.connect()
    assert not connected
    await client.wait()
