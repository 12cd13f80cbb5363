"""What confctl prints of rights."""

from __future__ import annotations

from datetime import datetime

import pytest

from confwire.cli.rights import mask_text, rights_json, rights_line
from confwire.client import ObjectRights, RightsChange
from confwire.messages import Permission

NOON = datetime(2026, 1, 2, 12, 0, 5)
CHANGE = RightsChange("e", 7, ())


def rights(mask: int, *grants: tuple[int, int]) -> ObjectRights:
    told = (
        Permission(subject_type="person", subject_dbid=dbid, mask=bits) for dbid, bits in grants
    )
    return ObjectRights("host", 5, mask, tuple(told) if grants else None)


@pytest.mark.parametrize(
    ("mask", "text"),
    [(0, "none"), (5, "read, change"), (129, "read, not for what lies in it")],
)
def test_rights_are_told_in_words(mask: int, text: str) -> None:
    assert mask_text(mask) == text


@pytest.mark.parametrize(
    ("before", "after", "text"),
    [
        (None, rights(1), "rights: - -> read"),
        (rights(1), rights(0), "rights: read -> none"),
        (
            rights(33, (7, 1), (8, 4)),
            rights(33, (7, 5), (9, 0)),
            "rights: read, read permissions; grant to person 7: read -> read, change; "
            "grant to person 9: - -> none; grant to person 8: change -> -",
        ),
        (None, rights(33, (7, 1)), "rights: - -> read, read permissions; "
         "grant to person 7: - -> read"),
        (rights(33, (7, 1)), rights(1), "rights: read, read permissions -> read"),
        (rights(1), rights(33, (7, 1)), "rights: read -> read, read permissions; "
         "grant to person 7: - -> read"),
    ],
)  # fmt: skip
def test_a_line_tells_what_became_of_the_rights(
    before: ObjectRights | None, after: ObjectRights, text: str
) -> None:
    line = rights_line(CHANGE, after, before, "h\x1b", NOON)
    assert line == f"12:00:05  7  host 5 [h\\x1b]  {text}"


def test_grants_that_may_not_be_read_are_absent_in_json() -> None:
    assert "permissions" not in rights_json(CHANGE, rights(1), NOON)
    grants = rights_json(CHANGE, rights(33, (7, 1)), NOON)["permissions"]
    assert grants == [{"subjectType": "person", "subjectDBID": 7, "mask": 1}]
