"""Writers of the one door, without a server between: a process that is told what to commit.

Runs with Django set up, in a process of its own that `site` starts. Each line of its stdin is
`[call, arguments]`, each answer a line of JSON.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable
from contextlib import ExitStack
from typing import Any

from django.db import transaction

from benchmarks.filling import ORIGIN
from benchmarks.site import ADMINISTRATOR
from confwire.objects import ObjectType
from proxyapp.models import ConfigObject, Folder, Person, Tenant
from proxyapp.models.access import AccessGroup, Grant
from proxyapp.models.folders import ENVIRONMENT
from proxyapp.services import changes, epochs, objects

_PAD = 48
_held = ExitStack()
"""A transaction that is still open."""


def one_by_one(dbids: list[int], seconds: float) -> dict[str, Any]:
    """Change one object a transaction, as fast as it goes; return how many."""
    by = Person.objects.get(user_name=ADMINISTRATOR)
    begun, count = time.monotonic(), 0
    while (passed := time.monotonic() - begun) < seconds:
        dbid = dbids[count % len(dbids)]
        objects.update("skill", dbid, _delta(count), by=by, origin=ORIGIN)
        count += 1
    return {"count": count, "seconds": passed}


def together(dbids: list[int]) -> dict[str, Any]:
    """Change these objects in one transaction; return when it began, and its revision."""
    by = Person.objects.get(user_name=ADMINISTRATOR)
    sent = time.time()
    with changes.commit(by=by, origin=ORIGIN) as work:
        for row in ConfigObject.objects.filter(type=ObjectType.SKILL, dbid__in=dbids):
            row.annex = _delta(row.dbid)["userProperties"]
            work.save(row)
    assert work.result is not None
    return {"sent": sent, "revision": work.result.revision}


def give_way() -> dict[str, Any]:
    """Take only processor time that nobody else wants, from now on."""
    os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))
    return {}


def steady(dbids: list[int], rate: float, seconds: float) -> dict[str, Any]:
    """Change one object a transaction, at a steady rate; return how many."""
    by = Person.objects.get(user_name=ADMINISTRATOR)
    begun, count = time.monotonic(), 0
    while (passed := time.monotonic() - begun) < seconds:
        if count < passed * rate:
            dbid = dbids[count % len(dbids)]
            objects.update("skill", dbid, _delta(count), by=by, origin=ORIGIN)
            count += 1
        else:
            time.sleep(1 / rate)
    return {"count": count, "seconds": passed}


def repeat(dbids: list[int], rate: float, count: int) -> dict[str, Any]:
    """Make so many changes at a steady rate, none of them left out when it is late."""
    by = Person.objects.get(user_name=ADMINISTRATOR)
    begun = time.monotonic()
    for number in range(count):
        time.sleep(max(0.0, begun + number / rate - time.monotonic()))
        dbid = dbids[number % len(dbids)]
        objects.update("skill", dbid, _delta(number), by=by, origin=ORIGIN)
    return {"count": count}


def import_objects(count: int, folder: int) -> dict[str, Any]:
    """Create objects in one transaction, as an import does."""
    tenant, place = Tenant.objects.get(dbid=ENVIRONMENT), Folder.objects.get(dbid=folder)
    stamp = time.time_ns()
    with changes.commit(by=None, origin=ORIGIN) as work:
        work.add(
            ConfigObject(
                type=int(ObjectType.SKILL),
                tenant=tenant,
                folder=place,
                name=f"Imported {stamp} {number:06}",
                annex=_delta(number)["userProperties"],
            )
            for number in range(count)
        )
    return {}


def hide_and_show(folder: int) -> dict[str, Any]:
    """Take the readers' right on a folder away, and give it back."""
    readers = AccessGroup.objects.get(name="Readers")
    key = {"object_type": int(ObjectType.FOLDER), "object_dbid": folder}
    hiding = Grant(**key, group=readers, mask=0)
    with changes.commit(by=None, origin=ORIGIN) as work:
        work.save(hiding)
    with changes.commit(by=None, origin=ORIGIN) as work:
        work.delete(hiding)
    return {}


def hide_and_show_all() -> dict[str, Any]:
    """Take the readers' right on all objects away, and give it back."""
    grant = Grant.objects.get(group__name="Readers")
    for mask in (0, grant.mask):
        grant.mask = mask
        with changes.commit(by=None, origin=ORIGIN) as work:
            work.save(grant)
    return {}


def hold(first: int, count: int) -> dict[str, Any]:
    """Change so many objects in a transaction that `new_epoch` ends: until then nobody knows."""
    annex = _delta(first)["userProperties"]
    _held.enter_context(transaction.atomic())
    with changes.commit(by=None, origin=ORIGIN) as work:
        for row in ConfigObject.objects.filter(
            type=ObjectType.SKILL, dbid__gte=first, dbid__lt=first + count
        ):
            row.annex = annex
            work.save(row)
    return {}


def new_epoch() -> dict[str, Any]:
    """Let every server load its data anew, in which what is held differs from theirs."""
    sent = time.time()
    with _held:
        epochs.begin()
    return {"sent": sent}


def _delta(number: int) -> dict[str, Any]:
    pad = f"{time.time_ns()}-{number}".ljust(_PAD, "x")
    return {"userProperties": {"load": {"pad": pad}}}


_CALLS: dict[str, Callable[..., dict[str, Any]]] = {
    "one_by_one": one_by_one,
    "together": together,
    "give_way": give_way,
    "steady": steady,
    "repeat": repeat,
    "import_objects": import_objects,
    "hide_and_show": hide_and_show,
    "hide_and_show_all": hide_and_show_all,
    "hold": hold,
    "new_epoch": new_epoch,
}


def serve() -> None:
    """Carry out calls until the parent closes the pipe."""
    for line in sys.stdin:
        call, arguments = json.loads(line)
        print(json.dumps(_CALLS[call](**arguments)), flush=True)
