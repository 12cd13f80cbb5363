"""What a watch of rights keeps for a consumer that takes its time."""

from __future__ import annotations

import pytest

from confwire.client.failures import ClientClosed
from confwire.client.rightswatch import RightsWatch
from confwire.messages import ObjectId, PermissionState

pytestmark = pytest.mark.asyncio


def state(dbid: int, mask: int) -> PermissionState:
    return PermissionState(object_type="host", dbid=dbid, mask=mask)


@pytest.fixture
def watch() -> RightsWatch:
    return RightsWatch([ObjectId("host", 1), ObjectId("host", 2)], lambda _: None)


async def taken(watch: RightsWatch) -> tuple[int, list[tuple[int, int]]]:
    news = await anext(watch)
    return news.revision, [(rights.dbid, rights.mask) for rights in news.objects]


async def test_the_newest_of_each_object_is_kept(watch):
    watch.take("e", 1, [state(1, 5), state(2, 5)])
    for revision in range(2, 1000):
        watch.take("e", revision, [state(1, revision % 2), state(3, 127)])
    assert await taken(watch) == (999, [(1, 1), (2, 5)])


async def test_what_is_as_it_was_told_is_no_news(watch):
    watch.take("e", 1, [state(1, 5), state(2, 5)])
    await anext(watch)
    watch.take("e", 2, [state(1, 0), state(2, 1)])
    watch.take("e", 3, [state(1, 5)])
    assert await taken(watch) == (3, [(2, 1)])


async def test_a_failure_comes_behind_what_is_waiting(watch):
    watch.take("e", 1, [state(1, 5)])
    watch.fail(ClientClosed("gone"))
    assert await taken(watch) == (1, [(1, 5)])
    with pytest.raises(StopAsyncIteration):
        await anext(watch)
    assert watch.failure is not None
