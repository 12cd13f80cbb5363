"""A step is undone where nothing touched it since; elsewhere there is a conflict."""

from __future__ import annotations

from typing import Any

import pytest

from confwire.objects import BY_NAME
from historylog.merging import Undoing


def undo(
    type_name: str, before: Any, after: Any, present: Any, overwrite: bool = False
) -> tuple[dict[str, Any], list[str]]:
    undoing = Undoing(overwrite=overwrite)
    document = undoing.document(BY_NAME[type_name], before, after, present)
    document.pop("folderDBID")
    return document, undoing.conflicts


@pytest.mark.parametrize(
    ("type_name", "before", "after", "present", "expected"),
    [
        ("skill", {"name": "a"}, {"name": "b"}, {"name": "b"}, {"name": "a"}),
        (
            "skill",
            {"name": "a", "state": "enabled"},
            {"name": "b", "state": "enabled"},
            {"name": "b", "state": "disabled"},
            {"name": "a", "state": "disabled"},
        ),
        (
            "application",
            {},
            {"options": {"log": {"verbose": "all"}}},
            {"options": {"log": {"verbose": "all", "segment": 1}}},
            {"options": {"log": {"segment": 1}}},
        ),
        ("person", {"phones": {"a": "1"}}, {}, {"phones": {"b": "2"}},
         {"phones": {"a": "1", "b": "2"}}),
        (
            "host",
            {"osInfo": {"type": "x"}},
            {"osInfo": {"type": "y"}},
            {"osInfo": {"type": "y", "version": "1"}},
            {"osInfo": {"type": "x", "version": "1"}},
        ),
        (
            "application",
            {"portInfos": [{"id": "a", "port": "1"}]},
            {"portInfos": [{"id": "a", "port": "2"}]},
            {"portInfos": [{"id": "a", "port": "2"}, {"id": "b", "port": "3"}]},
            {"portInfos": [{"id": "a", "port": "1"}, {"id": "b", "port": "3"}]},
        ),
        ("skill", {"name": "a"}, {"name": "b"}, {"name": "a"}, {"name": "a"}),
    ],
)  # fmt: skip
def test_a_step_that_nothing_touched_is_undone(
    type_name: str, before: Any, after: Any, present: Any, expected: Any
) -> None:
    assert undo(type_name, before, after, present) == (expected, [])


def test_what_was_changed_again_stays_or_is_overwritten() -> None:
    options = [{"options": {"log": {"verbose": value}}} for value in ("a", "b", "c")]
    assert undo("application", *options) == (options[2], ["options.log.verbose"])
    assert undo("application", *options, overwrite=True) == (options[0], ["options.log.verbose"])


def test_lists_of_references_are_one_property() -> None:
    places = [{"dnDBIDs": dbids} for dbids in ([1], [1, 2], [1, 2, 3])]
    assert undo("place", *places) == (places[2], ["dnDBIDs"])
