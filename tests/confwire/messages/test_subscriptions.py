"""What a subscription may name."""

from __future__ import annotations

import msgspec
import pytest

from confwire.messages import ObjectId, RegisterNotification, Subscription
from confwire.messages.subscriptions import MAX_CONDITIONS


def subscription(**fields):
    return msgspec.json.decode(msgspec.json.encode(fields), type=Subscription)


def test_without_conditions_it_is_the_default_one_and_a_log_of_everything():
    assert subscription() == Subscription(name="default", mode="log")
    assert msgspec.json.encode(subscription()) == b"{}"


def test_objects_are_named_by_type_and_dbid():
    message = subscription(objects=[{"objectType": "person", "DBID": 101}])
    assert message.objects == [ObjectId(object_type="person", dbid=101)]


@pytest.mark.parametrize("field", ["tenants", "folders"])
def test_a_list_is_bounded(field):
    assert len(getattr(subscription(**{field: [1] * MAX_CONDITIONS}), field)) == MAX_CONDITIONS
    with pytest.raises(msgspec.ValidationError, match=field):
        subscription(**{field: [1] * (MAX_CONDITIONS + 1)})


def test_a_registration_says_what_it_is_for():
    with pytest.raises(msgspec.ValidationError, match="subscriptions"):
        msgspec.json.decode(
            b'{"message":"registerNotification","ref":1}', type=RegisterNotification
        )
