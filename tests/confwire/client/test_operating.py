"""What operators ask of a server by the client."""

from __future__ import annotations

import pytest

from confwire.client import OutcomeUnknown
from confwire.errors import NoBackup
from confwire.messages import Disconnect, Drain, SessionsSentAway, Shed, SwitchedOver, SwitchOver

pytestmark = pytest.mark.asyncio


async def test_orders_tell_how_many_they_concern(peer, start):
    client = await peer.connect()
    session = await peer.session()
    for order, kind in [
        (client.drain(), Drain),
        (client.shed(30), Shed),
        (client.disconnect("a15e"), Disconnect),
    ]:
        giving = start(order)
        request = await session.receive(kind)
        await session.send(SessionsSentAway(ref=request.ref, epoch="e", revision=1, count=7))
        assert await giving == (None if kind is Disconnect else 7)


async def test_a_switchover_tells_who_leads(peer, start):
    client = await peer.connect()
    session = await peer.session()
    switching = start(client.switch_over())
    request = await session.receive(SwitchOver)
    answer = SwitchedOver(ref=request.ref, epoch="e", revision=1, server="proxy2", term=2)
    await session.send(answer)
    assert await switching == answer
    switching = start(client.switch_over())
    await session.refuse(await session.receive(SwitchOver), NoBackup())
    with pytest.raises(NoBackup):
        await switching


async def test_an_order_whose_link_is_lost_is_not_given_twice(peer, start):
    client = await peer.connect()
    session = await peer.session()
    draining = start(client.drain())
    await session.receive(Drain)
    session.cut()
    with pytest.raises(OutcomeUnknown, match="ask the server's status"):
        await draining
