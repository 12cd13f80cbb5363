"""Searches find what they are asked for, newest first and page by page, above the floor."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from historylog import reader, retention
from historylog.models import ChangeRecord, Transaction
from historylog.reader import Place, Question
from historylog.retention import Limits
from proxyapp.models import Person
from proxyapp.services import changes, objects, recording

Skill = Callable[..., int]


@pytest.fixture
def skills(skill: Skill) -> list[int]:
    """Return three skills, each changed once, the last one deleted."""
    found = [skill(name) for name in ("English", "español", "Englisch")]
    for dbid in found:
        skill(dbid=dbid, userProperties={"a": {"b": dbid, "c": 1}, "ab": {"b": 1}})
    objects.delete("skill", found[2], by=None, origin="test")
    return found


def places(**question: Any) -> list[Place]:
    return [found.place for found in reader.changes(Question(**question))]


def test_an_object_has_its_changes_newest_first(skills: list[int]) -> None:
    found = reader.changes(Question(type=13, dbid=skills[2]))
    assert [one.kind for one in found] == ["deleted", "changed", "created"]
    assert [one.name for one in found] == ["Englisch"] * 3
    assert found[0].at > found[2].at


def test_names_are_found_by_their_beginning_whatever_its_case(skills: list[int]) -> None:
    found = reader.changes(Question(name="ENGLI", kind="created"))
    assert [one.dbid for one in found] == [skills[2], skills[0]]
    assert [one.dbid for one in reader.changes(Question(name="ESPAÑOL", kind="created"))] == [
        skills[1]
    ]


@pytest.mark.parametrize(
    ("path", "count"),
    [
        ("userProperties.a.b", 3),
        ("userProperties.a.", 3),
        ("userProperties.", 3),
        ("userProperties.a", 0),
        ("state", 0),
    ],
)
def test_properties_are_found_by_path_or_by_what_they_lie_in(
    skills: list[int], path: str, count: int
) -> None:
    assert len(places(path=path)) == count


def test_many_properties_in_one_section_are_found_by_going_back(
    skills: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    few = places(path="userProperties.")
    monkeypatch.setattr(reader, "_FEW_PATHS", 1)
    assert places(path="userProperties.") == few
    assert places(path="userProperties.", type=13) == few


def test_pages_of_properties_join_too(skills: list[int]) -> None:
    for path in ("userProperties.", "userProperties.a.b"):
        whole = places(path=path)
        first = reader.changes(Question(path=path), limit=2)
        rest = reader.changes(Question(path=path), first[-1].place)
        assert [found.place for found in [*first, *rest]] == whole


def test_pages_of_a_person_break_within_a_transaction(skills: list[int], skill: Skill) -> None:
    with changes.commit(by=Person.objects.get(user_name="default"), origin="test"):
        for dbid in skills[:2]:
            skill(dbid=dbid, state="disabled")
    (first,) = reader.changes(Question(by="default"), limit=1)
    (second,) = reader.changes(Question(by="default"), first.place)
    assert (first.revision, first.seq, second.seq) == (second.revision, 1, 0)


def test_kinds_tenants_and_folders_are_found(skills: list[int]) -> None:
    deleted = ChangeRecord.objects.get(kind="deleted")
    assert places(kind="deleted") == [Place(deleted.revision, 0)]
    folder = deleted.folder
    assert len(places(folder=folder, tenant=1)) == 7
    assert places(folder=folder, tenant=2) == []


def test_who_and_where_from_are_found(skills: list[int], skill: Skill) -> None:
    person = Person.objects.get(user_name="default")
    recording.serve_as("confserv")
    try:
        with changes.commit(by=person, origin="my desk 10.0.0.1 session s7"):
            for dbid in skills[:2]:
                skill(dbid=dbid, state="disabled")
    finally:
        recording.serve_as("")
    expected = {"by": "default", "person": 100, "application": "my desk"} | {
        "session": "s7",
        "server": "confserv",
    }
    for name, value in expected.items():
        assert len(places(**{name: value})) == 2, name
        assert [row.by for row in reader.transactions(Question(**{name: value}))] == ["default"]
    assert len(places(**expected, type=13, path="state")) == 2
    assert places(**expected, type=14) == []


def test_a_time_is_the_revisions_that_were_committed_in_it(skills: list[int]) -> None:
    rows = list(Transaction.objects.order_by("-revision")[:3])
    found = places(since=rows[2].at, until=rows[0].at)
    assert [place.revision for place in found] == [rows[1].revision, rows[2].revision]
    assert places(since=rows[0].at + timedelta(days=1)) == []
    assert places(until=Transaction.objects.earliest("revision").at) == []
    assert reader.revision_at(rows[1].at) == rows[1].revision
    assert reader.revision_at(rows[1].at - timedelta(days=9999)) == 0


def test_pages_join_to_the_whole(skills: list[int]) -> None:
    whole = places(type=22)  # folders: all of the seed's one transaction
    assert len(whole) > 20
    paged: list[Place] = []
    while page := reader.changes(Question(type=22), paged[-1] if paged else None, limit=7):
        paged += [found.place for found in page]
    assert paged == whole


def test_transactions_are_paged_too(skills: list[int]) -> None:
    first = reader.transactions(Question(), limit=4)
    second = reader.transactions(Question(), first[-1].revision, limit=4)
    numbers = [row.revision for row in [*first, *second]]
    assert numbers == list(range(numbers[0], numbers[0] - 8, -1))


def test_a_transaction_is_read_in_its_own_order_and_page_by_page(skills: list[int]) -> None:
    total = ChangeRecord.objects.filter(revision=1).count()
    first = reader.steps_of(1, limit=total - 1)
    rest = reader.steps_of(1, first[-1].seq)
    assert [row.seq for row in [*first, *rest]] == list(range(total))


def test_of_a_transaction_one_type_or_kind_is_read(skills: list[int]) -> None:
    folders = ChangeRecord.objects.filter(revision=1, type=22)
    assert [row.pk for row in reader.steps_of(1, limit=500, type_=22)] == [
        row.pk for row in folders.order_by("seq")
    ]
    assert reader.steps_of(1, kind="deleted") == []
    assert reader.steps_of(1, kind="created", type_=22)


def test_the_properties_of_changes_are_read_at_once(skills: list[int]) -> None:
    asked = places(type=13)
    found = reader.paths_of(asked)
    assert list(found) == asked
    assert found[asked[0]] == []
    assert found[asked[1]] == ["userProperties.a.b", "userProperties.a.c", "userProperties.ab.b"]


def test_below_the_floor_there_is_nothing(skills: list[int]) -> None:
    newest = Transaction.objects.latest("revision")
    retention.prune(Limits(10**4, 2), newest.at, lambda seconds: None)
    assert reader.floor() == newest.revision - 2
    assert [place.revision for place in places()] == [newest.revision, newest.revision - 1]
    assert places(revision=newest.revision - 2) == []
    assert reader.steps_of(newest.revision - 2) == []
