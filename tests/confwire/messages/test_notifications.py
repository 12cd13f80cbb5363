"""What a change shows of an object."""

from __future__ import annotations

import msgspec
import pytest

from confwire.messages import Change, Draining, NotificationsLost


def test_a_deletion_is_told_without_a_document():
    change = Change(change="deleted", object_type="person", dbid=101)
    assert msgspec.json.decode(msgspec.json.encode(change)) == {
        "change": "deleted",
        "objectType": "person",
        "DBID": 101,
    }


def test_a_delta_goes_out_as_it_is():
    delta = msgspec.Raw(b'{"set": {"name": "a"}}')
    change = Change(change="updated", object_type="person", dbid=101, delta=delta)
    assert b'"delta":{"set": {"name": "a"}}' in msgspec.json.encode(change)


@pytest.mark.parametrize("change", ["moved", "", None])
def test_another_kind_of_change_is_refused(change):
    text = msgspec.json.encode({"change": change, "objectType": "person", "DBID": 101})
    with pytest.raises(msgspec.ValidationError, match="change"):
        msgspec.json.decode(text, type=Change)


def test_continuity_is_lost_for_a_reason_that_is_known():
    text = b'{"message":"notificationsLost","epoch":"e","revision":5,"reason":"whim"}'
    with pytest.raises(msgspec.ValidationError, match="reason"):
        msgspec.json.decode(text, type=NotificationsLost)


def test_without_a_place_to_go_to_any_server_will_do():
    assert (
        msgspec.json.encode(Draining(retry_after=1.5)) == b'{"message":"draining","retryAfter":1.5}'
    )
