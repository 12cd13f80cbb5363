"""Passwords against a real RADIUS server: FreeRADIUS."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from proxyapp.auth.radius import check
from proxyapp.auth.verdict import Standing, Verdict
from proxyapp.engine.trust.ways import Radius
from tests.authservers import PEOPLE, SECRET, RadiusServer
from tests.servers import free_port


def ask(
    *ports: int,
    user: str = "ivan",
    password: str = PEOPLE["ivan"],
    seconds: float = 4.0,
    standing: Standing | None = None,
    **more: object,
) -> Verdict:
    given = {"secret": SECRET, "timeout": 1.0, "retries": 1, **more}
    way = Radius(servers=tuple(("127.0.0.1", port) for port in ports), **given)
    return check(way, user, password, time.monotonic() + seconds, standing or Standing())


@pytest.fixture
def back(radius_server: RadiusServer) -> Iterator[RadiusServer]:
    """The server, which the test may stop or stall."""
    yield radius_server
    radius_server.go_on()
    if not radius_server.listens():
        radius_server.start()


@pytest.mark.parametrize("name", PEOPLE)
def test_names_and_passwords_of_every_script(radius_server: RadiusServer, name: str) -> None:
    found = ask(radius_server.port, user=name, password=PEOPLE[name])
    assert found == Verdict("accepted", f"привет, {name}")
    assert ask(radius_server.port, user=name, password="wrong").outcome == "rejected"


@pytest.mark.parametrize("password", ["", "п" * 65, "x" * 129, "\0"])
def test_passwords_that_nobody_can_have(radius_server: RadiusServer, password: str) -> None:
    assert ask(radius_server.port, password=password).outcome == "rejected"


def test_names_that_are_nobodys(radius_server: RadiusServer) -> None:
    for name in ("nobody", "и" * 300, "DEFAULT"):
        assert ask(radius_server.port, user=name).outcome == "rejected"


def test_a_wrong_secret_is_no_answer(radius_server: RadiusServer) -> None:
    found = ask(radius_server.port, secret="other", seconds=0.6, timeout=0.2)
    assert found.outcome == "unavailable"


def test_answers_that_anybody_could_forge_are_dropped(tmp_path: Path) -> None:
    server = RadiusServer(tmp_path / "radius", signed=False)
    server.start()
    try:
        assert ask(server.port, seconds=0.8, timeout=0.3).outcome == "unavailable"
        assert ask(server.port, enforce=False).outcome == "accepted"
    finally:
        server.stop()


def test_a_server_that_is_gone_or_stalls_hands_on_to_the_next(back: RadiusServer) -> None:
    standing = Standing()
    gone = free_port()
    found = ask(gone, back.port, timeout=0.2, standing=standing)
    assert found.outcome == "accepted"
    assert standing.order(2)[0] == 1
    back.stall()
    begun = time.monotonic()
    assert ask(back.port, timeout=0.2, standing=(once := Standing())).outcome == "unavailable"
    assert time.monotonic() - begun < 1.5
    begun = time.monotonic()
    assert ask(back.port, standing=once).outcome == "unavailable"
    assert time.monotonic() - begun < 0.1, "it is left alone after it was silent"


def test_a_restart_is_no_matter(back: RadiusServer) -> None:
    back.stop()
    assert ask(back.port, timeout=0.2, seconds=0.6).outcome == "unavailable"
    back.start()
    assert ask(back.port).outcome == "accepted"
