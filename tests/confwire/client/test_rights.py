"""Rights that a client is told of, over a connection that does not hold."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
import pytest_asyncio

from confwire.client import ClientClosed, NoAnswer, ObjectId, ObjectRights, State
from confwire.errors import InternalError, InvalidParameter, LocalProtocolError
from confwire.errors import TooManySubscriptions as TooMany
from confwire.messages import (
    Permission,
    PermissionsChanged,
    PermissionsRegistered,
    PermissionState,
    RegisterNotification,
    RegisterPermissions,
)

pytestmark = pytest.mark.asyncio
GRANT = Permission(subject_type="person", subject_dbid=7, mask=5)


def hosts(*dbids: int) -> list[ObjectId]:
    return [ObjectId("host", dbid) for dbid in dbids]


def states(masks: dict[int, int], **more: Any) -> list[PermissionState]:
    return [
        PermissionState(object_type="host", dbid=dbid, mask=mask, **more)
        for dbid, mask in masks.items()
    ]


async def answer(session: Any, masks: dict[int, int], *, revision: int = 10) -> list[int]:
    """Take the client's registration and return its DBIDs."""
    async with asyncio.timeout(20):
        request = await session.receive(RegisterPermissions)
    assert request.current
    dbids = [item.dbid for item in request.objects]
    told = states({dbid: masks.get(dbid, 0) for dbid in dbids})
    await session.send(
        PermissionsRegistered(ref=request.ref, epoch="e", revision=revision, objects=told)
    )
    return dbids


async def change(session: Any, revision: int, masks: dict[int, int], **more: Any) -> None:
    objects = states(masks, **more)
    await session.send(PermissionsChanged(epoch="e", revision=revision, objects=objects))


async def following(watch: Any) -> tuple[int, dict[int, int]]:
    """Return the next change as its revision and its masks."""
    async with asyncio.timeout(20):
        news = await anext(watch)
    return news.revision, {rights.dbid: rights.mask for rights in news.objects}


@pytest_asyncio.fixture
async def watched(peer, start) -> Any:
    """A client, its session, and a watch of two hosts that has told how things stand."""
    client = await peer.connect()
    session = await peer.session()
    watching = start(client.watch_permissions(hosts(1, 2)))
    assert await answer(session, {1: 5, 2: 1}) == [1, 2]
    watch = await watching
    assert await following(watch) == (10, {1: 5, 2: 1})
    return client, session, watch


async def test_the_first_change_tells_how_things_stand_and_the_others_what_is_new(watched):
    _, session, watch = watched
    await change(session, 11, {1: 7}, permissions=[GRANT])
    async with asyncio.timeout(20):
        news = await anext(watch)
    assert (news.epoch, news.revision) == ("e", 11)
    assert news.objects == (ObjectRights("host", 1, 7, (GRANT,)),)
    await change(session, 12, {2: 0})
    assert await following(watch) == (12, {2: 0})


async def test_what_is_told_twice_is_told_once_and_what_came_back_not_at_all(watched):
    _, session, watch = watched
    await change(session, 11, {1: 5, 2: 0})
    await change(session, 12, {1: 0, 2: 1})
    await change(session, 13, {1: 1})
    await change(session, 14, {3: 127})
    await change(session, 15, {2: 3})
    taken: dict[int, int] = {}
    while 2 not in taken or taken[2] != 3:
        taken |= (await following(watch))[1]
    assert taken == {1: 1, 2: 3}
    assert "0 of them new" in repr(watch)


@pytest.mark.parametrize("token", ["", "token"])
async def test_after_a_lost_connection_all_is_registered_and_what_was_missed_is_told(
    peer, start, token
):
    peer.token = token
    client = await peer.connect()
    session = await peer.session()
    watching = start(client.watch_permissions(hosts(1, 2)))
    await answer(session, {1: 5, 2: 1})
    watch = await watching
    await following(watch)
    session.cut()
    session = await peer.session()
    assert bool(session.opening.token) is bool(token)
    assert await answer(session, {1: 5, 2: 0}, revision=20) == [1, 2]
    assert await following(watch) == (20, {2: 0})


async def test_a_registration_that_is_cut_off_is_made_on_the_next_connection(peer, start):
    client = await peer.connect()
    session = await peer.session()
    watching = start(client.watch_permissions(hosts(1)))
    await session.receive(RegisterPermissions)
    session.cut()
    await answer(await peer.session(), {1: 3})
    assert await following(await watching) == (10, {1: 3})


