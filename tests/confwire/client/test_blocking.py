"""The blocking client in a program that has no event loop of its own."""

from __future__ import annotations

import asyncio
import threading
from datetime import UTC, datetime

import pytest
from msgspec import Raw

from confwire.client import BlockingClient, ClientClosed, Cursor, LinkLost, State
from confwire.messages import (
    HistoryLog,
    HistoryLogRead,
    HistoryLogSent,
    PastRead,
    ReadObjects,
    ReadPast,
    RegisterNotification,
)

pytestmark = pytest.mark.asyncio
LOGIN = {"application": "default", "user": "default", "password": "pencil", "jitter": lambda: 0.0}


async def beside(peer, program):
    """Run a blocking program with a client of the peer; return what it returned."""

    def run():
        with BlockingClient.connect([peer.address], **LOGIN) as client:
            return program(client)

    return await asyncio.to_thread(run)


async def serve_reads(peer, count):
    session = await peer.session()
    for dbid in range(1, count + 1):
        await session.packet(await session.receive(ReadObjects), dbid, last=True)
    return session


async def test_it_reads(peer, start):
    serving = start(serve_reads(peer, 2))

    def program(client):
        assert (client.state, client.server.application) == (State.OPEN, "confserv")
        packets = list(client.read_packets("host"))
        return [packets[0].objects[0]["DBID"], client.read("host", {"name": "x"})[0]["DBID"]]

    assert await beside(peer, program) == [1, 2]
    session = await serving
    await session.socket.wait_closed()
    assert session.socket.close_code == 1000


async def serve_watch(peer, revisions):
    session = await peer.session()
    await session.registered(await session.receive(RegisterNotification), 10)
    for revision in revisions:
        await session.changed(revision, revision)
    return session


async def test_a_watch_is_an_iterator(peer, start):
    start(serve_watch(peer, [11, 12]))

    def program(client):
        with client.watch(["host"]) as watch:
            found = [next(watch).revision, next(watch).revision]
            assert watch.received == Cursor("e", 12)
        return found + [item.revision for item in watch]

    assert await beside(peer, program) == [11, 12]


async def test_waiting_for_a_notification_has_a_bound(peer, start):
    start(serve_watch(peer, []))

    def program(client):
        watch = client.watch(["host"])
        with pytest.raises(TimeoutError):
            watch.next(timeout=0.01)
        return client.state

    assert await beside(peer, program) is State.OPEN


async def test_closing_a_watch_releases_the_thread_that_waits(peer, start):
    start(serve_watch(peer, []))

    def program(client):
        watch = client.watch(["host"])
        found = []
        thread = threading.Thread(target=lambda: found.extend(watch))
        thread.start()
        watch.close()
        thread.join(timeout=20)
        return found, thread.is_alive()

    assert await beside(peer, program) == ([], False)


async def serve_history(peer):
    session = await peer.session()
    request = await session.receive(HistoryLog)
    assert (request.since, request.since_time) == (None, 5.0)
    await session.send(HistoryLogRead(ref=request.ref, epoch="e", revision=9))
    await session.send(HistoryLogSent(ref=request.ref, epoch="e", revision=9, total=0))


async def test_it_looks_back(peer, start):
    start(serve_history(peer))
    history = await beside(
        peer, lambda client: client.history(since_time=datetime.fromtimestamp(5, UTC))
    )
    assert (history.cursor, history.changes) == (Cursor("e", 9), [])


async def serve_past(peer):
    session = await peer.session()
    request = await session.receive(ReadPast)
    assert (request.revision, request.time, request.after) == (None, 5.0, 0)
    await session.send(
        PastRead(ref=request.ref, epoch="e", revision=7, objects=[Raw(b'{"DBID":1}')], next=1)
    )
    request = await session.receive(ReadPast)
    assert (request.revision, request.time, request.after) == (7, 0, 1)
    await session.send(
        PastRead(ref=request.ref, epoch="e", revision=7, objects=[Raw(b'{"DBID":2}')])
    )


async def test_it_reads_the_past_page_by_page_as_of_one_revision(peer, start):
    start(serve_past(peer))
    found = await beside(
        peer, lambda client: client.read_past("skill", time=datetime.fromtimestamp(5, UTC))
    )
    assert (found.revision, found.objects) == (7, [{"DBID": 1}, {"DBID": 2}])


async def test_a_closed_client_says_so(peer):
    def run():
        client = BlockingClient.connect([peer.address], **LOGIN)
        client.close()
        client.close()  # twice is no error
        with pytest.raises(ClientClosed, match="the client was closed"):
            client.read("host")

    await asyncio.to_thread(run)


async def test_a_failed_connect_leaves_no_thread(unused_port):
    def run():
        with pytest.raises(LinkLost):
            BlockingClient.connect([("127.0.0.1", unused_port)], **LOGIN)

    await asyncio.to_thread(run)
    assert "confwire client" not in [thread.name for thread in threading.enumerate()]
