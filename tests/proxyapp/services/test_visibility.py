"""Rights on what is there and on what is gone, many objects at once."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from pytest_django import DjangoAssertNumQueries

from confwire.objects import ObjectType
from proxyapp.choices import FULL_CONTROL
from proxyapp.models import Folder, Person
from proxyapp.services import access, objects
from proxyapp.services.access import Rights
from proxyapp.services.documents import find
from proxyapp.services.visibility import Visibility

SKILL = ObjectType.SKILL


@pytest.fixture
def root(db: None) -> Folder:
    return Folder.objects.get(type="skill", folder=None)


def test_it_is_what_the_rights_say_of_what_is_there(
    create: Callable[..., int], root: Folder, person: Person
) -> None:
    inner = create("folder", name="inner", type="skill", folderDBID=root.dbid)
    skills = [create("skill", tenantDBID=1, name=f"s{n}", folderDBID=inner) for n in range(3)]
    access.grant(root, person, 1, by=None, origin="test")
    access.grant(find(SKILL, skills[:1]).get(), person, 5, by=None, origin="test")
    access.grant(find(SKILL, skills[1:2]).get(), person, 0, by=None, origin="test")
    keys = {(13, dbid): inner for dbid in skills} | {(22, inner): root.dbid}
    rights = Rights(person)
    expected = {key: rights.mask_of(find(ObjectType(key[0]), [key[1]]).get()) for key in keys}
    assert Visibility(person).masks(keys) == expected
    assert sorted(expected.values()) == [0, 1, 1, 5]


def test_the_system_sees_all(root: Folder) -> None:
    assert Visibility(None).masks({(13, 999): 888}) == {(13, 999): FULL_CONTROL}


def test_where_no_place_is_known_nothing_is_seen(root: Folder, person: Person) -> None:
    access.grant(root, person, 1, by=None, origin="test")
    assert Visibility(person).readable({(13, 999): 888, (13, 998): 0}) == set()
    assert Visibility(person).readable({(13, 999): root.dbid}) == {(13, 999)}


def test_the_folder_of_something_gone_is_asked_not_the_grants_it_had(
    create: Callable[..., int], root: Folder, person: Person
) -> None:
    dbid = create("skill", tenantDBID=1, name="s", folderDBID=root.dbid)
    access.grant(find(SKILL, [dbid]).get(), person, 1, by=None, origin="test")
    assert Visibility(person).readable({(13, dbid): root.dbid})
    objects.delete("skill", dbid, by=None, origin="test")
    assert not Visibility(person).readable({(13, dbid): root.dbid})


def test_the_folders_of_an_owner_that_is_gone_are_not_seen(switch: int, person: Person) -> None:
    folder = Folder.objects.get(owner_type=1, owner_dbid=switch, type="dn").dbid
    access.grant(Folder.objects.get(type="switch", folder=None), person, 1, by=None, origin="test")
    assert Visibility(person).readable({(2, 999): folder, (22, folder): 0})
    objects.delete("switch", switch, by=None, origin="test")
    assert not Visibility(person).readable({(2, 999): folder, (22, folder): 0})


def test_gone_folders_lie_where_the_place_above_them_is_still_there(
    create: Callable[..., int], root: Folder, person: Person
) -> None:
    outer = create("folder", name="outer", type="skill", folderDBID=root.dbid)
    inner = create("folder", name="inner", type="skill", folderDBID=outer)
    access.grant(root, person, 1, by=None, origin="test")
    objects.delete("folder", inner, by=None, origin="test")
    objects.delete("folder", outer, by=None, origin="test")
    assert Visibility(person).readable({(13, 999): inner}) == {(13, 999)}
    access.revoke(root, person, by=None, origin="test")
    assert not Visibility(person).readable({(13, 999): inner})


@pytest.mark.parametrize("gone", [False, True])
def test_as_many_statements_for_many_folders_as_for_one(
    gone: bool,
    create: Callable[..., int],
    root: Folder,
    person: Person,
    django_assert_max_num_queries: DjangoAssertNumQueries,
) -> None:
    folders = [
        create("folder", name=f"f{n}", type="skill", folderDBID=root.dbid) for n in range(20)
    ]
    skills = [create("skill", tenantDBID=1, name=f"s{f}", folderDBID=f) for f in folders]
    access.grant(root, person, 1, by=None, origin="test")
    if gone:
        for dbid in folders:
            objects.delete("folder", dbid, by=None, origin="test")
    keys = {(13, skill): folder for skill, folder in zip(skills, folders, strict=True)}
    keys |= {(22, folder): root.dbid for folder in folders}
    visibility = Visibility(person)
    with django_assert_max_num_queries(9):
        assert visibility.readable(keys) == set(keys)
