"""The historian writes beside the loop, outlives its database, and counts what it loses."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
import pytest_asyncio
from asgiref.sync import sync_to_async
from django.db import OperationalError, connections
from structlog.testing import capture_logs

from confwire.messages import HistoryEntry
from historylog import writer
from historylog.models import EntryRecord, Store
from proxyapp.engine import commands as c
from proxyapp.engine import events as e
from proxyapp.runtime import historian
from proxyapp.runtime.historian import Historian

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.asyncio]

OPTIONS = c.ConfigureHistory("", False, 1, 30)


def entry(reason: str, session: str = "") -> HistoryEntry:
    return HistoryEntry(kind="loaded", at=1.0, reason=reason, session=session)


class Rig:
    """A historian, what it told, and a database that can be made to fail."""

    def __init__(self) -> None:
        self.events: list[e.Event] = []
        self.broken = ""
        self._stopped = False
        self._told = asyncio.Event()
        self.historian = Historian(self.tell, self.prepare, forwards=True)

    def tell(self, event: e.Event) -> None:
        self.events.append(event)
        self._told.set()

    def prepare(self, options: c.ConfigureHistory) -> None:
        if self.broken:
            raise OperationalError(self.broken)

    def lose_the_database(self, reason: str) -> None:
        """Let all that follows fail, as on a full disk."""
        self.broken = reason
        self.historian._opened = False

    async def stop(self) -> None:
        """Stop it, unless that was done."""
        if not self._stopped:
            self._stopped = True
            await self.historian.stop()

    def start(self) -> None:
        self.historian.start()
        self.historian.configure(OPTIONS)

    async def until(self, state: str) -> None:
        async with asyncio.timeout(10):
            while self.historian.status()["state"] != state:  # noqa: ASYNC110 - nobody tells
                await asyncio.sleep(0.01)

    async def told(self, kind: type[e.Event], accept: Callable[[Any], bool]) -> Any:
        async with asyncio.timeout(10):
            while True:
                for event in self.events:
                    if isinstance(event, kind) and accept(event):
                        return event
                self._told.clear()
                await self._told.wait()

    async def order(self, command: Any) -> Any:
        """Give an order, and return the event that answers it."""
        count = len(self.events)
        self.historian.order(command)
        kinds = (e.SessionRead, e.EntriesRead, e.EntriesTaken)
        async with asyncio.timeout(10):
            while not (found := [x for x in self.events[count:] if isinstance(x, kinds)]):
                self._told.clear()
                await self._told.wait()
        return found[0]


@pytest_asyncio.fixture
async def rig(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Rig]:
    monkeypatch.setattr(historian, "RETRY_FIRST", 0.01)
    monkeypatch.setattr(historian, "LOOK", 0.05)
    rig = Rig()
    yield rig
    await rig.stop()
    await sync_to_async(connections.close_all)()  # the thread of `reasons` has one of its own


@sync_to_async
def reasons() -> list[str]:
    return list(EntryRecord.objects.order_by("number").values_list("reason", flat=True))


async def test_entries_are_written_soon_and_their_place_is_told(rig: Rig) -> None:
    rig.start()
    opened = await rig.told(e.EntriesKept, lambda event: True)
    rig.historian.keep([entry("a"), entry("b")])
    kept = await rig.told(e.EntriesKept, lambda event: event.last == opened.last + 2)
    assert kept.store == opened.store
    assert await reasons() == ["a", "b"]
    assert rig.historian.status()["state"] == "live"


async def test_nothing_is_written_before_the_options_are_known(rig: Rig) -> None:
    rig.historian.start()
    rig.historian.keep([entry("early")])
    await asyncio.sleep(0)
    assert rig.historian.status() | {"state": "waiting", "waiting": 1} == rig.historian.status()
    rig.historian.configure(OPTIONS)
    await rig.told(e.EntriesKept, lambda event: event.last % historian.BATCH == 1)
    assert await reasons() == ["early"]


async def test_a_stop_writes_what_waits(rig: Rig) -> None:
    rig.start()
    rig.historian.keep([entry(str(number)) for number in range(5_000)])
    await rig.stop()
    assert len(await reasons()) == 5_000


async def test_what_comes_while_it_writes_is_gathered_first(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(historian, "FLUSH", 0.001)
    done: list[str] = []
    gather, keep, loop = rig.historian._gather, writer.keep, asyncio.get_running_loop()

    async def gather_and_note() -> None:
        await gather()
        done.append("gathered")

    def keep_while_more_comes(batch: list[HistoryEntry]) -> writer.Position:
        done.append("written")
        if done.count("written") < 4:
            loop.call_soon_threadsafe(rig.historian.keep, [entry("more")])
        return keep(batch)

    monkeypatch.setattr(rig.historian, "_gather", gather_and_note)
    monkeypatch.setattr(writer, "keep", keep_while_more_comes)
    rig.historian.keep([entry("first")])
    rig.start()
    await rig.told(e.EntriesKept, lambda event: done.count("written") == 4)
    first = done.index("written")
    assert done[first : first + 7] == ["written", "gathered"] * 3 + ["written"]


async def test_what_is_forwarded_waits_while_many_come_and_other_orders_do_not(rig: Rig) -> None:
    rig.historian.keep([entry("one of many")] * historian.BUSY)
    rig.historian.order(c.ReadEntries("s1", 0))
    rig.historian.order(c.ReadSession(7, "a15e", 10))
    rig.start()
    await rig.told(e.SessionRead, lambda event: True)
    assert not any(isinstance(event, e.EntriesRead) for event in rig.events)
    await rig.told(e.EntriesRead, lambda event: event.store == "s1")


async def test_what_goes_on_for_long_is_no_burst(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(historian, "BURST", 0.0)
    rig.historian.keep([entry("one of many")] * historian.BUSY)
    rig.historian.order(c.ReadEntries("s1", 0))
    rig.historian.order(c.ReadSession(7, "a15e", 10))
    rig.start()
    await rig.told(e.SessionRead, lambda event: True)
    assert any(isinstance(event, e.EntriesRead) for event in rig.events)


async def test_a_server_that_never_had_data_keeps_its_start_at_the_stop(rig: Rig) -> None:
    rig.historian.start()
    rig.historian.keep([entry("started")])
    await rig.stop()
    assert await reasons() == ["started"]


async def test_a_dead_database_is_told_once_and_nothing_is_lost_when_it_is_back(rig: Rig) -> None:
    rig.start()
    await rig.told(e.EntriesKept, lambda event: True)
    with capture_logs() as logs:
        rig.lose_the_database("disk is full")
        rig.historian.keep([entry("a")])
        await rig.until("failing")
        rig.historian.keep([entry("b")])
        status = rig.historian.status()
        assert (status["state"], status["error"], status["waiting"]) == (
            "failing",
            "disk is full",
            2,
        )
        rig.broken = ""
        await rig.until("live")
    assert await reasons() == ["a", "b"]
    told = [log for log in logs if log.get("code") == writer.ERROR_CODE]
    assert [log["event"] for log in told] == ["history log error", "history log works again"]


async def test_a_fault_of_the_writing_does_not_end_it_unseen(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    rig.start()
    await rig.told(e.EntriesKept, lambda event: True)
    with monkeypatch.context() as broken:
        broken.setattr(writer, "keep", lambda entries: [][0])
        rig.historian.keep([entry("a")])
        await rig.until("failing")
    await rig.until("live")
    assert await reasons() == ["a"]


@pytest.mark.parametrize("since", [-1e300, -1e12, 1e12, 1e300])
async def test_a_look_back_to_any_time_is_answered(rig: Rig, since: float) -> None:
    rig.start()
    rig.historian.read_history(c.ReadHistory(5, None, since, (0, 0)))
    assert (await rig.told(e.HistoryRead, lambda event: True)).changes is not None


async def test_a_look_back_that_fails_is_answered(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(historian.past, "page", lambda *given: [][0])
    rig.start()
    rig.historian.read_history(c.ReadHistory(5, 0, 0.0, (0, 0)))
    assert (await rig.told(e.HistoryRead, lambda event: True)).changes is None


async def test_when_too_much_waits_the_newest_is_kept_and_the_loss_counted(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(historian, "WAITING", 3)
    rig.broken = "disk is full"
    rig.start()
    rig.historian.keep([entry(str(number)) for number in range(5)])
    assert rig.historian.status()["lost"] == 2
    rig.broken = ""
    await rig.told(e.EntriesKept, lambda event: event.last % 10 == 3)
    assert await reasons() == ["2", "3", "4"]


async def test_what_another_process_keeps_is_noticed(rig: Rig) -> None:
    rig.start()
    opened = await rig.told(e.EntriesKept, lambda event: True)
    await sync_to_async(writer.keep)([entry("web")])
    await rig.told(e.EntriesKept, lambda event: event.last == opened.last + 1)


async def test_a_session_is_read_behind_what_is_still_to_be_written(rig: Rig) -> None:
    rig.start()
    rig.historian.keep([entry("old", "s1"), entry("new", "s1"), entry("other", "s2")])
    read = await rig.order(c.ReadSession(7, "s1", 10))
    assert read.connection == 7
    assert [item.reason for item in read.entries] == ["new", "old"]


async def test_a_session_that_cannot_be_read_is_said_at_once(rig: Rig) -> None:
    rig.broken = "gone"
    rig.start()
    assert (await rig.order(c.ReadSession(7, "s1", 10))).entries is None


async def test_entries_of_others_are_taken_when_the_database_is_back(rig: Rig) -> None:
    rig.broken = "gone"
    rig.start()
    entries = [HistoryEntry(kind="loaded", at=1.0, number=4)]
    rig.historian.order(c.TakeEntries(3, "s1", entries))
    rig.historian.order(c.TakeEntries(3, "s1", entries))
    rig.broken = ""
    taken = await rig.told(e.EntriesTaken, lambda event: True)
    assert taken == e.EntriesTaken(3, "s1", 4)
    assert len(await reasons()) == 1


async def test_the_next_entries_are_read_and_what_the_master_has_is_remembered(rig: Rig) -> None:
    rig.start()
    opened = await rig.told(e.EntriesKept, lambda event: True)
    rig.historian.keep([entry("a"), entry("b")])
    read = await rig.order(c.ReadEntries(opened.store, opened.last + 1))
    assert [item.reason for item in read.entries] == ["b"]
    assert (await sync_to_async(Store.objects.get)()).forwarded == opened.last + 1


async def test_each_start_has_a_name_of_its_own_and_tells_the_former_ones(rig: Rig) -> None:
    former = (await sync_to_async(writer.keep)([entry("of old")])).store
    rig.start()
    opened = await rig.told(e.EntriesKept, lambda event: True)
    assert opened.former == [former]
    assert opened.store != former
    read = await rig.order(c.ReadEntries(former, 0))
    assert [item.reason for item in read.entries] == ["of old"]


async def test_changes_of_the_past_are_read_beside_the_writing(rig: Rig) -> None:
    rig.start()
    rig.historian.read_history(c.ReadHistory(5, 0, 0.0, (0, 0)))
    read = await rig.told(e.HistoryRead, lambda event: True)
    assert read.connection == 5
    assert read.changes
    assert read.changes[0].revision == 1
