"""The names that messages have on the wire."""

from __future__ import annotations

from typing import get_args

import msgspec
import pytest

from confwire import messages
from confwire.messages import ClientMessage, Cursor, Message, ServerMessage

CLIENT, SERVER = get_args(ClientMessage), get_args(ServerMessage)


@pytest.mark.parametrize("kind", [*CLIENT, *SERVER], ids=lambda kind: kind.__name__)
def test_the_tag_of_a_message_is_its_name(kind):
    name = kind.__name__
    assert kind.__struct_config__.tag == name[0].lower() + name[1:]
    assert kind.__struct_config__.tag_field == "message"


def test_only_the_servers_of_a_pair_send_each_other_the_same():
    names = {kind.__name__ for kind in set(CLIENT) & set(SERVER)}
    assert names == {"PairRole", "SessionsMirrored", "HandOver", "AccountStates"}


def test_every_message_is_sent_by_somebody():
    bases = {"Message", "Request", "Answer"}
    kinds = {
        name
        for name, value in vars(messages).items()
        if isinstance(value, type) and issubclass(value, Message) and name not in bases
    }
    assert kinds == {kind.__name__ for kind in (*CLIENT, *SERVER)}


@pytest.mark.parametrize("kind", [*CLIENT, *SERVER], ids=lambda kind: kind.__name__)
def test_fields_are_in_camel_case_and_dbids_in_capitals(kind):
    for field in msgspec.structs.fields(kind):
        assert "_" not in field.encode_name
        if "dbid" in field.name:
            assert "DBID" in field.encode_name


def test_what_is_empty_is_left_out():
    assert msgspec.json.encode(Cursor(epoch="e", revision=5)) == b'{"epoch":"e","revision":5}'
