"""Reads that ask how new their data is, and servers that refuse what is too old."""

from __future__ import annotations

import pytest

from confwire.client import Bounds
from confwire.errors import NotFresh
from confwire.messages import ReadObjects

pytestmark = pytest.mark.asyncio


async def test_a_server_that_refuses_what_is_older_is_asked_again(peer, start):
    client = await peer.connect(monotonic=True)
    session = await peer.session()
    following = start(anext(client.read_packets("host")))
    await session.refuse(await session.receive(ReadObjects), NotFresh())
    request = await session.receive(ReadObjects)
    await session.packet(request, 1, last=True)
    assert not (await following).behind


async def test_bounds_go_with_a_read_and_their_refusal_to_the_caller(peer, start):
    client = await peer.connect(monotonic=True)
    session = await peer.session()
    reading = start(client.read("host", freshness=Bounds(min_revision=7, max_age=2)))
    request = await session.receive(ReadObjects)
    assert request.freshness == Bounds(min_revision=7, max_age=2)
    await session.refuse(request, NotFresh())
    with pytest.raises(NotFresh):
        await reading


async def test_age_and_source_come_with_the_packet(peer, start):
    client = await peer.connect()
    session = await peer.session()
    following = start(anext(client.read_packets("host", freshness=True)))
    request = await session.receive(ReadObjects)
    assert request.freshness is True
    await session.packet(request, 1, last=True, age=4.5, source="memory", behind=True)
    packet = await following
    assert (packet.age, packet.source, packet.behind) == (4.5, "memory", True)
