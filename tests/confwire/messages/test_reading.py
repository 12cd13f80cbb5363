"""What a read may ask for, and how its answer is packed."""

from __future__ import annotations

import msgspec
import pytest

from confwire.messages import Bounds, ObjectsRead, ReadObjects


def reading(**fields):
    text = msgspec.json.encode(
        {"message": "readObjects", "ref": 1, "objectType": "person", **fields}
    )
    return msgspec.json.decode(text, type=ReadObjects)


def test_a_plain_read_asks_for_all_by_dbid_and_for_no_freshness():
    message = reading()
    assert (message.filter, message.limit, message.order) == ({}, 0, "DBID")
    assert message.freshness is False


def test_freshness_is_a_wish_or_bounds():
    assert reading(freshness=True).freshness is True
    assert reading(freshness={"minRevision": 5}).freshness == Bounds(min_revision=5)


@pytest.mark.parametrize(
    "bounds", [{"minRevision": -1}, {"maxAge": -0.5}, {"wait": 61}, {"wait": -1}, "now"]
)
def test_bounds_that_nothing_meets_are_refused(bounds):
    with pytest.raises(msgspec.ValidationError, match="freshness"):
        reading(freshness=bounds)


def test_two_reads_share_no_filter():
    one, other = reading(), reading()
    one.filter["DBID"] = 1
    assert other.filter == {}


def test_documents_go_into_an_answer_as_they_are():
    document = msgspec.Raw(b'{"DBID": 101}')
    answer = ObjectsRead(
        ref=1, epoch="e", revision=5, object_type="person", count=1, total=1, objects=[document]
    )
    assert b'"objects":[{"DBID": 101}]' in msgspec.json.encode(answer)
