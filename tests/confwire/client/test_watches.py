"""Watches over a connection that does not hold: in order, each once, none missing."""

from __future__ import annotations

import asyncio

import pytest

from confwire.client import ClientClosed, Cursor, NoAnswer, ObjectId
from confwire.client import watch as watch_module
from confwire.errors import (
    Compacted,
    EpochChanged,
    InvalidParameter,
    LocalProtocolError,
    NoPermission,
    NotReady,
    ReadInterrupted,
)
from confwire.messages import (
    Acknowledge,
    NotificationsLost,
    ObjectsSent,
    Progress,
    RegisterNotification,
    UnregisterNotification,
)

pytestmark = pytest.mark.asyncio


async def registered(peer, start, client, *types, revision=10, session=None, **conditions):
    """Begin a watch that the server takes at a revision."""
    session = session or await peer.session()
    watching = start(client.watch(types, **conditions))
    await session.registered(await session.receive(RegisterNotification), revision)
    return session, await watching


async def following(watch):
    """Return the next notification as (revision, DBIDs, reset)."""
    async with asyncio.timeout(20):
        notification = await anext(watch)
    dbids = [change.dbid for change in notification.changes]
    return (notification.revision, dbids, notification.reset)


async def test_a_registration_names_what_is_asked_for(peer, start):
    client = await peer.connect()
    session = await peer.session()
    watching = start(
        client.watch(
            ["host"],
            tenants=[1],
            folders=[2],
            objects=[ObjectId("host", 3)],
            filter={"name": "x"},
            mode="state",
        )
    )
    request = await session.receive(RegisterNotification)
    (asked,) = request.subscriptions
    assert (asked.types, asked.tenants, asked.folders) == (["host"], [1], [2])
    assert (asked.objects, asked.filter, asked.mode) == (
        [ObjectId("host", 3)],
        {"name": "x"},
        "state",
    )
    assert (request.snapshot, request.since) == (False, None)
    await session.registered(request, 10)
    assert "live at Cursor(epoch='e', revision=10" in repr(await watching)


async def test_every_change_arrives_with_its_documents(peer, start):
    client = await peer.connect()
    session, watch = await registered(peer, start, client, "host")
    await session.socket.send(
        '{"message":"objectsChanged","epoch":"e","revision":11,"last":true,"changes":['
        '{"change":"updated","objectType":"host","DBID":1,"delta":{"a":1},"former":{"a":0}},'
        '{"change":"deleted","objectType":"host","DBID":2}]}'
    )
    updated, deleted = (await anext(watch)).changes
    assert (updated.kind, updated.delta, updated.former) == ("updated", {"a": 1}, {"a": 0})
    assert (deleted.kind, deleted.dbid, deleted.object) == ("deleted", 2, None)


async def test_a_transaction_in_parts_arrives_as_one(peer, start):
    client = await peer.connect()
    session, watch = await registered(peer, start, client, "host")
    await session.changed(11, 1, 2, last=False)
    await session.changed(11, 3, last=False)
    await session.changed(11, 4)
    assert await following(watch) == (11, [1, 2, 3, 4], False)


async def test_a_transaction_cut_in_the_middle_comes_whole_after_the_resume(peer, start):
    client = await peer.connect()
    session, watch = await registered(peer, start, client, "host")
    await session.changed(11, 1)
    await session.changed(12, 1, 2, last=False)
    assert await following(watch) == (11, [1], False)
    session.cut()
    session = await peer.session()
    request = await session.receive(RegisterNotification)
    assert request.since == Cursor("e", 11)
    await session.registered(request, 12)
    await session.changed(12, 1, 2, 3)
    assert await following(watch) == (12, [1, 2, 3], False)


async def test_what_was_seen_is_dropped(peer, start):
    client = await peer.connect()
    session, watch = await registered(peer, start, client, "host")
    for revision in (9, 10, 11, 11, 9, 12):
        await session.changed(revision, revision)
    assert await following(watch) == (11, [11], False)
    assert await following(watch) == (12, [12], False)


async def test_progress_moves_the_cursor_without_a_notification(peer, start):
    client = await peer.connect()
    session, watch = await registered(peer, start, client, "host")
    await session.send(Progress(epoch="e", revision=40))
    await session.changed(39, 39)
    await session.changed(41, 41)
    assert await following(watch) == (41, [41], False)


