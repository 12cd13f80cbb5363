"""Every right by itself, with and without Read, against every request on an object.

What one may not read is answered as if it were not there, whatever else one may do with it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from confwire.errors import NoPermission, ObjectNotFound, RequestError
from confwire.messages import Permission
from confwire.objects import ObjectType
from proxyapp.models import Folder, Person
from proxyapp.services import access, objects, permissions
from proxyapp.services.documents import find
from tests.proxyapp.engine.bench import BOB, EVE, OTHER, Bench, Client, master, record

RIGHTS = {
    "read": 1, "create": 2, "change": 4, "execute": 8, "delete": 16, "read permissions": 32,
    "change permissions": 64,
}  # fmt: skip
MASKS = sorted({mask | read for mask in (0, *RIGHTS.values(), 127) for read in (0, 1)})


# ---------------------------------------------------------------- what is read, in memory


@pytest.fixture
def bench() -> Bench:
    """A master with one skill for each mask, all in a folder that grants nothing."""
    made = master()
    for mask in MASKS:
        acl = [(3, BOB, mask)]
        made.commit(record("skill", 1000 + mask, OTHER, name=f"s{mask}", tenantDBID=1, acl=acl))
    return made


@pytest.fixture
def bob(bench: Bench) -> Client:
    return bench.login("bob")


@pytest.mark.parametrize("mask", MASKS)
def test_reads_and_pushes_need_read_and_nothing_else(bench: Bench, bob: Client, mask: int) -> None:
    dbid, seen = 1000 + mask, bool(mask & 1)
    for filter_ in ({"dbid": dbid}, {"name": f"s{mask}"}):
        for request in ("readObjects", "readBrief"):
            (answer,) = bob.ask(request, objectType="skill", filter=filter_)
            assert bool(answer["objects"]) is seen, (request, filter_)
            assert answer["total"] == seen
    bob.watch(types=["skill"])
    before, acl = f"s{mask}", [(3, BOB, mask)]
    for name in ("other", before):
        bench.commit(record("skill", dbid, OTHER, name=name, tenantDBID=1, acl=acl))
    assert bool(bob.changes()) is seen
    (answer,) = bob.ask("historyLog", since={"epoch": "e1", "revision": 1})
    assert (dbid in {change["DBID"] for change in answer["changes"]}) is seen


@pytest.mark.parametrize("mask", MASKS)
def test_permissions_need_their_own_right_beside_read(bob: Client, mask: int) -> None:
    (answer,) = bob.ask("readPermissions", objectType="skill", DBID=1000 + mask)
    if not mask & 1:
        assert answer["code"] == "objectNotFound"
    elif not mask & 32:
        assert answer["code"] == "noPermission"
    else:
        assert answer["permissions"][0]["mask"] == mask
    (answer,) = bob.ask("readPermissions", objectType="skill", DBID=1000 + mask, personDBID=BOB)
    assert answer.get("mask", 0) == (mask if mask & 1 else 0)


@pytest.mark.parametrize("mask", MASKS)
def test_changes_of_permissions_are_told_to_who_may_read_and_the_grants_to_who_may_those(
    bench: Bench, bob: Client, mask: int
) -> None:
    dbid = 1000 + mask
    (answer,) = bob.ask("registerPermissions", objects=[{"objectType": "skill", "DBID": dbid}])
    assert answer.get("code") == (None if mask & 1 else "objectNotFound")
    acl = [(3, BOB, mask | 128)]
    bench.commit(record("skill", dbid, OTHER, name="x", tenantDBID=1, acl=acl))
    assert bool(bob.inbox) is (mask & 33 == 33), "nothing but the grant itself is another one"


@pytest.mark.parametrize("mask", MASKS)
def test_secrets_need_the_right_to_change_beside_read(bob: Client, mask: int) -> None:
    (answer,) = bob.ask("readSecrets", objectType="skill", DBID=1000 + mask)
    if not mask & 1:
        assert answer["code"] == "objectNotFound"
    elif not mask & 4:
        assert answer["code"] == "noPermission"
    else:
        assert answer["message"] == "secretsRead"


@pytest.mark.parametrize("mask", MASKS)
def test_an_application_is_opened_by_who_may_execute_it(bench: Bench, mask: int) -> None:
    bench.commit(record("application", 100, 500, name="default", type="sce",
                        acl=[(3, BOB, mask), (3, EVE, 9)]))  # fmt: skip
    client = bench.connect()
    client.open("bob")
    opened = client.inbox[-1]["message"] == "opened"
    assert opened is bool(mask & 8)


# ---------------------------------------------------------------- what is written, in the database


def outcome(write: Callable[[], object]) -> type[RequestError] | None:
    try:
        write()
    except RequestError as error:
        return type(error)
    return None


def refused_as(mask: int, right: int) -> type[RequestError] | None:
    if mask & right:
        return None
    return NoPermission if mask & 1 else ObjectNotFound


@pytest.mark.parametrize("mask", MASKS)
def test_each_write_needs_its_right(mask: int, person: Person) -> None:
    root = Folder.objects.get(type="skill", folder=None)
    body = {"tenantDBID": 1, "name": "s"}
    dbid = objects.create("skill", body, by=None, origin="test").dbid
    skill = find(ObjectType.SKILL, [dbid]).get()
    access.grant(skill, person, mask, by=None, origin="test")
    who: dict[str, Any] = {"by": person, "origin": "test"}
    given = Permission(subject_type="person", subject_dbid=person.dbid, mask=mask)
    writes: dict[str, tuple[int, Callable[[], object]]] = {
        "updateObject": (4, lambda: objects.update("skill", dbid, {"name": "t"}, **who)),
        "updatePermissions": (
            64, lambda: permissions.update("skill", dbid, [given], False, **who)
        ),
        "deleteObject": (16, lambda: objects.delete("skill", dbid, **who)),
    }  # fmt: skip
    for name, (right, write) in writes.items():
        assert outcome(write) is refused_as(mask, right), name
    assert find(ObjectType.SKILL, [dbid]).exists() is not bool(mask & 16)
    access.grant(root, person, mask, by=None, origin="test")
    create = outcome(lambda: objects.create("skill", {"tenantDBID": 1, "name": "new"}, **who))
    assert create is refused_as(mask, 2)


@pytest.fixture
def person(db: None) -> Person:
    body = {"tenantDBID": 1, "userName": "anna", "employeeID": "anna"}
    dbid = objects.create("person", body, by=None, origin="test").dbid
    return Person.objects.get(dbid=dbid)
