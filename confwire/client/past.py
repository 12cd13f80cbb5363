"""The past as a client sees it: changes that were made, objects as they were, what differs."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import msgspec

from confwire.client.exchange import Exchanges
from confwire.client.failures import LinkLost
from confwire.client.requesting import Requests, expected
from confwire.client.watch import ObjectChange, change_of
from confwire.codec import decode_document
from confwire.errors import ReadInterrupted
from confwire.messages import (
    ComparePast,
    Cursor,
    HistoryEntry,
    HistoryLog,
    HistoryLogRead,
    HistoryLogSent,
    LoggedChange,
    PastCompared,
    PastRead,
    ReadPast,
)


@dataclass(frozen=True, slots=True)
class PastChange:
    """One object's step in a transaction of the past."""

    revision: int
    at: datetime
    """When it was committed, UTC."""
    by: str
    """User name of who did it; empty: the system."""
    change: ObjectChange


@dataclass(frozen=True, slots=True)
class History:
    """The answer to a look back."""

    epoch: str
    revision: int
    """Everything up to this revision that was asked for is in here."""
    changes: list[PastChange] = field(repr=False)
    entries: list[HistoryEntry] = field(repr=False)
    """What became of the session, the oldest first."""

    @property
    def cursor(self) -> Cursor:
        """The place to go on from."""
        return Cursor(epoch=self.epoch, revision=self.revision)


@dataclass(frozen=True, slots=True)
class PastObjects:
    """Objects of one type as they were."""

    epoch: str
    revision: int
    """As of which revision."""
    objects: list[dict[str, Any]] = field(repr=False)
    """Their documents, in the order of their DBIDs."""


def objects_of(pages: Iterable[PastRead]) -> PastObjects:
    """Return the objects that one or more pages bring.

    Raises:
        MalformedMessage: a document is not a JSON object.
    """
    pages = list(pages)
    documents = [decode_document(raw) for page in pages for raw in page.objects]
    return PastObjects(pages[0].epoch, pages[0].revision, documents)


def history_of(packets: Iterable[HistoryLogRead]) -> History:
    """Return the history that one or more packets bring.

    Raises:
        MalformedMessage: a document is not a JSON object.
    """
    packets = list(packets)
    return History(
        packets[0].epoch,
        packets[0].revision,
        [_past_change(change) for packet in packets for change in packet.changes],
        [entry for packet in packets for entry in packet.entries],
    )


def _past_change(change: LoggedChange) -> PastChange:
    at = datetime.fromtimestamp(change.at, UTC)
    return PastChange(change.revision, at, change.by, change_of(change))


@dataclass(frozen=True, slots=True)
class PastDifferences:
    """A page of what differs between two moments, in the order of types and DBIDs."""

    epoch: str
    revision: int
    until: int
    changes: list[ObjectChange] = field(repr=False)
    """What was deleted bears its document as it was."""


class Backwards:
    """What a client asks of the past."""

    _exchanges: Exchanges
    _requests: Requests

    async def read_past(self, object_type: str, **options: Any) -> PastObjects:
        """Return objects of a type as they were, of those that may be read now.

        As `past_pages`, all at once.
        """
        pages = [page async for page in self.past_pages(object_type, **options)]
        found = [document for page in pages for document in page.objects]
        return PastObjects(pages[0].epoch, pages[0].revision, found)

    async def past_pages(
        self,
        object_type: str,
        *,
        revision: int | None = None,
        time: datetime | None = None,
        dbid: int = 0,
        folder: int = 0,
        tenant: int = 0,
        name: str = "",
    ) -> AsyncIterator[PastObjects]:
        """Yield pages of objects of a type as they were, of those that may be read now.

        Args:
            revision: as of this revision; either this or `time`.
            time: as of this time.
            dbid: only this object.
            folder: only what lay right in this folder.
            tenant: only what was of this tenant.
            name: only what was called so; "*" stands for anything.

        Raises:
            HistoryExpired: the server does not keep what is so old; data["oldest"] is what it does.
            InvalidParameter: there is no such revision yet.
        """
        request = ReadPast(
            ref=0, object_type=object_type, revision=revision, time=_seconds(time), dbid=dbid,
            folder_dbid=folder, tenant_dbid=tenant, name=name,
        )  # fmt: skip
        while True:
            page = await self._requests.ask(request, PastRead)
            yield objects_of([page])
            if not page.next:
                return
            request = msgspec.structs.replace(
                request, revision=page.revision, time=0, after=page.next
            )

    async def compare_past(
        self,
        *,
        revision: int | None = None,
        time: datetime | None = None,
        until: int | None = None,
        until_time: datetime | None = None,
        object_type: str = "",
        dbid: int = 0,
        folder: int = 0,
        tenant: int = 0,
        name: str = "",
    ) -> AsyncIterator[PastDifferences]:
        """Yield pages of what differs between two moments, of what may be read now.

        Args:
            revision: from this revision on; either this or `time`.
            time: from this time on.
            until: up to this revision; neither this nor `until_time`: up to now.
            until_time: up to this time.
            object_type: only objects of this type; empty: of all.
            dbid: only this object of the type.
            folder: only what lay right in this folder, at either moment.
            tenant: only what was of this tenant, at either moment.
            name: only what was called so, at either moment; "*" stands for anything.

        Raises:
            HistoryExpired, InvalidParameter: as of `past_pages`.
        """
        request = ComparePast(
            ref=0, revision=revision, time=_seconds(time), until=until,
            until_time=_seconds(until_time), object_type=object_type, dbid=dbid,
            folder_dbid=folder, tenant_dbid=tenant, name=name,
        )  # fmt: skip
        while True:
            page = await self._requests.ask(request, PastCompared)
            changes = [change_of(change) for change in page.changes]
            yield PastDifferences(page.epoch, page.revision, page.until, changes)
            if page.next is None:
                return
            request = msgspec.structs.replace(
                request, revision=page.revision, time=0, until=page.until, until_time=0,
                after=page.next,
            )  # fmt: skip

    async def history(
        self, *, since: Cursor | None = None, since_time: datetime | None = None
    ) -> History:
        """Return the changes that may be read now, and what became of this session.

        Args:
            since: only changes behind this cursor.
            since_time: only changes from this time on; not together with `since`.

        Raises:
            HistoryExpired: more was missed than a server tells, or it does not keep it: read anew.
            EpochChanged: the cursor is of other data.
        """
        while True:
            request = HistoryLog(
                ref=self._exchanges.new_ref(),
                since=since,
                since_time=_seconds(since_time),
            )
            try:
                return history_of([packet async for packet in self._history_packets(request)])
            except (LinkLost, ReadInterrupted):  # what came is void
                continue

    async def _history_packets(self, request: HistoryLog) -> AsyncIterator[HistoryLogRead]:
        exchange = await self._requests.begin(request)
        try:
            while True:
                message = await self._requests.next(exchange)
                if isinstance(message, HistoryLogSent):
                    return
                packet = expected(message, HistoryLogRead)
                yield packet
                if packet.last:
                    return
        finally:
            self._exchanges.forget(request)


def _seconds(time: datetime | None) -> float:
    return time.timestamp() if time is not None else 0
