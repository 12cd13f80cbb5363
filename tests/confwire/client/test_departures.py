"""A client that its server sends elsewhere: it goes when and where it is told, without alarm."""

from __future__ import annotations

import asyncio

import pytest

from confwire.client import State
from confwire.errors import CloseCode
from confwire.messages import Draining, ReadObjects, RegisterNotification
from tests.confwire.conftest import Peer, Session

pytestmark = pytest.mark.asyncio


async def send_away(session: Session, to: Peer | None = None, after: float = 0.0) -> None:
    host, port = to.address if to is not None else ("", "")
    await session.send(Draining(retry_after=after, host=host, port=str(port)))


async def test_it_goes_where_it_is_sent(peers, states):
    old, new = await peers(), await peers()
    client = await old.connect(on_status=states)
    session = await old.session()
    await send_away(session, new)
    await new.session()
    await states.reach(State.OPEN)
    assert (client.status.address, client.status.last_error) == (new.address, "")


async def test_it_takes_its_watches_along_and_raises_no_alarm(peers, states, start):
    old, new = await peers(), await peers()
    client = await old.connect(on_status=states)
    session = await old.session()
    watching = start(client.watch(["host"]))
    await session.registered(await session.receive(RegisterNotification), 10)
    watch = await watching
    await session.changed(11, 1)
    assert (await anext(watch)).revision == 11
    await send_away(session, new)
    other = await new.session()
    request = await other.receive(RegisterNotification)
    assert request.since.revision == 11
    await other.registered(request, 12)
    await other.changed(12, 2)
    assert (await anext(watch)).revision == 12
    assert State.LOST not in [state for state, _ in states.seen]


async def test_it_stays_until_its_time_and_hears_the_answers_first(peers, start):
    old, new = await peers(), await peers()
    client = await old.connect()
    session = await old.session()
    reading = start(client.read("host"))
    request = await session.receive(ReadObjects)
    await send_away(session, new)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.1):
            await new.sessions.get()
    await session.packet(request, 1, last=True)
    assert [document["DBID"] for document in await reading] == [1]
    await new.session()


async def test_sent_nowhere_it_takes_the_next_server_that_it_knows(peers):
    old, other = await peers(), await peers()
    await old.connect(other)
    await send_away(await old.session())
    await other.session()


@pytest.mark.parametrize("code", [CloseCode.DRAINING, CloseCode.SHED])
async def test_one_that_is_closed_before_it_went_goes_there_too(peers, states, code):
    old, new = await peers(), await peers()
    await old.connect(on_status=states)
    session = await old.session()
    await send_away(session, new, after=600.0)
    await session.close(code)
    await new.session()
    assert State.LOST not in [state for state, _ in states.seen]


async def test_a_server_that_dies_while_it_drains_is_no_alarm_either(peers, states):
    old, new = await peers(), await peers()
    await old.connect(on_status=states)
    session = await old.session()
    await send_away(session, new, after=600.0)
    while "sent to" not in await states.reach(State.OPEN):
        pass
    session.cut()
    await new.session()
    assert State.LOST not in [state for state, _ in states.seen]


async def test_where_it_was_sent_it_may_find_nobody(peers, unused_port):
    old = await peers()
    await old.connect()
    session = await old.session()
    await session.send(Draining(retry_after=0.0, host="127.0.0.1", port=str(unused_port)))
    await old.session()


async def test_servers_that_send_it_to_and_fro_are_tried_ever_more_slowly(peers, states):
    one, two = await peers(), await peers()
    client = await one.connect(jitter=lambda: 1.0, on_status=states)
    session = await one.session()
    for here, there in ((one, two), (two, one)):
        assert here.address == client.status.address
        await send_away(session, there)
        await states.reach(State.CONNECTING)
        session = await there.session()
        await states.reach(State.OPEN)
    assert client.status.attempts == 2
