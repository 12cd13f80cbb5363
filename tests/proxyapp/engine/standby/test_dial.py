"""The opening of a pair's link by the side that dials."""

from __future__ import annotations

import base64

import pytest

from confwire import codec
from confwire.errors import RemoteProtocolError
from confwire.messages import Challenge, KeepAlive, Open, Progress, Proof
from proxyapp.engine import commands
from proxyapp.engine.standby.dial import Dial, DialState
from tests.proxyapp.engine.bench import SALTED, Proxy

NONCE = base64.b64encode(b"dial-nonce--000001").decode()


@pytest.fixture
def dial(proxy: Proxy) -> Dial:
    proxy.node.serving.out.clear()
    return Dial(proxy.node.serving)


def sent(proxy: Proxy) -> list[object]:
    found = [c for c in proxy.node.serving.out if isinstance(c, commands.SendLink)]
    proxy.node.serving.out.clear()
    assert all(command.link == "peer" for command in found)
    return [codec.decode_client(data) for command in found for data in command.messages]


def test_it_opens_as_a_peer_by_its_own_application(dial, proxy):
    dial.connect("10.1.1.1", 3001, 0.5, KeepAlive(7, 9), {})
    (command,) = proxy.node.serving.out
    assert (command.host, command.port, command.delay) == ("10.1.1.1", 3001, 0.5)
    assert (command.keep_alive, command.link) == (7, "peer")
    dial.opened(NONCE)
    (opening,) = sent(proxy)
    assert isinstance(opening, Open)
    assert (opening.application, opening.user, opening.role) == ("proxy1", "", "peer")
    assert opening.keep_alive == KeepAlive(7, 9)
    assert dial.state is DialState.OPENING


def test_it_proves_once_and_only_what_it_was_asked(dial, proxy):
    dial.opened(NONCE)
    sent(proxy)
    dial.proved(SALTED)
    assert sent(proxy) == []
    challenge = f"r={NONCE}server,s={base64.b64encode(b'salt' * 4).decode()},i=4096"
    assert not dial.take(Challenge(challenge))
    (command,) = proxy.node.serving.out
    assert (command.iterations, command.link) == (4096, "peer")
    proxy.node.serving.out.clear()
    dial.proved(SALTED)
    assert isinstance(sent(proxy)[0], Proof)
    dial.proved(SALTED)
    assert sent(proxy) == []


def test_what_is_no_opening_is_refused(dial, proxy):
    dial.opened(NONCE)
    with pytest.raises(RemoteProtocolError):
        dial.take(Progress(epoch="e1", revision=1))
    dial.lost()
    assert not dial.is_open
