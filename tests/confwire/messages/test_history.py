"""What the history tells."""

from __future__ import annotations

import msgspec
import pytest

from confwire.messages import HistoryEntry, HistoryLog, LoggedChange


def test_without_a_place_to_begin_all_is_asked_for():
    message = msgspec.json.decode(b'{"message":"historyLog","ref":1}', type=HistoryLog)
    assert (message.since, message.since_time) == (None, 0)


def test_an_entry_leaves_out_what_it_has_not():
    entry = HistoryEntry(kind="sessionOpened", at=5.0)
    assert msgspec.json.encode(entry) == b'{"kind":"sessionOpened","at":5.0}'


def test_kinds_that_are_not_known_yet_are_taken():
    text = b'{"kind":"comet","at":5,"tail":"long"}'
    assert msgspec.json.decode(text, type=HistoryEntry).kind == "comet"


def test_nothing_entered_or_left_in_the_past():
    text = b'{"revision":5,"at":1,"change":"entered","objectType":"person","DBID":101}'
    with pytest.raises(msgspec.ValidationError, match="change"):
        msgspec.json.decode(text, type=LoggedChange)
