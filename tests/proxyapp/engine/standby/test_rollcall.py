"""The master's answer about the other server of a pair."""

from __future__ import annotations

from typing import Any

import pytest

from confwire.messages import PairRole, ReadPeer
from proxyapp.engine.standby.rollcall import LIMIT, RollCall
from tests.proxyapp.engine.pairbench import BACKUP, PRIMARY, PairBench


class Server:
    """A server's session at the master."""

    def __init__(self, connection: int, application: int) -> None:
        self.connection, self.application = connection, application
        self.id = self.name = f"proxy {application}"
        self.user = ""
        self.person = 100
        self.heard: list[Any] = []
        self.daemon = False

    def answer(self, message: Any) -> None:
        self.heard.append(message)


class World:
    def __init__(self) -> None:
        self.serving = PairBench(start=False).master.node.serving
        self.roll_call = RollCall(self.serving)
        self.primary, self.backup = Server(1001, PRIMARY), Server(1002, BACKUP)
        for server in (self.primary, self.backup):
            self.serving.servers[server.connection] = server
            self.serving.roster.enter(server)

    def ask(self, now: float = 100.0) -> None:
        self.roll_call.ask(self.backup, ReadPeer(ref="peer"), now)


@pytest.fixture
def world() -> World:
    return World()


def test_the_other_server_is_asked_itself(world):
    world.ask()
    assert world.backup.heard == []
    (question,) = world.primary.heard
    role = PairRole(running="primary", term=3, number=question.number)
    world.roll_call.told(world.primary, role)
    (answer,) = world.backup.heard
    assert (answer.ref, answer.lives, answer.running, answer.term) == ("peer", True, "primary", 3)


def test_without_a_link_the_answer_comes_at_once(world):
    del world.serving.servers[world.primary.connection]
    world.ask()
    assert [answer.lives for answer in world.backup.heard] == [False]


def test_who_does_not_answer_does_not_live(world):
    world.ask()
    world.roll_call.tick(100.0 + LIMIT - 0.1)
    assert world.backup.heard == []
    world.roll_call.tick(100.0 + LIMIT)
    assert [answer.lives for answer in world.backup.heard] == [False]
    late = PairRole(running="primary", term=3, number=world.primary.heard[0].number)
    world.roll_call.told(world.primary, late)
    assert len(world.backup.heard) == 1


def test_a_link_that_ends_is_an_answer(world):
    world.ask()
    world.roll_call.left(world.primary.connection)
    assert [answer.lives for answer in world.backup.heard] == [False]


def test_nobody_answers_for_another_server(world):
    world.ask()
    number = world.primary.heard[0].number
    world.roll_call.told(world.backup, PairRole(running="primary", term=9, number=number))
    assert world.backup.heard == []
    assert len(world.roll_call) == 1


def test_an_asker_that_has_left_is_not_answered(world):
    world.ask()
    world.serving.roster.strike(world.backup)
    world.roll_call.left(world.primary.connection)
    assert world.backup.heard == []


def test_a_server_of_no_pair_hears_that_nobody_lives(world):
    alone = Server(1003, 99)
    world.roll_call.ask(alone, ReadPeer(ref=1), 100.0)
    assert [answer.lives for answer in alone.heard] == [False]


def test_the_status_tells_what_each_said_last(world):
    world.roll_call.told(world.primary, PairRole(running="primary", term=1))
    world.roll_call.told(world.primary, PairRole(running="backup", term=1))
    assert [item["running"] for item in world.roll_call.status()] == ["backup"]
    world.roll_call.left(world.primary.connection)
    assert world.roll_call.status() == []
