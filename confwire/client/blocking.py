"""The blocking client: the asyncio client on a loop of its own, in a thread of its own.

Safe to use from several threads. It adds nothing but waiting.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable, Coroutine, Iterator, Mapping, Sequence
from concurrent.futures import CancelledError
from datetime import datetime
from types import TracebackType
from typing import Any, Generic, Protocol, Self, TypeVar

from confwire.client.asynchronous import Client
from confwire.client.backoff import Address
from confwire.client.failures import ClientClosed
from confwire.client.past import History, PastDifferences, PastObjects
from confwire.client.reading import Packet
from confwire.client.requesting import Written
from confwire.client.rightswatch import RightsChange
from confwire.client.status import State, Status, Statuses
from confwire.client.watch import Notification, Watch
from confwire.messages import (
    Cursor,
    FilterValue,
    KeepAlive,
    ObjectId,
    Permission,
    PermissionsRead,
    ServerIdentity,
    ServerInfo,
)

_T = TypeVar("_T")
_E = TypeVar("_E", covariant=True)


class _Loop:
    """An event loop in a thread."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(
            target=self._loop.run_forever, name="confwire client", daemon=True
        )
        self._thread.start()

    def run(self, coroutine: Coroutine[Any, Any, _T]) -> _T:
        """Run a coroutine in the loop and wait for it; interrupting the wait cancels it."""
        if not self._thread.is_alive():
            coroutine.close()
            raise ClientClosed("the client was closed")
        future = asyncio.run_coroutine_threadsafe(coroutine, self._loop)
        try:
            return future.result()
        except CancelledError:
            raise ClientClosed("the client was closed") from None
        except KeyboardInterrupt:
            future.cancel()
            raise

    def call(self, function: Callable[[], None]) -> None:
        """Run a function in the loop, without waiting."""
        if self._thread.is_alive():
            self._loop.call_soon_threadsafe(function)

    def stop(self) -> None:
        """Cancel what still runs and end the thread."""
        if self._thread.is_alive():
            self.run(_cancel_others())
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join()
            self._loop.close()


async def _cancel_others() -> None:
    others = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
    for task in others:
        task.cancel()
    await asyncio.gather(*others, return_exceptions=True)


class _Events(Protocol[_E]):
    """A watch of the asyncio client."""

    def __anext__(self) -> Awaitable[_E]:
        """Return the next event."""

    def close(self) -> None:
        """End it."""


class _BlockingEvents(Generic[_E]):
    """An iterator over what a watch brings."""

    def __init__(self, watch: _Events[_E], loop: _Loop) -> None:
        self._events = watch
        self._loop = loop

    def __iter__(self) -> Iterator[_E]:
        return self

    def __next__(self) -> _E:
        event = self.next()
        if event is None:
            raise StopIteration
        return event

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()

    def next(self, timeout: float | None = None) -> _E | None:
        """Wait for the next one; None when the watch was closed.

        Args:
            timeout: seconds to wait at most.

        Raises:
            TimeoutError: none came in time; none is lost by that.
        """

        async def following() -> _E | None:
            async with asyncio.timeout(timeout):
                try:
                    return await self._events.__anext__()
                except StopAsyncIteration:
                    return None

        return self._loop.run(following())

    def close(self) -> None:
        """End the watch; a thread that waits for it stops."""
        self._loop.call(self._events.close)


class BlockingWatch(_BlockingEvents[Notification]):
    """An iterator of notifications; made by `BlockingClient.watch`."""

    def __init__(self, watch: Watch, loop: _Loop) -> None:
        super().__init__(watch, loop)
        self._watch = watch

    @property
    def received(self) -> Cursor | None:
        """The cursor behind which everything was received."""
        return self._watch.received


class BlockingRightsWatch(_BlockingEvents[RightsChange]):
    """An iterator of changes of rights; made by `BlockingClient.watch_permissions`."""


