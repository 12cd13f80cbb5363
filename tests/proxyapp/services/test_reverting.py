"""Reverting makes a new revision in which things are as they were, or says why it does not."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import pytest
from django.db import transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from confwire.errors import HistoryExpired, InvalidParameter, NoPermission, RequestError
from confwire.objects import ObjectType
from historylog import retention
from historylog.models import ChangeRecord, Transaction
from historylog.retention import Limits
from historylog.verification import verify
from proxyapp.choices import FULL_CONTROL
from proxyapp.models import Document, Folder, Person, Revision
from proxyapp.services import access, accounts, asof, changes, objects, reverting
from proxyapp.services.documents import find
from proxyapp.services.reverting import Conflicting, Plan
from tests.pastmodel import present, replay, transact, whole

SKILL, FOLDER = ObjectType.SKILL, ObjectType.FOLDER
Create = Callable[..., int]
WHO: dict[str, Any] = {"by": None, "origin": "revert"}


def now() -> int:
    return Revision.objects.get().number


def change(dbid: int, **delta: Any) -> int:
    objects.update("skill", dbid, delta, by=None, origin="test")
    return now()


def document(type_: ObjectType, dbid: int) -> dict[str, Any]:
    state = asof.Past(now()).state(type_, dbid)
    return state.document if state is not None else {}


def reasons(plan: Plan) -> list[str]:
    return [conflict.reason for conflict in plan.conflicts]


@pytest.fixture
def skill(create: Create) -> int:
    return create("skill", tenantDBID=1, name="English", userProperties={"a": {"b": 1}})


# ---------------------------------------------------------------- an object


def test_an_object_gets_its_former_state_as_a_new_revision(skill: int) -> None:
    made, before = now(), document(SKILL, skill)
    changed = change(skill, name="Anglais", userProperties={"a": {"b": 2}, "c": {"d": 3}})
    result = reverting.revert(reverting.of_object(SKILL, skill, made, by=None), **WHO)
    assert result.revision == changed + 1
    assert document(SKILL, skill) == before
    assert ChangeRecord.objects.filter(type=13, dbid=skill).count() == 3


def test_an_object_that_was_not_there_yet_is_deleted(skill: int) -> None:
    plan = reverting.of_object(SKILL, skill, now() - 1, by=None)
    reverting.revert(plan, **WHO)
    assert document(SKILL, skill) == {}


def test_a_deleted_object_comes_back_under_its_own_dbid_with_its_grants(
    skill: int, person: Person
) -> None:
    access.grant(find(SKILL, [skill]).get(), person, 5, by=None, origin="test")
    made, before = now(), present()
    objects.delete("skill", skill, by=None, origin="test")
    reverting.revert(reverting.of_object(SKILL, skill, made, by=None), **WHO)
    assert present() == before


def test_nothing_to_revert_is_no_revision(skill: int) -> None:
    plan = reverting.of_object(SKILL, skill, now(), by=None)
    assert (plan.wanted, plan.conflicts) == ({}, [])
    assert reverting.revert(plan, **WHO).revision is None


def test_a_person_comes_back_without_a_password(person: Person) -> None:
    accounts.set_password(person, "a secret word", by=None, origin="test")
    made = now()
    objects.delete("person", person.dbid, by=None, origin="test")
    plan = reverting.of_object(ObjectType.PERSON, person.dbid, made, by=None)
    assert reverting.preview(plan, **WHO).without_secret == [(3, person.dbid)]
    reverting.revert(plan, **WHO)
    assert Document.objects.get(type=3, dbid=person.dbid).verifier == ""


def test_what_is_not_kept_cannot_come_back(skill: int) -> None:
    made = now()
    change(skill, name="Anglais")
    change(skill, name="Englisch")
    retention.prune(Limits(10**4, 1), Transaction.objects.latest("revision").at)
    with pytest.raises(HistoryExpired):
        reverting.of_object(SKILL, skill, made, by=None)


# ---------------------------------------------------------------- a transaction


def test_a_transaction_is_undone_beneath_later_changes(skill: int) -> None:
    undone = change(skill, name="Anglais", userProperties={"a": {"b": 2}})
    change(skill, userProperties={"later": {"x": 1}})
    plan = reverting.of_transaction(undone, by=None)
    assert plan.conflicts == []
    reverting.revert(plan, **WHO)
    found = document(SKILL, skill)
    assert found["name"] == "English"
    assert found["userProperties"] == {"a": {"b": 1}, "later": {"x": 1}}


def test_a_property_that_was_changed_again_is_in_conflict(skill: int) -> None:
    undone = change(skill, name="Anglais", userProperties={"a": {"b": 2}})
    later = change(skill, name="Englisch")
    plan = reverting.of_transaction(undone, by=None)
    (conflict,) = plan.conflicts
    assert (conflict.reason, conflict.path, conflict.revision) == ("changedLater", "name", later)
    assert conflict.text == f"skill Englisch was changed later in name, at last in revision {later}"
    with pytest.raises(Conflicting, match="changed later in name"):
        reverting.revert(plan, **WHO)
    reverting.revert(plan, **WHO, accept_conflicts=True)
    assert document(SKILL, skill)["name"] == "Englisch"
    assert document(SKILL, skill)["userProperties"] == {"a": {"b": 1}}


def test_later_changes_are_overwritten_when_that_is_asked_for(skill: int) -> None:
    undone = change(skill, name="Anglais")
    change(skill, name="Englisch")
    plan = reverting.of_transaction(undone, by=None, overwrite=True)
    reverting.revert(plan, **WHO, accept_conflicts=True)
    assert document(SKILL, skill)["name"] == "English"


def test_objects_that_are_gone_or_there_again_are_in_conflict(skill: int) -> None:
    undone = change(skill, name="Anglais")
    objects.delete("skill", skill, by=None, origin="test")
    deleted = now()
    assert reasons(reverting.of_transaction(undone, by=None)) == ["deletedLater"]
    reverting.revert(reverting.of_transaction(deleted, by=None), **WHO)
    change(skill, state="disabled")
    assert reasons(reverting.of_transaction(deleted, by=None)) == ["createdAgain"]


def test_an_object_that_was_changed_after_it_was_made_is_not_deleted_unasked(skill: int) -> None:
    made = now()
    change(skill, state="disabled")
    plan = reverting.of_transaction(made, by=None)
    assert (reasons(plan), plan.wanted) == (["changedLater"], {})
    plan = reverting.of_transaction(made, by=None, overwrite=True)
    reverting.revert(plan, **WHO, accept_conflicts=True)
    assert document(SKILL, skill) == {}


def test_names_that_went_round_go_back_round(create: Create) -> None:
    dbids = [create("skill", tenantDBID=1, name=name) for name in ("one", "two", "three")]
    before = present()
    with changes.commit(by=None, origin="test"):
        for dbid, name in zip(dbids, ("x", "y", "z"), strict=True):
            change(dbid, name=name)
        for dbid, name in zip(dbids, ("two", "three", "one"), strict=True):
            change(dbid, name=name)
    reverting.revert(reverting.of_transaction(now(), by=None), **WHO)
    assert present() == before


def test_a_name_that_was_taken_since_is_said_in_the_preview(skill: int, create: Create) -> None:
    undone = change(skill, name="Anglais")
    create("skill", tenantDBID=1, name="English")
    plan = reverting.of_transaction(undone, by=None)
    revision = now()
    assert "English exists already" in reverting.preview(plan, **WHO).refusal
    assert now() == revision
    with pytest.raises(RequestError, match="English exists already"):
        reverting.revert(plan, **WHO)


def test_a_reference_that_came_since_is_said_in_the_preview(create: Create, person: Person) -> None:
    skill = create("skill", tenantDBID=1, name="English")
    made = now()
    levels = {"put": [{"skillDBID": skill, "level": 1}]}
    delta = {"agentInfo": {"skillLevels": levels}}
    objects.update("person", person.dbid, delta, by=None, origin="test")
    plan = reverting.of_transaction(made, by=None)
    assert "others refer to skill" in reverting.preview(plan, **WHO).refusal


def test_a_plan_that_was_overtaken_is_refused(skill: int) -> None:
    plan = reverting.of_transaction(change(skill, name="Anglais"), by=None)
    change(skill, state="disabled")
    assert "was changed since this was planned" in reverting.preview(plan, **WHO).refusal
    with pytest.raises(InvalidParameter, match="skill Anglais was changed since"):
        reverting.revert(plan, **WHO)
    assert document(SKILL, skill)["state"] == "disabled"


def test_a_preview_says_what_would_change_and_changes_nothing(skill: int) -> None:
    undone, before = change(skill, name="Anglais"), present()
    found = reverting.preview(reverting.of_transaction(undone, by=None), **WHO)
    (planned,) = found.planned
    assert (planned.kind, planned.name, planned.key) == ("changed", "English", (13, skill))
    assert planned.differences == [("name", "Anglais", "English")]
    assert (found.refusal, present(), now()) == ("", before, undone)


def test_a_bulk_import_is_one_transaction_and_reverts_as_one(create: Create) -> None:
    before = present()
    documents = [{"tenantDBID": 1, "name": f"skill {number:05}"} for number in range(3000)]
    with changes.commit(by=None, origin="import") as work:
        objects.create_many("skill", documents, work=work)
    imported = now()
    assert ChangeRecord.objects.filter(revision=imported).count() == 3000
    reverting.revert(reverting.of_transaction(imported, by=None), **WHO)
    assert present() == before
    reverting.revert(reverting.of_transaction(imported + 1, by=None), **WHO)
    assert whole(now()) == whole(imported)


# ---------------------------------------------------------------- what lies in a folder


def test_a_folder_gets_back_what_lay_in_it(create: Create) -> None:
    root = Folder.objects.get(type="skill", folder=None).dbid
    inner = create("folder", name="inner", type="skill", folderDBID=root)
    deep = create("folder", name="deep", type="skill", folderDBID=inner)
    skills = [create("skill", tenantDBID=1, name=f"s{n}", folderDBID=deep) for n in range(3)]
    made, before = now(), present()
    change(skills[0], folderDBID=root)
    objects.delete("folder", deep, by=None, origin="test")
    create("skill", tenantDBID=1, name="s1", folderDBID=inner)
    reverting.revert(reverting.of_subtree(FOLDER, inner, made, by=None), **WHO)
    assert present() == before


def test_what_was_moved_in_goes_back_where_it_lay(create: Create) -> None:
    root = Folder.objects.get(type="skill", folder=None).dbid
    inner = create("folder", name="inner", type="skill", folderDBID=root)
    skill = create("skill", tenantDBID=1, name="s", folderDBID=root)
    made, before = now(), present()
    change(skill, folderDBID=inner, state="disabled")
    reverting.revert(reverting.of_subtree(FOLDER, inner, made, by=None), **WHO)
    assert present() == before


def test_a_switch_comes_back_with_its_folders_and_dns(switch: int) -> None:
    made, before = now(), present()
    objects.delete("switch", switch, by=None, origin="test")
    reverting.revert(reverting.of_transaction(now(), by=None), **WHO)
    assert present() == before
    objects.delete("switch", switch, by=None, origin="test")
    reverting.revert(reverting.of_subtree(ObjectType.SWITCH, switch, made, by=None), **WHO)
    assert present() == before


def test_a_folder_stays_that_holds_what_came_later(create: Create) -> None:
    root = Folder.objects.get(type="skill", folder=None).dbid
    inner = create("folder", name="inner", type="skill", folderDBID=root)
    made = now()
    late = create("skill", tenantDBID=1, name="late", folderDBID=inner)
    plan = reverting.of_transaction(made, by=None)
    assert (reasons(plan), plan.wanted) == (["holdsOthers"], {})
    assert plan.conflicts[0].text == "folder inner holds objects that came later: it stays"
    plan = reverting.of_transaction(made, by=None, overwrite=True)
    told = [(one.kind, one.name) for one in reverting.preview(plan, **WHO).planned]
    assert told == [("deleted", "late"), ("deleted", "inner")]
    reverting.revert(plan, **WHO)
    assert not find(FOLDER, [inner]).exists()
    assert not find(SKILL, [late]).exists()


def test_what_goes_with_a_folder_is_never_undone_unseen(create: Create, person: Person) -> None:
    root = Folder.objects.get(type="skill", folder=None).dbid
    inner = create("folder", name="inner", type="skill", folderDBID=root)
    made = now()
    late = create("skill", tenantDBID=1, name="late", folderDBID=inner)
    for key, mask in (((FOLDER, inner), FULL_CONTROL), ((SKILL, late), 0)):
        access.grant(find(key[0], [key[1]]).get(), person, mask, by=None, origin="test")
    plan = reverting.of_transaction(made, by=person, overwrite=True)
    assert (reasons(plan), plan.wanted) == (["changedLater", "holdsOthers"], {})
    assert plan.conflicts[1].text == "folder inner holds objects that you may not read: it stays"


def test_what_came_into_a_folder_after_the_plan_is_not_undone_unseen(create: Create) -> None:
    root = Folder.objects.get(type="skill", folder=None).dbid
    inner = create("folder", name="inner", type="skill", folderDBID=root)
    plan = reverting.of_transaction(now(), by=None)
    late = create("skill", tenantDBID=1, name="late", folderDBID=inner)
    with pytest.raises(InvalidParameter, match="a skill would go too"):
        reverting.revert(plan, **WHO)
    assert find(SKILL, [late]).exists()


# ---------------------------------------------------------------- rights


def test_the_rights_of_the_person_bind(skill: int, person: Person) -> None:
    undone = change(skill, name="Anglais")
    hidden = reverting.of_transaction(undone, by=person)
    assert (reasons(hidden), hidden.wanted) == (["hidden"], {})
    assert "English" not in hidden.conflicts[0].text
    access.grant(find(SKILL, [skill]).get(), person, 1, by=None, origin="test")
    plan = reverting.of_transaction(undone, by=person)
    who = {"by": person, "origin": "revert"}
    assert "lacks the right to change" in reverting.preview(plan, **who).refusal
    with pytest.raises(NoPermission):
        reverting.revert(plan, **who)
    access.grant(find(SKILL, [skill]).get(), person, 5, by=None, origin="test")
    reverting.revert(reverting.of_transaction(undone, by=person), **who)
    assert Transaction.objects.latest("revision").by == person.user_name


def test_permissions_are_given_back_by_who_may_change_them(skill: int, person: Person) -> None:
    target = find(SKILL, [skill]).get()
    access.grant(target, person, 5, by=None, origin="test")
    access.grant(target, Person.objects.get(dbid=100), 1, by=None, origin="test")
    who = {"by": person, "origin": "revert"}
    plan = reverting.of_transaction(now(), by=person)
    found = reverting.preview(plan, **who)
    assert "lacks the right to change permissions" in found.refusal
    assert found.planned[0].differences == []  # they may not be seen
    reverting.revert(plan, **WHO)
    assert Document.objects.get(type=13, dbid=skill).acl == f"[[3,{person.dbid},5]]"


# ---------------------------------------------------------------- against the model


@pytest.mark.django_db
@settings(max_examples=12, suppress_health_check=list(HealthCheck))
@given(seed=st.integers(0, 2**32), steps=st.integers(5, 20))
def test_reverts_in_random_order_leave_a_true_history(seed: int, steps: int) -> None:
    run = random.Random(seed)
    with transaction.atomic():
        start = now()
        for _ in range(steps):
            transact(run)
        todo = list(range(start + 1, now() + 1))
        run.shuffle(todo)
        for revision in todo:
            plan = reverting.of_transaction(revision, by=None, overwrite=run.random() < 0.5)
            try:
                reverting.revert(plan, **WHO, accept_conflicts=True)
            except RequestError:
                continue
        journal, position = replay(), Revision.objects.get()
        assert list(verify(position.number, position.chain)) == []
        assert whole(position.number) == present()
        for revision in range(start, position.number + 1):
            assert whole(revision) == journal[revision], revision
        transaction.set_rollback(True)


@pytest.mark.django_db
@settings(max_examples=12, suppress_health_check=list(HealthCheck))
@given(seed=st.integers(0, 2**32), steps=st.integers(3, 15))
def test_what_is_undone_backwards_leads_to_the_beginning(seed: int, steps: int) -> None:
    run = random.Random(seed)
    with transaction.atomic():
        start, before = now(), present()
        for _ in range(steps):
            transact(run)
        for revision in range(now(), start, -1):
            plan = reverting.of_transaction(revision, by=None)
            assert plan.conflicts == []
            reverting.revert(plan, **WHO)
        assert present() == before
        transaction.set_rollback(True)
