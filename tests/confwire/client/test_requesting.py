"""Requests over links that do not hold, and what is known of their outcome."""

from __future__ import annotations

import asyncio

import pytest

from confwire.client import NoAnswer, OutcomeUnknown
from confwire.errors import (
    LocalProtocolError,
    MasterUnavailable,
    NoPermission,
    NotReady,
    ReadOnlyServer,
    RemoteProtocolError,
)
from confwire.messages import (
    DeleteObject,
    Error,
    ObjectDeleted,
    ServerIdentity,
)

pytestmark = pytest.mark.asyncio
SERVER = ServerIdentity(application="confserv", dbid=99, release="1.0.0", mode="master")


def refused(request, error):
    return Error(ref=request.ref, code=error.code, text=str(error), permanent=error.permanent)


async def test_a_write_whose_answer_was_lost_is_sent_again_under_its_name(peer, start):
    client = await peer.connect()
    session = await peer.session()
    writing = start(client.delete("host", 5))
    first = await session.receive(DeleteObject)
    session.cut()
    session = await peer.session()
    second = await session.receive(DeleteObject)
    assert second.request_id == first.request_id != ""
    await session.send(
        ObjectDeleted(ref=second.ref, epoch="e", revision=2, object_type="host", dbid=5)
    )
    assert (await writing).dbid == 5


async def test_a_proxy_that_lost_its_master_leaves_the_outcome_unknown(peer, start):
    client = await peer.connect()
    session = await peer.session()
    writing = start(client.delete("host", 5, request_id="mine"))
    asked = await session.receive(DeleteObject)
    data = {"requestId": "mine", "retryAfter": 5}
    error = {"code": "masterUnavailable", "text": "lost", "permanent": False, "data": data}
    await session.send(Error(ref=asked.ref, **error))
    with pytest.raises(OutcomeUnknown, match="unknown whether the change was made") as caught:
        await writing
    assert caught.value.request_id == "mine"


@pytest.mark.parametrize("refusal", [MasterUnavailable("away"), ReadOnlyServer("write there")])
async def test_a_server_that_cannot_ask_leaves_what_was_sent_before_unknown(peer, start, refusal):
    client = await peer.connect()
    writing = start(client.delete("host", 5))
    session = await peer.session()
    first = await session.receive(DeleteObject)
    session.cut()
    session = await peer.session()
    second = await session.receive(DeleteObject)
    await session.send(refused(second, refusal))
    with pytest.raises(OutcomeUnknown, match="unknown whether the change was made") as caught:
        await writing
    assert caught.value.request_id == first.request_id


async def test_what_a_master_refuses_under_the_same_name_was_not_made_before(peer, start):
    client = await peer.connect()
    writing = start(client.delete("host", 5))
    session = await peer.session()
    await session.receive(DeleteObject)
    session.cut()
    session = await peer.session()
    second = await session.receive(DeleteObject)
    await session.send(refused(second, NoPermission("no")))
    with pytest.raises(NoPermission):
        await writing


async def test_a_write_that_is_not_answered_has_an_unknown_outcome(peer):
    client = await peer.connect(request_timeout=0.05)
    with pytest.raises(OutcomeUnknown, match=r"did not answer within 0\.05 s"):
        await client.delete("host", 5)


async def test_a_write_without_a_connection_was_not_sent(peer, unused_port):
    client = await peer.connect(request_timeout=0.05)
    session = await peer.session()
    peer.refusal = NotReady()
    session.cut()
    await peer.refused.wait()
    with pytest.raises(NoAnswer, match=r"there was no connection for 0\.05 s"):
        await client.delete("host", 5)


async def test_a_message_over_the_server_limit_is_not_sent(peer, start):
    peer.max_message_size = 500
    client = await peer.connect()
    with pytest.raises(LocalProtocolError, match="the server takes 500: send less at once"):
        await client.create("host", {"name": "x" * 500})
    session = await peer.session()
    reading = start(client.read("host"))
    await session.packet(await session.receive(), 1, last=True)
    assert [document["DBID"] for document in await reading] == [1]


async def test_an_unexpected_answer_is_an_error_of_the_server(peer, start):
    client = await peer.connect()
    session = await peer.session()
    reading = start(client.read("host"))
    await session.registered(await session.receive(), 1)
    with pytest.raises(RemoteProtocolError, match="answered with notificationRegistered"):
        await reading


async def test_answers_that_nobody_waits_for_any_more_are_dropped(peer, start):
    client = await peer.connect()
    session = await peer.session()
    reading = start(client.read("host"))
    request = await session.receive()
    reading.cancel()
    await asyncio.gather(reading, return_exceptions=True)
    await session.packet(request, 1, last=True)
    reading = start(client.read("host"))
    await session.packet(await session.receive(), 2, last=True)
    assert [document["DBID"] for document in await reading] == [2]
