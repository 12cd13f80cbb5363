"""All grants on an object at once: what they replace, who may do it, and what lies below."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from confwire.errors import InvalidParameter, NoPermission, ObjectNotFound
from confwire.messages import Permission
from confwire.objects import ObjectType
from proxyapp.models import Folder, Grant, Person, Tenant
from proxyapp.services import access, permissions
from proxyapp.services.documents import find

SKILL = ObjectType.SKILL


@pytest.fixture
def root(db: None) -> Folder:
    return Folder.objects.get(type="skill", folder=None)


def given(person: Person, mask: int) -> Permission:
    return Permission(subject_type="person", subject_dbid=person.dbid, mask=mask)


def grants_on(type_: int, dbid: int) -> dict[tuple[int, int], int]:
    rows = Grant.objects.filter(object_type=type_, object_dbid=dbid)
    return {row.subject: row.mask for row in rows}


def update(
    type_name: str,
    dbid: int,
    *wanted: Permission,
    recursive: bool = False,
    by: Person | None = None,
) -> int | None:
    outcome = permissions.update(type_name, dbid, wanted, recursive, by=by, origin="test")
    return outcome.result.revision


def test_they_replace_all_that_there_was_in_one_revision(
    create: Callable[..., int], root: Folder, person: Person
) -> None:
    boss = Person.objects.get(dbid=100)
    access.grant(root, boss, 127, by=None, origin="test")
    first = update("folder", root.dbid, given(person, 5))
    assert grants_on(22, root.dbid) == {(3, person.dbid): 5}
    assert update("folder", root.dbid, given(person, 1), given(boss, 127)) == (first or 0) + 1
    assert grants_on(22, root.dbid) == {(3, person.dbid): 1, (3, 100): 127}
    assert update("folder", root.dbid, given(boss, 127), given(person, 1)) is None
    update("folder", root.dbid)
    assert grants_on(22, root.dbid) == {}


def test_below_is_taken_off_what_stood_in_the_way(
    create: Callable[..., int], root: Folder, person: Person
) -> None:
    inner = create("folder", name="inner", type="skill", folderDBID=root.dbid)
    skill = create("skill", tenantDBID=1, name="s", folderDBID=inner)
    other = Folder.objects.get(type="application", folder=None)
    folder = ObjectType.FOLDER
    for type_, dbid in ((folder, inner), (SKILL, skill), (folder, other.dbid)):
        access.grant(find(type_, [dbid]).get(), person, 0, by=None, origin="test")
    update("folder", root.dbid, given(person, 1), recursive=True)
    assert grants_on(22, inner) == grants_on(13, skill) == {}
    assert grants_on(22, other.dbid) == {(3, person.dbid): 0}
    assert access.may(person, 1, SKILL, skill)
    update("tenant", 1, given(person, 127), recursive=True)
    assert grants_on(22, root.dbid) == grants_on(22, other.dbid) == {}
    assert list(Tenant.objects.values_list("dbid", flat=True)) == [1]


def test_who_lacks_the_right_on_something_below_changes_nothing(
    create: Callable[..., int], root: Folder, person: Person
) -> None:
    skill = create("skill", tenantDBID=1, name="s", folderDBID=root.dbid)
    access.grant(root, person, 65, by=None, origin="test")
    access.grant(find(SKILL, [skill]).get(), person, 1, by=None, origin="test")
    with pytest.raises(NoPermission):
        update("folder", root.dbid, given(person, 127), recursive=True, by=person)
    assert grants_on(22, root.dbid) == {(3, person.dbid): 65}
    update("folder", root.dbid, given(person, 65), by=person)


def test_what_may_not_be_read_is_not_there(root: Folder, person: Person) -> None:
    with pytest.raises(ObjectNotFound):
        update("folder", root.dbid, by=person)
    with pytest.raises(ObjectNotFound):
        update("skill", 999)


def test_subjects_must_exist_and_be_named_once(root: Folder, person: Person) -> None:
    with pytest.raises(InvalidParameter, match="twice"):
        update("folder", root.dbid, given(person, 1), given(person, 2))
    nobody = Permission(subject_type="accessGroup", subject_dbid=999, mask=1)
    with pytest.raises(InvalidParameter, match="no accessGroup"):
        update("folder", root.dbid, nobody)
    with pytest.raises(InvalidParameter):
        update("unicorn", 1)
