"""What a server tells a client unasked, as an asynchronous iterator: opened, taken, closed.

Knows nothing of what the events are.
"""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any, Generic, Self, TypeVar

from confwire.client.failures import ClientClosed, NoAnswer
from confwire.errors import WireError

E = TypeVar("E")


class Events(ABC, Generic[E]):
    """Events of one subject, until somebody closes it or no more can come."""

    def __init__(self, ended: Callable[[Any], None]) -> None:
        """Wait for the first registration.

        Args:
            ended: called when the consumer has closed it.
        """
        self.settled = asyncio.Event()
        """Set once the server accepted or refused the first registration."""
        self._arrived = asyncio.Event()
        self._failure: WireError | None = None
        self._ended = ended

    @abstractmethod
    def _next(self) -> E | None:
        """Return what is waiting and was not taken yet, None where nothing is."""

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> E:
        while (event := self._next()) is None:
            if self._failure is not None:
                if isinstance(self._failure, ClientClosed) and self._failure.__cause__ is None:
                    raise StopAsyncIteration
                raise self._failure
            self._arrived.clear()
            await self._arrived.wait()
        return event

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        self.close()

    def close(self) -> None:
        """End it; a consumer that waits stops."""
        if self._failure is None:
            self.fail(ClientClosed("the watch was closed"))
            self._ended(self)

    def fail(self, error: WireError) -> None:
        """Give the consumer what is waiting, and then this error."""
        self._failure = self._failure or error
        self._arrived.set()
        self.settled.set()

    @property
    def failure(self) -> WireError | None:
        """Why nothing can arrive any more."""
        return self._failure

    async def settle(self, timeout: float, what: str) -> None:
        """Wait for the answer to the first registration; without one that accepts it is closed.

        Args:
            timeout: seconds.
            what: was asked for, for the text of the error.

        Raises:
            NoAnswer: none came in time.
            RequestError, ClientClosed: why there are to be no events.
        """
        try:
            async with asyncio.timeout(timeout):
                await self.settled.wait()
        except TimeoutError:
            self.close()
            raise NoAnswer(f"{what} was not answered within {timeout:g} s") from None
        except BaseException:
            self.close()
            raise
        if self._failure is not None:
            raise self._failure
