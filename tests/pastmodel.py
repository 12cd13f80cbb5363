"""A model of the past: the journal replayed from its beginning, state by state."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

from confwire.errors import RequestError
from confwire.objects import BY_NAME, ObjectType
from proxyapp.models import Change, Document, Person
from proxyapp.models.door import Key
from proxyapp.services import access, asof, changes, objects
from proxyapp.services.documents import find

NAMES = ("one", "two", "Three")
Whole = dict[Key, tuple[str, str]]
"""(type, DBID) -> (document, grants)"""


def present() -> Whole:
    """Return all objects as they are published."""
    rows = Document.objects.values_list("type", "dbid", "body", "acl")
    return {(type_, dbid): (body, acl) for type_, dbid, body, acl in rows}


def replay() -> dict[int, Whole]:
    """Return the whole as of each revision, by the journal alone."""
    found: dict[int, Whole] = {0: {}}
    state: Whole = {}
    for row in Change.objects.order_by("revision", "seq"):
        if row.action == "put":
            state[row.type, row.dbid] = row.body, row.acl
        else:
            del state[row.type, row.dbid]
        found[row.revision] = dict(state)
    return found


def whole(revision: int) -> Whole:
    """Return the whole as of a revision, by the history."""
    return {state.key: (state.body, state.acl) for state in asof.Past(revision).everything()}


# ---------------------------------------------------------------- random transactions

_TYPES = ("skill", "person", "folder", "accessGroup", "switch", "agentGroup")


def _create(run: random.Random) -> None:
    name = run.choice(NAMES)
    kind: str
    document: dict[str, Any]
    kind, document = run.choice(
        [
            ("skill", {"tenantDBID": 1, "name": name}),
            ("person", {"tenantDBID": 1, "employeeID": name, "userName": name}),
            ("folder", {"name": name, "type": "skill"}),
            ("accessGroup", {"tenantDBID": 1, "name": name}),
            ("physicalSwitch", {"name": name}),
        ]
    )
    if kind == "physicalSwitch":
        dbid = objects.create(kind, document, by=None, origin="run").dbid
        kind, document = "switch", {"tenantDBID": 1, "name": name, "physicalSwitchDBID": dbid}
    objects.create(kind, document, by=None, origin="run")


def _any(run: random.Random) -> tuple[str, int]:
    types = [int(BY_NAME[name].type) for name in _TYPES]
    rows = Document.objects.filter(type__in=types, dbid__gt=100).order_by("type", "dbid")
    row = run.choice(list(rows.values_list("type", "dbid")))
    return next(info.name for info in BY_NAME.values() if info.type == row[0]), row[1]


def _change(run: random.Random) -> None:
    kind, dbid = _any(run)
    delta: dict[str, Any] = {"userProperties": {run.choice(NAMES): {"n": run.randint(0, 3)}}}
    if run.random() < 0.3:
        delta["userProperties"][run.choice(NAMES)] = None
    if run.random() < 0.2:
        delta["employeeID" if kind == "person" else "name"] = run.choice(NAMES)
    if kind == "accessGroup":
        delta["members"] = {run.choice(["add", "remove"]): [{"objectType": "person", "DBID": 100}]}
    if kind == "skill" and run.random() < 0.4:
        folders = Document.objects.filter(type=22, body__contains='"type":"skill"')
        delta["folderDBID"] = run.choice(list(folders.order_by("dbid"))).dbid
    objects.update(kind, dbid, delta, by=None, origin="run")


def _delete(run: random.Random) -> None:
    kind, dbid = _any(run)
    objects.delete(kind, dbid, by=None, origin="run")


def _grant(run: random.Random) -> None:
    kind, dbid = _any(run)
    target = find(ObjectType(BY_NAME[kind].type), [dbid]).first()
    if target is None:
        return  # deleted in this very transaction
    person = run.choice(list(Person.objects.order_by("dbid")))
    if run.random() < 0.7:
        access.grant(target, person, run.choice([1, 5, 127]), by=None, origin="run")
    else:
        access.revoke(target, person, by=None, origin="run")


_STEPS: list[Callable[[random.Random], None]] = [
    _create, _create, _create, _change, _change, _change, _delete, _grant
]  # fmt: skip


def transact(run: random.Random) -> int | None:
    """Make one random transaction; return its revision, None when it was refused or empty."""
    try:
        with changes.commit(by=None, origin="run") as work:
            for _ in range(run.randint(1, 3)):
                run.choice(_STEPS)(run)
    except RequestError:
        return None
    return work.result.revision if work.result is not None else None
