"""Each property that differs is named once, with its values before and after."""

from __future__ import annotations

from typing import Any

import pytest

from confwire.objects import BY_NAME
from historylog.paths import Difference, differences


def found(type_name: str, former: dict[str, Any], document: dict[str, Any]) -> list[Difference]:
    return list(differences(BY_NAME[type_name], former, document))


@pytest.mark.parametrize(
    ("type_name", "former", "document", "expected"),
    [
        ("skill", {"state": "enabled"}, {"state": "disabled"}, ("state", "enabled", "disabled")),
        ("person", {}, {"phones": {"home": "1"}}, ("phones.home", None, "1")),
        ("host", {"osInfo": {"type": "a"}}, {}, ("osInfo.type", "a", None)),
        ("place", {"dnDBIDs": [1]}, {"dnDBIDs": [1, 2]}, ("dnDBIDs", [1], [1, 2])),
        (
            "application",
            {"options": {"log": {"verbose": "all", "segment": 1}}},
            {"options": {"log": {"verbose": "none", "segment": 1}}},
            ("options.log.verbose", "all", "none"),
        ),
        (
            "application",
            {"portInfos": [{"id": "default", "port": "1"}]},
            {},
            ("portInfos.default", {"id": "default", "port": "1"}, None),
        ),
        (
            "person",
            {"agentInfo": {"skillLevels": [{"skillDBID": 101, "level": 1}]}},
            {"agentInfo": {"skillLevels": [{"skillDBID": 101, "level": 2}]}},
            (
                "agentInfo.skillLevels.101",
                {"skillDBID": 101, "level": 1},
                {"skillDBID": 101, "level": 2},
            ),
        ),
    ],
)
def test_one_property_differs(
    type_name: str, former: dict[str, Any], document: dict[str, Any], expected: tuple[str, Any, Any]
) -> None:
    assert found(type_name, former, document) == [Difference(*expected)]


def test_a_whole_section_is_all_its_options() -> None:
    before = {"options": {"log": {"verbose": "all", "all": "stdout"}}}
    assert [one.path for one in found("application", before, {})] == [
        "options.log.all",
        "options.log.verbose",
    ]


def test_equal_documents_do_not_differ() -> None:
    document = {"name": "a", "userProperties": {"s": {"o": 1}}}
    assert found("skill", document, dict(document)) == []
