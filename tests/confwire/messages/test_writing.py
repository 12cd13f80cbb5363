"""What a write names."""

from __future__ import annotations

import msgspec
import pytest

from confwire.messages import CreateObject, DeleteObject, UpdateObject


def test_a_new_object_goes_to_the_default_folder_unless_one_is_named():
    text = b'{"message":"createObject","ref":1,"objectType":"person","object":{"name":"a"}}'
    message = msgspec.json.decode(text, type=CreateObject)
    assert (message.folder_dbid, message.request_id) == (0, "")
    assert message.object == {"name": "a"}


@pytest.mark.parametrize(
    ("kind", "rest"),
    [
        (CreateObject, {"object": {}}),
        (UpdateObject, {"DBID": 101, "delta": {}}),
        (DeleteObject, {"DBID": 101}),
    ],
)
def test_the_name_of_a_request_has_64_characters_at_most(kind, rest):
    fields = {"message": kind.__struct_config__.tag, "ref": 1, "objectType": "person", **rest}
    text = msgspec.json.encode({**fields, "requestId": "x" * 64})
    assert msgspec.json.decode(text, type=kind).request_id == "x" * 64
    text = msgspec.json.encode({**fields, "requestId": "x" * 65})
    with pytest.raises(msgspec.ValidationError, match="requestId"):
        msgspec.json.decode(text, type=kind)
