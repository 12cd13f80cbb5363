"""The past as the history tells it is the past as the journal replays it."""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from confwire.errors import HistoryExpired, InvalidParameter
from confwire.objects import ObjectType
from historylog import reader, retention
from historylog.models import Transaction
from historylog.paths import Difference
from historylog.retention import Limits
from proxyapp.models import Folder, Person, Revision
from proxyapp.services import access, asof, objects
from proxyapp.services.asof import Past
from proxyapp.services.documents import find
from tests.pastmodel import present, replay, transact, whole

SKILL = ObjectType.SKILL
Create = Callable[..., int]


def now() -> int:
    return Revision.objects.get().number


def change(dbid: int, **delta: Any) -> int:
    objects.update("skill", dbid, delta, by=None, origin="test")
    return now()


@pytest.fixture
def skill(create: Create) -> int:
    return create("skill", tenantDBID=1, name="English")


# ---------------------------------------------------------------- one object


def test_an_object_is_read_as_it_was(skill: int) -> None:
    made = now()
    change(skill, name="Anglais", userProperties={"a": {"b": 1}})
    change(skill, name="Englisch")
    state = Past(made).state(SKILL, skill)
    assert state is not None
    assert state.document["name"] == "English"
    assert "userProperties" not in state.document


def test_before_it_was_made_and_after_it_was_deleted_there_is_none(skill: int) -> None:
    made = now()
    objects.delete("skill", skill, by=None, origin="test")
    assert Past(made - 1).state(SKILL, skill) is None
    assert Past(made).state(SKILL, skill) is not None
    assert Past(made + 1).state(SKILL, skill) is None


def test_grants_are_read_as_they_were(skill: int, person: Person) -> None:
    before = now()
    access.grant(find(SKILL, [skill]).get(), person, 5, by=None, origin="test")
    change(skill, state="disabled")
    states = [Past(revision).state(SKILL, skill) for revision in (before, before + 1)]
    assert [state.acl for state in states if state] == ["", f"[[3,{person.dbid},5]]"]


def test_a_moment_is_the_last_commit_up_to_it(skill: int) -> None:
    made = Transaction.objects.get(revision=now())
    change(skill, name="Englisch")
    later = Transaction.objects.get(revision=now())
    assert Past.at(made.at).revision == made.revision
    assert Past.at(later.at - timedelta(microseconds=1)).revision == made.revision


def test_the_future_is_refused(db: None) -> None:
    with pytest.raises(InvalidParameter, match="the newest is"):
        Past(now() + 1)


def test_what_is_not_kept_is_refused_with_the_oldest_that_is(skill: int) -> None:
    newest = change(skill, state="disabled")
    retention.prune(Limits(10**4, 1), Transaction.objects.latest("revision").at)
    with pytest.raises(HistoryExpired, match=f"reaches back to revision {newest - 1}") as refused:
        Past(newest - 2)
    assert refused.value.data == {"oldest": newest - 1}
    state = Past(newest - 1).state(SKILL, skill)
    assert state is not None
    assert state.document["state"] == "enabled"


def test_without_former_values_the_record_before_is_asked(skill: int) -> None:
    options = {"options": {"history-log": {"write-former-value": "false"}}}
    objects.update("application", 99, options, by=None, origin="test")
    before = now()
    change(skill, name="Anglais")
    change(skill, name="Englisch")
    state = Past(before).state(SKILL, skill)
    assert state is not None
    assert state.document["name"] == "English"
    retention.prune(Limits(10**4, 2), Transaction.objects.latest("revision").at)
    with pytest.raises(HistoryExpired, match="write-former-value was false"):
        Past(before).state(SKILL, skill)


def test_two_revisions_are_compared_property_by_property(skill: int, person: Person) -> None:
    made = now()
    change(skill, name="Anglais", userProperties={"a": {"b": 1}})
    access.grant(find(SKILL, [skill]).get(), person, 5, by=None, origin="test")
    assert asof.difference(SKILL, skill, made, now()) == [
        Difference("name", "English", "Anglais"),
        Difference("userProperties.a.b", None, 1),
        Difference("permissions", None, [[3, person.dbid, 5]]),
    ]
    assert asof.difference(SKILL, skill, made, made) == []
    paths = [found.path for found in asof.difference(SKILL, skill, 1, made)]
    assert {"name", "tenantDBID", "state"} <= set(paths)


