"""Snapshots from a server that is behind: nothing newer is replaced by something older."""

from __future__ import annotations

import asyncio

import pytest

from confwire.client import Cursor
from confwire.client import postponed as postponed_module
from confwire.epochs import name_at
from confwire.errors import EpochChanged
from confwire.messages import (
    NotificationsLost,
    ReadServerInfo,
    RegisterNotification,
    ServerIdentity,
    ServerInfo,
    UnregisterNotification,
)

pytestmark = pytest.mark.asyncio
SERVER = ServerIdentity(application="confserv", dbid=99, release="1.0.0", mode="master")


@pytest.fixture(autouse=True)
def without_delay(monkeypatch):
    monkeypatch.setattr(postponed_module, "ASK_EVERY", 0.01)


async def watching(peer, start, revision=20):
    """A watch that has received up to a revision, and its session."""
    client = await peer.connect()
    session = await peer.session()
    begun = start(client.watch(["host"]))
    await session.registered(await session.receive(RegisterNotification), revision)
    return session, await begun


async def old_snapshot(session, revision=15):
    """Say that notifications are lost, and send a snapshot that is older than what was seen."""
    await session.send(NotificationsLost(epoch="e", revision=revision, reason="compacted"))
    request = await session.receive(RegisterNotification)
    assert request.snapshot
    await session.packet(request, 1)
    await session.registered(request, revision)


async def tell(session, revision):
    """Answer the question where the server stands."""
    request = await session.receive(ReadServerInfo)
    info = ServerInfo(ref=request.ref, epoch="e", revision=revision, server=SERVER)
    await session.send(info)


async def test_an_older_snapshot_is_held_back_until_the_server_has_caught_up(peer, start):
    session, watch = await watching(peer, start)
    await old_snapshot(session)
    await tell(session, 18)
    await tell(session, 19)
    assert watch.received == Cursor("e", 20)
    await tell(session, 20)
    request = await session.receive(RegisterNotification)
    assert request.snapshot
    await session.packet(request, 2)
    await session.registered(request, 21)
    notification = await asyncio.wait_for(anext(watch), 20)
    assert (notification.revision, notification.reset) == (21, True)
    assert [change.dbid for change in notification.changes] == [2]


async def test_what_comes_before_the_new_snapshot_is_not_delivered(peer, start):
    session, watch = await watching(peer, start)
    await old_snapshot(session)
    await session.changed(16, 5)
    await tell(session, 21)
    request = await session.receive(RegisterNotification)
    await session.packet(request, 2)
    await session.registered(request, 21)
    await session.changed(22, 6)
    got = [(await asyncio.wait_for(anext(watch), 20)).revision for _ in range(2)]
    assert got == [21, 22]


async def test_another_server_may_end_the_wait(peer, start):
    session, watch = await watching(peer, start)
    await old_snapshot(session)
    session.cut()
    session = await peer.session()
    request = await session.receive(RegisterNotification)
    assert request.snapshot
    await session.packet(request, 3)
    await session.registered(request, 30)
    assert (await asyncio.wait_for(anext(watch), 20)).revision == 30


async def test_a_watch_that_is_closed_asks_no_more(peer, start):
    session, watch = await watching(peer, start)
    await old_snapshot(session)
    watch.close()
    await session.receive(UnregisterNotification)
    await asyncio.wait_for(await session.socket.ping(), 20)
    assert not session.socket.recv_messages.frames.queue


async def test_a_server_that_knows_another_past_is_believed(peer, start):
    session, watch = await watching(peer, start)
    session.cut()
    session = await peer.session()
    await session.refuse(await session.receive(RegisterNotification), EpochChanged())
    request = await session.receive(RegisterNotification)
    await session.packet(request, 4)
    await session.registered(request, 3)
    notification = await asyncio.wait_for(anext(watch), 20)
    assert (notification.revision, notification.reset) == (3, True)


EARLY, LATE = (name_at(number, bytes(10)) for number in (1_000, 2_000))


@pytest.mark.parametrize(
    ("mode", "taken"), [("proxy", Cursor(LATE, 6)), ("master", Cursor(EARLY, 900))]
)
async def test_a_snapshot_of_an_earlier_epoch_is_taken_from_a_master_alone(
    peer, start, mode, taken
):
    peer.epoch = EARLY
    peer.server = ServerIdentity(application="site-1", dbid=105, release="1.0.0", mode=mode)
    client = await peer.connect()
    session = await peer.session()

    async def registration():
        """Return the next registration; where the server stands is answered on the way."""
        while True:
            request = await session.receive()
            if isinstance(request, RegisterNotification):
                return request
            info = ServerInfo(ref=request.ref, epoch=LATE, revision=6, server=peer.server)
            await session.send(info)

    async def server():
        for epoch, revision in ((EARLY, 900), (LATE, 6)):
            request = await registration()
            assert request.snapshot
            await session.packet(request, 1)
            await session.registered(request, revision, epoch=epoch)

    serving = start(server())
    watch = await client.watch(["host"], since=Cursor(LATE, 5))
    notification = await asyncio.wait_for(anext(watch), 20)
    assert (notification.reset, notification.cursor) == (True, taken)
    serving.cancel()
