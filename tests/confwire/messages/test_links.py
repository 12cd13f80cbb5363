"""What a proxy and its master tell each other beside the data."""

from __future__ import annotations

import msgspec
import pytest

from confwire.messages import CheckLogin, RelayWrite, TokenKeys


def test_keys_are_bytes_in_base64():
    keys = TokenKeys(generation=1, life=60, period=10, keys=[(5, b"\x00\xff")])
    text = msgspec.json.encode(keys)
    assert b'"keys":[[5,"AP8="]]' in text
    assert msgspec.json.decode(text, type=TokenKeys) == keys


@pytest.mark.parametrize("seconds", [0, -1, 601])
def test_an_answer_to_a_login_is_waited_for_within_bounds(seconds):
    fields = {"message": "checkLogin", "ref": 1, "user": "a", "mechanism": "PLAIN", "data": "b"}
    assert msgspec.json.decode(msgspec.json.encode(fields), type=CheckLogin).seconds == 10
    with pytest.raises(msgspec.ValidationError, match="seconds"):
        msgspec.json.decode(msgspec.json.encode({**fields, "seconds": seconds}), type=CheckLogin)


def test_scram_is_not_passed_on():
    fields = {"message": "checkLogin", "ref": 1, "user": "a", "data": "b"}
    text = msgspec.json.encode({**fields, "mechanism": "SCRAM-SHA-256"})
    with pytest.raises(msgspec.ValidationError, match="mechanism"):
        msgspec.json.decode(text, type=CheckLogin)


@pytest.mark.parametrize("name", ["", "x" * 65])
def test_a_write_that_is_passed_on_has_a_name_to_be_carried_out_once_by(name):
    fields = {"message": "relayWrite", "ticket": 1, "personDBID": 101, "origin": "client"}
    rest = {"objectType": "person", "DBID": 101, "delta": {}, "requestId": name}
    with pytest.raises(msgspec.ValidationError, match="requestId"):
        msgspec.json.decode(msgspec.json.encode(fields | rest), type=RelayWrite)
