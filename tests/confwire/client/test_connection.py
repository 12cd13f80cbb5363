"""A connection that is kept: reconnects, fail-over, keep-alive, and when it is given up."""

from __future__ import annotations

import asyncio

import pytest
from websockets.asyncio.server import serve

from confwire.client import ClientClosed, KeepAlive, LinkLost, State
from confwire.client import connection as connection_module
from confwire.errors import AccountDisabled, ApplicationInUse, RemoteProtocolError

pytestmark = pytest.mark.asyncio


class States:
    """Notes the states of a client."""

    def __init__(self):
        self.seen = []
        self._changed = asyncio.Event()

    def __call__(self, state, reason):
        self.seen.append((state, reason))
        self._changed.set()

    async def reach(self, state):
        """Wait for a state and return its reason; what came before is forgotten."""
        async with asyncio.timeout(20):
            while state not in [seen for seen, _ in self.seen]:
                self._changed.clear()
                await self._changed.wait()
        reason = dict(self.seen)[state]
        self.seen.clear()
        return reason


async def test_a_lost_connection_is_opened_again(peer):
    states = States()
    client = await peer.connect(on_state=states)
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
    monkeypatch.setattr(connection_module, "STABLE_AFTER", 0.0)
    primary, backup = await peers(), await peers()
    await primary.connect(backup)
    await (await primary.session()).close(1001)
    await (await backup.session()).close(4007)
    await primary.session()


async def test_a_client_comes_back_to_the_same_server_after_a_cut(peers, monkeypatch):
    monkeypatch.setattr(connection_module, "STABLE_AFTER", 0.0)
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


async def test_a_client_that_is_refused_everywhere_gives_up(peers):
    primary, backup = await peers(), await peers()
    states = States()
    client = await primary.connect(backup, on_state=states)
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


@pytest.mark.parametrize("code", [1002, 1003, 1007, 4002, 4003])
async def test_after_some_close_codes_a_client_does_not_come_back(peer, code):
    states = States()
    await peer.connect(on_state=states)
    await (await peer.session()).close(code)
    assert f"close code {code}" in await states.reach(State.CLOSED)


async def test_the_reason_of_the_server_is_passed_on(peer):
    states = States()
    await peer.connect(on_state=states)
    await (await peer.session()).close(1001, "server is restarted")
    reason = await states.reach(State.LOST)
    assert reason.startswith("server is restarted (close code 1001: connect elsewhere")


async def test_an_unknown_close_code_is_told_as_it_is(peer):
    states = States()
    await peer.connect(on_state=states)
    await (await peer.session()).close(4999)
    assert await states.reach(State.LOST) == "the server closed the connection with code 4999"


async def test_a_silent_server_is_given_up_after_twice_the_timeout(peer):
    states = States()
    await peer.connect(on_state=states, keep_alive=KeepAlive(0.05, 0))
    session = await peer.session()
    session.socket.transport.pause_reading()  # it answers no ping
    assert await states.reach(State.LOST) == f"127.0.0.1:{peer.port} was silent for 0.1 s"
    session.cut()


async def test_a_server_that_answers_pings_is_kept(peer, start):
    states = States()
    client = await peer.connect(on_state=states, keep_alive=KeepAlive(0.02, 0))
    session = await peer.session()
    await states.reach(State.OPEN)
    reading = start(client.read("host"))
    request = await session.receive()
    # Its own pings tell that several of the client's have been answered meanwhile.
    for _ in range(10):
        await asyncio.wait_for(await session.socket.ping(), 5)
        await asyncio.sleep(0.01)
    await session.packet(request, 1, last=True)
    assert len(await reading) == 1
    assert states.seen == []


async def test_what_is_no_configuration_server_is_said_to_be_none(peer):
    async def handle(reader, writer):
        await reader.readline()
        writer.write(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n")
        writer.close()

    server = await asyncio.start_server(handle, "127.0.0.1", 0)
    peer.port = server.sockets[0].getsockname()[1]
    with pytest.raises(RemoteProtocolError, match="no configuration server: it answers with HTTP"):
        await peer.connect()
    server.close()


async def test_a_websocket_of_another_protocol_is_refused(peer):
    async with serve(lambda socket: socket.wait_closed(), "127.0.0.1", 0) as server:
        peer.port = server.sockets[0].getsockname()[1]
        with pytest.raises(RemoteProtocolError, match=r"does not speak confwire\.1"):
            await peer.connect()


async def test_an_unknown_host_name_is_said_to_be_unknown(peer, monkeypatch):
    monkeypatch.setattr(type(peer), "address", ("no-such-host.invalid", 2020))
    with pytest.raises(LinkLost, match=r"cannot connect to no-such-host\.invalid:2020: unknown"):
        await peer.connect()


async def test_a_server_that_says_nothing_is_given_up(peer, monkeypatch):
    async def handle(reader, writer):
        await reader.read()
        writer.close()

    server = await asyncio.start_server(handle, "127.0.0.1", 0)
    peer.port = server.sockets[0].getsockname()[1]
    with pytest.raises(LinkLost, match=r"did not answer within 0\.05 s"):
        await peer.connect(opening_timeout=0.05)
    server.close()
