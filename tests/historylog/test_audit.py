"""The audit file has every change with what it changed, and no secret."""

from __future__ import annotations

import io
from collections.abc import Callable
from datetime import datetime, timedelta
from xml.etree import ElementTree
from xml.etree.ElementTree import Element

import pytest
from django.utils import timezone

from historylog import audit
from historylog.models import ChangeRecord, Transaction
from proxyapp.models import Folder, Person
from proxyapp.services import access, accounts, objects

Skill = Callable[..., int]


def written(since: datetime | None = None) -> list[Element]:
    file = io.StringIO()
    count = audit.write(file, since)
    root = ElementTree.fromstring(file.getvalue())
    assert root.tag == "ConfData"
    assert count == len(root)
    assert {entry.tag for entry in root} <= {"CfgAuditEntry"}
    return list(root)


def values(element: Element) -> dict[str, str]:
    return {child.tag: child.attrib["value"] for child in element if "value" in child.attrib}


def history(entry: Element) -> list[dict[str, str]]:
    return [values(record) for record in entry.iter("CfgHistoryRecord")]


@pytest.fixture
def dbid(skill: Skill) -> int:
    """Return a skill that was created, changed and deleted."""
    dbid = skill("<English> &")
    skill(dbid=dbid, state="disabled", userProperties={"a": {"b": "1"}})
    objects.delete("skill", dbid, by=Person.objects.get(pk=100), origin="desk 1.2.3.4")
    return dbid


def test_every_change_is_an_entry_with_its_records(dbid: int) -> None:
    entries = written()
    assert len(entries) == ChangeRecord.objects.count()
    created, changed, deleted = entries[-3:]
    assert values(created)["operation_type"] == "3"
    assert '"name"' in history(created)[0]["value"]
    assert values(changed)["operation_type"] == "5"
    assert history(changed) == [
        {
            "action": "changed",
            "property": "state",
            "former_value": "enabled",
            "value": "disabled",
        },
        {"action": "changed", "property": "userProperties.a.b", "value": "1"},
    ]
    assert values(deleted)["operation_type"] == "4"
    assert '"disabled"' in history(deleted)[0]["former_value"]
    about = values(deleted)
    assert (about["user"], about["user_dbid"], about["object_dbid"]) == (
        "default",
        "100",
        str(dbid),
    )
    assert all(history(entry) for entry in entries)


def test_pages_join(dbid: int, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = [values(entry)["id"] for entry in written()]
    monkeypatch.setattr(audit, "_BATCH", 7)
    assert [values(entry)["id"] for entry in written()] == whole


def test_what_is_older_is_left_out(dbid: int) -> None:
    newest = Transaction.objects.latest("revision")
    assert [values(entry)["revision"] for entry in written(newest.at)] == [str(newest.revision)]
    assert written(timezone.now() + timedelta(days=1)) == []


def test_permissions_are_told_and_passwords_are_not(db: None) -> None:
    person = Person.objects.get(pk=100)
    access.grant(Folder.objects.get(type="skill", folder=None), person, 5, by=None, origin="test")
    accounts.set_password(person, "hush", by=None, origin="test")
    granted, secret = written()[-2:]
    assert history(granted)[0]["value"] == "[[3,100,5]]"
    assert [one["property"] for one in history(secret)] == ["passwordUpdatingDate", "secret"]
    assert "hush" not in ElementTree.tostring(secret, "unicode")
    assert "SCRAM" not in ElementTree.tostring(secret, "unicode")


def test_a_clock_that_was_set_back_hides_no_change(
    skill: Skill, monkeypatch: pytest.MonkeyPatch
) -> None:
    start = timezone.now()
    for hours in (10, 1, 3):
        moment = start + timedelta(hours=hours)
        with monkeypatch.context() as clock:
            clock.setattr(timezone, "now", lambda moment=moment: moment)
            skill(f"hour {hours}")
    names = [values(entry)["object_name"] for entry in written(start + timedelta(hours=2))]
    assert names == ["hour 10", "hour 3"]
