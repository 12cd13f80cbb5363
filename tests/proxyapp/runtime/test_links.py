"""The link to a master, against a real listening port."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from math import inf
from typing import Any

import pytest
import pytest_asyncio
from msgspec import structs

from confwire.handshake import derive
from proxyapp.engine.commands import ConnectLink, ListeningPort
from proxyapp.engine.events import (
    Connected,
    Event,
    LinkLost,
    LinkOpened,
    LinkProved,
    LinkReceived,
)
from proxyapp.engine.transport import Tls
from proxyapp.runtime import links
from proxyapp.runtime.accept import bind
from proxyapp.runtime.links import Link
from proxyapp.runtime.slices import LARGE, SMALL, Slices
from tests.certificates import Authority


class Node:
    """Keeps what the link tells."""

    def __init__(self) -> None:
        self.events: asyncio.Queue[Event] = asyncio.Queue()

    async def told(self, kind: type[Event]):
        async with asyncio.timeout(10):
            event = await self.events.get()
        assert isinstance(event, kind), event
        return event


@dataclass
class Clients:
    """Clients of the server that has the link, who ask nothing before they are said to."""

    asked_at: float = -inf
    answered: int = 0

    def answer_now(self) -> None:
        self.answered += 1


@pytest.fixture
def node() -> Node:
    return Node()


@pytest.fixture
def clients() -> Clients:
    return Clients()


@pytest_asyncio.fixture
async def link(node, clients) -> AsyncIterator[Link]:
    link = Link(node.events.put_nowait, "the secret", Slices(clients))
    yield link
    link.stop()


def peer_of(port):
    """Return the master's side of the link."""
    (connection,) = port.listeners.connections.values()
    return connection


@pytest.mark.asyncio
async def test_it_connects_sends_and_tells_what_comes(port, link, node) -> None:
    link.connect(ConnectLink("127.0.0.1", port.number, 0.0, 10.0))
    opened = await node.told(LinkOpened)
    assert (opened.secure, len(opened.nonce)) == (True, 24)
    link.send([b"one", b"two"])
    assert (await node.told(LinkReceived)).messages == [b"one", b"two"]


@pytest.mark.asyncio
async def test_messages_of_any_size_arrive_in_order(port, link, node) -> None:
    link.connect(ConnectLink("127.0.0.1", port.number, 0.0, 10.0))
    await node.told(LinkOpened)
    sent = [bytes([65 + n % 26]) * (n * 9973 % 300_000) for n in range(200)]
    peer_of(port).send(sent)
    got: list[bytes] = []
    while len(got) < len(sent):
        messages = (await node.told(LinkReceived)).messages
        assert sum(map(len, messages[:-1])) < LARGE.told
        got += messages
    assert got == sent