async def test_a_snapshot_comes_first_as_a_reset(peer, start):
    client = await peer.connect()
    session = await peer.session()
    watching = start(client.watch(["host"], snapshot=True))
    request = await session.receive(RegisterNotification)
    assert request.snapshot
    await session.packet(request, 1, 2, total=3)
    await session.packet(request, 3, total=3)
    await session.send(ObjectsSent(ref=request.ref, epoch="e", revision=10, total=3))
    await session.registered(request, 10)
    await session.changed(11, 4)
    watch = await watching
    notification = await anext(watch)
    assert notification.reset
    assert {change.kind for change in notification.changes} == {"entered"}
    assert [change.object["name"] for change in notification.changes] == ["h1", "h2", "h3"]
    assert await following(watch) == (11, [4], False)


async def test_a_snapshot_cut_in_the_middle_is_asked_for_anew(peer, start):
    client = await peer.connect()
    session = await peer.session()
    watching = start(client.watch(["host"], snapshot=True))
    request = await session.receive(RegisterNotification)
    await session.packet(request, 1, 2, total=3)
    session.cut()
    session = await peer.session()
    request = await session.receive(RegisterNotification)
    assert request.snapshot
    await session.packet(request, 1, 3)
    await session.registered(request, 12)
    assert await following(await watching) == (12, [1, 3], True)


@pytest.mark.parametrize("error", [Compacted, EpochChanged])
async def test_a_cursor_that_is_too_old_ends_in_a_reset(peer, start, error):
    client = await peer.connect()
    session, watch = await registered(peer, start, client, "host")
    session.cut()
    session = await peer.session()
    await session.refuse(await session.receive(RegisterNotification), error())
    request = await session.receive(RegisterNotification)
    assert (request.snapshot, request.since) == (True, None)
    await session.packet(request, 7)
    await session.registered(request, 3, epoch="f")
    assert await following(watch) == (3, [7], True)
    await session.changed(4, 8, epoch="f")
    assert await following(watch) == (4, [8], False)


async def test_lost_notifications_end_in_a_reset(peer, start):
    client = await peer.connect()
    session, watch = await registered(peer, start, client, "host")
    await session.changed(11, 1, 2, last=False)
    await session.send(NotificationsLost(epoch="f", revision=2, reason="epoch"))
    request = await session.receive(RegisterNotification)
    assert request.snapshot
    await session.changed(3, 1, epoch="f")  # of no watch: nothing is registered now
    await session.packet(request, 5)
    await session.registered(request, 3, epoch="f")
    assert await following(watch) == (3, [5], True)


async def test_a_watch_goes_on_from_a_bookmark(peer, start):
    client = await peer.connect()
    session = await peer.session()
    watching = start(client.watch(["host"], since=Cursor("e", 5)))
    request = await session.receive(RegisterNotification)
    assert request.since == Cursor("e", 5)
    await session.registered(request, 10)
    for revision in (6, 9, 11):
        await session.changed(revision, revision)
    watch = await watching
    assert [await following(watch) for _ in range(3)] == [
        (6, [6], False),
        (9, [9], False),
        (11, [11], False),
    ]
    assert watch.received == Cursor("e", 11)


async def test_watches_resume_together_and_each_drops_what_it_has(peer, start):
    client = await peer.connect()
    session, hosts = await registered(peer, start, client, "host")
    _, persons = await registered(
        peer, start, client, "person", session=session, snapshot=True, revision=20
    )
    assert await following(persons) == (20, [], True)
    session.cut()
    session = await peer.session()
    request = await session.receive(RegisterNotification)
    assert request.since == Cursor("e", 10)
    assert [item.types for item in request.subscriptions] == [["host"], ["person"]]
    await session.registered(request, 21)
    await session.changed(15, 1, kind="person")
    await session.changed(16, 2)
    await session.changed(21, 3, kind="person")
    assert await following(hosts) == (16, [2], False)
    assert await following(persons) == (21, [3], False)


