"""Bytes and messages: what is understood, and how everything else is refused."""

from __future__ import annotations

import json

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from confwire.codec import decode_client, decode_document, decode_server, encode
from confwire.errors import (
    InvalidParameter,
    LocalProtocolError,
    MalformedMessage,
    RequestError,
    UnknownMessage,
)
from confwire.messages import Acknowledge, CreateObject, Error, ObjectsRead, ReadObjects

WRITE = b'{"message":"createObject","ref":7,"objectType":"host","object":{"name":%s}}'


def test_a_message_survives_the_way_out_and_in():
    message = ReadObjects(ref="a", object_type="host", filter={"name": "Иван"}, limit=3)
    assert decode_client(encode(message)) == message
    assert encode(Acknowledge(revision=5)) == b'{"message":"acknowledge","revision":5}'


def test_a_memoryview_is_decoded_like_bytes():
    data = encode(CreateObject(ref=1, object_type="host", object={"name": "x"}))
    assert decode_client(memoryview(data)) == decode_client(data)


def test_documents_stay_bytes_until_they_are_wanted():
    answer = decode_server(
        b'{"message":"objectsRead","ref":1,"epoch":"e","revision":3,"objectType":"host",'
        b'"count":1,"total":1,"last":true,"objects":[{"DBID":5}]}'
    )
    assert isinstance(answer, ObjectsRead)
    assert decode_document(answer.objects[0]) == {"DBID": 5}


def test_a_document_that_is_no_object_is_refused():
    for data in (b"[]", b"{", b'{"a":"\xff"}'):
        with pytest.raises(MalformedMessage, match="a document is not a JSON object"):
            decode_document(msgspec.Raw(data))


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (b"", "the message is not JSON: input data was truncated"),
        (b"{", "the message is not JSON"),
        (b"\xef\xbb\xbf{}", "the message is not JSON"),
        (b'{"message":"readServerInfo","ref":1} x', "trailing characters"),
        (WRITE % b'"\xff"', "the message is not valid UTF-8"),
        (WRITE % b'"\\ud800"', "the message is not JSON"),
        (WRITE % b'"\\ud800x"', "the message is not JSON"),
        (WRITE % (b"[" * 100_000), "the message is nested too deeply"),
        (b'{"message":"readObjects","ref":1,"objectType":5,', "the message is not JSON"),
        (b"[]", 'a JSON object with a text "message"'),
        (b"null", 'a JSON object with a text "message"'),
        (b'{"ref":1}', 'a JSON object with a text "message"'),
        (b'{"message":["readObjects"]}', 'a JSON object with a text "message"'),
    ],
)
def test_what_is_no_message_is_malformed(data, text):
    with pytest.raises(MalformedMessage, match=text) as caught:
        decode_client(data)
    assert caught.value.ref is None


@pytest.mark.parametrize("name", ["", "readobjects", "objectsRead", "x" * 500])
def test_an_unknown_message_is_named_and_keeps_its_ref(name):
    with pytest.raises(UnknownMessage, match=f"there is no message '{name[:64]}'") as caught:
        decode_client(json.dumps({"message": name, "ref": "r"}).encode())
    assert caught.value.ref == "r"


