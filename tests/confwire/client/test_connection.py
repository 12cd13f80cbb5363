"""A connection that is kept: reconnects, fail-over, keep-alive, and when it is given up."""

from __future__ import annotations

import asyncio

import pytest

from confwire.client import ClientClosed, SiteRule, State
from confwire.client import sites as sites_module
from confwire.errors import AccountDisabled, ApplicationInUse, NotReady

pytestmark = pytest.mark.asyncio


async def test_a_lost_connection_is_opened_again(peer, states):
    client = await peer.connect(on_status=states)
    await states.reach(State.OPEN)
    (await peer.session()).cut()
    assert await states.reach(State.LOST) == "the connection was lost"
    assert (client.server, client.session) == (None, "")
    await peer.session()
    assert "session s1" in await states.reach(State.OPEN)


async def test_the_backup_is_tried_when_the_primary_is_away(peers, unused_port):
    primary, backup = await peers(), await peers()
    primary.port = unused_port
    await primary.connect(backup)
    await backup.session()


async def test_a_client_goes_elsewhere_when_its_server_stops(peers, monkeypatch):
    monkeypatch.setattr(sites_module, "STABLE_AFTER", 0.0)
    primary, backup = await peers(), await peers()
    await primary.connect(backup)
    await (await primary.session()).close(1001)
    await (await backup.session()).close(1001)
    await primary.session()


async def test_a_client_comes_back_to_the_same_server_after_a_cut(peers, monkeypatch):
    monkeypatch.setattr(sites_module, "STABLE_AFTER", 0.0)
    primary, backup = await peers(), await peers()
    await primary.connect(backup)
    (await primary.session()).cut()
    await primary.session()
    assert backup.sessions.empty()


async def test_a_server_that_drops_clients_at_once_is_left(peers):
    primary, backup = await peers(), await peers()
    await primary.connect(backup)
    (await primary.session()).cut()
    await backup.session()


async def test_a_client_that_is_refused_everywhere_gives_up(peers, states):
    primary, backup = await peers(), await peers()
    client = await primary.connect(backup, on_status=states)
    primary.refusal = backup.refusal = AccountDisabled()
    (await primary.session()).cut()
    assert await states.reach(State.CLOSED) == "the account is disabled"
    with pytest.raises(ClientClosed, match="given up: the account is disabled"):
        await client.read("host")


async def test_one_server_that_refuses_is_no_reason_to_give_up(peers):
    primary, backup = await peers(), await peers()
    await primary.connect(backup)
    backup.refusal = AccountDisabled()
    (await primary.session()).cut()
    await primary.session()


async def test_a_refusal_that_may_pass_is_waited_out(peer):
    await peer.connect()
    peer.refusal = ApplicationInUse()
    (await peer.session()).cut()
    await peer.refused.wait()
    peer.refusal = None
    await peer.session()


@pytest.mark.parametrize("code", [1002, 1003, 1007, 4002, 4006])
async def test_after_some_close_codes_a_client_does_not_come_back(peer, code, states):
    await peer.connect(on_status=states)
    await (await peer.session()).close(code)
    assert f"close code {code}" in await states.reach(State.CLOSED)


async def test_the_reason_of_the_server_is_passed_on(peer, states):
    await peer.connect(on_status=states)
    await (await peer.session()).close(1001, "server is restarted")
    reason = await states.reach(State.LOST)
    assert reason.startswith("server is restarted (close code 1001: connect elsewhere")


async def test_an_unknown_close_code_is_told_as_it_is(peer, states):
    await peer.connect(on_status=states)
    await (await peer.session()).close(4999)
    assert await states.reach(State.LOST) == "the server closed the connection with code 4999"


async def test_closing_does_not_wait_for_the_next_attempt(peer):
    client = await peer.connect(jitter=lambda: 1000.0)
    await peer.session()
    async with asyncio.timeout(5):
        await client.close()
    client = await peer.connect(jitter=lambda: 1000.0)
    (await peer.session()).cut()
    async with asyncio.timeout(5):
        await client.close()


async def test_an_unknown_close_code_leads_to_another_server(peers, monkeypatch):
    monkeypatch.setattr(sites_module, "STABLE_AFTER", 0.0)
    primary, backup = await peers(), await peers()
    await primary.connect(backup)
    await (await primary.session()).close(4999)
    await backup.session()


async def test_a_backup_is_learnt_from_the_server(peers):
    primary, backup = await peers(), await peers()
    primary.backup = backup.address
    await primary.connect()
    (await primary.session()).cut()  # too early to be trusted again at once
    await backup.session()


AT_ONCE = SiteRule(rounds=1, proof=0.0, probe_every=0.02)


async def away(peers, states):
    """A client that went to the backup site; return both peers and its session there."""
    preferred, backup = await peers(), await peers()
    preferred.refusal = NotReady()
    options = {"backup_site": [backup.address], "site_rule": AT_ONCE, "on_status": states}
    client = await preferred.connect(**options)
    return client, preferred, await backup.session()


async def test_the_new_session_is_open_before_the_old_one_ends(peers, states):
    client, preferred, session = await away(peers, states)
    preferred.refusal = None
    await preferred.session()
    await session.socket.wait_closed()
    assert session.socket.close_code == 1000
    async with asyncio.timeout(20):
        async for status in client.statuses():
            if (status.state, status.site) == (State.OPEN, "preferred"):
                break


async def test_a_return_that_is_refused_leaves_the_session_alone(peers, states):
    client, preferred, session = await away(peers, states)
    for _ in range(3):
        preferred.refused.clear()
        await preferred.refused.wait()
    assert (client.state, client.status.site) == (State.OPEN, "backup")
    assert session.socket.close_code is None


async def test_an_application_of_one_session_leaves_before_it_comes(peers, states):
    _, preferred, session = await away(peers, states)
    preferred.refusal = ApplicationInUse()
    await session.socket.wait_closed()
    assert session.socket.close_code == 1000
    preferred.refusal = None
    await preferred.session()


async def test_a_client_that_is_closed_on_its_way_leaves_nothing_open(peers, states):
    client, preferred, session = await away(peers, states)
    session.socket.transport.pause_reading()  # it answers no CLOSE
    preferred.refusal = None
    new = await preferred.session()
    await client.close()
    await new.socket.wait_closed()
    session.cut()
