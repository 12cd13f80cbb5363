"""Names, tenants and sources are told from documents and origins."""

from __future__ import annotations

import pytest

from historylog.records import key_of, name_of, source_of, tenant_of


@pytest.mark.parametrize(
    ("origin", "source"),
    [
        ("my agent desktop 10.0.0.1:5 session ab12", ("my agent desktop", "ab12")),
        ("admin 10.0.0.1", ("admin", "")),
        ("seed", ("seed", "")),
        ("", ("", "")),
        (f"a b session {'x' * 65}", ("a", "")),
    ],
)
def test_the_source_of_an_origin(origin: str, source: tuple[str, str]) -> None:
    assert source_of(origin) == source


@pytest.mark.parametrize(
    ("body", "name"),
    [
        ({"DBID": 1, "name": "skill"}, "skill"),
        ({"DBID": 1, "userName": "anna"}, "anna"),
        ({"DBID": 1, "number": "100", "name": "front desk"}, "front desk"),
        ({"DBID": 1, "loginCode": "7"}, "7"),
        ({"DBID": 1}, "1"),
    ],
)
def test_the_name_of_an_object(body: dict[str, object], name: str) -> None:
    assert name_of(body) == name


def test_names_are_searched_whatever_their_case() -> None:
    assert key_of("STRASSE") == key_of("straße")
    assert len(key_of("ß" * 1000)) <= 500


@pytest.mark.parametrize(
    ("type_name", "body", "tenant"),
    [
        ("tenant", {"DBID": 7, "parentTenantDBID": 1}, 7),
        ("skill", {"DBID": 7, "tenantDBID": 3}, 3),
        ("folder", {"DBID": 7, "owner": {"objectType": "tenant", "DBID": 4}}, 4),
        ("folder", {"DBID": 7, "owner": {"objectType": "switch", "DBID": 4}}, 0),
        ("host", {"DBID": 7}, 0),
    ],
)
def test_the_tenant_of_an_object(type_name: str, body: dict[str, object], tenant: int) -> None:
    assert tenant_of(type_name, body) == tenant
