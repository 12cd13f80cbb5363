"""The worker carries out each command, and no failure of the node passes unseen."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from math import inf
from typing import Any

import pytest
import pytest_asyncio
from structlog.testing import capture_logs
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

from proxyapp.engine import commands as c
from proxyapp.engine import events as e
from proxyapp.runtime.accept import bind
from proxyapp.runtime.slices import Slices
from proxyapp.runtime.worker import _RUN, NO_PORT, Worker

Script = Callable[[e.Event], list[c.Command]]


class ScriptedNode:
    """Answers events by a script."""

    def __init__(self) -> None:
        self.events: list[e.Event] = []
        self.script: Script = lambda event: []
        self.is_ready = False
        self.first: list[c.Command] = []

    def start(self, now: float) -> list[c.Command]:
        return self.first

    def handle(self, event: e.Event, now: float) -> list[c.Command]:
        self.events.append(event)
        return self.script(event)

    def status(self, now: float, *, whole: bool = True) -> dict[str, Any]:
        return {"mode": "scripted", "alarms": []}

    def ready(self) -> bool:
        return self.is_ready

    def stands_by(self) -> bool:
        return False

    def fresh(self, limit: float | None, now: float) -> tuple[bool, str]:
        return limit != 0, f"the limit is {limit}"

    def verifier_of(self, user_name: str) -> str | None:
        return None

    def is_super_administrator(self, user_name: str) -> bool:
        return False


class Rig:
    """A worker around a scripted node, and what it asked of its process."""

    def __init__(self) -> None:
        self.node = ScriptedNode()
        self.halts: list[str] = []
        self.verbosities: list[str] = []
        self.loaded = asyncio.Event()
        self.worker = Worker(
            self.node,
            halt=self.halts.append,
            set_verbosity=self.verbosities.append,
            loaded=self.loaded.set,
            address="127.0.0.1",
        )
        with bind("127.0.0.1", 0) as free:
            self.port = c.ListeningPort("default", free.getsockname()[1])

    def open(self) -> str:
        """Listen, and return the port's URL."""
        self.worker.run([c.Listen((self.port,))])
        return f"ws://127.0.0.1:{self.port.port}/"

    def told(self, kind: type[e.Event]) -> list[Any]:
        return [event for event in self.node.events if isinstance(event, kind)]


@pytest_asyncio.fixture
async def rig() -> AsyncIterator[Rig]:
    rig = Rig()
    yield rig
    rig.node.script = lambda event: []
    rig.worker.stop("the test is over")
    await rig.worker.wait_for_clients(5.0)


@pytest.mark.asyncio
async def test_it_sends_and_closes(rig) -> None:
    rig.node.script = lambda event: (
        [c.Send(1, [b"one", b"two"]), c.Close(1, 4001, "refused")]
        if isinstance(event, e.Received)
        else []
    )
    async with connect(rig.open(), proxy=None) as client:
        await client.send("?")
        assert [await client.recv(), await client.recv()] == ["one", "two"]
        with pytest.raises(ConnectionClosed, match="4001"):
            await client.recv()


@pytest.mark.asyncio
async def test_an_application_without_ports_is_told_and_waited_for(rig) -> None:
    with capture_logs() as logs:
        rig.worker.run([c.Listen(())])
    assert [line["reason"] for line in logs] == [NO_PORT]
    assert rig.worker.status()["runtime"]["portFailures"] == [NO_PORT]
    async with connect(rig.open(), proxy=None):
        assert rig.worker.status()["runtime"]["portFailures"] == []
    assert rig.halts == []


@pytest.mark.asyncio
async def test_a_broadcast_reaches_all_that_are_still_there(rig) -> None:
    url = rig.open()
    async with connect(url, proxy=None) as first, connect(url, proxy=None) as second:
        numbers = [event.connection for event in rig.told(e.Connected)]
        rig.worker.run([c.Broadcast([*numbers, 4711], [b"news"])])
        assert [await first.recv(), await second.recv()] == ["news", "news"]


@pytest.mark.asyncio
async def test_commands_for_connections_that_are_gone_are_dropped(rig) -> None:
    rig.worker.run(
        [
            c.Send(99, [b"x"]),
            c.Close(99, 1000, ""),
            c.Admit(99),
            c.PauseReading(99),
            c.ResumeReading(99),
            c.SetKeepAlive(99, 5.0),
            c.Probe(99),
        ]
    )
    assert rig.halts == []


@pytest.mark.asyncio
async def test_reading_pauses_until_the_node_wants_more(rig) -> None:
    async with connect(rig.open(), proxy=None) as client:
        rig.worker.run([c.Admit(1), c.SetKeepAlive(1, 60.0), c.PauseReading(1)])
        await client.send("wait")
        rig.node.script = lambda event: (
            [c.Send(1, [b"done"])] if isinstance(event, e.Received) else []
        )
        rig.worker.run([c.ResumeReading(1)])
        assert await client.recv() == "done"


@pytest.mark.asyncio
async def test_put_off_tasks_take_turns(rig) -> None:
    order: list[str] = []
    done = asyncio.Event()

    def script(event: e.Event) -> list[c.Command]:
        if not isinstance(event, e.Resumed):
            return []
        order.append(event.task)
        if len(order) == 6:
            done.set()
        return [c.Again(event.task)] if len(order) < 5 else []

    rig.node.script = script
    rig.worker.run([c.Again("a"), c.Again("b")])
    assert order == [], "not in the turn that put them off"
    await asyncio.wait_for(done.wait(), 5)
    assert order == ["a", "b", "a", "b", "a", "b"]