@pytest.mark.asyncio
async def test_while_clients_ask_little_is_told_and_they_come_first(
    port, link, node, clients
) -> None:
    clients.asked_at = inf
    link.slices = Slices(clients, lambda: 0.0)
    link.connect(ConnectLink("127.0.0.1", port.number, 0.0, 10.0))
    await node.told(LinkOpened)
    peer_of(port).send([bytes(SMALL.told // 4)] * 100)
    got = turns = 0
    while got < 100:
        messages = (await node.told(LinkReceived)).messages
        assert len(messages) <= 4
        got, turns = got + len(messages), turns + 1
    assert clients.answered >= turns >= 25


@pytest.mark.asyncio
async def test_what_waited_long_for_clients_is_told_longer(port, link, node, clients) -> None:
    clients.asked_at = inf
    link.slices = Slices(clients, lambda: time.monotonic() + 60)
    link.connect(ConnectLink("127.0.0.1", port.number, 0.0, 10.0))
    await node.told(LinkOpened)
    peer_of(port).send([bytes(SMALL.told // 4)] * 400)
    got = tellings = 0
    while got < 400:
        messages = (await node.told(LinkReceived)).messages
        assert len(messages) <= 4
        got, tellings = got + len(messages), tellings + 1
    assert clients.answered < tellings
    assert link._line._ahead <= LARGE.told


@pytest.mark.asyncio
async def test_no_more_is_read_than_is_told_soon(port, link, node, clients) -> None:
    clients.asked_at = inf
    link.slices = Slices(clients, lambda: 0.0)
    link.connect(ConnectLink("127.0.0.1", port.number, 0.0, 10.0))
    await node.told(LinkOpened)
    peer_of(port).send([bytes(SMALL.told)] * 300)
    for _ in range(300):
        await node.told(LinkReceived)
        assert link._line._size <= SMALL.told + links.READ_AT_ONCE


@pytest.mark.asyncio
async def test_a_flood_leaves_no_large_buffer_behind(port, link, node) -> None:
    link.connect(ConnectLink("127.0.0.1", port.number, 0.0, 10.0))
    await node.told(LinkOpened)
    peer_of(port).send([bytes(100_000)] * 300)
    got = 0
    while got < 300:
        got += len((await node.told(LinkReceived)).messages)
    reader = link._line._transport.underlying_transport.get_protocol()
    assert len(memoryview(reader._protocol.get_buffer(-1))) <= 4 * links.READ_AT_ONCE


@pytest.mark.asyncio
async def test_a_refused_connection_is_told_with_the_address(link, node) -> None:
    with bind("127.0.0.1", 0) as free:
        number = free.getsockname()[1]
    link.connect(ConnectLink("127.0.0.1", number, 0.0, 10.0))
    lost = await node.told(LinkLost)
    assert f"cannot connect to 127.0.0.1:{number}" in lost.reason
    assert 0 <= lost.jitter < 1


@pytest.mark.asyncio
async def test_a_server_that_never_answers_is_given_up(link, node) -> None:
    with bind("127.0.0.1", 0) as silent:
        link.connect(ConnectLink("127.0.0.1", silent.getsockname()[1], 0.0, 10.0, patience=0.1))
        assert "no answer within 0.1 s" in (await node.told(LinkLost)).reason


@pytest.mark.asyncio
async def test_the_masters_close_is_told_with_code_and_reason(port, link, node) -> None:
    link.connect(ConnectLink("127.0.0.1", port.number, 0.0, 10.0))
    await node.told(LinkOpened)
    connection = peer_of(port)
    connection.send([b"last words"])
    connection.close(4008, "reload")
    assert (await node.told(LinkReceived)).messages == [b"last words"]
    lost = await node.told(LinkLost)
    assert (lost.close_code, lost.reason) == (4008, "the master closed: reload")


@pytest.mark.asyncio
async def test_a_broken_connection_is_told(port, link, node) -> None:
    link.connect(ConnectLink("127.0.0.1", port.number, 0.0, 10.0))
    await node.told(LinkOpened)
    peer_of(port).abort(1006, "pulled")
    assert (await node.told(LinkLost)).close_code == 0


@pytest.mark.asyncio
async def test_closing_ends_with_a_close_and_its_reason(port, link, node) -> None:
    link.connect(ConnectLink("127.0.0.1", port.number, 0.0, 10.0))
    await node.told(LinkOpened)
    link.close("to start anew")
    assert (await node.told(LinkLost)).reason == "to start anew"


@pytest.mark.asyncio
async def test_closing_an_attempt_is_told_too(link, node) -> None:
    link.connect(ConnectLink("127.0.0.1", 1, 3600.0, 10.0))
    link.close("no more need")
    assert (await node.told(LinkLost)).reason == "no more need"


@pytest.mark.asyncio
async def test_a_new_attempt_replaces_the_old_line_without_a_word(port, link, node) -> None:
    link.connect(ConnectLink("127.0.0.1", port.number, 0.0, 10.0))
    await node.told(LinkOpened)
    link.connect(ConnectLink("127.0.0.1", port.number, 0.0, 10.0))
    await node.told(LinkOpened)
    await port.told(Connected, 2)


@pytest.mark.asyncio
async def test_a_silent_master_is_polled_and_then_given_up(port, link, node) -> None:
    link.connect(ConnectLink("127.0.0.1", port.number, 0.0, 5.0))
    await node.told(LinkOpened)
    peer_of(port).hold()  # as if the process was stopped: nothing is read or answered
    now = time.monotonic()
    link.sweep(now + 4.9)
    link.sweep(now + 5.1)
    link.sweep(now + 10.3)
    assert (await node.told(LinkLost)).reason == "nothing was heard for 10 s"


@pytest.mark.asyncio
async def test_a_master_that_answers_polls_is_kept(port, link, node) -> None:
    link.connect(ConnectLink("127.0.0.1", port.number, 0.0, 5.0))
    await node.told(LinkOpened)
    now = time.monotonic()
    link.sweep(now + 5.1)
    link.send([b"echo"])  # comes back behind the pong
    await node.told(LinkReceived)
    link.sweep(now + 5.2)
    link.send([b"still here"])
    await node.told(LinkReceived)


@pytest.mark.asyncio
async def test_a_binary_frame_of_the_master_ends_the_link(port, link, node) -> None:
    link.connect(ConnectLink("127.0.0.1", port.number, 0.0, 5.0))
    await node.told(LinkOpened)
    port.listeners.broadcast([peer_of(port).id], b"\x82\x01x")
    assert "binary" in (await node.told(LinkLost)).reason


@pytest.mark.asyncio
async def test_fragments_of_the_master_are_joined(port, link, node) -> None:
    link.connect(ConnectLink("127.0.0.1", port.number, 0.0, 5.0))
    await node.told(LinkOpened)
    port.listeners.broadcast([peer_of(port).id], b"\x01\x02He\x00\x02ll\x80\x01o")
    assert (await node.told(LinkReceived)).messages == [b"Hello"]


@pytest.mark.asyncio
async def test_the_secret_is_proved_in_a_thread(link, node) -> None:
    link.prove(b"salt" * 4, 4096)
    proved = await node.told(LinkProved)
    assert proved.salted_password == derive("the secret", b"salt" * 4, 4096)


@pytest.mark.asyncio
async def test_the_keys_are_derived_once_for_a_salt(link, node, monkeypatch) -> None:
    link.prove(b"salt" * 4, 4096)
    first = await node.told(LinkProved)
    monkeypatch.setattr(links, "derive", lambda secret, salt, iterations: b"anew")
    link.prove(b"salt" * 4, 4096)
    assert await node.told(LinkProved) == first
    link.prove(b"pepper" * 4, 4096)
    assert (await node.told(LinkProved)).salted_password == b"anew"


@pytest.mark.asyncio
async def test_the_local_address_can_be_chosen(port, node) -> None:
    link = Link(node.events.put_nowait, "", Slices(Clients()))
    link.connect(ConnectLink("127.0.0.1", port.number, 0.0, 5.0, local_address=("127.0.0.7", 0)))
    assert (await port.told(Connected)).peer.startswith("127.0.0.7:")
    link.stop()


@pytest.mark.asyncio
async def test_a_host_that_lives_says_that_the_process_is_gone(port, link, node) -> None:
    link.connect(ConnectLink("127.0.0.1", port.number, 0.0, 10.0))
    await node.told(LinkOpened)
    peer_of(port).abort(1006, "killed")
    assert (await node.told(LinkLost)).gone
    with bind("127.0.0.1", 0) as free:
        number = free.getsockname()[1]
    for host in ("127.0.0.1", "localhost"):
        link.connect(ConnectLink(host, number, 0.0, 10.0))
        assert (await node.told(LinkLost)).gone


@pytest.mark.asyncio
async def test_silence_does_not_say_that_a_process_is_gone(port, link, node) -> None:
    link.connect(ConnectLink("127.0.0.1", port.number, 0.0, 0.01))
    await node.told(LinkOpened)
    link.sweep(time.monotonic() + 1)
    link.sweep(time.monotonic() + 2)
    assert not (await node.told(LinkLost)).gone
    with bind("127.0.0.1", 0) as silent:
        link.connect(ConnectLink("127.0.0.1", silent.getsockname()[1], 0.0, 10.0, patience=0.1))
        assert not (await node.told(LinkLost)).gone


@pytest.mark.asyncio
async def test_a_server_that_leaves_in_an_orderly_way_is_gone(port, link, node) -> None:
    link.connect(ConnectLink("127.0.0.1", port.number, 0.0, 10.0))
    await node.told(LinkOpened)
    peer_of(port).close(1001, "it stops")
    assert (await node.told(LinkLost)).gone


@pytest.mark.asyncio
async def test_every_event_bears_the_name_of_its_link(port, node) -> None:
    link = Link(node.events.put_nowait, "the secret", Slices(Clients()), name="peer")
    link.connect(ConnectLink("127.0.0.1", port.number, 0.0, 10.0))
    assert (await node.told(LinkOpened)).link == "peer"
    peer_of(port).send([b"hello"])
    assert (await node.told(LinkReceived)).link == "peer"
    link.prove(b"salt", 4096)
    assert (await node.told(LinkProved)).link == "peer"
    link.close("enough")
    assert (await node.told(LinkLost)).link == "peer"
    link.stop()


# -------------------------------------------------------------------- TLS


@pytest.fixture
def ca(tmp_path) -> Authority:
    return Authority(tmp_path)


def secured(port, **tls: Any) -> int:
    """Open another port by TLS; return its number."""
    listening = bind("127.0.0.1", 0)
    number = int(listening.getsockname()[1])
    port.listeners.open_on(listening, ListeningPort("tls", number, "secured", Tls(**tls)))
    return number


@pytest.mark.asyncio
async def test_a_link_by_tls_is_checked_and_secure(port, link, node, ca) -> None:
    number = secured(port, **ca.issue().files)
    link.connect(ConnectLink("127.0.0.1", number, 0.0, 5.0, tls=Tls(trusted_ca=str(ca.file))))
    assert (await node.told(LinkOpened)).secure
    sent = [b"x" * 700_000, b"y", b"z" * 100_000]
    peer_of(port).send(sent)
    got: list[bytes] = []
    while len(got) < len(sent):
        got += (await node.told(LinkReceived)).messages
    assert got == sent
    link.send([b"q" * 200_000])
    assert (await node.told(LinkReceived)).messages == [b"q" * 200_000]


@pytest.mark.asyncio
async def test_a_master_that_asks_for_a_certificate_gets_one(port, link, node, ca) -> None:
    number = secured(port, **ca.issue().files, mutual=True, trusted_ca=str(ca.file))
    tls = Tls(trusted_ca=str(ca.file), **ca.issue("proxy", "site-1").files)
    link.connect(ConnectLink("127.0.0.1", number, 0.0, 5.0, tls=tls))
    assert (await node.told(LinkOpened)).secure


@pytest.mark.parametrize(
    ("tls", "text"),
    [
        (Tls(), "from a CA that is not trusted here"),
        (Tls(trusted_ca="{ca}", target="balancer.example"), "is for another name"),
        (Tls(trusted_ca="/nowhere.pem"), "trusted-ca /nowhere.pem cannot be read"),
        (Tls(trusted_ca="{ca}", protocol="TLSv1"), "sec-protocol TLSv1 is older than TLS 1.2"),
        (Tls(trusted_ca="{ca}", certificate="/c.pem"), "certificate-key is not given"),
    ],
)
@pytest.mark.asyncio
async def test_why_a_link_cannot_be_made_is_told_with_the_remedy(
    port, link, node, ca, tls, text
) -> None:
    number = secured(port, **ca.issue().files)
    tls = structs.replace(tls, trusted_ca=tls.trusted_ca.format(ca=ca.file))
    link.connect(ConnectLink("127.0.0.1", number, 0.0, 5.0, tls=tls))
    reason = (await node.told(LinkLost)).reason
    assert reason.startswith(f"cannot connect to 127.0.0.1:{number}: ")
    assert text in reason


@pytest.mark.asyncio
async def test_tls_to_a_port_in_clear_is_told_as_such(port, link, node, ca) -> None:
    tls = Tls(trusted_ca=str(ca.file))
    link.connect(ConnectLink("127.0.0.1", port.number, 0.0, 5.0, tls=tls))
    assert "speaks no TLS" in (await node.told(LinkLost)).reason


@pytest.mark.asyncio
async def test_a_link_in_clear_to_a_secured_port_is_refused(port, link, node, ca) -> None:
    number = secured(port, **ca.issue().files)
    link.connect(ConnectLink("127.0.0.1", number, 0.0, 5.0))
    assert "400" in (await node.told(LinkLost)).reason


@pytest.mark.asyncio
async def test_a_link_without_the_certificate_that_is_asked_for_is_told_so(
    port, link, node, ca
) -> None:
    number = secured(port, **ca.issue().files, mutual=True, trusted_ca=str(ca.file))
    link.connect(ConnectLink("127.0.0.1", number, 0.0, 5.0, tls=Tls(trusted_ca=str(ca.file))))
    lost = await node.told(LinkLost)
    assert "the server may ask for a certificate" in lost.reason
    assert not lost.gone


@pytest.mark.asyncio
async def test_a_server_that_closes_before_it_answers_is_told_as_gone(link, node) -> None:
    with bind("127.0.0.1", 0) as rude:
        rude.setblocking(True)
        link.connect(ConnectLink("127.0.0.1", rude.getsockname()[1], 0.0, 10.0))
        peer, _ = await asyncio.to_thread(rude.accept)
        await asyncio.to_thread(peer.recv, 4096)
        peer.close()
        lost = await node.told(LinkLost)
    assert "closed the connection before it answered" in lost.reason
    assert lost.gone
