"""The history as a client sees it: changes that were made, and what became of its session.

Pure: made from the messages of a server's answer.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from confwire.client.watch import ObjectChange, change_of
from confwire.codec import decode_document
from confwire.messages import Cursor, HistoryEntry, HistoryLogRead, LoggedChange, PastRead


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
