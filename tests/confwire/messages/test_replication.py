"""How servers exchange objects."""

from __future__ import annotations

import msgspec

from confwire.messages import Record, Replicate, Transaction


def test_a_record_is_a_list_and_its_document_stays_as_it_was_published():
    record = Record(3, 101, 120, msgspec.Raw(b'{"DBID": 101}'), [(3, 102, 127)])
    text = msgspec.json.encode(record)
    assert text == b'[3,101,120,{"DBID": 101},[[3,102,127]],""]'
    back = msgspec.json.decode(text, type=Record)
    assert bytes(back.body) == b'{"DBID": 101}'
    assert back.acl == [(3, 102, 127)]


def test_an_object_that_is_gone_is_null():
    record = msgspec.json.decode(b"[3,101,0,null]", type=Record)
    assert (bytes(record.body), record.acl, record.verifier) == (b"null", None, "")


def test_a_transaction_is_whole_unless_it_says_that_more_follows():
    text = b'{"message":"transaction","epoch":"e","revision":5,"at":1,"records":[]}'
    assert msgspec.json.decode(text, type=Transaction).last


def test_a_proxy_takes_a_load_unless_it_says_otherwise():
    message = msgspec.json.decode(b'{"message":"replicate","ref":1}', type=Replicate)
    assert message.load
    assert message.since is None