@pytest.mark.parametrize(
    ("rest", "text"),
    [
        ('"message":"readObjects"', "objectType: is missing"),
        ('"message":"readObjects","objectType":5', "objectType: expected `str`, got `int`"),
        ('"message":"readObjects","objectType":"a","limit":"x"', "limit: expected `int`"),
        ('"message":"readObjects","objectType":"a","limit":true', "limit: expected `int`"),
        ('"message":"readObjects","objectType":"a","filter":{"x":[]}', r"filter\[\.\.\.\]: exp"),
        (
            '"message":"registerNotification","subscriptions":[{"objects":[{"DBID":1}]}]',
            r"subscriptions\[0\]\.objects\[0\]\.objectType:",
        ),
        (
            '"message":"registerNotification","subscriptions":[{"mode":"x"}]',
            r"subscriptions\[0\]\.mode: invalid enum value 'x'",
        ),
        (
            '"message":"registerNotification","subscriptions":[],"since":{"epoch":1}',
            r"since\.epoch: expected `str`",
        ),
        (
            '"message":"registerNotification","subscriptions":[{"name":"a\\u0000"}]',
            r"subscriptions\[0\]\.name: the NUL",
        ),
        ('"message":"deleteObject","objectType":"a","DBID":1e3', "DBID: expected `int`"),
        ('"message":"deleteObject","objectType":"a","DBID":9223372036854775808', "DBID: the num"),
        ('"message":"deleteObject","objectType":"a","DBID":1,"DBID":2', "DBID: is given twice"),
    ],
)
def test_a_wrong_parameter_is_named_and_the_ref_kept(rest, text):
    with pytest.raises(InvalidParameter, match=text) as caught:
        decode_client(b'{"ref":12,%s}' % rest.encode())
    assert caught.value.ref == 12


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (b'"a\\u0000b"', "object.name: the NUL character is not allowed"),
        (b'{"a\\u0000":1}', "object.name: the NUL character is not allowed"),
        (b'{"a":["x","\\u0000"]}', r"object\.name\.a\[1\]: the NUL"),
        (b'{"a":1,"a":2}', "a: is given twice"),
        (b"18446744073709551616", "object.name: the number does not fit 64 bits"),
        (b"[" * 40 + b"]" * 40, "nested deeper than 32"),
    ],
)
def test_what_a_database_cannot_keep_is_refused_in_writes(value, text):
    with pytest.raises(InvalidParameter, match=text) as caught:
        decode_client(WRITE % value)
    assert caught.value.ref == 7


def test_an_escaped_backslash_is_no_nul():
    message = decode_client(WRITE % b'"a\\\\u0000"')
    assert message.object == {"name": r"a\u0000"}


def test_an_opening_with_a_nul_is_refused():
    with pytest.raises(InvalidParameter, match="user: the NUL"):
        decode_client(b'{"message":"open","application":"a","user":"x\\u0000","data":""}')


@pytest.mark.parametrize("ref", [None, True, 1.5, [], {}])
def test_a_ref_of_a_wrong_type_is_not_kept(ref):
    with pytest.raises(RequestError) as caught:
        decode_client(json.dumps({"message": "readServerInfo", "ref": ref}).encode())
    assert caught.value.ref is None


@pytest.mark.parametrize("value", ["\ud800", 1j, object()])
def test_what_has_no_form_in_json_is_not_sent(value):
    with pytest.raises(LocalProtocolError, match="cannot be written as JSON"):
        encode(CreateObject(ref=1, object_type="host", object={"name": value}))


@settings(deadline=None)
@given(st.binary(max_size=200))
def test_any_bytes_are_a_message_or_a_refusal(data):
    for decode in (decode_client, decode_server):
        with pytest.raises(RequestError):
            decode(data)


JSON = st.recursive(
    st.sampled_from([None, True, 0, -1, 2**63, 1.5, "", "host", "\0", "я", "created"]),
    lambda inner: (
        st.lists(inner, max_size=2)
        | st.dictionaries(st.sampled_from(["DBID", "objectType", "epoch", "\0"]), inner, max_size=2)
    ),
    max_leaves=4,
)
NAMES = ["open", "proof", "readObjects", "registerNotification", "createObject", "deleteObject"]
FIELDS = ["ref", "objectType", "DBID", "filter", "object", "since", "data", "application", "types"]


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.sampled_from(NAMES), st.dictionaries(st.sampled_from(FIELDS), JSON, max_size=5))
def test_any_parameters_are_a_message_or_a_refusal(name, parameters):
    data = json.dumps({"message": name, **parameters}).encode()
    try:
        message = decode_client(data)
    except InvalidParameter:
        return
    assert decode_client(encode(message)) == message


def test_an_error_is_read_with_its_data():
    error = decode_server(b'{"message":"error","ref":1,"code":"noPermission","text":"no"}')
    assert error == Error(ref=1, code="noPermission", text="no")
