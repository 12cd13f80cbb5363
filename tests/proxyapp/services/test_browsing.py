"""What a person sees of the history: who reads everything, names that are hidden, bounded work."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import pytest

from confwire.objects import ObjectType
from historylog import paging
from historylog.reader import Question
from proxyapp.models import AccessGroup, Document, Folder, Person, Tenant
from proxyapp.services import access, browsing, changes, objects
from proxyapp.services.access import Rights
from proxyapp.services.browsing import Sight
from proxyapp.services.documents import find_all

Create = Callable[..., int]
_PERSON = int(ObjectType.PERSON)


@pytest.fixture
def administrator(db: None) -> Person:
    return Person.objects.get(pk=100)


def grant(target: Any, subject: Any, mask: int) -> None:
    access.grant(target, subject, mask, by=None, origin="test")


def test_the_system_and_the_first_administrator_see_all(administrator: Person) -> None:
    assert Sight(None).whole
    assert Sight(administrator).whole
    assert Sight(administrator).readable({(13, 9999)}) == {(13, 9999)}


@pytest.mark.parametrize("seed", range(12))
def test_who_sees_all_at_a_glance_may_read_all_there_is(
    administrator: Person, create: Create, switch: int, seed: int
) -> None:
    run = random.Random(seed)
    group = AccessGroup.objects.get(pk=96)
    create("tenant", name="Acme")
    keys = list(Document.objects.values_list("type", "dbid"))
    present = find_all(keys)
    for key in run.sample(keys, run.randrange(3)):
        subject = run.choice([group, administrator])
        grant(present[key], subject, run.choice([0, 1, 32, 33, 127, 255]))
    sight, rights = Sight(administrator), Rights(administrator)
    masks = [rights.mask_of(instance) for instance in find_all(keys).values()]
    if sight.whole:
        assert all(mask & 33 == 33 for mask in masks)
    if all(mask & 33 == 33 for mask in masks):
        assert sight.readable(keys) == set(keys)


@pytest.mark.parametrize("mask", [0, 32, 1, 255])
def test_less_than_everything_is_not_everything(administrator: Person, mask: int) -> None:
    grant(Tenant.objects.get(pk=1), AccessGroup.objects.get(pk=96), mask)
    assert not Sight(administrator).whole


def test_a_name_is_hidden_under_which_an_object_was_ever_known(
    create: Create, person: Person
) -> None:
    dbid = create("person", tenantDBID=1, employeeID="e2", userName="before")
    objects.update("person", dbid, {"userName": "after"}, by=None, origin="test")
    names = {"BEFORE", "after", "never there"}
    assert Sight(person).hidden_names(_PERSON, names) == {"BEFORE", "after"}
    grant(Folder.objects.get(type="person", folder=None, owner_dbid=1), person, 1)
    assert Sight(person).hidden_names(_PERSON, names) == set()
    assert Sight(None).hidden_names(_PERSON, names) == set()


def test_the_name_of_somebody_gone_is_hidden_from_who_may_not_read_the_folder(
    create: Create, person: Person
) -> None:
    dbid = create("person", tenantDBID=1, employeeID="e2", userName="gone")
    objects.delete("person", dbid, by=None, origin="test")
    assert Sight(person).hidden_names(_PERSON, {"gone"}) == {"gone"}
    grant(Folder.objects.get(type="person", folder=None, owner_dbid=1), person, 1)
    assert Sight(person).hidden_names(_PERSON, {"gone"}) == set()


def test_what_was_moved_before_it_was_deleted_counts_where_it_was_last(
    create: Create, person: Person
) -> None:
    root = Folder.objects.get(type="skill", folder=None)
    open_ = create("folder", name="open", type="skill")
    dbid = create("skill", tenantDBID=1, name="s", folderDBID=open_)
    grant(Folder.objects.get(pk=open_), person, 1)
    sight = Sight(person)
    assert [one.kind for one in sight.changes(Question(type=13)).rows] == ["created"]
    objects.update("skill", dbid, {"folderDBID": root.dbid}, by=None, origin="test")
    objects.delete("skill", dbid, by=None, origin="test")
    assert Sight(person).changes(Question(type=13)).rows == []


def test_looking_for_what_may_be_read_ends(
    create: Create, person: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(20):
        create("skill", tenantDBID=1, name=f"s{number}")
    monkeypatch.setattr(paging, "SCAN", 3)
    monkeypatch.setattr(paging, "MOST_SCANNED", 6)
    found = Sight(person).changes(Question(type=13), limit=2)
    assert found.rows == []
    assert found.next is not None
    assert Sight(person).changes(Question(type=13), found.next, limit=2).next is not None


def test_counts_of_a_transaction_are_of_what_may_be_read(
    create: Create, person: Person, administrator: Person
) -> None:
    folder = create("folder", name="open", type="skill")
    with changes.commit(by=None, origin="test") as work:
        bodies = [
            {
                "tenantDBID": 1,
                "name": f"s{number}",
                **({"folderDBID": folder} if number < 3 else {}),
            }
            for number in range(10)
        ]
        objects.create_many("skill", bodies, work=work)
    revision = work.result.revision if work.result else 0
    grant(Folder.objects.get(pk=folder), person, 1)

    seen = {who: Sight(who).transaction(revision) for who in (person, administrator)}

    assert [head.created if head else 0 for head in seen.values()] == [3, 10]
    assert [group.number for group in Sight(person).groups(revision).groups] == [3]
    assert [group.number for group in Sight(administrator).groups(revision).groups] == [10]
    assert len(Sight(person).steps(revision).rows) == 3


def test_a_transaction_too_long_to_count_says_so(
    create: Create, person: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(browsing, "MOST_SCANNED", 5)
    assert not Sight(person).groups(1).whole
    assert Sight(None).groups(1).whole
