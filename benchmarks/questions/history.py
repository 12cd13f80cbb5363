"""Searches of a long history on PostgreSQL, each first page and one from its middle; whole pages.

A hundred changes for each object that `--objects` says, 10,000,000 by default, and half as many
entries about sessions, logins and servers. What is measured is what a page of the site asks, in
the process that asks. Pruning is measured beside a writer.
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
CHANGES_OF_AN_ENTRY = 2
SIGHTS = {"all seen": 0, "some folders denied": 50, "nothing of it seen": 1}
"""What an administrator sees, and of how many folders one is denied for that."""
_TO_PRUNE = 100_000  # changes, or entries

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
    from benchmarks.aging import add_entries, age
    from benchmarks.visiting import deny, furnish, visits

    records = options.objects * CHANGES_EACH
    entries = records // CHANGES_OF_AN_ENTRY
    print(f"making {records:,} changes and {entries:,} entries …", end=" ", flush=True)
    begun = time.monotonic()
    furnish()
    first = age(records)
    add_entries(entries)
    print(f"{time.monotonic() - begun:.0f} s")
    yield from _asked(_searches(first, records), f"{records:,} changes", options)
    yield from _asked(_entry_searches(), f"{entries:,} entries", options)
    newest = first + records // CHANGES_OF_AN_ENTRY - 1
    for words, each in SIGHTS.items():
        if each:
            deny(each)
        yield from _asked(visits(words, first, newest), f"{records:,} changes", options)
    yield from _pruning(records)
    yield from _pruning_entries(entries)


def _asked(searches: dict[str, Search], rows: str, options: Options) -> Iterator[results.Row]:
    for words, search in searches.items():
        turns = [Turn(_milliseconds(search, number)) for number in range(4 * options.rounds)]
        slowest = [max(turns, key=lambda turn: turn.value)]
        figure = f"{words}, {rows}"
        yield results.alone(f"{figure}, slowest of {len(turns)}", "ms", slowest)
        yield results.alone(f"{figure}, median", "ms", turns)


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


def _entry_searches() -> dict[str, Search]:
    from django.utils import timezone

    from historylog import sessions
    from historylog.entryreader import GROUPS, entries, place_of
    from historylog.entryreader import EntryQuestion as Q

    now = timezone.now()
    half_a_year_ago = place_of(entries(Q(until=now - timedelta(days=180)), limit=1)[0])
    month: dict[str, Any] = {
        "since": now - timedelta(days=60),
        "until": now - timedelta(days=30),
    }

    def pages(question: Callable[[int], Q]) -> Search:
        def search(number: int) -> None:
            entries(question(number), half_a_year_ago if number % 2 else None)

        return search

    def user(number: int) -> str:
        return f"person {number * 7919 % 3001}"

    def group(name: str) -> Search:
        return pages(lambda n: Q(kind=name))

    return {
        "all entries": pages(lambda n: Q()),
        "entries of a month": pages(lambda n: Q(**month)),
        "entries of a session": pages(lambda n: Q(session=f"s{1000 * n}")),
        "entries of an application": pages(lambda n: Q(application=f"application {n * n}")),
        "entries of a user": pages(lambda n: Q(user=user(n))),
        "entries of nobody there is": pages(lambda n: Q(user="nobody")),
        "entries of a server": pages(lambda n: Q(server=f"server {n % 23}")),
        **{f"entries about {name}": group(name) for name in GROUPS},
        "web logins": pages(lambda n: Q(kind="webLogin")),
        "entries of a kind that there is not": pages(lambda n: Q(kind="draining")),
        "logins at a server": pages(lambda n: Q(kind="logins", server=f"server {n % 23}")),
        "logins of a user": pages(lambda n: Q(kind="logins", user=user(n))),
        "logins by an application": pages(
            lambda n: Q(kind="logins", application=f"application {n * n}")
        ),
        "entries of an application and its user": pages(
            lambda n: Q(application=f"application {n * n}", user=user(n))
        ),
        "entries of a user at a server in a month": pages(
            lambda n: Q(user=user(n), server=f"server {n % 23}", **month)
        ),
        "the life of a session": lambda n: sessions.life_of(f"s{1000 * n}"),
        "the state of a session": lambda n: sessions.state_of(f"s{1000 * n}"),
        "the sessions of an application": lambda n: sessions.of_application(f"application {n * n}"),
        "the sessions that a server had open for an hour": lambda n: sessions.open_at(
            f"server {n % 23}", since=now.timestamp() - 3600
        ),
    }


def _pruning(records: int) -> Iterator[results.Row]:
    from django.utils import timezone

    from historylog.models import ChangeRecord
    from historylog.retention import Limits, prune

    kept = ChangeRecord.objects.count() - min(_TO_PRUNE, records // 2)
    limits = Limits(10 * 365, kept)
    yield from _beside_a_writer("changes", lambda: prune(limits, timezone.now()).records)


def _pruning_entries(entries: int) -> Iterator[results.Row]:
    from historylog.models import EntryRecord
    from historylog.retention import EntryLimits, prune_entries

    oldest = EntryRecord.objects.order_by("at")
    until = oldest[min(_TO_PRUNE, entries // 2)].at
    limits = EntryLimits(1, 1)
    now = until + timedelta(days=1)
    yield from _beside_a_writer("entries", lambda: prune_entries(limits, now))


def _beside_a_writer(what: str, prune: Callable[[], int]) -> Iterator[results.Row]:
    waits: list[float] = []
    stopping = threading.Event()
    writer = threading.Thread(target=_write, args=(what, stopping, waits))
    writer.start()
    begun = time.monotonic()
    pruned = prune()
    passed = time.monotonic() - begun
    stopping.set()
    writer.join()
    yield results.alone(f"pruning of {what}", f"{what}/s", [Turn(pruned / passed)])
    turns = [Turn(1e3 * max(waits))]
    yield results.alone(f"a commit beside the pruning of {what}, slowest", "ms", turns)


def _write(what: str, stopping: threading.Event, waits: list[float]) -> None:
    from django.db import connection

    from proxyapp.services import objects

    number = 0
    while not stopping.is_set():
        number += 1
        begun = time.perf_counter()
        document = {"tenantDBID": 1, "name": f"beside the pruning of {what} {number}"}
        objects.create("skill", document, by=None, origin="benchmark")
        waits.append(time.perf_counter() - begun)
    connection.close()
