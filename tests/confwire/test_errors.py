"""The table of errors and close codes."""

from __future__ import annotations

import pytest

from confwire.errors import (
    CLOSE_ACTIONS,
    ERRORS,
    CloseCode,
    NoPermission,
    RemoteProtocolError,
    RequestError,
    error_of,
)


@pytest.mark.parametrize("code", sorted(ERRORS))
def test_every_code_has_a_text_for_people_and_comes_back_as_its_class(code):
    kind = ERRORS[code]
    error = kind()
    assert (error.code, error.text, error.ref) == (code, str(error), None)
    assert error.text
    assert not error.text.endswith(".")
    again = error_of(code, "special words", {"object": 5})
    assert type(again) is kind
    assert (again.text, again.data) == ("special words", {"object": 5})


def test_a_code_that_is_not_known_is_a_refusal_all_the_same():
    error = error_of("newCode", "what", {})
    assert type(error) is RequestError
    assert (str(error), error.permanent) == ("what", True)


def test_two_classes_cannot_claim_one_code():
    with pytest.raises(TypeError, match="error code noPermission is claimed by"):
        type("Other", (RequestError,), {}, code="noPermission")
    assert ERRORS["noPermission"] is NoPermission


def test_every_close_code_says_what_happened_and_what_to_do():
    assert set(CLOSE_ACTIONS) == set(CloseCode)
    assert all(meaning and action for meaning, action in CLOSE_ACTIONS.values())


def test_a_broken_protocol_has_a_close_code():
    assert RemoteProtocolError("x").close_code is CloseCode.PROTOCOL_ERROR
    assert RemoteProtocolError("x", CloseCode.INVALID_TEXT).close_code is CloseCode.INVALID_TEXT
