"""Whatever is written in whatever order: what was delivered is what there is."""

from __future__ import annotations

import random
from typing import Any

import pytest

from confwire.errors import RequestError
from confwire.objects import BY_NAME, ObjectType
from proxyapp.models import Document, Person
from proxyapp.services import access, changes, objects
from proxyapp.services.documents import find

NAMES = ("one", "two", "three", "Четыре", "五")


def create(run: random.Random) -> None:
    name = run.choice(NAMES)
    kind, document = run.choice(
        [
            ("skill", {"tenantDBID": 1, "name": name}),
            ("tenant", {"name": name}),
            ("physicalSwitch", {"name": name}),
            ("person", {"tenantDBID": 1, "employeeID": name, "userName": name}),
            ("folder", {"name": name, "type": "skill"}),
            ("accessGroup", {"tenantDBID": 1, "name": name}),
        ]
    )
    objects.create(kind, document, by=None, origin="run")


def any_object(run: random.Random) -> Document:
    names = ("skill", "tenant", "physicalSwitch", "person", "folder", "accessGroup", "application")
    types = [int(BY_NAME[name].type) for name in names]
    return run.choice(list(Document.objects.filter(type__in=types).order_by("type", "dbid")))


def name_of(row: Document) -> str:
    return next(info.name for info in BY_NAME.values() if info.type == row.type)


def change(run: random.Random) -> None:
    row = any_object(run)
    section = run.choice(NAMES)
    delta: dict[str, Any] = {"userProperties": {section: {"n": run.randint(0, 3)}}}
    if row.type == ObjectType.ACCESS_GROUP:
        member = {"objectType": "person", "DBID": 100 + run.randint(0, 3)}
        delta["members"] = {run.choice(["add", "remove"]): [member]}
    if run.random() < 0.3:
        delta["folderDBID"] = run.choice(list(Document.objects.filter(type=22))).dbid
    objects.update(name_of(row), row.dbid, delta, by=None, origin="run")


def delete(run: random.Random) -> None:
    row = any_object(run)
    objects.delete(name_of(row), row.dbid, by=None, origin="run")


def grant(run: random.Random) -> None:
    row = any_object(run)
    target = find(ObjectType(row.type), [row.dbid]).first()
    if target is None:
        return  # deleted in this very transaction
    person = run.choice(list(Person.objects.order_by("dbid")))
    if run.random() < 0.7:
        access.grant(target, person, run.choice([1, 5, 127, 129]), by=None, origin="run")
    else:
        access.revoke(target, person, by=None, origin="run")


@pytest.mark.parametrize("seed", range(4))
def test_a_random_run_arrives_as_it_was_made(verify_change: Any, seed: int) -> None:
    run = random.Random(seed)
    done = 0
    with verify_change() as transactions:
        for _ in range(25):
            try:
                with changes.commit(by=None, origin="run"):
                    for _ in range(run.randint(1, 3)):
                        run.choice([create, create, change, change, delete, grant])(run)
                done += 1
            except RequestError:
                continue
    assert done > 5
    assert len(transactions) > 5
