from __future__ import annotations

import msgspec

from confwire.messages import HistoryEntry
from historylog.entries import MAX_TEXT, SESSION_KINDS, Kind, clean, of_server


def test_a_strangers_text_has_no_nul_no_half_of_a_character_and_an_end():
    assert clean("a\0b") == "a\ufffdb"
    assert clean("a\ud800\udfffb😀") == "a\ufffd\ufffdb😀"
    assert len(clean("x" * 1_000)) == MAX_TEXT


def test_the_moments_of_a_session_are_told_from_the_others():
    assert Kind.SESSION_OPENED in SESSION_KINDS
    assert Kind.SESSION_CLOSED in SESSION_KINDS
    assert Kind.LOGIN_REFUSED not in SESSION_KINDS


def test_an_entry_about_a_server_says_which_and_why():
    entry = of_server(Kind.MASTER_LOST, 5.0, "site-1", "gone\0")
    assert msgspec.json.decode(msgspec.json.encode(entry)) == {
        "kind": "masterLost",
        "at": 5.0,
        "server": "site-1",
        "reason": "gone\ufffd",
    }
    assert msgspec.json.decode(msgspec.json.encode(entry), type=HistoryEntry) == entry
