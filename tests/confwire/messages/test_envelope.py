"""What all messages have: their name, their ref, and that what is empty is left out."""

from __future__ import annotations

import msgspec
import pytest

from confwire.messages import RELEASE, SUBPROTOCOL, Cursor, Error, ReadServerInfo


def test_what_is_empty_is_left_out():
    assert msgspec.json.encode(Cursor(epoch="e", revision=5)) == b'{"epoch":"e","revision":5}'


def test_a_refusal_without_a_request_has_no_ref():
    error = Error(code="notOpen", text="open first")
    assert msgspec.json.encode(error) == b'{"message":"error","code":"notOpen","text":"open first"}'


@pytest.mark.parametrize("ref", ['""', '"%s"' % ("x" * 64), "0", str(-(2**63)), str(2**63 - 1)])
def test_a_ref_is_a_number_of_64_bits_or_a_short_text(ref):
    message = msgspec.json.decode(
        f'{{"message":"readServerInfo","ref":{ref}}}', type=ReadServerInfo
    )
    assert message.ref == msgspec.json.decode(ref)


@pytest.mark.parametrize("ref", ['"%s"' % ("x" * 65), str(2**63), str(-(2**63) - 1), "null", "1.5"])
def test_any_other_ref_is_refused(ref):
    with pytest.raises(msgspec.ValidationError, match="ref"):
        msgspec.json.decode(f'{{"message":"readServerInfo","ref":{ref}}}', type=ReadServerInfo)


def test_the_version_of_the_protocol_is_in_its_name_and_not_in_the_release():
    assert SUBPROTOCOL == "confwire.1"
    assert len([int(part) for part in RELEASE.split(".")]) == 3