async def test_a_bookmark_beside_other_watches_resumes_them_all(peer, start):
    client = await peer.connect()
    session, hosts = await registered(peer, start, client, "host")
    watching = start(client.watch(["person"], since=Cursor("e", 5)))
    await session.receive(UnregisterNotification)
    request = await session.receive(RegisterNotification)
    assert request.since == Cursor("e", 5)
    await session.registered(request, 10)
    await session.changed(6, 1)
    await session.changed(7, 2, kind="person")
    await session.changed(11, 3)
    assert await following(await watching) == (7, [2], False)
    assert await following(hosts) == (11, [3], False)


async def test_changes_go_to_the_watch_that_asked(peer, start):
    client = await peer.connect()
    session, hosts = await registered(peer, start, client, "host")
    _, one = await registered(peer, start, client, session=session, objects=[ObjectId("person", 2)])
    await session.changed(11, 1, 2, kind="person")
    await session.changed(12, 2)
    assert await following(one) == (11, [2], False)
    assert await following(hosts) == (12, [2], False)


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ({"types": ["host"], "folders": [5]}, {"types": ["host"]}),
        ({"types": ["host"]}, {"types": ["host", "person"], "mode": "state"}),
        ({}, {"types": ["host"], "filter": {"name": "x"}}),
        ({"tenants": [1]}, {"objects": [ObjectId("host", 1)]}),
    ],
)
async def test_watches_that_could_not_be_told_apart_are_refused(peer, start, first, second):
    client = await peer.connect()
    given = {"types": (), **first}
    await registered(peer, start, client, *given.pop("types"), **given)
    with pytest.raises(LocalProtocolError, match="use another client"):
        await client.watch(**second)


async def test_a_refused_watch_raises_and_leaves_no_trace(peer, start):
    client = await peer.connect()
    session = await peer.session()
    watching = start(client.watch(["hosst"]))
    await session.refuse(await session.receive(), InvalidParameter("no object type 'hosst'"))
    with pytest.raises(InvalidParameter, match="no object type 'hosst'"):
        await watching
    assert repr(client) == "<Client open, 0 watches>"


async def test_a_watch_that_is_not_answered_is_given_up(peer):
    client = await peer.connect(request_timeout=0.05)
    session = await peer.session()
    with pytest.raises(NoAnswer, match="the subscription was not answered"):
        await client.watch(["host"])
    await session.receive(RegisterNotification)
    await session.receive(UnregisterNotification)


async def test_a_watch_refused_on_resume_ends_with_the_reason(peer, start):
    client = await peer.connect()
    session, watch = await registered(peer, start, client, "host")
    await session.changed(11, 1)
    session.cut()
    session = await peer.session()
    await session.refuse(await session.receive(RegisterNotification), NoPermission())
    assert await following(watch) == (11, [1], False)
    with pytest.raises(NoPermission):
        await anext(watch)


async def test_a_server_that_is_not_ready_is_left_for_another_try(peer, start):
    client = await peer.connect()
    session, watch = await registered(peer, start, client, "host")
    session.cut()
    session = await peer.session()
    await session.refuse(await session.receive(RegisterNotification), NotReady())
    session = await peer.session()
    await session.registered(await session.receive(RegisterNotification), 11)
    await session.changed(12, 1)
    assert await following(watch) == (12, [1], False)


async def test_a_slow_consumer_gets_the_rest_when_it_has_caught_up(peer, start, monkeypatch):
    monkeypatch.setattr(watch_module, "MAX_WAITING", 2)
    client = await peer.connect()
    session, watch = await registered(peer, start, client, "host")
    for revision in range(11, 16):
        await session.changed(revision, revision)
    reading = start(client.read("host"))  # all before its answer has been received, too
    await session.packet(await session.receive(), last=True)
    await reading
    assert "lagging at Cursor(epoch='e', revision=12" in repr(watch)
    assert await following(watch) == (11, [11], False)
    assert await following(watch) == (12, [12], False)
    await session.receive(UnregisterNotification)
    request = await session.receive(RegisterNotification)
    assert request.since == Cursor("e", 12)
    await session.registered(request, 15)
    for revision in range(13, 16):
        await session.changed(revision, revision)
        assert await following(watch) == (revision, [revision], False)


async def test_what_was_consumed_is_acknowledged(peer, start):
    client = await peer.connect()
    session, watch = await registered(peer, start, client, "host")
    await session.changed(11, 1)
    await session.changed(12, 2)
    await following(watch)
    await client.close()
    assert (await session.receive(Acknowledge)).revision == 11


