"""The names that messages have on the wire, and who sends them."""

from __future__ import annotations

from importlib import import_module
from pkgutil import iter_modules
from typing import get_args

import msgspec
import pytest

from confwire import messages
from confwire.messages import Answer, ClientMessage, Message, Request, ServerMessage

CLIENT, SERVER = get_args(ClientMessage), get_args(ServerMessage)
MODULES = [
    import_module(f"{messages.__name__}.{module.name}")
    for module in iter_modules(messages.__path__)
]


@pytest.mark.parametrize("kind", [*CLIENT, *SERVER], ids=lambda kind: kind.__name__)
def test_the_tag_of_a_message_is_its_name(kind):
    name = kind.__name__
    assert kind.__struct_config__.tag == name[0].lower() + name[1:]
    assert kind.__struct_config__.tag_field == "message"


def test_only_the_servers_of_a_pair_send_each_other_the_same():
    names = {kind.__name__ for kind in set(CLIENT) & set(SERVER)}
    assert names == {"PairRole", "SessionsMirrored", "AskSessions", "HandOver", "AccountStates"}


def test_every_message_is_sent_by_somebody():
    kinds = {
        value
        for module in MODULES
        for value in vars(module).values()
        if isinstance(value, type) and issubclass(value, Message)
    }
    assert kinds - {Message, Request, Answer} == {*CLIENT, *SERVER}


def test_the_package_has_every_name_of_its_modules():
    defined = {
        name
        for module in MODULES
        for name, value in vars(module).items()
        if getattr(value, "__module__", "") == module.__name__ and not name.startswith("_")
    }
    assert defined
    assert defined <= set(messages.__all__)


@pytest.mark.parametrize("kind", [*CLIENT, *SERVER], ids=lambda kind: kind.__name__)
def test_fields_are_in_camel_case_and_dbids_in_capitals(kind):
    for field in msgspec.structs.fields(kind):
        assert "_" not in field.encode_name
        if "dbid" in field.name:
            assert "DBID" in field.encode_name