async def test_all_watches_together_are_one_registration(watched, start):
    client, session, watch = watched
    other = start(client.watch_permissions(hosts(3, 2)))
    assert await answer(session, {1: 5, 2: 1, 3: 4}) == [1, 2, 3]
    other = await other
    assert await following(other) == (10, {2: 1, 3: 4})
    await change(session, 11, {2: 9, 3: 5})
    assert await following(watch) == (11, {2: 9})
    assert await following(other) == (11, {2: 9, 3: 5})
    watch.close()
    assert await answer(session, {2: 9, 3: 5}) == [3, 2]
    other.close()
    assert await answer(session, {}) == []
    with pytest.raises(StopAsyncIteration):
        await anext(other)


async def test_two_that_begin_at_once_are_registered_one_after_the_other(watched, start):
    """So that a refusal is of the one that is at fault."""
    client, session, watch = watched
    wrong = start(client.watch_permissions([ObjectId("hots", 3)]))
    right = start(client.watch_permissions(hosts(4)))
    request = await session.receive(RegisterPermissions)
    assert ObjectId("hots", 3) in request.objects
    await session.refuse(request, InvalidParameter("there is no object type 'hots'"))
    assert await answer(session, {1: 5, 2: 1, 4: 1}) == [1, 2, 4]
    with pytest.raises(InvalidParameter):
        await wrong
    assert await following(await right) == (10, {4: 1})
    await change(session, 12, {1: 0})
    assert await following(watch) == (12, {1: 0})


async def test_a_server_that_cannot_take_them_for_now_is_left(watched, peer):
    _, session, watch = watched
    session.cut()
    session = await peer.session()
    await session.refuse(await session.receive(RegisterPermissions), InternalError())
    await answer(await peer.session(), {1: 5, 2: 7}, revision=12)
    assert await following(watch) == (12, {2: 7})


async def test_a_refusal_for_good_ends_the_watches_and_not_the_client(watched, peer):
    client, session, watch = watched
    session.cut()
    session = await peer.session()
    await session.refuse(await session.receive(RegisterPermissions), TooMany())
    with pytest.raises(TooMany):
        await following(watch)
    assert client.state is State.OPEN


async def test_other_watches_go_on_beside(watched, start):
    client, session, watch = watched
    watching = start(client.watch(["host"]))
    await session.registered(await session.receive(RegisterNotification), 10)
    objects = await watching
    await session.changed(11, 1)
    await change(session, 11, {1: 0})
    assert (await anext(objects)).revision == 11
    assert await following(watch) == (11, {1: 0})


@pytest.mark.parametrize(("objects", "text"), [(hosts(*range(3, 102)), "101"), ([], "an object")])
async def test_what_no_session_can_have_is_refused_here(watched, objects, text):
    client, session, watch = watched
    with pytest.raises(LocalProtocolError, match=text):
        await client.watch_permissions(objects)
    await change(session, 11, {1: 0})
    assert await following(watch) == (11, {1: 0}), "the others go on"


async def test_up_to_the_bound_one_session_may_have_them(watched, start):
    client, session, _ = watched
    start(client.watch_permissions(hosts(*range(1, 101))))
    assert len(await answer(session, {})) == 100


async def test_who_waits_is_told_when_the_client_is_closed(watched):
    client, _, watch = watched
    await client.close()
    with pytest.raises(StopAsyncIteration):
        await anext(watch)
    with pytest.raises(ClientClosed):
        await client.watch_permissions(hosts(1))


async def test_a_server_that_does_not_answer_is_not_waited_for(peer):
    client = await peer.connect(request_timeout=0.05)
    session = await peer.session()
    with pytest.raises(NoAnswer, match=r"0\.05 s"):
        await client.watch_permissions(hosts(1))
    await session.receive(RegisterPermissions)


async def test_an_answer_that_does_not_tell_how_things_stand_ends_the_connection(
    peer, start, states
):
    client = await peer.connect(on_status=states)
    session = await peer.session()
    start(client.watch_permissions(hosts(1)))
    request = await session.receive(RegisterPermissions)
    await session.send(PermissionsRegistered(ref=request.ref, epoch="e", revision=10))
    assert "permissionsRegistered" in await states.reach(State.LOST)
