"""A named write is carried out once, whoever sends it how often."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import timedelta

import pytest
from django.db import connection
from django.utils import timezone

from confwire.errors import InvalidParameter, ObjectNotFound, RequestError
from historylog.models import Transaction
from proxyapp.models import Person, Receipt, Revision
from proxyapp.services import objects, receipts
from proxyapp.services.objects import Outcome
from proxyapp.services.receipts import Name

NAME = Name("r1", "digest")


def creating(name: str, by: Person) -> Callable[[], Outcome]:
    body = {"tenantDBID": 1, "name": name}
    return lambda: objects.create("skill", body, by=by, origin="test")


@pytest.fixture
def boss(db: None) -> Person:
    return Person.objects.get(dbid=100)


def once(boss: Person, name: Name = NAME, skill: str = "s") -> Outcome:
    return receipts.once(name, creating(skill, boss), by=boss, origin="desk", through="site-1")


def test_the_second_time_gives_the_outcome_of_the_first(boss: Person) -> None:
    first = once(boss)
    second = once(boss)
    assert second.dbid == first.dbid
    assert second.result.revision == first.result.revision == Revision.objects.get().number


def test_the_history_names_the_proxy_that_passed_it_on(boss: Person) -> None:
    revision = once(boss).result.revision
    transaction = Transaction.objects.get(revision=revision)
    assert (transaction.through, transaction.origin, transaction.by) == (
        "site-1", "desk", "default",
    )  # fmt: skip


def test_another_person_may_use_the_same_name(boss: Person, person: Person) -> None:
    once(boss)
    with pytest.raises(ObjectNotFound):
        receipts.once(NAME, creating("t", person), by=person, origin="test")


def test_the_same_name_for_another_write_is_refused(boss: Person) -> None:
    once(boss)
    with pytest.raises(InvalidParameter, match="another write"):
        once(boss, Name("r1", "other"), "t")


def test_without_a_name_nothing_is_kept(boss: Person) -> None:
    once(boss, Name("", "digest"))
    assert not Receipt.objects.exists()


def test_a_refused_write_may_be_tried_again(boss: Person) -> None:
    once(boss, Name("", ""))
    with pytest.raises(RequestError):
        once(boss)  # a skill of this name exists
    assert not Receipt.objects.exists()
    assert once(boss, NAME, "other").dbid


def test_receipts_are_forgotten_after_a_day(boss: Person) -> None:
    once(boss)
    receipts.forget(timezone.now())
    assert Receipt.objects.count() == 1
    receipts.forget(timezone.now() + receipts.KEPT + timedelta(seconds=1))
    assert not Receipt.objects.exists()


@pytest.mark.django_db(transaction=True)
@pytest.mark.postgres_only
def test_two_at_the_same_time_write_once() -> None:
    found: list[Outcome] = []

    def write() -> None:
        found.append(once(Person.objects.get(dbid=100)))
        connection.close()

    threads = [threading.Thread(target=write) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({outcome.dbid for outcome in found}) == 1
    assert len(found) == 8