@dataclass
class Busy:
    """Clients who ask without end."""

    asked_at: float = inf
    answered: int = 0

    def answer_now(self) -> None:
        self.answered += 1


@pytest.mark.asyncio
@pytest.mark.parametrize("waited", [False, True])
async def test_a_task_that_waited_for_clients_goes_on_for_longer(rig, waited: bool) -> None:
    done, steps = asyncio.Event(), iter(range(20))

    def script(event: e.Event) -> list[c.Command]:
        if not isinstance(event, e.Resumed):
            return []
        if next(steps) < 19:
            return [c.Again(event.task)]
        done.set()
        return []

    clients = Busy()
    rig.worker.slices = Slices(clients, lambda: time.monotonic() + 60 if waited else 0.0)
    rig.node.script = script
    rig.worker.run([c.Again("a")])
    await asyncio.wait_for(done.wait(), 5)
    assert (clients.answered < 20) is waited


@pytest.mark.asyncio
async def test_clients_are_served_between_the_turns_of_a_long_task(rig) -> None:
    rig.node.script = lambda event: (
        [c.Again("forever")]
        if isinstance(event, e.Resumed)
        else [c.Send(1, [b"pong"])]
        if isinstance(event, e.Received)
        else []
    )
    async with connect(rig.open(), proxy=None) as client:
        rig.worker.run([c.Again("forever")])
        await client.send("ping")
        assert await client.recv() == "pong"
        rig.node.script = lambda event: []


@pytest.mark.asyncio
async def test_a_failure_over_a_message_ends_that_session_alone(rig) -> None:
    def script(event: e.Event) -> list[c.Command]:
        if isinstance(event, e.Received):
            if event.messages == [b"bad"]:
                raise KeyError("a bug")
            return [c.Send(event.connection, [b"good"])]
        return []

    rig.node.script = script
    url = rig.open()
    async with connect(url, proxy=None) as bad, connect(url, proxy=None) as good:
        with capture_logs() as logs:
            await bad.send("bad")
            with pytest.raises(ConnectionClosed, match="1011"):
                await bad.recv()
        await good.send("?")
        assert await good.recv() == "good"
    assert any(record["event"] == "the node failed" for record in logs)
    assert rig.halts == []


@pytest.mark.asyncio
async def test_a_failure_over_data_ends_the_process(rig) -> None:
    def script(event: e.Event) -> list[c.Command]:
        raise KeyError("a bug")

    rig.node.script = script
    with capture_logs():
        rig.worker.tell(e.LoadEnded(1, 0, ""))
    assert "LoadEnded" in rig.halts[0]


@pytest.mark.asyncio
async def test_a_port_taken_at_the_start_ends_the_process(rig) -> None:
    with bind("127.0.0.1", rig.port.port):
        rig.open()
    assert f"port {rig.port.port}" in rig.halts[0]


@pytest.mark.asyncio
async def test_a_port_taken_later_is_opened_when_it_is_free(rig) -> None:
    rig.open()
    with bind("127.0.0.1", 0) as taken:
        other = c.ListeningPort("other", taken.getsockname()[1])
        rig.worker.run([c.Listen((rig.port, other))])
        status = rig.worker.status()
        (failure,) = status["runtime"]["portFailures"]
        assert str(other.port) in failure
        (alarm,) = status["alarms"]
        assert (alarm["alarm"], alarm["text"]) == ("port", failure)
        assert rig.halts == []
    rig.worker._retry_at = 0.0
    rig.worker._tick()
    status = rig.worker.status()
    assert status["runtime"]["portFailures"] == status["alarms"] == []
    async with connect(f"ws://127.0.0.1:{other.port}/", proxy=None):
        pass


@pytest.mark.asyncio
async def test_it_configures_stops_and_logs(rig) -> None:
    with capture_logs() as logs:
        rig.worker.run(
            [
                c.Configure(123_456, 7.0, "debug"),
                c.Log("warning", "something happened", {"detail": 1}),
                c.Stop("there is no such application"),
            ]
        )
    assert rig.worker.listeners.output_limit == 123_456
    assert rig.worker.listeners.response_timeout == 7.0
    assert rig.verbosities == ["debug"]
    assert rig.halts == ["there is no such application"]
    assert logs[0]["event"] == "something happened"
    assert logs[0]["detail"] == 1


@pytest.mark.asyncio
async def test_it_ticks_and_says_when_the_first_data_is_there(rig) -> None:
    rig.node.first = [c.Log("debug", "started", {})]
    rig.worker.start()
    rig.node.is_ready = True
    await asyncio.wait_for(rig.loaded.wait(), 5)
    assert rig.told(e.Ticked)
    assert rig.worker.probe("/readyz") == (True, "ready")


@pytest.mark.asyncio
async def test_it_answers_probes_from_the_node(rig) -> None:
    assert rig.worker.probe("/livez") == (True, "alive")
    assert rig.worker.probe("/readyz")[0] is False
    assert rig.worker.probe("/freshz") == (True, "the limit is None")
    assert rig.worker.probe("/freshz", "max-age=0") == (False, "the limit is 0.0")
    assert rig.worker.probe("/freshz", "max-age=soon")[1].startswith("max-age is a number of")
    assert rig.worker.status()["mode"] == "scripted"


def test_every_command_has_someone_to_carry_it_out() -> None:
    kinds = set(c.Command.__subclasses__())
    assert kinds - {c.Send} == set(_RUN)