class BlockingClient:
    """The client for programs without asyncio; made by `connect`."""

    def __init__(self, client: Client, loop: _Loop) -> None:
        self._client = client
        self._loop = loop

    @classmethod
    def connect(cls, servers: Sequence[Address], **options: Any) -> BlockingClient:
        """Open a session; takes and raises what `Client.connect` does."""
        loop = _Loop()
        try:
            return cls(loop.run(Client.connect(servers, **options)), loop)
        except BaseException:
            loop.stop()
            raise

    def __enter__(self) -> BlockingClient:
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    @property
    def state(self) -> State:
        """Whether the session is open now."""
        return self._client.state

    @property
    def server(self) -> ServerIdentity | None:
        """Who serves the session now; None while it is lost."""
        return self._client.server

    @property
    def session(self) -> str:
        """The session's id at the server; empty while it is lost."""
        return self._client.session

    @property
    def status(self) -> Status:
        """The state, since when, the server and its site, attempts, last error, and data age."""
        return self._client.status

    def statuses(self) -> Iterator[Status]:
        """Yield the present status and every change of it, until the client is closed."""

        async def begin() -> Statuses:
            return self._client.statuses()

        statuses = self._loop.run(begin())

        async def following() -> Status | None:
            return await anext(statuses, None)

        try:
            while (status := self._loop.run(following())) is not None:
                yield status
        except ClientClosed:
            return
        finally:
            self._loop.call(statuses.close)

    def change_keep_alive(self, keep_alive: KeepAlive) -> None:
        """As `Client.change_keep_alive`."""
        self._loop.call(lambda: self._client.change_keep_alive(keep_alive))

    def close(self) -> None:
        """End the session and its thread."""

        async def close() -> None:
            await self._client.close()

        try:
            self._loop.run(close())
        except ClientClosed:
            return  # it was closed before
        self._loop.stop()

    def read(
        self,
        object_type: str,
        filter: Mapping[str, FilterValue] | None = None,
        **page: Any,
    ) -> list[dict[str, Any]]:
        """As `Client.read`."""
        return self._loop.run(self._client.read(object_type, filter, **page))

    def brief(
        self,
        object_type: str,
        filter: Mapping[str, FilterValue] | None = None,
        **page: Any,
    ) -> list[dict[str, Any]]:
        """As `Client.brief`."""
        return self._loop.run(self._client.brief(object_type, filter, **page))

    def read_packets(
        self, object_type: str, filter: Mapping[str, FilterValue] | None = None, **options: Any
    ) -> Iterator[Packet]:
        """As `Client.read_packets`."""
        packets = self._client.read_packets(object_type, filter, **options)

        async def following() -> Packet | None:
            return await anext(packets, None)

        while (packet := self._loop.run(following())) is not None:
            yield packet

    def change_password(self, old: str, new: str) -> None:
        """As `Client.change_password`."""
        self._loop.run(self._client.change_password(old, new))

    def server_info(self) -> ServerInfo:
        """As `Client.server_info`."""
        return self._loop.run(self._client.server_info())

    def history(
        self, *, since: Cursor | None = None, since_time: datetime | None = None
    ) -> History:
        """As `Client.history`."""
        return self._loop.run(self._client.history(since=since, since_time=since_time))

    def read_past(self, object_type: str, **options: Any) -> PastObjects:
        """As `Client.read_past`."""
        return self._loop.run(self._client.read_past(object_type, **options))

    def compare_past(self, **options: Any) -> list[PastDifferences]:
        """As `Client.compare_past`, all pages at once."""

        async def pages() -> list[PastDifferences]:
            return [page async for page in self._client.compare_past(**options)]

        return self._loop.run(pages())

    def create(self, object_type: str, document: Mapping[str, Any], **options: Any) -> Written:
        """As `Client.create`."""
        return self._loop.run(self._client.create(object_type, document, **options))

    def update(
        self, object_type: str, dbid: int, delta: Mapping[str, Any], *, request_id: str = ""
    ) -> Written:
        """As `Client.update`."""
        update = self._client.update(object_type, dbid, delta, request_id=request_id)
        return self._loop.run(update)

    def delete(self, object_type: str, dbid: int, *, request_id: str = "") -> Written:
        """As `Client.delete`."""
        return self._loop.run(self._client.delete(object_type, dbid, request_id=request_id))

    def permissions(self, object_type: str, dbid: int, *, person: int = 0) -> PermissionsRead:
        """As `Client.permissions`."""
        return self._loop.run(self._client.permissions(object_type, dbid, person=person))

    def secrets(self, object_type: str, dbid: int) -> dict[str, dict[str, dict[str, str]]]:
        """As `Client.secrets`."""
        return self._loop.run(self._client.secrets(object_type, dbid))

    def set_permissions(
        self, object_type: str, dbid: int, permissions: Sequence[Permission], **options: Any
    ) -> Written:
        """As `Client.set_permissions`."""
        return self._loop.run(
            self._client.set_permissions(object_type, dbid, permissions, **options)
        )

    def watch(self, types: Sequence[str] = (), **options: Any) -> BlockingWatch:
        """As `Client.watch`; the result is an iterator."""
        return BlockingWatch(self._loop.run(self._client.watch(types, **options)), self._loop)

    def watch_permissions(self, objects: Sequence[ObjectId]) -> BlockingRightsWatch:
        """As `Client.watch_permissions`; the result is an iterator."""
        watch = self._loop.run(self._client.watch_permissions(objects))
        return BlockingRightsWatch(watch, self._loop)
