"""The client, a real master and a real proxy, and a network between them that breaks."""

from __future__ import annotations

import asyncio
import json
import os
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from random import Random
from typing import Any

import pytest

from confwire.client import (
    BlockingClient,
    Client,
    KeepAlive,
    ServerBehind,
    SiteRule,
    State,
    Watch,
)
from confwire.client import reading as reading_module
from confwire.objects import ObjectType
from tests.cutting import Line
from tests.servers import PASSWORD, Process, Site, eventually

pytestmark = [pytest.mark.asyncio, pytest.mark.slow]
QUICK = SiteRule(rounds=1, proof=0.4, most_proof=0.4, probe_every=0.1)
LOGIN = {"application": "default", "user": "default", "password": PASSWORD}

JOURNAL = """
import json, sys
from proxyapp.models import Change
kind, after = int(sys.argv[1]), int(sys.argv[2])
rows = Change.objects.filter(type=kind, revision__gt=after).order_by("revision", "seq")
print(json.dumps([list(row) for row in rows.values_list("revision", "dbid", "action")]))
"""


class Park:
    """A master, and a proxy whose link to the master can be broken, too."""

    def __init__(self, folder: Path) -> None:
        environment = {
            **os.environ,
            "DATABASE_URL": f"sqlite:///{folder / 'csproxy.sqlite3'}",
            "CSPROXY_DATA": str(folder / "var"),
        }
        self.site = Site(environment, folder)
        self.master: Process = self.site.master().start()
        self.link = Line(self.master.port)
        self.link.__enter__()
        self.proxy: Process = self.site.proxy("-port", str(self.link.port)).start()

    def end(self) -> None:
        self.site.end()
        self.link.__exit__(None, None, None)

    def journal(self, after: int) -> list[tuple[int, int, str]]:
        """Return what the master wrote about skills since a revision."""
        found = self.site.python(JOURNAL, str(int(ObjectType.SKILL)), str(after))
        return [(revision, dbid, action) for revision, dbid, action in json.loads(found)]


@pytest.fixture(scope="module")
def park(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Park]:
    park = Park(tmp_path_factory.mktemp("park"))
    yield park
    park.end()


@pytest.fixture
def to_master(park: Park) -> Iterator[Line]:
    with Line(park.master.port) as line:
        yield line


@pytest.fixture
def to_proxy(park: Park) -> Iterator[Line]:
    with Line(park.proxy.port) as line:
        yield line
    park.link.thaw()
    park.link.delay(0.0)


async def client_of(*servers: Line | Process, **options: Any) -> Client:
    addresses = [("127.0.0.1", server.port) for server in servers]
    wished = {**LOGIN, "jitter": lambda: 0.0, **options}
    return await Client.connect(addresses, **wished)


async def becomes(client: Client, condition: Any, what: str) -> None:
    """Wait until the status of a client is as wished."""
    statuses = client.statuses()
    try:
        async with asyncio.timeout(30):
            async for status in statuses:
                if condition(status):
                    return
    except TimeoutError:
        raise AssertionError(f"{what} did not happen: {client.status}") from None
    finally:
        statuses.close()