# ---------------------------------------------------------------- folders


def test_a_folder_is_read_with_what_lay_in_it(skill: int, create: Create) -> None:
    root = find(SKILL, [skill]).get().folder_id
    inner = create("folder", name="inner", type="skill", folderDBID=root)
    moved = create("skill", tenantDBID=1, name="moved", folderDBID=inner)
    then = now()
    change(moved, folderDBID=root)
    create("skill", tenantDBID=1, name="late", folderDBID=inner)
    objects.delete("skill", skill, by=None, origin="test")
    inside = Past(then).within(ObjectType.FOLDER, inner)
    assert set(inside) == {(22, inner), (13, moved)}
    assert {(13, skill), (13, moved), (22, inner), (22, root)} <= set(
        Past(then).within(ObjectType.FOLDER, root)
    )
    assert (13, moved) not in Past(now()).within(ObjectType.FOLDER, inner)


def test_a_switch_is_read_with_its_folders_and_dns(switch: int) -> None:
    then = now()
    objects.delete("switch", switch, by=None, origin="test")
    found = Past(then).within(ObjectType.SWITCH, switch)
    assert {type_ for type_, _ in found} == {1, 2, 15, 22}
    assert Past(now()).within(ObjectType.SWITCH, switch) == {}


# ---------------------------------------------------------------- rights


def test_nothing_is_seen_that_may_not_be_read_now(skill: int, person: Person) -> None:
    made = now()
    change(skill, state="disabled")
    assert Past(made, by=person).state(SKILL, skill) is None
    assert not list(Past(made, by=person).everything([SKILL]))
    access.grant(find(SKILL, [skill]).get(), person, 1, by=None, origin="test")
    state = Past(now(), by=person).state(SKILL, skill)
    assert state is not None
    assert state.acl == ""  # the grants may not be seen


def test_of_what_is_gone_the_folder_decides(skill: int, person: Person) -> None:
    made, folder = now(), Folder.objects.get(type="skill", folder=None)
    objects.delete("skill", skill, by=None, origin="test")
    assert Past(made, by=person).state(SKILL, skill) is None
    access.grant(folder, person, 1, by=None, origin="test")
    assert Past(made, by=person).state(SKILL, skill) is not None


def test_of_a_folder_that_is_gone_too_the_one_above_decides(create: Create, person: Person) -> None:
    root = Folder.objects.get(type="skill", folder=None)
    inner = create("folder", name="inner", type="skill", folderDBID=root.dbid)
    dbid = create("skill", tenantDBID=1, name="deep", folderDBID=inner)
    made = now()
    objects.delete("folder", inner, by=None, origin="test")
    assert not Past(made, by=person).within(ObjectType.FOLDER, inner)
    access.grant(root, person, 1, by=None, origin="test")
    assert set(Past(made, by=person).within(ObjectType.FOLDER, inner)) == {(22, inner), (13, dbid)}


# ---------------------------------------------------------------- against the journal


@pytest.mark.django_db
@settings(max_examples=15, suppress_health_check=list(HealthCheck))
@given(seed=st.integers(0, 2**32), steps=st.integers(5, 25), kept=st.integers(1, 40))
def test_each_revision_is_what_the_journal_replays(seed: int, steps: int, kept: int) -> None:
    run = random.Random(seed)
    with transaction.atomic():
        for _ in range(steps):
            transact(run)
        journal = replay()
        newest = now()
        assert whole(newest) == journal[newest] == present()
        for revision in range(1, newest + 1):
            assert whole(revision) == journal[revision], revision
        retention.prune(Limits(10**4, kept), Transaction.objects.latest("revision").at)
        for revision in range(reader.floor(), newest + 1):
            assert whole(revision) == journal.get(revision), revision
        transaction.set_rollback(True)


def test_large_numbers_of_objects_are_read_in_pages(
    skill: int, create: Create, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(asof, "_PAGE", 3)
    made = now()
    objects.delete("skill", skill, by=None, origin="test")
    assert whole(made) == replay()[made]
    assert whole(now()) == present()
