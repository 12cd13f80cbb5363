"""Going on with a session by its token, and what happens when a server does not take it."""

from __future__ import annotations

import asyncio

import pytest

from confwire.client import State
from confwire.client.resuming import Resumption, bounded, is_about_the_token
from confwire.errors import (
    AccountDisabled,
    NotReady,
    RemoteProtocolError,
    TokenRefused,
)
from confwire.handshake import resume_proof
from confwire.messages import (
    Cursor,
    NotificationsLost,
    ObjectsSent,
    RegisterNotification,
    Subscription,
    TokenRenewed,
    UnregisterNotification,
)
from tests.confwire.client.test_watches import following, registered


async def resumed(peer):
    """Return the next session, which went on by a token."""
    session = await peer.session()
    assert session.opening.token == peer.token
    return session


def test_a_false_server_is_found_out():
    resumption = Resumption("token", b"key")
    resumption.verify("nonce", resume_proof(b"key", "nonce", "token"))
    for wrong in ("", "v=", resume_proof(b"key", "other", "token"), "ünicode"):
        with pytest.raises(RemoteProtocolError):
            resumption.verify("nonce", wrong)


def test_who_had_no_key_has_nothing_to_check():
    Resumption("token", b"").verify("nonce", "")


def test_more_subscriptions_than_an_opening_has_room_for_are_left_out():
    few = [Subscription(name="few", folders=[1])]
    many = [Subscription(name="many", folders=list(range(10_000)))]
    assert bounded("t", b"", Cursor("e", 1), few).names == {"few"}
    assert bounded("t", b"", Cursor("e", 1), many) == Resumption("t", b"")


def test_a_refusal_of_the_account_is_none_of_the_token():
    assert is_about_the_token(TokenRefused())
    assert not is_about_the_token(AccountDisabled())


def test_a_token_is_in_no_text():
    assert "secret" not in repr(Resumption("secret", b"secret"))


@pytest.mark.asyncio
async def test_a_lost_session_goes_on_in_one_message(peer, start):
    peer.token = "t1"
    client = await peer.connect()
    assert not client.status.restored
    session, watch = await registered(peer, start, client, "host")
    await session.changed(11, 1)
    assert await following(watch) == (11, [1], False)
    session.cut()
    session = await resumed(peer)
    assert session.opening.since == Cursor("e", 11)
    assert [item.types for item in session.opening.subscriptions] == [["host"]]
    await session.changed(12, 2)
    assert await following(watch) == (12, [2], False)
    assert (client.state, client.status.restored) == (State.OPEN, True)


@pytest.mark.asyncio
async def test_the_newest_token_is_shown(peer):
    peer.token = "t1"
    await peer.connect()
    session = await peer.session()
    await session.send(TokenRenewed(token="t2"))
    peer.token = "t2"
    await session.close(1000)
    assert (await resumed(peer)).opening.token == "t2"


@pytest.mark.asyncio
async def test_after_a_refusal_it_logs_in_on_the_same_line(peer, start):
    peer.token = "t1"
    client = await peer.connect()
    session, watch = await registered(peer, start, client, "host")
    peer.token = "of another time"
    session.cut()
    session = await peer.session()
    assert session.opening.token == "", "a login, and another token"
    request = await session.receive(RegisterNotification)
    assert request.since == Cursor("e", 10)
    await session.registered(request, 10)
    await session.changed(11, 1)
    assert await following(watch) == (11, [1], False)
    assert not client.status.restored


@pytest.mark.asyncio
async def test_a_server_that_gives_no_token_is_logged_in_to(peer):
    await peer.connect()
    session = await peer.session()
    session.cut()
    assert (await peer.session()).opening.token == ""


@pytest.mark.asyncio
async def test_who_lost_its_session_to_another_connection_logs_in_anew(peer):
    """Two with the same token would else take the session from each other for ever."""
    peer.token = "t1"
    client = await peer.connect()
    session = await peer.session()
    await session.close(4003)
    assert (await peer.session()).opening.token == ""
    assert not client.status.restored