class Writer:
    """Writes skills at the master without a pause, on a line that nobody breaks."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._number = 0
        self.last = 0

    async def write(self) -> None:
        """Create, change or delete a skill."""
        self._number += 1
        name = {"name": f"skill {id(self)} {self._number}", "tenantDBID": 1}
        written = await self._client.create("skill", name)
        if self._number % 3 == 0:
            written = await self._client.update("skill", written.dbid, {"state": "disabled"})
        if self._number % 5 == 0:
            written = await self._client.delete("skill", written.dbid)
        self.last = written.revision

    async def run(self) -> None:
        while True:
            await self.write()
            await asyncio.sleep(0.005)


@asynccontextmanager
async def writing(park: Park) -> AsyncIterator[Writer]:
    """Write all the time while the body runs."""
    async with await client_of(park.master) as client:
        writer = Writer(client)
        await writer.write()
        task = asyncio.get_running_loop().create_task(writer.run())
        try:
            yield writer
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)


class Record:
    """What a watch was told, to be compared with the journal."""

    def __init__(self, watch: Watch) -> None:
        assert watch.received is not None
        self.began = watch.received.revision
        self.told: list[tuple[int, int, str]] = []
        self._watch = watch
        self._more = asyncio.Event()

    async def __aenter__(self) -> Record:
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        self._watch.close()

    async def run(self) -> None:
        """Take what comes."""
        async for notification in self._watch:
            assert not notification.reset
            for change in notification.changes:
                action = "remove" if change.kind == "deleted" else "put"
                self.told.append((notification.revision, change.dbid, action))
            self._more.set()

    async def is_complete(self, park: Park, last: int) -> None:
        """Wait for the last change, and compare all with the journal."""
        async with asyncio.timeout(30):
            while not self.told or self.told[-1][0] < last:
                self._more.clear()
                await self._more.wait()
        told = self.told.copy()  # others go on writing
        journal = await asyncio.to_thread(park.journal, self.began)
        assert told == [row for row in journal if row[0] <= told[-1][0]]


async def recording(client: Client) -> Record:
    """Begin a record, before anybody writes."""
    return Record(await client.watch(["skill"]))


# ---------------------------------------------------------------- cuts


@pytest.mark.timeout(300)
async def test_two_hundred_cuts_lose_nothing_and_double_nothing(
    park, to_master, to_proxy, start
) -> None:
    seed = int(os.environ.get("CUTS_SEED", "1"))
    random = Random(seed)
    park.link.delay(0.05)  # the proxy is always behind the master
    client = await client_of(to_master, to_proxy, jitter=lambda: random.random() * 0.02)
    servers: set[str] = set()
    async with client, await recording(client) as record, writing(park) as writer:
        start(record.run())
        cuts = 0
        while cuts < 200:
            await becomes(client, lambda status: status.state is State.OPEN, "a session")
            if client.server is not None:
                servers.add(client.server.application)
            await asyncio.sleep(random.random() * 0.05)
            line = to_master if client.status.address == to_master.address else to_proxy
            if random.random() < 0.5:
                cuts += line.cut()
            else:  # in the middle of whatever is on its way
                line.cut_after(random.randrange(1, 2000))
                await becomes(client, lambda status: status.state is not State.OPEN, "the cut")
                cuts += 1
        await record.is_complete(park, writer.last)
    assert servers == {"confserv", "site-1"}, seed


# ---------------------------------------------------------------- keep-alive


async def test_a_half_open_connection_is_given_up_within_twice_the_timeout(
    park, to_master, to_proxy
) -> None:
    options = {"keep_alive": KeepAlive(0.3, 0), "opening_timeout": 0.5}
    async with await client_of(to_master, to_proxy, **options) as client:
        to_master.freeze()
        began = time.monotonic()
        await becomes(client, lambda status: status.state is State.LOST, "the loss")
        assert 0.3 < time.monotonic() - began < 3.0
        assert "was silent for 0.6 s" in client.status.last_error
        await becomes(client, lambda status: status.address == to_proxy.address, "the backup")
        assert await client.read("folder", limit=1)


async def test_other_timeouts_find_a_half_open_connection_that_nobody_watched(
    park, to_master
) -> None:
    options = {"keep_alive": KeepAlive(0, 0), "opening_timeout": 0.5}
    async with await client_of(to_master, **options) as client:
        to_master.freeze()
        client.change_keep_alive(KeepAlive(0.2, 0))
        await becomes(client, lambda status: status.state is State.LOST, "the loss")
        to_master.thaw()
        await becomes(client, lambda status: status.state is State.OPEN, "the session")


async def test_a_client_answers_the_polls_of_its_server(park, to_master) -> None:
    async with await client_of(to_master, keep_alive=KeepAlive(0, 0.2)) as client:
        session = client.session
        await asyncio.sleep(1.0)  # five times the time after which a silent client is cut
        assert client.session == session
        to_master.freeze()
        await asyncio.sleep(1.5)
        to_master.thaw()
        await becomes(client, lambda status: "4004" in status.last_error, "the cut")
        await becomes(client, lambda status: status.state is State.OPEN, "the session")


# ---------------------------------------------------------------- slow readers

LIMITS = """
import sys
from proxyapp.services import objects
names = ("max-client-output-queue-size", "client-response-timeout")
wanted = {name: value or None for name, value in zip(names, sys.argv[1:])}
objects.update("application", 99, {"options": {"csproxy": wanted}}, by=None, origin="test")
"""
CUT = """
from historylog.models import EntryRecord
import sys
kept = EntryRecord.objects.filter(session=sys.argv[1], kind="sessionClosed").first()
print(kept.revision if kept and "does not read" in kept.reason else -1)
"""


async def test_a_client_that_stalls_is_cut_with_a_cursor_and_misses_nothing(
    park, to_master, start
) -> None:
    """Half-open, stopped or too slow: to the server it is a client that does not read."""
    await asyncio.to_thread(park.site.python, LIMITS, "64", "1")
    keep_alive = KeepAlive(0, 0)
    async with (
        await client_of(to_master, keep_alive=keep_alive) as client,
        await client_of(park.master) as writer,
        await recording(client) as record,
    ):
        session = client.session
        start(record.run())
        to_master.freeze()
        annex = {"much": {str(number): "x" * 4000 for number in range(100)}}
        for number in range(30):
            document = {"name": f"large {number}", "tenantDBID": 1, "userProperties": annex}
            written = await writer.create("skill", document)

        def is_cut() -> bool:
            return session not in [found["session"] for found in park.master.status()["sessions"]]

        await asyncio.to_thread(eventually, is_cut, "the cut")
        to_master.thaw()
        await record.is_complete(park, written.revision)
        assert client.status.restored
    cursor = int(await asyncio.to_thread(park.site.python, CUT, session))
    assert record.began <= cursor < written.revision
    await asyncio.to_thread(park.site.python, LIMITS, "", "")


# ---------------------------------------------------------------- sites


async def test_a_client_goes_to_the_backup_site_and_comes_back(
    park, to_master, to_proxy, start
) -> None:
    options = {"backup_site": [to_proxy.address], "site_rule": QUICK}
    async with (
        await client_of(to_master, **options) as client,
        await recording(client) as record,
        writing(park) as writer,
    ):
        start(record.run())
        for _ in range(2):
            await asyncio.to_thread(to_master.refuse)
            await becomes(client, lambda status: at(status, "backup"), "the other site")
            assert client.server is not None
            assert client.server.application == "site-1"
            await asyncio.to_thread(to_master.accept)
            await becomes(client, lambda status: at(status, "preferred"), "the return")
            assert client.server.application == "confserv"
        await record.is_complete(park, writer.last)


def at(status: Any, site: str) -> bool:
    return status.state is State.OPEN and status.site == site


async def test_what_was_asked_is_answered_while_the_client_returns(
    park, to_master, to_proxy, start
) -> None:
    """Both sites lead to the master here, so that writes are taken at both."""
    with Line(park.master.port) as other:
        options = {"backup_site": [other.address], "site_rule": QUICK}
        async with await client_of(to_master, **options) as client:
            to_master.refuse()
            await becomes(client, lambda status: at(status, "backup"), "the other site")
            other.delay(0.05)  # so that there is always something on its way
            writers = [start(Writer(client).run()) for _ in range(4)]
            to_master.accept()
            await becomes(client, lambda status: at(status, "preferred"), "the return")
            await asyncio.sleep(0.2)
            assert not [task for task in writers if task.done()]  # no outcome was unknown
            for task in writers:
                task.cancel()


async def test_a_client_does_not_return_to_a_site_that_is_behind(park, to_master, to_proxy) -> None:
    options = {"backup_site": [to_master.address], "site_rule": QUICK}
    async with (
        await client_of(to_proxy, **options) as client,
        await client.watch(["skill"]),
        writing(park) as writer,
    ):
        to_proxy.refuse()
        await becomes(client, lambda status: at(status, "backup"), "the other site")
        park.link.freeze()
        known = writer.last
        await asyncio.to_thread(eventually, lambda: writer.last > known + 20, "more changes")
        to_proxy.accept()
        await becomes(client, lambda status: "is behind" in status.last_error, "the refusal")
        assert at(client.status, "backup")
        park.link.thaw()
        await becomes(client, lambda status: at(status, "preferred"), "the return")


# ---------------------------------------------------------------- servers that are behind


async def test_a_monotonic_reader_is_shown_nothing_older(
    park, to_master, to_proxy, monkeypatch
) -> None:
    monkeypatch.setattr(reading_module, "BEHIND_TIMEOUT", 0.3)
    options = {"monotonic": True, "keep_alive": KeepAlive(0, 0)}
    async with await client_of(to_master, to_proxy, **options) as client:
        park.link.freeze()
        written = await client.create("skill", {"name": f"new {time.time()}", "tenantDBID": 1})
        await client.server_info()
        to_master.refuse()
        await becomes(client, lambda status: status.address == to_proxy.address, "the proxy")
        with pytest.raises(ServerBehind, match="site-1 is behind at revision"):
            await client.read("skill", {"dbid": written.dbid})
        park.link.thaw()
        monkeypatch.setattr(reading_module, "BEHIND_TIMEOUT", 20.0)
        assert await client.read("skill", {"dbid": written.dbid})


async def test_the_age_of_the_data_of_a_proxy_is_shown(park, to_proxy) -> None:
    async with await client_of(to_proxy) as client:
        await client.server_info()
        age = client.status.age(time.time())
        assert age is not None
        assert age < 20.0


# ---------------------------------------------------------------- without a loop


async def test_a_program_without_a_loop_sees_the_same(park, to_master, to_proxy) -> None:
    def program() -> list[tuple[State, str]]:
        seen = []
        with BlockingClient.connect(
            [to_master.address], backup_site=[to_proxy.address], site_rule=QUICK, **LOGIN
        ) as client:
            to_master.refuse()
            for status in client.statuses():
                seen.append((status.state, status.site))
                if at(status, "backup"):
                    break
            assert client.status.site == "backup"
            client.change_keep_alive(KeepAlive(5, 5))
        return seen

    seen = await asyncio.to_thread(program)
    assert seen[-2:] == [(State.LOST, "backup"), (State.OPEN, "backup")]
