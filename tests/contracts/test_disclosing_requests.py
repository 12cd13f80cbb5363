"""Every request of the protocol is among those whose answers are searched for what is hidden."""

from __future__ import annotations

from random import Random
from typing import get_args

import msgspec
import pytest

from confwire.messages import ClientMessage
from tests.proxyapp.asking import ASKED, UNASKED

MESSAGES = {struct.__struct_config__.tag: struct for struct in get_args(ClientMessage)}


def test_each_is_asked_or_has_a_reason_why_not() -> None:
    assert sorted([*ASKED, *UNASKED]) == sorted(MESSAGES)
    assert all(UNASKED.values())


@pytest.mark.parametrize("name", sorted(ASKED))
def test_what_is_asked_sets_each_field_that_exists(name: str) -> None:
    random = Random(7)
    for _ in range(50):
        fields = {"message": name, "ref": 1, **ASKED[name](random)}
        taken = msgspec.convert(fields, MESSAGES[name])
        known = {field.encode_name for field in msgspec.structs.fields(taken)}
        assert fields.keys() - {"message", "ref"} <= known
