"""The database as authority: loads, follows, notices what was restored, outlives its absence."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
import pytest_asyncio
from django.db import OperationalError, connection, transaction

from confwire.messages import CreateObject, DeleteObject, UpdateObject
from proxyapp import selectors
from proxyapp.engine import events as e
from proxyapp.engine.commands import NewEpoch, ReadTransactions, Write
from proxyapp.engine.data.journal import record_digest, tree_after
from proxyapp.models import Commit, Revision
from proxyapp.runtime import authority as module
from proxyapp.runtime.authority import Authority
from proxyapp.services import epochs, objects

pytestmark = pytest.mark.django_db(transaction=True)


async def in_thread(function: Callable[..., Any], *arguments: Any, **named: Any) -> Any:
    """Use the database in a thread, and leave no connection behind."""

    def run() -> Any:
        try:
            return function(*arguments, **named)
        finally:
            connection.close()

    return await asyncio.to_thread(run)


def create_skill(name: str) -> Any:
    document = {"name": name, "tenantDBID": 1}
    return objects.create("skill", document, by=None, origin="test")


class Told:
    """What the authority told and asked."""

    def __init__(self) -> None:
        self.events: asyncio.Queue[e.Event] = asyncio.Queue()
        self._halts: asyncio.Queue[str] = asyncio.Queue()

    def halt(self, reason: str) -> None:
        self._halts.put_nowait(reason)

    async def halted(self) -> str:
        """Return why the process was to end."""
        async with asyncio.timeout(20):
            return await self._halts.get()

    async def next(self, kind: type[e.Event]) -> Any:
        """Return the next event, which must be of this kind."""
        async with asyncio.timeout(20):
            event = await self.events.get()
        assert isinstance(event, kind), event
        return event

    async def load(self) -> tuple[e.LoadStarted, list[Any], e.LoadEnded]:
        """Return the three parts of a whole load."""
        started = await self.next(e.LoadStarted)
        records: list[Any] = []
        while isinstance(event := await self.next(e.Event), e.RecordsLoaded):
            records += event.records
        assert isinstance(event, e.LoadEnded)
        return started, records, event


@pytest.fixture
def told() -> Told:
    return Told()


@pytest_asyncio.fixture
async def authority(told) -> AsyncIterator[Authority]:
    authority = Authority(told.events.put_nowait, told.halt)
    authority.start()
    yield authority
    await authority.stop()


@pytest.mark.asyncio
async def test_it_hands_over_all_records_with_their_hash(told, authority, monkeypatch) -> None:
    monkeypatch.setattr(module, "PAGE", 7)
    started, records, ended = await told.load()
    assert started.reason == "first"
    assert started.total == len(records)
    tree = 0
    for record in records:
        tree = tree_after(tree, 0, record_digest(record))
    position = await in_thread(selectors.current_revision)
    assert (ended.revision, ended.tree, ended.hash) == position[1:]
    assert tree == ended.tree


@pytest.mark.asyncio
async def test_it_follows_each_transaction_in_order(told, authority) -> None:
    _, _, ended = await told.load()
    for number in range(3):
        await in_thread(create_skill, f"skill {number}")
    revisions = [(await told.next(e.Committed)).transaction.revision for _ in range(3)]
    assert revisions == [ended.revision + n for n in (1, 2, 3)]


@pytest.mark.asyncio
async def test_a_new_epoch_is_read_anew(told, authority) -> None:
    await told.load()
    authority.new_epoch(NewEpoch("a doubt"))
    started, _, _ = await told.load()
    assert started.reason == "epoch"


@pytest.mark.asyncio
async def test_an_epoch_that_begins_during_a_load_is_read_anew(
    told, authority, monkeypatch
) -> None:
    """What was committed in it must not be served under the name of the one before."""
    read, begun = selectors.load_records, []

    def read_late(after: tuple[int, int], limit: int) -> Any:
        if not begun:
            begun.append(epochs.begin(""))
            create_skill("of the later epoch")
        return read(after, limit)

    monkeypatch.setattr(selectors, "load_records", read_late)
    first = await told.next(e.LoadStarted)
    while not isinstance(event := await told.next(e.Event), e.LoadStarted):
        assert not isinstance(event, e.LoadEnded)
    assert (first.reason, event.reason) == ("first", "epoch")
    assert event.epoch != first.epoch


def restore(**revision: Any) -> None:
    """Leave the database as if it had been restored from a dump that was made before."""
    with transaction.atomic():
        Revision.objects.update(**revision)
        Commit.objects.all().delete()


@pytest.mark.asyncio
@pytest.mark.parametrize(
    "restored", [{"number": 0}, {"hash": "of another history"}], ids=["older", "other"]
)
async def test_a_restored_database_is_read_anew(told, authority, restored) -> None:
    await told.load()
    await in_thread(restore, **restored)
    assert (await told.load())[0].reason == "epoch"


@pytest.mark.asyncio
async def test_a_journal_that_does_not_go_on_is_read_anew(told, authority) -> None:
    await told.load()
    await in_thread(restore, number=1000)
    assert (await told.load())[0].reason == "compacted"


@pytest.mark.asyncio
async def test_a_database_that_was_never_migrated_ends_the_process(told, monkeypatch) -> None:
    def empty() -> selectors.Position:
        raise OperationalError("no such table: proxyapp_revision")

    monkeypatch.setattr(selectors, "current_revision", empty)
    authority = Authority(told.events.put_nowait, told.halt)
    authority.start()
    assert "run manage.py migrate" in await told.halted()
    await authority.stop()


@pytest.mark.asyncio
async def test_a_reload_can_be_asked_for(told, authority) -> None:
    await told.load()
    authority.reload("diverged")
    assert (await told.load())[0].reason == "diverged"


@pytest.mark.asyncio
async def test_its_absence_and_return_are_told_once(told, authority, monkeypatch) -> None:
    await told.load()
    real = selectors.current_revision
    failures = iter(range(3))

    def failing() -> selectors.Position:
        if next(failures, None) is None:
            return real()
        raise OperationalError("the connection is lost\nDETAIL: more")

    monkeypatch.setattr(selectors, "current_revision", failing)
    assert (await told.next(e.AuthorityLost)).reason == "the connection is lost"
    await told.next(e.AuthorityBack)
    await in_thread(create_skill, "after")
    await told.next(e.Committed)


@pytest.mark.asyncio
async def test_a_bug_in_reading_ends_the_process(told, authority, monkeypatch) -> None:
    await told.load()

    def broken() -> selectors.Position:
        raise KeyError("a bug")

    monkeypatch.setattr(selectors, "current_revision", broken)
    assert "a bug" in await told.halted()


@pytest.mark.asyncio
async def test_the_journal_can_be_read_from_a_cursor(told, authority) -> None:
    _, _, ended = await told.load()
    for number in range(2):
        await in_thread(create_skill, f"skill {number}")
        await told.next(e.Committed)
    authority.read_transactions(ReadTransactions(7, ended.revision, ended.hash))
    found = await told.next(e.TransactionsRead)
    assert (found.connection, found.known) == (7, True)
    revisions = [transaction.revision for transaction in found.transactions]
    assert revisions == [ended.revision + 1, ended.revision + 2]
    authority.read_transactions(ReadTransactions(7, ended.revision, "of another history"))
    found = await told.next(e.TransactionsRead)
    assert (found.known, found.transactions) == (False, [])


# -------------------------------------------------------------------- writes


async def outcome(told: Told) -> Any:
    """Return the outcome of a write, whatever is told around it."""
    while True:
        event = await told.next(e.Event)
        if isinstance(event, e.Written | e.WriteRefused):
            return event


def write(request: Any, person: int = 100) -> Write:
    return Write(5, request, person, "test 127.0.0.1")


@pytest.mark.asyncio
async def test_writes_are_carried_out_and_told_with_their_revision(told, authority) -> None:
    _, _, ended = await told.load()
    document = {"name": "Japanese", "tenantDBID": 1}
    authority.write(write(CreateObject(ref=1, object_type="skill", object=document)))
    created = await outcome(told)
    assert (created.ticket, created.revision) == (5, ended.revision + 1)
    delta = {"name": "Japanisch"}
    request = UpdateObject(ref=2, object_type="skill", dbid=created.dbid, delta=delta)
    authority.write(write(request))
    assert (await outcome(told)).revision == ended.revision + 2
    authority.write(write(request))
    assert (await outcome(told)).revision == 0, "nothing changed"
    authority.write(write(DeleteObject(ref=3, object_type="skill", dbid=created.dbid)))
    assert (await outcome(told)).revision == ended.revision + 3


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("request_", "person", "code"),
    [
        (DeleteObject(ref=1, object_type="skill", dbid=4711), 100, "objectNotFound"),
        (DeleteObject(ref=1, object_type="person", dbid=100), 100, "protectedObject"),
        (CreateObject(ref=1, object_type="skill", object={}), 100, "incompleteObjectData"),
        (DeleteObject(ref=1, object_type="skill", dbid=1), 4711, "noPermission"),
    ],
)
async def test_refusals_are_told_by_their_code(told, authority, request_, person, code) -> None:
    await told.load()
    authority.write(write(request_, person))
    refused = await outcome(told)
    assert (refused.ticket, refused.error.code) == (5, code)


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("error", "code"),
    [(OperationalError("gone"), "databaseUnavailable"), (KeyError("a bug"), "internalError")],
)
async def test_failures_are_told_without_their_details(
    told, authority, monkeypatch, error, code
) -> None:
    await told.load()

    def fail(*arguments: Any, **named: Any) -> None:
        raise error

    monkeypatch.setattr(objects, "delete", fail)
    authority.write(write(DeleteObject(ref=1, object_type="skill", dbid=1)))
    refused = (await outcome(told)).error
    assert refused.code == code
    assert "bug" not in str(refused)
