"""Searches of a long history on PostgreSQL: each first page, and a page from its middle.

A hundred changes for each object that `--objects` says: 10,000,000 by default. What is measured is
what a page of the site asks, in the process that asks. Pruning is measured beside a writer.
"""

from __future__ import annotations

import os
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

from benchmarks import results
from benchmarks.measuring import Options, Turn
from benchmarks.postgres import on_postgres

CHANGES_EACH = 100
BAR = "≤ 300"
_TO_PRUNE = 100_000  # changes

Search = Callable[[int], Any]
"""Asks once; the number chooses what for."""


def run(options: Options) -> None:
    """Measure, and write the results."""
    on_postgres("history", _measure, options)


def _measure(options: Options) -> None:
    with tempfile.TemporaryDirectory() as folder:
        os.environ["CSPROXY_DATA"] = folder
        os.environ["DJANGO_SETTINGS_MODULE"] = "csproxy_site.settings"
        import django

        django.setup()
        from django.core.management import call_command

        call_command("migrate", verbosity=0)
        results.write("history", list(_rows(options)))


def _rows(options: Options) -> Iterator[results.Row]:
    from benchmarks.aging import age

    records = options.objects * CHANGES_EACH
    print(f"making a history of {records:,} changes …", end=" ", flush=True)
    begun = time.monotonic()
    first = age(records)
    print(f"{time.monotonic() - begun:.0f} s")
    for words, search in _searches(first, records).items():
        turns = [Turn(_milliseconds(search, number)) for number in range(4 * options.rounds)]
        slowest = [max(turns, key=lambda turn: turn.value)]
        figure = f"{words}, {records:,} changes"
        yield results.alone(f"{figure}, slowest of {len(turns)}", "ms", slowest, BAR)
        yield results.alone(f"{figure}, median", "ms", turns)
    yield from _pruning(records)


def _milliseconds(search: Search, number: int) -> float:
    begun = time.perf_counter()
    search(number)
    return 1e3 * (time.perf_counter() - begun)


def _searches(first: int, records: int) -> dict[str, Search]:
    from confwire.objects import ObjectType
    from historylog.models import Transaction
    from historylog.reader import Place, changes, paths_of, steps_of, transactions
    from historylog.reader import Question as Q
    from proxyapp.services import asof

    newest = Transaction.objects.latest("revision")
    middle = (first + newest.revision) // 2

    def pages(question: Callable[[int], Q]) -> Search:
        """Ask for the first page and for one from the middle, and what they need beside."""

        def search(number: int) -> None:
            before = Place(middle + number, 0) if number % 2 else None
            paths_of(found.place for found in changes(question(number), before))

        return search

    def month(number: int) -> dict[str, Any]:
        until = newest.at - timedelta(days=11 * number)
        return {"since": until - timedelta(days=30), "until": until}

    def of_heads(number: int) -> None:
        before = middle + number if number % 2 else None
        for asked in ({}, {"by": f"person {number}"}, {"server": "server 7"}, month(number)):
            transactions(Q(**asked), before)

    def difference(number: int) -> None:
        for revision in (middle, newest.revision):
            asof.Past(revision).state(ObjectType.SKILL, 101 + 7907 * number)

    return {
        "all changes": pages(lambda n: Q()),
        "changes of an object": pages(lambda n: Q(type=13, dbid=101 + 7907 * n)),
        "changes by a person": pages(lambda n: Q(by=f"person {n}")),
        "changes by nobody there is": pages(lambda n: Q(by="nobody")),
        "changes from an application": pages(lambda n: Q(application=f"application {n * n}")),
        "changes of a session": pages(lambda n: Q(session=f"s{n * 500}")),
        "changes through a server": pages(lambda n: Q(server=f"server {n % 23}")),
        "changes of a month": pages(lambda n: Q(**month(n))),
        "deletions of a month": pages(lambda n: Q(kind="deleted", **month(n))),
        "deletions": pages(lambda n: Q(kind="deleted")),
        "changes in a tenant": pages(lambda n: Q(tenant=1 + n)),
        "changes in a folder": pages(lambda n: Q(folder=101 + 131 * n)),
        "changes of a type": pages(lambda n: Q(type=21)),
        "changes of a name": pages(lambda n: Q(name=f"object {7907 * (n + 1)}")),
        "changes of names that begin alike": pages(lambda n: Q(name=f"Object {n % 9 + 1}")),
        "changes of a frequent property": pages(lambda n: Q(path="options.log.verbose")),
        "changes of a rare property": pages(lambda n: Q(path=f"userProperties.s{n}.value")),
        "changes of a section": pages(lambda n: Q(path="options.log.")),
        "changes of a rare section": pages(lambda n: Q(path=f"userProperties.s{n}.")),
        "changes by a person in a tenant": pages(lambda n: Q(by=f"person {n}", tenant=1 + n)),
        "deletions by a person": pages(lambda n: Q(by=f"person {n}", kind="deleted")),
        "a property of a type through a server": pages(
            lambda n: Q(path="state", type=9, server="server 3")
        ),
        "transactions": of_heads,
        "a page of one transaction": lambda n: steps_of(middle + n),
        "an object as of two revisions": difference,
    }


def _pruning(records: int) -> Iterator[results.Row]:
    from django.utils import timezone

    from historylog.models import ChangeRecord
    from historylog.retention import Limits, prune

    kept = ChangeRecord.objects.count() - min(_TO_PRUNE, records // 2)
    waits: list[float] = []
    stopping = threading.Event()
    writer = threading.Thread(target=_write, args=(stopping, waits))
    writer.start()
    begun = time.monotonic()
    pruned = prune(Limits(10 * 365, kept), timezone.now())
    passed = time.monotonic() - begun
    stopping.set()
    writer.join()
    yield results.alone("pruning", "changes/s", [Turn(pruned.records / passed)], "≥ 1000")
    turns = [Turn(1e3 * max(waits))]
    yield results.alone("a commit beside it, slowest", "ms", turns, BAR)


def _write(stopping: threading.Event, waits: list[float]) -> None:
    from django.db import connection

    from proxyapp.services import objects

    number = 0
    while not stopping.is_set():
        number += 1
        begun = time.perf_counter()
        document = {"tenantDBID": 1, "name": f"beside the pruning {number}"}
        objects.create("skill", document, by=None, origin="benchmark")
        waits.append(time.perf_counter() - begun)
    connection.close()
