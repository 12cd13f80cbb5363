"""A change record tells what was before and after; a secret only that it was replaced."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from confwire.objects import ObjectType
from historylog.models import ChangeRecord
from historylog.paths import Difference
from historylog.values import MASK, differences_of, flat, sides_of
from proxyapp.models import Folder, Person
from proxyapp.services import access, accounts, objects

Skill = Callable[..., int]


@pytest.fixture
def records(skill: Skill) -> list[ChangeRecord]:
    """Return the records of a skill that was created, changed and deleted."""
    dbid = skill("English")
    skill(dbid=dbid, state="disabled", userProperties={"a": {"b": "1"}})
    objects.delete("skill", dbid, by=None, origin="test")
    return list(ChangeRecord.objects.filter(type=13, dbid=dbid).order_by("revision"))


def test_each_change_begins_where_the_one_before_ended(records: list[ChangeRecord]) -> None:
    created, changed, deleted = map(sides_of, records)
    assert created.former is None
    assert created.document == changed.former
    assert changed.document == deleted.former
    assert deleted.document is None


def test_properties_have_both_values(records: list[ChangeRecord]) -> None:
    assert differences_of(records[1], permissions=True) == [
        Difference("state", "enabled", "disabled"),
        Difference("userProperties.a.b", None, "1"),
    ]


def test_where_former_values_were_not_kept_that_is_said(records: list[ChangeRecord]) -> None:
    records[1].former = None
    assert sides_of(records[1]).known is False
    assert differences_of(records[1], permissions=True) == []


def test_permissions_are_told_only_where_they_may_be_shown(skill: Skill) -> None:
    folder, person = Folder.objects.get(type="skill", folder=None), Person.objects.get(pk=100)
    access.grant(folder, person, 5, by=None, origin="test")
    record = ChangeRecord.objects.latest("revision")
    assert differences_of(record, permissions=False) == []
    assert differences_of(record, permissions=True) == [
        Difference("permissions", None, [[3, 100, 5]])
    ]


def test_a_password_is_never_told(db: None) -> None:
    accounts.set_password(Person.objects.get(pk=100), "hush", by=None, origin="test")
    record = ChangeRecord.objects.latest("revision")
    when, secret = differences_of(record, permissions=True)
    assert when.path == "passwordUpdatingDate"
    assert secret == Difference("secret", MASK, MASK)


def test_a_document_is_flattened() -> None:
    document: dict[str, Any] = {"DBID": 1, "userProperties": {"a": {"b": "1", "c": 2}}}
    assert flat(ObjectType.SKILL, document) == {
        "DBID": 1,
        "userProperties.a.b": "1",
        "userProperties.a.c": 2,
    }
