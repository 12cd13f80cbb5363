"""Reads from a server that is behind what another one has shown."""

from __future__ import annotations

import asyncio

import pytest

from confwire.client import Cursor, ServerBehind
from confwire.client import reading as reading_module
from confwire.epochs import name_at
from confwire.messages import (
    ObjectsRead,
    ReadObjects,
    ReadServerInfo,
    ServerIdentity,
    ServerInfo,
)

pytestmark = pytest.mark.asyncio

EARLY, LATE = (name_at(number, bytes(10)) for number in (1_000, 2_000))


async def answered(peer, start, client, *revisions, epoch="e"):
    """Let a client read, and answer with these revisions; return the read and the session."""
    session = await peer.session()
    packets = client.read_packets("host")
    following = start(anext(packets))
    for revision in revisions:
        request = await session.receive(ReadObjects)
        await session.send(
            ObjectsRead(
                ref=request.ref,
                epoch=epoch,
                revision=revision,
                object_type="host",
                count=0,
                total=0,
                last=True,
                objects=[],
            )
        )
    return following, session


async def test_an_answer_that_is_older_than_what_was_seen_is_marked(peer, start):
    client = await peer.connect()  # the server says that it is at 10
    following, session = await answered(peer, start, client, 12)
    assert not (await following).behind
    session.cut()
    following, session = await answered(peer, start, client, 11)
    assert (await following).behind
    session.cut()
    following, _ = await answered(peer, start, client, 3, epoch="another")
    assert not (await following).behind  # revisions of different epochs cannot be compared


async def test_what_was_seen_never_goes_back_within_an_epoch(peer, start):
    client = await peer.connect()
    following, session = await answered(peer, start, client, 12)
    await following
    session.cut()
    await peer.session()  # it says 10
    assert client.seen is not None
    assert client.seen.revision == 12


async def test_a_monotonic_reader_waits_for_a_server_that_is_behind(peer, start):
    client = await peer.connect(monotonic=True)
    following, _ = await answered(peer, start, client, 8, 9, 10)
    packet = await following
    assert (packet.revision, packet.behind) == (10, False)


async def test_a_monotonic_reader_is_refused_in_the_end(peer, start, monkeypatch):
    monkeypatch.setattr(reading_module, "BEHIND_TIMEOUT", 0.0)
    client = await peer.connect(monotonic=True)
    following, _ = await answered(peer, start, client, 8)
    with pytest.raises(ServerBehind, match="confserv is behind at revision 8, newer data was"):
        await following


async def test_a_client_tells_the_next_server_what_it_has_seen(peer, start):
    client = await peer.connect(monotonic=True)
    following, session = await answered(peer, start, client, 12)
    assert (session.opening.seen, session.opening.monotonic) == (None, True)
    await following
    session.cut()
    opening = (await peer.session()).opening
    assert (opening.seen, opening.monotonic) == (Cursor("e", 12), True)


async def test_data_of_an_earlier_epoch_is_behind_whatever_its_revision(peer, start):
    peer.epoch = LATE
    client = await peer.connect()
    following, _ = await answered(peer, start, client, 900, epoch=EARLY)
    assert (await following).behind
    assert client.seen == Cursor(LATE, 10)


@pytest.mark.parametrize(("mode", "seen"), [("proxy", LATE), ("master", EARLY)])
async def test_only_a_master_is_believed_that_goes_back_to_an_earlier_epoch(
    peer, start, mode, seen
):
    peer.epoch = LATE
    peer.server = ServerIdentity(application="site-1", dbid=105, release="1.0.0", mode=mode)
    client = await peer.connect()
    first = await peer.session()
    peer.epoch = EARLY
    first.cut()
    session = await peer.session()
    reading = start(client.server_info())
    while not reading.done():
        request = await session.receive(ReadServerInfo)
        info = ServerInfo(ref=request.ref, epoch=EARLY, revision=10, server=peer.server)
        await session.send(info)
        await asyncio.sleep(0.01)
    assert client.seen == Cursor(seen, 10)
