from __future__ import annotations

import base64

import pytest

from confwire.errors import RemoteProtocolError
from confwire.handshake import ServerHandshake
from confwire.messages import Challenge, KeepAlive, Opened, ServerIdentity
from proxyapp.engine.commands import ProveLink
from proxyapp.engine.links.introduction import Introduction
from tests.proxyapp.engine.bench import SALTED, VERIFIER

NONCE, OTHER = (base64.b64encode(text).decode() for text in (b"introduction-00001", b"o" * 18))


def opened(data: str) -> Opened:
    server = ServerIdentity(application="confserv", dbid=99, release="1", mode="master")
    return Opened(
        session="s",
        epoch="e1",
        revision=1,
        data=data,
        server=server,
        application_dbid=110,
        person_dbid=100,
    )


def test_two_servers_that_know_the_secret_believe_each_other():
    one, other = Introduction("proxy1", NONCE), ServerHandshake(OTHER)
    opening = one.opening("proxy", KeepAlive(7, 9))
    assert (opening.application, opening.role, opening.user) == ("proxy1", "proxy", "")
    challenge = Challenge(other.challenge(opening.data, VERIFIER, b"key"))
    assert one.challenged(challenge, "peer") == ProveLink(b"0123456789abcdef", 4096, "peer")
    proof = one.proof(SALTED)
    assert proof is not None
    one.verify(opened(other.check(proof.data)))
    with pytest.raises(RemoteProtocolError, match="could not prove"):
        one.verify(opened("v=AAAA"))


def test_nothing_is_proved_before_a_challenge_or_twice():
    one, other = Introduction("proxy1", NONCE), ServerHandshake(OTHER)
    opening = one.opening("proxy", KeepAlive())
    assert one.proof(SALTED) is None
    one.challenged(Challenge(other.challenge(opening.data, VERIFIER, b"key")), "master")
    assert [one.proof(SALTED) is None for _ in range(2)] == [False, True]


def test_a_challenge_for_another_opening_gets_no_proof():
    one, other = Introduction("proxy1", NONCE), ServerHandshake(OTHER)
    foreign = Introduction("proxy1", OTHER).opening("proxy", KeepAlive())
    one.challenged(Challenge(other.challenge(foreign.data, VERIFIER, b"key")), "master")
    with pytest.raises(RemoteProtocolError):
        one.proof(SALTED)
