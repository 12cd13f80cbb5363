"""What clients are told of the past, made from the history of real transactions."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from confwire.messages import LoggedChange
from historylog import past
from historylog.models import Transaction
from historylog.retention import Limits, prune
from proxyapp.models import ConfigObject, Grant, Person
from proxyapp.services import changes, objects

pytestmark = pytest.mark.django_db


def revision() -> int:
    return Transaction.objects.latest("revision").revision


def steps(start: int | None, since_time: float = 0.0) -> list[past.Step]:
    """Return all steps, page by page."""
    found: list[past.Step] = []
    place = (0, 0)
    while True:
        page = past.page(start, since_time, place)
        assert not page.expired
        found += page.steps
        if page.last:
            return found
        place = (found[-1].revision, found[-1].seq)


def told(start: int) -> list[dict[str, Any]]:
    found = [step.body for step in steps(start) if step.body]
    for body in found:
        msgspec.json.decode(body, type=LoggedChange)
    return [msgspec.json.decode(body) for body in found]


def test_a_change_is_told_with_its_delta_and_the_values_before(skill: Callable[..., int]) -> None:
    dbid = skill("one")
    start = revision()
    skill(dbid=dbid, state="disabled", userProperties={"a": {"b": "c"}})
    (change,) = told(start)
    assert (change["change"], change["objectType"], change["DBID"]) == ("updated", "skill", dbid)
    assert change["delta"] == {"state": "disabled", "userProperties": {"a": {"b": "c"}}}
    assert change["former"] == {"state": "enabled", "userProperties": None}
    assert change["revision"] == start + 1


def test_what_came_and_went_is_told(skill: Callable[..., int]) -> None:
    start = revision() if Transaction.objects.exists() else 0
    dbid = skill("one")
    objects.delete("skill", dbid, by=None, origin="test")
    created, deleted = told(start)
    assert (created["change"], created["object"]["name"]) == ("created", "one")
    assert deleted.keys() == {"revision", "at", "change", "objectType", "DBID"}


def test_pages_join_without_a_gap(skill: Callable[..., int], monkeypatch: Any) -> None:
    monkeypatch.setattr(past, "PAGE", 2)
    start = revision()
    names = [f"skill {number}" for number in range(5)]
    for name in names:
        skill(name)
    assert [change["object"]["name"] for change in told(start)] == names


def test_a_change_of_grants_alone_has_nothing_to_tell(skill: Callable[..., int]) -> None:
    dbid = skill("one")
    start = revision()
    with changes.commit(by=None, origin="test") as work:
        person = Person.objects.get(dbid=100)
        work.save(Grant(object_type=13, object_dbid=dbid, person=person, mask=1))
    (step,) = steps(start)
    assert step.body == b""


def test_a_deleted_object_bears_its_last_place_and_grants(skill: Callable[..., int]) -> None:
    dbid = skill("one")
    start = revision()
    skill(dbid=dbid, state="disabled")
    with changes.commit(by=None, origin="test") as work:
        person = Person.objects.get(dbid=100)
        work.save(Grant(object_type=13, object_dbid=dbid, person=person, mask=1))
    folder = ConfigObject.objects.get(type=13, dbid=dbid).folder_id
    assert steps(start)[0][4:6] == (0, [])
    objects.delete("skill", dbid, by=None, origin="test")
    for step in steps(start):
        assert (step.folder, step.acl) == (folder, [(3, 100, 1)])


def test_a_time_stands_for_the_revision_before_it(skill: Callable[..., int]) -> None:
    skill("one")
    skill("two")
    moment = Transaction.objects.latest("revision").at.timestamp()
    assert [step.revision for step in steps(None, moment)] == [revision()]
    assert steps(None, moment + 10) == []


def test_what_was_pruned_is_expired(skill: Callable[..., int]) -> None:
    for number in range(3):
        skill(f"skill {number}")
    last = Transaction.objects.latest("revision")
    floor = prune(Limits(1_000, 1), last.at, lambda seconds: None).floor
    assert past.page(floor - 1, 0.0, (0, 0)).expired
    assert past.page(None, 1.0, (0, 0)).expired
    assert [step.revision for step in steps(floor)] == [last.revision]
    assert [step.revision for step in steps(None)] == [last.revision]


def test_without_former_values_the_whole_object_is_told(skill: Callable[..., int]) -> None:
    options = {"options": {"history-log": {"write-former-value": "false"}}}
    objects.update("application", 99, options, by=None, origin="test")
    dbid = skill("one")
    start = revision()
    skill(dbid=dbid, state="disabled")
    objects.delete("skill", dbid, by=None, origin="test")
    updated, _ = told(start)
    assert updated["object"]["state"] == "disabled"
    assert "delta" not in updated
    assert {step.folder for step in steps(start)} == {0}
