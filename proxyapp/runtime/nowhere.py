"""The answer to a WebSocket where none is served: a refusal, not an error of the server."""

from __future__ import annotations

from asgiref.typing import (
    ASGIReceiveCallable,
    ASGISendCallable,
    Scope,
    WebSocketCloseEvent,
)


async def refuse(scope: Scope, receive: ASGIReceiveCallable, send: ASGISendCallable) -> None:
    """Close a WebSocket before it is open: Daphne makes HTTP 403 of it."""
    await receive()  # its wish to connect
    await send(WebSocketCloseEvent(type="websocket.close", code=1000, reason=None))
