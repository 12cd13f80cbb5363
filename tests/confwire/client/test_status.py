"""What a client shows of itself: state, server, site, attempts, last error, age of the data."""

from __future__ import annotations

import asyncio
import time

import pytest

from confwire.client import KeepAlive, Place, State, Status
from confwire.client.status import MAX_STATUSES, Statuses
from confwire.errors import NotReady
from confwire.messages import ReadServerInfo, ServerIdentity, ServerInfo

pytestmark = pytest.mark.asyncio
PROXY = ServerIdentity(application="site-1", dbid=102, release="1.0.0", mode="proxy")


async def reach(statuses, state):
    """Return the next status with this state."""
    async with asyncio.timeout(20):
        async for status in statuses:
            if status.state is state:
                return status
    raise AssertionError(f"the statuses ended before {state}")


async def test_an_open_client_shows_its_server_and_since_when(peer):
    before = time.time()
    client = await peer.connect()
    status = client.status
    assert (status.state, status.address, status.site) == (State.OPEN, peer.address, "preferred")
    assert status.server is not None
    assert status.server.application == "confserv"
    assert (status.place, status.attempts, status.last_error) == (Place.PREFERRED, 0, "")
    assert before <= status.since <= time.time()


async def test_every_attempt_is_told_with_its_error(peer):
    client = await peer.connect()
    statuses = client.statuses()
    assert (await reach(statuses, State.OPEN)).attempts == 0
    peer.refusal = NotReady()
    (await peer.session()).cut()
    lost = await reach(statuses, State.LOST)
    assert (lost.last_error, lost.server) == ("the connection was lost", None)
    for attempts in (2, 3, 4):  # the session that did not hold was one, too
        trying = await reach(statuses, State.CONNECTING)
        assert (trying.attempts, trying.last_error) == (attempts, str(NotReady()))


async def test_an_error_stays_visible_when_the_session_is_back(peer):
    client = await peer.connect()
    statuses = client.statuses()
    await reach(statuses, State.OPEN)
    (await peer.session()).cut()
    await reach(statuses, State.LOST)
    status = await reach(statuses, State.OPEN)
    assert status.last_error == "the connection was lost"


async def test_the_iteration_ends_with_the_client(peer):
    client = await peer.connect()
    statuses = client.statuses()
    await client.close()
    assert [status.state async for status in statuses] == [State.OPEN, State.CLOSED]
    assert [status.state async for status in client.statuses()] == [State.CLOSED]


async def test_a_reader_may_stop_listening(peer, start):
    client = await peer.connect()
    statuses = client.statuses()
    assert (await anext(statuses)).state is State.OPEN
    waiting = start(anext(statuses, None))
    await asyncio.sleep(0)
    statuses.close()
    assert await waiting is None


async def test_a_slow_reader_keeps_the_newest():
    first = Status(State.OPEN, 0.0, "", ("a", 1))
    statuses = Statuses(first, lambda _: None)
    for number in range(MAX_STATUSES + 5):
        statuses.add(Status(State.CONNECTING, 0.0, "", ("a", 1), attempts=number))
    assert (await anext(statuses)).attempts == 5


async def test_the_data_of_a_master_is_current_when_it_speaks(peer):
    client = await peer.connect()
    age = client.status.age(time.time())
    assert age is not None
    assert 0.0 <= age < 20.0


async def test_a_proxy_is_asked_for_the_age_of_its_data(peer, start):
    peer.server = PROXY
    client = await peer.connect()
    session = await peer.session()
    assert client.status.age(time.time()) is None
    request = await session.receive(ReadServerInfo)
    asking = start(client.server_info())
    await session.send(ServerInfo(ref=request.ref, epoch="e", revision=12, server=PROXY, age=100.0))
    request = await session.receive(ReadServerInfo)
    await session.send(ServerInfo(ref=request.ref, epoch="e", revision=12, server=PROXY, age=200.0))
    await asking
    age = client.status.age(time.time())
    assert age is not None
    assert 200.0 <= age < 220.0


async def test_the_age_grows_when_the_session_is_lost(peer):
    client = await peer.connect()
    at = client.status.current_at
    statuses = client.statuses()
    (await peer.session()).cut()
    lost = await reach(statuses, State.LOST)
    assert lost.current_at == at
    assert lost.age(at + 60.0) == 60.0


async def test_other_timeouts_count_for_the_open_session(peer, states):
    client = await peer.connect(on_status=states, keep_alive=KeepAlive(0, 0))
    session = await peer.session()
    session.socket.transport.pause_reading()  # it answers no ping
    client.change_keep_alive(KeepAlive(0.05, 3))
    assert "was silent for 0.1 s" in await states.reach(State.LOST)
    session.cut()
    assert (await peer.session()).opening.keep_alive == KeepAlive(0.05, 3)
