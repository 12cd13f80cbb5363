"""Writers of the one door, without a server between: a process that is told what to commit.

Runs with Django set up, in a process of its own that `site` starts. Each line of its stdin is
`[call, arguments]`, each answer a line of JSON.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from typing import Any

from benchmarks.filling import ORIGIN
from benchmarks.site import ADMINISTRATOR
from confwire.objects import ObjectType
from proxyapp.models import ConfigObject, Person
from proxyapp.services import changes, objects

_PAD = 48


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
    """Change these objects in one transaction; return when it began and was committed."""
    by = Person.objects.get(user_name=ADMINISTRATOR)
    sent = time.time()
    with changes.commit(by=by, origin=ORIGIN) as work:
        for row in ConfigObject.objects.filter(type=ObjectType.SKILL, dbid__in=dbids):
            row.annex = _delta(row.dbid)["userProperties"]
            work.save(row)
    return {"sent": sent, "committed": time.time()}


def _delta(number: int) -> dict[str, Any]:
    pad = f"{time.time_ns()}-{number}".ljust(_PAD, "x")
    return {"userProperties": {"load": {"pad": pad}}}


_CALLS: dict[str, Callable[..., dict[str, Any]]] = {
    "one_by_one": one_by_one,
    "together": together,
}


def serve() -> None:
    """Carry out calls until the parent closes the pipe."""
    for line in sys.stdin:
        call, arguments = json.loads(line)
        print(json.dumps(_CALLS[call](**arguments)), flush=True)
