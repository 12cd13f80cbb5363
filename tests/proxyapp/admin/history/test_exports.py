"""Every export, and the audit file, has the values of a change before and after it, as pages do."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from django.utils.html import escape

from historylog.values import MASK
from proxyapp.models import AccessGroup, Folder, Person
from proxyapp.runtime import server
from proxyapp.services import access, accounts, objects

See = Callable[..., str]
_SUPER_ADMINISTRATORS = 96
_SECRET = {"secret": "hush"}


def json_rows(text: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(text)["rows"]
    return found


def csv_rows(text: str) -> list[dict[str, Any]]:
    rows = csv.DictReader(io.StringIO(text, newline=""))
    return [{**row, "values": json.loads(row["values"])} for row in rows]


def xml_rows(text: str) -> list[dict[str, Any]]:
    rows = [dict(row.attrib) for row in ElementTree.fromstring(text)]
    return [{**row, "values": json.loads(row["values"])} for row in rows]


FORMS = {"json": json_rows, "csv": csv_rows, "xml": xml_rows}


def exported(see: See, form: str, query: str) -> dict[int, list[tuple[str, Any, Any]]]:
    """Return property, former and new value of what was changed, by revision."""
    return {
        int(row["revision"]): [
            (one["property"], one["former"], one["value"]) for one in row["values"]
        ]
        for row in FORMS[form](see(f"changes.{form}?{query}"))
        if row["kind"] == "changed"
    }


@pytest.fixture
def life(db: None) -> tuple[int, list[int]]:
    """Return a person and the revisions in which options, grants and the password changed."""
    who: Any = {"by": None, "origin": "test"}
    body = {"tenantDBID": 1, "employeeID": "1", "userName": "anna", "firstName": "=1+1"}
    dbid = objects.create("person", body, **who).dbid
    steps: list[dict[str, Any]] = [
        {"firstName": "<Anna>", "lastName": "Arnim"},
        {"userProperties": {"log": {"verbose": "all", "key": _SECRET}}},
        {"userProperties": {"log": {"verbose": "none\n,", "key": {"secret": "hush hush"}}}},
        {"userProperties": {"log": {"verbose": None}}},
    ]
    revisions = [objects.update("person", dbid, step, **who).result.revision or 0 for step in steps]
    person = Person.objects.get(pk=dbid)
    access.grant(person, AccessGroup.objects.get(pk=_SUPER_ADMINISTRATORS), 127, **who)
    accounts.set_password(person, "hush", **who)
    return dbid, [*revisions, revisions[-1] + 1, revisions[-1] + 2]


@pytest.mark.parametrize("form", FORMS)
def test_an_export_has_the_values_before_and_after(
    see: See, life: tuple[int, list[int]], form: str
) -> None:
    dbid, (names, first, second, third, granted, secret) = life
    found = exported(see, form, f"type=3&dbid={dbid}")
    assert found[names] == [("lastName", None, "Arnim"), ("firstName", "=1+1", "<Anna>")]
    section = "userProperties.log"
    assert found[first] == [
        (f"{section}.key", None, "(secret)"),
        (f"{section}.verbose", None, "all"),
    ]
    assert found[second] == [
        (f"{section}.key", "(secret)", "(secret)"),
        (f"{section}.verbose", "all", "none\n,"),
    ]
    assert found[third] == [(f"{section}.verbose", "none\n,", None)]
    assert found[granted] == [("permissions", None, [[21, _SUPER_ADMINISTRATORS, 127]])]
    assert found[secret][-1] == ("secret", MASK, MASK)
    assert "hush" not in see(f"changes.{form}")


def test_pages_show_the_same_values(see: See, life: tuple[int, list[int]]) -> None:
    dbid, revisions = life
    found = exported(see, "json", f"type=3&dbid={dbid}")
    assert set(found) == set(revisions)
    for revision, values in found.items():
        page = see(f"transactions/{revision}/")
        for path, former, value in values:
            assert f"<code>{path}</code>" in page
            texts = [text for text in (former, value) if isinstance(text, str)]
            for part in [part for text in texts for part in text.split("\n")]:
                assert escape(part) in page


@pytest.mark.django_db
def test_the_audit_file_has_the_same_values(
    see: See, life: tuple[int, list[int]], tmp_path: Path
) -> None:
    dbid, _ = life
    path = tmp_path / "audit.xml"
    assert server.main("master", ["-dumpauditxml", str(path)]) == 0
    written = {}
    for entry in ElementTree.parse(path).getroot():
        about = {child.tag: child.attrib.get("value", "") for child in entry}
        if about["operation_type"] == "5" and about["object_type"] == "3":
            written[int(about["revision"])] = [
                tuple(
                    found.attrib["value"] if (found := record.find(name)) is not None else None
                    for name in ("property", "former_value", "value")
                )
                for record in entry.iter("CfgHistoryRecord")
            ]
    expected = {
        revision: [(path, _text(former), _text(value)) for path, former, value in values]
        for revision, values in exported(see, "json", f"type=3&dbid={dbid}").items()
    }
    assert written == expected
    assert "hush" not in path.read_text()


def _text(value: Any) -> str | None:
    return (
        value
        if value is None or isinstance(value, str)
        else json.dumps(value, separators=(",", ":"))
    )


@pytest.mark.parametrize("form", FORMS)
def test_permissions_are_exported_only_for_those_who_may_read_them(see: See, form: str) -> None:
    folder = Folder.objects.get(type="skill", folder=None)
    group = AccessGroup.objects.get(pk=_SUPER_ADMINISTRATORS)
    access.grant(folder, Person.objects.get(pk=100), 5, by=None, origin="test")
    query = f"type=22&dbid={folder.dbid}"
    assert any(
        "permissions" in {one[0] for one in rows} for rows in exported(see, form, query).values()
    )

    access.grant(folder, group, 1, by=None, origin="test")

    for rows in exported(see, form, query).values():
        assert "permissions" not in {one[0] for one in rows}


@pytest.mark.parametrize("form", FORMS)
def test_where_former_values_were_not_kept_an_export_says_so(see: See, form: str) -> None:
    document = {"options": {"history-log": {"write-former-value": "false"}}}
    objects.update("application", 99, document, by=None, origin="test")
    dbid = objects.create("skill", {"tenantDBID": 1, "name": "x"}, by=None, origin="t").dbid
    objects.update("skill", dbid, {"state": "disabled"}, by=None, origin="t")
    rows = FORMS[form](see(f"changes.{form}?type=13"))
    assert [str(row["former_kept"]).lower() for row in rows] == ["false", "true"]
    assert rows[0]["values"] == []
