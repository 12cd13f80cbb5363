"""Requests and their one answer, over links that come and go.

What may be asked twice is asked again, a write is sent again under its name; of anything else it
is said that its outcome is unknown.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, TypeVar

import msgspec

from confwire.client.exchange import Exchange, Exchanges
from confwire.client.failures import ClientClosed, LinkLost, NoAnswer, OutcomeUnknown
from confwire.client.link import Link
from confwire.client.reading import unexpected
from confwire.errors import ReadOnlyServer, RequestError, WireError
from confwire.messages import (
    CreateObject,
    DeleteObject,
    Request,
    ServerMessage,
    UpdateObject,
    UpdatePermissions,
)

_A = TypeVar("_A", bound=ServerMessage)


@dataclass(frozen=True, slots=True)
class Written:
    """A write that was made."""

    dbid: int
    revision: int
    """The change is in the data of every server from this revision on."""
    object: dict[str, Any] | None = None
    """The document as it is stored, of an object that was created."""
    epoch: str = ""
    """Of the revision."""
    warnings: tuple[str, ...] = ()
    """What a server would not take of it as it is; it is stored all the same."""
    unchanged: bool = False
    """The object was as wanted: nothing was written. Not told of a write that was repeated."""


class Requests:
    """The requests of one client."""

    def __init__(
        self, exchanges: Exchanges, ready: Callable[[], Awaitable[Link]], timeout: float
    ) -> None:
        """Ask nothing yet.

        Args:
            ready: gives the link as soon as there is one.
            timeout: seconds to wait for a link, and for each message of an answer.
        """
        self._exchanges = exchanges
        self._ready = ready
        self._timeout = timeout

    async def begin(self, request: Request) -> Exchange:
        """Send a request as soon as there is a link.

        Raises:
            NoAnswer, ClientClosed: there is none; nothing was sent.
        """
        try:
            async with asyncio.timeout(self._timeout):
                link = await self._ready()
        except TimeoutError:
            raise NoAnswer(f"there was no connection for {self._timeout:g} s") from None
        exchange = Exchange()
        link.send(request)
        self._exchanges.expect(request, exchange)
        return exchange

    async def next(self, exchange: Exchange) -> ServerMessage:
        """Return the next message that answers a request.

        Raises:
            NoAnswer: none came in time.
            LinkLost, ClientClosed: none will come.
            RequestError: the request was refused.
        """
        try:
            async with asyncio.timeout(self._timeout):
                return await exchange.next()
        except TimeoutError:
            raise NoAnswer(f"the server did not answer within {self._timeout:g} s") from None

    async def ask(self, request: Request, answer_type: type[_A]) -> _A:
        """Return the one answer to a read; asks again when the link is lost."""
        while True:
            asked = msgspec.structs.replace(request, ref=self._exchanges.new_ref())
            exchange = await self.begin(asked)
            try:
                return expected(await self.next(exchange), answer_type)
            except LinkLost:
                continue
            finally:
                self._exchanges.forget(asked)

    async def order(self, request: Request, answer_type: type[_A]) -> _A:
        """Return the answer to an order that must not be given twice.

        Raises:
            OutcomeUnknown: it was sent, and no answer came.
        """
        given = msgspec.structs.replace(request, ref=self._exchanges.new_ref())
        exchange = await self.begin(given)  # what fails in here was not sent
        try:
            return expected(await self.next(exchange), answer_type)
        except (LinkLost, NoAnswer, ClientClosed) as error:
            raise OutcomeUnknown(f"{error}: ask the server's status what was done") from error
        finally:
            self._exchanges.forget(given)

    async def write(
        self,
        write: CreateObject | UpdateObject | DeleteObject | UpdatePermissions,
        answer_type: type[_A],
    ) -> _A:
        """Return the answer to a write; sends it again under its name when the link is lost.

        Raises:
            OutcomeUnknown: no server has answered it; the error has the name.
        """
        name = write.request_id or secrets.token_hex(16)
        lost: WireError | None = None
        while True:
            request = msgspec.structs.replace(write, ref=self._exchanges.new_ref(), request_id=name)
            try:
                exchange = await self.begin(request)
            except WireError as error:  # this time it was not sent
                raise error if lost is None else _unknown(lost, name) from error
            try:
                return expected(await self.next(exchange), answer_type)
            except LinkLost as error:
                lost = error
            except (NoAnswer, ClientClosed) as error:
                raise _unknown(error, name) from error
            except RequestError as error:
                # A server that cannot ask the master now knows nothing of what was sent before.
                unasked = not error.permanent or isinstance(error, ReadOnlyServer)
                if "requestId" in error.data or (lost is not None and unasked):
                    raise _unknown(error, name) from error
                raise
            finally:
                self._exchanges.forget(request)


def expected(message: ServerMessage, answer_type: type[_A]) -> _A:
    """Return an answer of the expected type; another one is an error of the server, and raised."""
    if not isinstance(message, answer_type):
        raise unexpected(message)
    return message


def _unknown(error: WireError, request_id: str) -> OutcomeUnknown:
    return OutcomeUnknown(
        f"{error}: it is unknown whether the change was made, read the object to see, or send it"
        f" again with the requestId {request_id}",
        request_id,
    )
