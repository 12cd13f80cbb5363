"""The web process asks its node over HTTP, and says so when nobody answers."""

from __future__ import annotations

import asyncio

import pytest

from proxyapp.runtime import window
from proxyapp.runtime.accept import bind
from proxyapp.runtime.window import NodeAway, Window


@pytest.mark.asyncio
async def test_it_passes_on_who_asks_and_returns_the_answer() -> None:
    heard: list[bytes] = []

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heard.append(await reader.readuntil(b"\r\n\r\n"))
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 8\r\nConnection: close\r\n\r\n")
        writer.write(b'{"a": 1}')
        writer.close()

    async with await asyncio.start_server(answer, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        view = await asyncio.to_thread(Window(port).look, "/status", "10.0.0.1", "Basic abc")
    assert (view.status, view.json()) == (200, {"a": 1})
    assert b"X-Csproxy-Peer: 10.0.0.1\r\n" in heard[0]
    assert b"Authorization: Basic abc\r\n" in heard[0]


def test_a_node_that_does_not_listen_is_away() -> None:
    with bind("127.0.0.1", 0) as free:
        port = free.getsockname()[1]
    with pytest.raises(NodeAway, match="does not answer"):
        Window(port).look("/status", "10.0.0.1")


def test_a_process_without_a_node_says_how_to_get_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(window, "_windows", [])
    with pytest.raises(NodeAway, match="start runmaster or runproxy"):
        window.window()
    window.open_window(1)
    assert isinstance(window.window(), Window)
