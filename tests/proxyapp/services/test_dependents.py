"""Who refers to what would be deleted is told as far as the person may read it, on every way."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.db import IntegrityError, connection

from confwire.errors import DependencyViolation
from confwire.messages import DeleteObject
from confwire.objects import ObjectType
from proxyapp.engine.commands import Write
from proxyapp.engine.events import WriteRefused
from proxyapp.models import ConfigObject, Person
from proxyapp.runtime.writes import carry_out
from proxyapp.services import access, changes, deletion, objects

SYSTEM: dict[str, Any] = {"by": None, "origin": "test"}
SKILL = ObjectType.SKILL


@pytest.fixture
def skill(create: Any, person: Person) -> int:
    """Return a skill that the person may read and delete."""
    dbid: int = create("skill", name="wanted", tenantDBID=1)
    access.grant(ConfigObject.objects.get(type=int(SKILL), dbid=dbid), person, 1 | 16, **SYSTEM)
    return dbid


@pytest.fixture
def agent(create: Any, skill: int) -> Callable[[str], Person]:
    """Return how to make a person who refers to the skill."""

    def made(name: str) -> Person:
        levels = {"skillLevels": [{"skillDBID": skill, "level": 1}]}
        fields = {"userName": name, "employeeID": name, "tenantDBID": 1, "agentInfo": levels}
        return Person.objects.get(pk=create("person", **fields))

    return made


def on_the_wire(name: str) -> Callable[[int, Person], DependencyViolation]:
    def delete(skill: int, by: Person) -> DependencyViolation:
        request = DeleteObject(ref=1, object_type="skill", dbid=skill)
        event = carry_out(Write(1, request, by.dbid, "test", name))
        assert isinstance(event, WriteRefused)
        assert isinstance(event.error, DependencyViolation)
        return event.error

    return delete


def by_the_door(skill: int, by: Person) -> DependencyViolation:
    """As the administration does."""
    with pytest.raises(DependencyViolation) as caught, changes.commit(by=by, origin="t") as work:
        work.delete(ConfigObject.objects.get(type=int(SKILL), dbid=skill))
    return caught.value


def among_others(skill: int, by: Person) -> DependencyViolation:
    """As a return to an earlier state does."""
    with pytest.raises(DependencyViolation) as caught, changes.commit(by=by, origin="test"):
        objects.delete("skill", skill, by=by, origin="test")
    return caught.value


@pytest.mark.parametrize(
    "refused", [on_the_wire(""), on_the_wire("a name"), by_the_door, among_others]
)
def test_who_may_not_be_read_is_counted_on_every_way(
    refused: Any, skill: int, agent: Callable[[str], Person], person: Person
) -> None:
    access.grant(agent("shown"), person, 1, **SYSTEM)
    agent("hidden")
    error = refused(skill, person)
    assert "person shown, 1 that you may not read" in str(error)
    assert [row["name"] for row in error.data["referrers"]] == ["shown"]
    assert "hidden" not in str(error) + repr(error.data)


def test_where_none_may_be_read_all_are_counted(
    skill: int, agent: Callable[[str], Person], person: Person
) -> None:
    for number in range(12):
        agent(f"hidden {number}")
    error = by_the_door(skill, person)
    assert "others refer to skill with DBID" in str(error)
    assert ": 12 that you may not read; change them first" in str(error)
    assert error.data["referrers"] == []


def test_the_system_and_administrators_are_told_all(
    skill: int, agent: Callable[[str], Person]
) -> None:
    for number in range(12):
        agent(f"agent {number:02}")
    error = by_the_door(skill, Person.objects.get(pk=100))
    assert "person agent 09, 2 more; change" in str(error)
    assert len(error.data["referrers"]) == 12


# ---------------------------------------------------------------- what comes in between


@pytest.mark.django_db(transaction=True)
def test_what_comes_into_a_folder_after_the_look_is_not_deleted_unseen(
    create: Any, person: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    room = create("folder", name="room", type="skill", folderDBID=home_of_skills())
    late = create("skill", name="late", tenantDBID=1)
    folder = objects.documents.find(ObjectType.FOLDER, [room]).get()
    access.grant(folder, person, 1 | 16, **SYSTEM)
    looked = deletion.cascade_of

    def look(instance: Any) -> Any:
        """Let somebody else's change be there right after."""
        found = looked(instance)
        with connection.cursor() as cursor:
            statement = "UPDATE proxyapp_configobject SET folder_id = %s WHERE dbid = %s"
            cursor.execute(statement, [room, late])
        return found

    monkeypatch.setattr(deletion, "cascade_of", look)
    with pytest.raises(IntegrityError):
        objects.delete("folder", room, by=person, origin="test")
    assert ConfigObject.objects.filter(type=int(SKILL), dbid=late).exists()


def home_of_skills() -> int:
    return int(objects.documents.find(ObjectType.FOLDER).get(type="skill", owner_dbid=1).dbid)