async def test_a_closed_watch_is_unregistered_and_stops(peer, start):
    client = await peer.connect()
    session, watch = await registered(peer, start, client, "host")
    async with watch:
        name = watch.name
    assert (await session.receive(UnregisterNotification)).subscription == name
    assert [item async for item in watch] == []
    watch.close()  # twice is no error


async def test_a_closed_client_stops_its_watches(peer, start):
    client = await peer.connect()
    _, watch = await registered(peer, start, client, "host")
    waiting = start(anext(watch, None))
    await client.close()
    assert await waiting is None


async def test_a_client_that_was_given_up_tells_its_watches_why(peer, start):
    client = await peer.connect()
    session, watch = await registered(peer, start, client, "host")
    await session.close(4002)
    with pytest.raises(ClientClosed, match="the first message was no opening"):
        await anext(watch)


async def test_a_watch_begun_without_a_connection_is_registered_on_the_next(peer, start):
    client = await peer.connect()
    session = await peer.session()
    peer.refusal = NotReady()
    session.cut()
    await peer.refused.wait()
    watching = start(client.watch(["host"]))
    peer.refusal = None
    session = await peer.session()
    await session.registered(await session.receive(RegisterNotification), 11)
    assert (await watching).is_live


async def test_a_new_epoch_goes_on_with_the_difference(peer, start):
    client = await peer.connect()
    session, watch = await registered(peer, start, client, "host")
    await session.changed(11, 1)
    await session.changed(3, 2, epoch="f")
    await session.changed(3, 2, epoch="f")
    await session.changed(4, 3, epoch="f")
    assert [await following(watch) for _ in range(3)] == [
        (11, [1], False),
        (3, [2], False),
        (4, [3], False),
    ]
    assert watch.received == Cursor("f", 4)


async def test_a_new_epoch_at_a_server_that_was_behind_ends_in_a_reset(peer, start):
    client = await peer.connect()
    session, watch = await registered(peer, start, client, "host", revision=20)
    session.cut()
    session = await peer.session()
    await session.registered(await session.receive(RegisterNotification), 15)
    await session.changed(16, 1)  # seen at the other server
    await session.changed(3, 2, epoch="f")  # the difference to a state before what was seen
    request = await session.receive(RegisterNotification)
    assert request.snapshot
    await session.packet(request, 5)
    await session.registered(request, 3, epoch="f")
    assert await following(watch) == (3, [5], True)


async def test_a_server_that_was_behind_goes_on_once_it_is_not(peer, start):
    client = await peer.connect()
    session, watch = await registered(peer, start, client, "host", revision=20)
    session.cut()
    session = await peer.session()
    await session.registered(await session.receive(RegisterNotification), 15)
    await session.changed(21, 1)
    await session.changed(1, 2, epoch="f")
    assert await following(watch) == (21, [1], False)
    assert await following(watch) == (1, [2], False)


async def test_a_watch_that_lags_into_a_new_epoch_is_reset(peer, start, monkeypatch):
    monkeypatch.setattr(watch_module, "MAX_WAITING", 1)
    client = await peer.connect()
    session, watch = await registered(peer, start, client, "host")
    await session.changed(11, 1)
    await session.changed(12, 2)
    await session.changed(1, 3, epoch="f")
    reading = start(client.read("host"))  # all before its answer has been received, too
    await session.packet(await session.receive(), last=True)
    await reading
    assert await following(watch) == (11, [1], False)
    await session.receive(UnregisterNotification)
    request = await session.receive(RegisterNotification)
    assert (request.snapshot, request.since) == (True, None)


async def test_an_interrupted_snapshot_is_asked_for_anew(peer, start):
    client = await peer.connect()
    session = await peer.session()
    watching = start(client.watch(["host"], snapshot=True))
    request = await session.receive(RegisterNotification)
    await session.packet(request, 1, 2, total=3)
    await session.refuse(request, ReadInterrupted())
    await session.send(NotificationsLost(epoch="e", revision=11, reason="compacted"))
    request = await session.receive(RegisterNotification)
    assert request.snapshot
    await session.packet(request, 1)
    await session.registered(request, 11)
    assert await following(await watching) == (11, [1], True)
