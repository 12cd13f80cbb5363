"""Reads: packets of objects, repeated after a lost link, and as new as the reader wants them.

Knows no connection and no watches: the client gives it what asks a server.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from confwire.client.exchange import Exchange, Exchanges
from confwire.client.failures import LinkLost, ServerBehind
from confwire.client.freshness import is_older
from confwire.codec import decode_document
from confwire.errors import NotFresh, ReadInterrupted, RemoteProtocolError
from confwire.messages import (
    Bounds,
    BriefInfo,
    Cursor,
    FilterValue,
    ObjectsRead,
    ObjectsSent,
    ReadBrief,
    ReadObjects,
    Request,
    ServerMessage,
)
from confwire.objects import BY_NAME, name_field

BEHIND_TIMEOUT = 5.0
"""Seconds for which a monotonic reader waits for a server that is behind."""
Order = Literal["DBID", "name"]


@dataclass(frozen=True, slots=True)
class Packet:
    """A part of a read's answer."""

    epoch: str
    revision: int
    """The data is as of this revision."""
    total: int
    """Objects that the request found."""
    objects: list[dict[str, Any]] = field(repr=False)
    behind: bool = False
    """Whether another server had shown newer data before this was asked for."""
    age: float | None = None
    """Where freshness was asked for: seconds since the data was known to be current."""
    source: str = ""
    """Where freshness was asked for: "live", "memory" or "disk"."""


class Reads:
    """The reads of one client.

    Args:
        exchanges: gives refs, and is told whose answers are not wanted any more.
        begin: sends a request as soon as there is a link.
        following: waits for the next answer of an exchange.
        seen: gives the newest data that any server has shown.
        server: gives the name of the present server.
        monotonic: whether an answer from older data than `seen` is waited for, and refused.
    """

    def __init__(
        self,
        exchanges: Exchanges,
        begin: Callable[[Request], Awaitable[Exchange]],
        following: Callable[[Exchange], Awaitable[ServerMessage]],
        seen: Callable[[], Cursor | None],
        server: Callable[[], str],
        monotonic: bool,
    ) -> None:
        self._exchanges = exchanges
        self._begin = begin
        self._following = following
        self._seen = seen
        self._server = server
        self._monotonic = monotonic

    async def gather(self, *arguments: Any, **options: Any) -> list[dict[str, Any]]:
        """Return all objects of a read, made anew where it was interrupted."""
        while True:
            packets = self.packets(*arguments, **options)
            try:
                return [document async for packet in packets for document in packet.objects]
            except ReadInterrupted:  # what came is void
                continue

    async def packets(
        self,
        object_type: str,
        filter: Mapping[str, FilterValue] | None,
        *,
        limit: int,
        order: Order,
        after: int,
        after_name: str,
        freshness: bool | Bounds,
        brief: bool,
    ) -> AsyncIterator[Packet]:
        """Yield the packets of a read; after a lost link it goes on behind the last object."""
        kind = ReadBrief if brief else ReadObjects
        left = limit
        while left > 0 or not limit:
            request = kind(
                ref=self._exchanges.new_ref(),
                object_type=object_type,
                filter=dict(filter or {}),
                limit=left,
                order=order,
                after=after,
                after_name=after_name,
                freshness=freshness,
            )
            try:
                async for packet in self._packets(request):
                    left -= len(packet.objects)
                    if packet.objects:
                        last = packet.objects[-1]
                        after = last["DBID"]
                        if order == "name":
                            after_name = _name_of(object_type, last, brief)
                    yield packet
            except LinkLost:
                continue
            return

    async def _packets(self, request: ReadObjects | ReadBrief) -> AsyncIterator[Packet]:
        try:
            behind, message, exchange = await self._ask(request)
            while not isinstance(message, ObjectsSent):
                if not isinstance(message, ObjectsRead | BriefInfo):
                    raise unexpected(message)
                yield _packet_of(message, behind)
                if message.last:
                    return
                message = await self._following(exchange)
        finally:
            self._exchanges.forget(request)

    async def _ask(self, request: ReadObjects | ReadBrief) -> tuple[bool, ServerMessage, Exchange]:
        """Send a read; return whether its answer is behind, its first packet, and the others.

        A server that waits and refuses by itself spares the client to ask again so often.
        """
        loop = asyncio.get_running_loop()
        until, delay = loop.time() + BEHIND_TIMEOUT, 0.05
        while True:
            floor = self._seen()
            exchange = await self._begin(request)
            try:
                message = await self._following(exchange)
            except NotFresh as error:
                if not self._monotonic or isinstance(request.freshness, Bounds):
                    raise
                revision = int(error.data.get("revision", 0))
            else:
                behind = is_older(message, floor)
                if not (behind and self._monotonic):
                    return behind, message, exchange
                revision = getattr(message, "revision", 0)
            if loop.time() >= until:
                raise ServerBehind(self._server(), revision)
            self._exchanges.forget(request)
            request.ref = self._exchanges.new_ref()  # the rest of the answer is nobody's
            await asyncio.sleep(delay)
            delay = min(2 * delay, 1.0)


def unexpected(message: ServerMessage) -> RemoteProtocolError:
    """Return the error for an answer that does not belong to its request."""
    name = type(message).__name__
    return RemoteProtocolError(f"the server answered with {name[0].lower()}{name[1:]}")


def _name_of(object_type: str, document: Mapping[str, Any], brief: bool) -> str:
    """Return the name by which the server orders an object."""
    info = BY_NAME.get(object_type)
    field = "name" if brief or info is None else name_field(info.type)
    return str(document.get(field, ""))


def _packet_of(message: ObjectsRead | BriefInfo, behind: bool) -> Packet:
    documents = [decode_document(item) for item in message.objects]
    paths = getattr(message, "object_paths", None)
    if paths:
        for document, path in zip(documents, paths, strict=True):
            document["objectPath"] = path
    return Packet(
        message.epoch,
        message.revision,
        message.total,
        documents,
        behind or message.behind,
        message.age,
        message.source,
    )
