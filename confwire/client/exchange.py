"""Requests that wait for their answers.

An answer is handled in the moment it arrives, since what follows it on the connection may
belong to it.
"""

from __future__ import annotations

import asyncio
from itertools import count
from typing import Protocol

from confwire.client.link import refusal_of
from confwire.errors import RemoteProtocolError, WireError
from confwire.messages import Error, Request, ServerMessage


class Waiting(Protocol):
    """Who waits for the answers to one ref."""

    def receive(self, message: ServerMessage) -> None:
        """An answer came."""

    def lost(self, error: WireError) -> None:
        """No answer will come."""


class Exchange:
    """A caller's request and its answers, in order."""

    def __init__(self) -> None:
        self._answers: asyncio.Queue[ServerMessage | WireError] = asyncio.Queue()

    def receive(self, message: ServerMessage) -> None:
        """Keep an answer for the caller."""
        self._answers.put_nowait(refusal_of(message) if isinstance(message, Error) else message)

    def lost(self, error: WireError) -> None:
        """Tell the caller that no answer will come."""
        self._answers.put_nowait(error)

    async def next(self) -> ServerMessage:
        """Return the next answer.

        Raises:
            LinkLost, ClientClosed: none will come.
            RequestError: the request was refused.
        """
        answer = await self._answers.get()
        if isinstance(answer, WireError):
            raise answer
        return answer


class Exchanges:
    """The refs of one client, and who waits for the answer to which."""

    def __init__(self) -> None:
        self._refs = count(1)
        self._waiting: dict[int, Waiting] = {}
        self._answered = asyncio.Event()

    def new_ref(self) -> int:
        """Return a ref that was not used before."""
        return next(self._refs)

    def expect(self, request: Request, waiting: Waiting) -> None:
        """Give the answers of this request to `waiting`."""
        self._waiting[int(request.ref)] = waiting

    def forget(self, request: Request) -> None:
        """Drop further answers of this request."""
        self._waiting.pop(int(request.ref), None)
        self._answered.set()

    async def quiet(self) -> None:
        """Wait until nobody waits for an answer."""
        while self._waiting:
            self._answered.clear()
            await self._answered.wait()

    def receive(self, message: ServerMessage) -> None:
        """Hand an answer to who waits for it; if nobody does any more, it is dropped.

        Raises:
            RemoteProtocolError: the server complains about no request in particular.
        """
        ref = getattr(message, "ref", None)
        if ref is None and isinstance(message, Error):
            raise RemoteProtocolError(f"the server refused a message: {refusal_of(message)}")
        waiting = self._waiting.get(ref) if isinstance(ref, int) else None
        if waiting is not None:
            waiting.receive(message)

    def end(self, error: WireError) -> None:
        """No answer will come any more."""
        waiting, self._waiting = self._waiting, {}
        self._answered.set()
        for item in waiting.values():
            item.lost(error)