@pytest.mark.asyncio
async def test_a_server_that_is_not_ready_does_not_end_the_token(peer):
    peer.token = "t1"
    await peer.connect()
    session = await peer.session()
    peer.refusal = NotReady()
    session.cut()
    async with asyncio.timeout(20):
        await peer.refused.wait()
    peer.refusal = None
    await resumed(peer)


@pytest.mark.asyncio
async def test_a_port_where_nothing_of_ours_listens_does_not_end_the_token(peer):
    peer.token = "t1"
    client = await peer.connect()
    session = await peer.session()

    async def hang_up(reader, writer):
        writer.close()

    other = await asyncio.start_server(hang_up, "127.0.0.1", 0)
    port = other.sockets[0].getsockname()[1]
    client._connection._sites.learn(("127.0.0.1", port))
    await session.close(1001)
    assert (await resumed(peer)).opening.token == "t1"
    other.close()
    assert "no configuration server" in client.status.last_error


@pytest.mark.asyncio
async def test_a_false_server_does_not_get_the_session(peer):
    peer.token, peer.is_false = "t1", True
    client = await peer.connect()
    (await peer.session()).cut()
    false = await peer.session()
    assert false.opening.token == "t1"
    session = await peer.session()
    assert session.opening.token == "", "a login, which a false server cannot take"
    assert "could not prove" in client.status.last_error


@pytest.mark.asyncio
async def test_what_cannot_be_told_any_more_comes_anew(peer, start):
    peer.token = "t1"
    client = await peer.connect()
    session, watch = await registered(peer, start, client, "host")
    session.cut()
    session = await resumed(peer)
    await session.send(NotificationsLost(epoch="e", revision=20, reason="compacted"))
    request = await session.receive(RegisterNotification)
    assert request.snapshot
    await session.packet(request, 7)
    await session.send(ObjectsSent(ref=request.ref, epoch="e", revision=20, total=1))
    await session.registered(request, 20)
    assert await following(watch) == (20, [7], True)


@pytest.mark.asyncio
async def test_another_epoch_brings_everything_anew(peer, start):
    peer.token = "t1"
    client = await peer.connect()
    session, watch = await registered(peer, start, client, "host")
    peer.epoch = "later"
    session.cut()
    session = await resumed(peer)
    await session.send(NotificationsLost(epoch="later", revision=3, reason="epoch"))
    request = await session.receive(RegisterNotification)
    assert request.snapshot
    await session.packet(request, 7)
    await session.send(ObjectsSent(ref=request.ref, epoch="later", revision=3, total=1))
    await session.registered(request, 3, epoch="later")
    assert await following(watch) == (3, [7], True)


@pytest.mark.asyncio
async def test_a_watch_that_is_closed_while_its_session_resumes_is_unsubscribed(peer, start):
    peer.token = "t1"
    client = await peer.connect()
    session, watch = await registered(peer, start, client, "host")
    peer.gate.clear()
    session.cut()
    async with asyncio.timeout(20):
        await peer.shown.wait()
    watch.close()
    peer.gate.set()
    session = await resumed(peer)
    (asked,) = session.opening.subscriptions
    assert (await session.receive(UnregisterNotification)).subscription == asked.name


@pytest.mark.asyncio
async def test_a_watch_without_its_data_yet_is_registered_beside(peer, start):
    peer.token = "t1"
    client = await peer.connect()
    session, _ = await registered(peer, start, client, "host")
    start(client.watch(["skill"], snapshot=True))
    await session.receive(RegisterNotification)
    session.cut()
    session = await resumed(peer)
    assert [item.types for item in session.opening.subscriptions] == [["host"]]
    request = await session.receive(RegisterNotification)
    assert (request.snapshot, [item.types for item in request.subscriptions]) == (True, [["skill"]])
