"""Checks in threads beside a loop, against directories that stall."""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import Iterator
from typing import Any

import pytest

from confwire.handshake import make_verifier
from proxyapp.engine.commands import Authenticate
from proxyapp.engine.trust.ways import Directory, Internal, Ldap
from proxyapp.runtime.authentication import THREADS, Authentication

VERIFIER = make_verifier("слово", b"0123456789abcdef", 4096)


def request(ticket: int, ways: tuple[Any, ...], data: str = "слово", **more: Any) -> Authenticate:
    given: dict[str, Any] = {
        "mechanism": "PLAIN", "user": "зоя", "nonce": "", "proof": "", "verifier": VERIFIER,
        "known": True, "seconds": 3.0, "remember": 0.0, "iterations": 4096, "empty": False,
        "external_empty": False, **more,
    }  # fmt: skip
    return Authenticate(ticket=ticket, data=data, ways=ways, **given)


class Rig:
    """The checks of one node, and what they told it."""

    def __init__(self) -> None:
        self.told: dict[int, str] = {}
        self._news = asyncio.Event()
        self.authentication = Authentication(self.take)

    def take(self, event: Any) -> None:
        assert event.ticket not in self.told, "told once"
        self.told[event.ticket] = event.outcome
        self._news.set()

    async def outcome(self, ticket: int, limit: float = 5.0) -> str:
        async with asyncio.timeout(limit):
            while ticket not in self.told:
                self._news.clear()
                await self._news.wait()
        return self.told[ticket]


@pytest.fixture
def silent() -> Iterator[Ldap]:
    """A directory that accepts and never answers."""
    pytest.importorskip("ldap")
    with socket.create_server(("127.0.0.1", 0), backlog=200) as server:
        url = f"ldap://127.0.0.1:{server.getsockname()[1]}/dc=t??sub?(uid=X)"
        yield Ldap((Directory(url=url, timeout=1.0, pause=0.0),))


@pytest.mark.asyncio
async def test_a_verifier_is_checked_beside_the_loop() -> None:
    rig = Rig()
    rig.authentication.check(request(1, (Internal(),)))
    rig.authentication.check(request(2, (Internal(),), "wrong"))
    rig.authentication.check(request(3, (Internal(),), "слово", verifier="", known=False))
    assert [await rig.outcome(n) for n in (1, 2, 3)] == ["accepted", "rejected", "rejected"]
    status = rig.authentication.status()
    assert (status["waiting"], status["accepted"], status["rejected"]) == (0, 1, 2)


@pytest.mark.asyncio
async def test_a_silent_directory_holds_up_nobody_else(silent: Ldap) -> None:
    rig = Rig()
    for ticket in range(3 * THREADS):
        rig.authentication.check(request(ticket, (silent,), seconds=1.5))
    begun = time.monotonic()
    rig.authentication.check(request(100, (Internal(),)))
    assert await rig.outcome(100) == "accepted"
    assert time.monotonic() - begun < 0.9
    for ticket in range(3 * THREADS):
        assert await rig.outcome(ticket) == "unavailable"
    assert time.monotonic() - begun < 2.5, "all are answered by their deadline"


@pytest.mark.asyncio
async def test_a_chain_has_time_for_its_next_link(silent: Ldap) -> None:
    rig = Rig()
    rig.authentication.check(request(1, (silent, Internal()), seconds=1.0))
    assert await rig.outcome(1) == "accepted"


@pytest.mark.asyncio
async def test_a_rejected_password_is_remembered_and_no_other(silent: Ldap) -> None:
    rig = Rig()
    wrong = request(1, (Internal(),), "wrong", remember=60.0, iterations=4096)
    rig.authentication.check(wrong)
    assert await rig.outcome(1) == "rejected"
    rig.authentication.check(request(2, (Internal(),), remember=60.0))
    assert await rig.outcome(2) == "accepted"


@pytest.mark.asyncio
async def test_after_its_end_nothing_is_told(silent: Ldap) -> None:
    rig = Rig()
    rig.authentication.check(request(1, (silent,), seconds=0.3))
    rig.authentication.stop()
    await asyncio.sleep(0.5)
    assert rig.told == {}
    assert rig.authentication.status()["waiting"] == 0
