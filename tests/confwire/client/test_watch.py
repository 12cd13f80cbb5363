"""A watch by itself: what it takes, what it drops, and what its consumer gets."""

from __future__ import annotations

import pytest
from msgspec import Raw

from confwire.client.failures import ClientClosed
from confwire.client.watch import Interest, Notification, Watch, entered
from confwire.errors import MalformedMessage, NoPermission
from confwire.messages import Change, Cursor, ObjectId, Subscription

pytestmark = pytest.mark.asyncio


def created(dbid, kind="host"):
    return Change(change="created", object_type=kind, dbid=dbid, object=Raw(b'{"DBID":%d}' % dbid))


def watching(interest=Interest(), since=None, snapshot=False):  # noqa: B008
    ended = []
    watch = Watch("w1", interest, since, snapshot, lambda _: None, ended.append)
    return watch, ended


async def test_it_takes_each_revision_once_and_in_order():
    watch, _ = watching()
    watch.registered("e", 5)
    for revision in (4, 5, 6, 6, 3, 7):
        watch.take("e", revision, [created(revision)])
    assert [(await anext(watch)).revision for _ in range(2)] == [6, 7]
    assert repr(watch).endswith("0 waiting>")


async def test_it_takes_nothing_before_it_is_registered():
    watch, _ = watching()
    watch.take("e", 6, [created(6)])
    assert repr(watch) == "<Watch w1 registering at None, 0 waiting>"


async def test_a_notification_is_a_bookmark():
    watch, _ = watching()
    watch.registered("e", 5)
    watch.take("e", 6, [created(6)])
    assert (await anext(watch)).cursor == Cursor("e", 6)
    assert "changes" not in repr(Notification("e", 1, []))


async def test_changes_for_others_move_the_cursor_only():
    watch, _ = watching(Interest(types=("host",)))
    watch.registered("e", 5)
    watch.take("e", 6, [created(1, "person")])
    assert (watch.received, watch.consumed) == (Cursor("e", 6), 6)


async def test_what_was_consumed_lags_behind_what_was_received():
    watch, _ = watching()
    assert watch.consumed == 0
    watch.registered("e", 5)
    watch.take("e", 7, [created(1)])
    watch.take("e", 9, [created(2)])
    assert watch.consumed == 6
    await anext(watch)
    assert watch.consumed == 8
    await anext(watch)
    assert watch.consumed == 9


async def test_a_restart_replaces_what_waits():
    watch, _ = watching()
    watch.registered("e", 5)
    watch.take("e", 6, [created(1)])
    watch.restarted("f", 2, entered("host", [Raw(b'{"DBID":9}')]))
    notification = await anext(watch)
    assert (notification.reset, notification.revision, notification.epoch) == (True, 2, "f")
    assert [change.dbid for change in notification.changes] == [9]


async def test_a_registration_with_a_bookmark_keeps_it():
    watch, _ = watching(since=Cursor("e", 5))
    watch.registered("e", 9)
    watch.take("e", 6, [created(1)])
    assert (await anext(watch)).revision == 6


async def test_a_failure_comes_after_what_waits():
    watch, ended = watching()
    watch.registered("e", 5)
    watch.take("e", 6, [created(1)])
    watch.fail(NoPermission())
    assert (await anext(watch)).revision == 6
    with pytest.raises(NoPermission):
        await anext(watch)
    assert ended == []


async def test_closing_stops_the_iteration_and_tells_the_client_once():
    watch, ended = watching()
    watch.close()
    watch.close()
    with pytest.raises(StopAsyncIteration):
        await anext(watch)
    assert ended == [watch]
    assert isinstance(watch.failure, ClientClosed)


async def test_it_says_what_the_server_is_asked_for():
    interest = Interest(("host",), (1,), (2,), (ObjectId("host", 3),), (("name", "x"),), "state")
    assert watching(interest)[0].subscription() == Subscription(
        name="w1",
        types=["host"],
        tenants=[1],
        folders=[2],
        objects=[ObjectId("host", 3)],
        filter={"name": "x"},
        mode="state",
    )


async def test_a_damaged_document_is_not_delivered():
    watch, _ = watching()
    watch.registered("e", 5)
    damaged = Change(change="created", object_type="host", dbid=1, object=Raw(b"[]"))
    with pytest.raises(MalformedMessage):
        watch.take("e", 6, [damaged])
    assert watch.received == Cursor("e", 5)


@pytest.mark.parametrize(
    ("one", "other", "clash"),
    [
        (Interest(), Interest(), False),
        (Interest(types=("a",)), Interest(types=("b",), folders=(1,), mode="state"), False),
        (Interest(types=("a",)), Interest(types=("a", "b")), False),
        (Interest(types=("a",)), Interest(types=("a",), mode="state"), True),
        (Interest(types=("a",)), Interest(types=("a",), filter=(("x", 1),)), True),
        (Interest(), Interest(types=("a",), tenants=(1,)), True),
        (Interest(objects=(ObjectId("a", 1),)), Interest(types=("b",), folders=(1,)), False),
        (Interest(objects=(ObjectId("a", 1),)), Interest(types=("a",), folders=(1,)), True),
    ],
)
async def test_interests_clash_when_only_the_server_could_tell_them_apart(one, other, clash):
    assert one.clashes_with(other) is clash
    assert other.clashes_with(one) is clash
