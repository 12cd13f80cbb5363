"""What is said of a lost connection, and whether coming back makes sense."""

from __future__ import annotations

import pytest

from confwire.client.failures import ClientClosed, LinkLost, NoAnswer, OutcomeUnknown, closed_text
from confwire.errors import CLOSE_ACTIONS, WireError


@pytest.mark.parametrize("code", list(CLOSE_ACTIONS))
def test_every_close_code_is_told_with_what_to_do(code):
    meaning, action = CLOSE_ACTIONS[code]
    assert closed_text(code, "") == f"{meaning} (close code {int(code)}: {action})"


def test_the_words_of_the_server_go_before_ours():
    assert closed_text(1001, "going down").startswith("going down (close code 1001: ")


def test_unknown_codes_are_told_as_they_are():
    assert closed_text(4999, "") == "the server closed the connection with code 4999"
    assert closed_text(4999, "because") == "because"


@pytest.mark.parametrize(
    ("code", "final"),
    [(0, False), (1000, False), (1001, False), (4002, True), (4004, False), (1007, True)],
)
def test_some_ends_are_final(code, final):
    assert LinkLost("x", code).is_final is final


def test_all_failures_are_errors_of_the_wire():
    for kind in (LinkLost, ClientClosed, NoAnswer, OutcomeUnknown):
        assert issubclass(kind, WireError)
