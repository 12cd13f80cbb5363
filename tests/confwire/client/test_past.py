from __future__ import annotations

from datetime import UTC, datetime

import msgspec
import pytest

from confwire.client.past import history_of
from confwire.errors import MalformedMessage
from confwire.messages import Cursor, HistoryEntry, HistoryLogRead, LoggedChange


def change(dbid: int, **parts: msgspec.Raw) -> LoggedChange:
    return LoggedChange(
        revision=dbid, at=1.5, by="anna", change="updated", object_type="host", dbid=dbid, **parts
    )


def packet(*changes: LoggedChange, **more: object) -> HistoryLogRead:
    return HistoryLogRead(ref=1, epoch="e", revision=9, changes=list(changes), **more)


def test_packets_join_into_one_history():
    entry = HistoryEntry(kind="sessionOpened", at=1.0)
    delta = msgspec.Raw(b'{"name":"h"}')
    history = history_of([packet(change(1), change(2, delta=delta)), packet(entries=[entry])])
    assert history.cursor == Cursor("e", 9)
    assert [past.revision for past in history.changes] == [1, 2]
    second = history.changes[1]
    assert (second.at, second.by) == (datetime.fromtimestamp(1.5, UTC), "anna")
    assert (second.change.kind, second.change.delta) == ("updated", {"name": "h"})
    assert history.entries == [entry]


def test_a_document_that_is_none_is_an_error():
    with pytest.raises(MalformedMessage):
        history_of([packet(change(1, object=msgspec.Raw(b"[]")))])
