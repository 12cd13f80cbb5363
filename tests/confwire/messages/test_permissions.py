"""How grants are written."""

from __future__ import annotations

import msgspec
import pytest

from confwire.messages import Permission, PermissionsRead


def permission(**fields):
    given = {"subjectType": "person", "subjectDBID": 101, "mask": 1} | fields
    return msgspec.json.decode(msgspec.json.encode(given), type=Permission)


@pytest.mark.parametrize("mask", [0, 1, 255])
def test_a_mask_has_eight_bits(mask):
    assert permission(mask=mask).mask == mask


@pytest.mark.parametrize(
    ("field", "value"),
    [("mask", -1), ("mask", 256), ("subjectType", "tenant"), ("subjectDBID", "101")],
)
def test_what_is_no_grant_is_refused(field, value):
    with pytest.raises(msgspec.ValidationError, match=field):
        permission(**{field: value})


def test_who_may_not_read_permissions_is_told_none_rather_than_an_empty_list():
    answer = PermissionsRead(ref=1, epoch="e", revision=5, object_type="person", dbid=101, mask=0)
    told = msgspec.json.decode(msgspec.json.encode(answer))
    assert "permissions" not in told
    assert told["mask"] == 0
