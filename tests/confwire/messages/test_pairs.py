"""What the servers of a pair tell each other."""

from __future__ import annotations

import msgspec
import pytest

from confwire.messages import PairRole, SessionsMirrored


@pytest.mark.parametrize(
    ("field", "value"), [("running", "leading"), ("term", -1), ("term", 2**53 + 1)]
)
def test_what_is_no_role_is_refused(field, value):
    fields = {"message": "pairRole", "running": "primary", "term": 1} | {field: value}
    with pytest.raises(msgspec.ValidationError, match=field):
        msgspec.json.decode(msgspec.json.encode(fields), type=PairRole)


def test_no_news_of_who_is_behind_is_not_that_nobody_is():
    fields = {"message": "sessionsMirrored", "epoch": "e", "revision": 5, "run": "a", "number": 1}
    silent = msgspec.json.decode(msgspec.json.encode(fields), type=SessionsMirrored)
    telling = msgspec.json.decode(
        msgspec.json.encode({**fields, "behind": []}), type=SessionsMirrored
    )
    assert silent.behind is None
    assert telling.behind == []
    assert b'"behind":[]' in msgspec.json.encode(telling)
