"""What lists show of whole tables is what the rights on each object say."""

from __future__ import annotations

import random
from typing import Any

import pytest

from confwire.objects import OBJECTS, ObjectType
from proxyapp.engine.data.rights import CREATE, READ, READ_PERMISSIONS
from proxyapp.models import (
    AccessGroup,
    Application,
    ApplicationTemplate,
    ConfigObject,
    Document,
    Folder,
    Grant,
    Host,
    Membership,
    Person,
    Tenant,
)
from proxyapp.services import changes
from proxyapp.services.access import Rights
from proxyapp.services.reach import Reach

MODELS: list[Any] = [
    AccessGroup,
    Application,
    ApplicationTemplate,
    ConfigObject,
    Folder,
    Host,
    Person,
    Tenant,
]
NEEDED = [READ, CREATE, READ | READ_PERMISSIONS]
MASKS = [0, READ, READ, READ | CREATE, READ | READ_PERMISSIONS, 127, 128, 129, 160, 255]
SKILL, SWITCH = int(ObjectType.SKILL), int(ObjectType.SWITCH)


def make(chance: random.Random) -> Person:
    """Return a person, among folders in folders and grants of all kinds."""
    with changes.commit(by=None, origin="test") as work:
        tenant = Tenant(name="Acme")
        work.save(tenant)
        office = ConfigObject(type=int(ObjectType.PHYSICAL_SWITCH), tenant_id=1, name="office",
                              document={"type": "siemenshicom300"})  # fmt: skip
        work.save(office)
        fields = {"physSwitchDBID": office.dbid, "type": "siemenshicom300"}
        work.save(ConfigObject(type=SWITCH, tenant_id=1, name="switch", document=fields))
    with changes.commit(by=None, origin="test") as work:  # with default folders now
        person = Person(user_name="anna", employee_id="1", tenant=tenant)
        group = AccessGroup(name="some", tenant=tenant)
        work.save(person, group, AccessGroup(name="all", tenant=tenant))
        work.save(Membership(access_group=group, person=person))
    with changes.commit(by=None, origin="test") as work:
        folders = list(Folder.objects.filter(type__in=["host", "skill", "person"]))
        for number in range(12):
            above = chance.choice(folders)
            folder = Folder(name=f"f{number}", type=above.type, folder=above)
            work.save(folder)
            folders.append(folder)
        for number, folder in enumerate(folders):
            if folder.type == "host":
                work.save(Host(name=f"h{number}", folder=folder))
            elif folder.type == "skill" and folder.owner_dbid == 1:
                work.save(ConfigObject(type=SKILL, tenant_id=1, name=f"s{number}", folder=folder))
        keys = list(Document.objects.values_list("type", "dbid"))
        everyone = AccessGroup.objects.get(type="everyone")
        for subject in ({"person": person}, {"group": group}, {"group": everyone}):
            for type_, dbid in [*chance.sample(keys, 12), (int(Tenant.TYPE), 1)]:
                mask = chance.choice(MASKS)
                key = {"object_type": type_, "object_dbid": dbid}
                Grant.objects.filter(**key, **subject).delete()
                work.save(Grant(**key, **subject, mask=mask))
    return person


@pytest.mark.parametrize("seed", range(12))
def test_conditions_agree_with_the_rights_on_each_object(db: None, seed: int) -> None:
    person = make(random.Random(seed))
    reach, rights = Reach(person), Rights(person)

    for needed in NEEDED:
        seen: set[tuple[int, int]] = set()
        for model in MODELS:
            having = {row for row in model.objects.all() if rights.mask_of(row) & needed == needed}
            assert set(model.objects.filter(reach.having(needed, model))) == having
            seen |= {(int(row.object_type), row.dbid) for row in having}
        grants = Grant.objects.filter(reach.granted(needed))
        on_seen = [row for row in Grant.objects.all() if row.owners()[0] in seen]  # type: ignore[index]
        assert set(grants) == set(on_seen)
        assert {type_ for type_, _ in seen} <= reach.kinds(needed)
        if needed == READ:
            keys = list(Document.objects.values_list("type", "dbid"))
            assert reach.readable([*keys, (int(Host.TYPE), 999_999)]) == seen


@pytest.mark.parametrize("seed", range(3))
def test_what_can_be_created_has_a_folder_for_it(db: None, seed: int) -> None:
    person = make(random.Random(seed))
    rights = Rights(person)
    homes = [row for row in Folder.objects.all() if rights.mask_of(row) & CREATE]

    expected = {int(kind) for kind, info in OBJECTS.items() for home in homes
                if home.type == info.name}  # fmt: skip
    assert Reach(person).creatable == expected | ({int(Folder.TYPE)} if homes else set())


def test_who_has_it_everywhere_is_asked_nothing_more(
    db: None, django_assert_max_num_queries: Any
) -> None:
    administrator = Person.objects.get(pk=100)

    with django_assert_max_num_queries(2):
        reach = Reach(administrator)
        assert reach.everywhere(127)
        assert not reach.having(READ, Host)
        assert reach.readable([(1, 2)]) == {(1, 2)}


def test_the_questions_do_not_grow_with_the_objects(
    db: None, django_assert_max_num_queries: Any
) -> None:
    person = make(random.Random(1))

    with django_assert_max_num_queries(9):
        reach = Reach(person)
        list(ConfigObject.objects.filter(reach.having(READ, ConfigObject)))
        reach.kinds(READ)
        reach.creatable  # noqa: B018


def test_nothing_granted_is_nothing_seen(db: None) -> None:
    with changes.commit(by=None, origin="test") as work:
        person = Person(user_name="anna", employee_id="1", tenant_id=1)
        work.save(person)
        work.delete(*Grant.objects.filter(group__type="everyone"))
    reach = Reach(person)

    assert not any(model.objects.filter(reach.having(READ, model)) for model in MODELS)
    assert not reach.kinds(READ)
    assert not reach.creatable
