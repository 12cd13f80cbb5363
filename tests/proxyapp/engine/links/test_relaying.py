"""Writes through a proxy: what it passes on, and that each is carried out once whatever breaks."""

from __future__ import annotations

import json
from random import Random
from typing import Any

import pytest

from confwire.errors import NoPermission
from proxyapp.engine import commands, events
from proxyapp.engine.links.relaying import PATIENCE
from tests.proxyapp.engine.bench import FOLDER, VERIFIER, Bench, Client, Proxy, master, record


def options(**given: str) -> Any:
    return record(
        "application", 110, 500, name="proxy1", type="configserver", accountDBID=100,
        verifier=VERIFIER, acl=[(3, 100, 9)], portInfos=[{"id": "default", "port": "2030"}],
        options={"csproxy": {name.replace("_", "-"): value for name, value in given.items()}},
    )  # fmt: skip


@pytest.fixture
def writable(bench: Bench, proxy: Proxy) -> Proxy:
    bench.commit(options(proxy_writable="true"))
    return proxy


class Books:
    """The master's database: carries writes out, each name once, and counts them."""

    def __init__(self, bench: Bench) -> None:
        self.bench = bench
        self.receipts: dict[tuple[int, str], int] = {}
        self.values: list[str] = []
        self.seen = 0

    def carry_out(self) -> None:
        """Carry out all that the master's node has asked for since."""
        while len(asked := self.bench.of(commands.Write)) > self.seen:
            command, self.seen = asked[self.seen], self.seen + 1
            key = command.person, command.name
            if key not in self.receipts:
                value = command.request.delta["userProperties"]["desk"]["layout"]
                self.values.append(value)
                annex = {"desk": {"layout": value}}
                self.bench.commit(record("skill", 601, FOLDER, name="a", userProperties=annex))
                self.receipts[key] = self.bench.database.revision
            revision = max(self.receipts[key], self.bench.database.revision)
            self.bench.handle(events.Written(command.ticket, revision, 601))


def write(client: Client, value: str = "1", **more: Any) -> None:
    delta = {"userProperties": {"desk": {"layout": value}}}
    client.post("updateObject", objectType="skill", DBID=601, delta=delta, **more)


def test_a_write_comes_back_through_the_proxy_after_its_change(
    bench: Bench, writable: Proxy
) -> None:
    bob = writable.login("bob")
    bob.watch(types=["skill"])
    write(bob, requestId="r1")
    (command,) = bench.of(commands.Write)
    assert (command.person, command.name, command.through) == (101, "r1", "proxy1")
    assert "10.0.0.1" in command.origin
    Books(bench).carry_out()
    assert [message["message"] for message in bob.inbox] == ["objectsChanged", "objectUpdated"]
    assert bob.inbox[1]["revision"] == bob.inbox[0]["revision"] == 3


def test_without_a_name_of_the_client_each_write_gets_one(bench: Bench, writable: Proxy) -> None:
    bob = writable.login("bob")
    write(bob)
    write(bob)
    first, second = bench.of(commands.Write)
    assert first.name
    assert second.name not in ("", first.name)


def test_a_refusal_of_the_master_reaches_the_client(bench: Bench, writable: Proxy) -> None:
    bob = writable.login("bob")
    write(bob)
    error = NoPermission("bob lacks the right to change", right="change")
    bench.handle(events.WriteRefused(bench.of(commands.Write)[0].ticket, error))
    (answer,) = bob.inbox
    assert (answer["code"], answer["ref"], answer["data"]) == (
        "noPermission", 1, {"right": "change"},
    )  # fmt: skip


def test_a_proxy_that_is_not_writable_names_the_master(proxy: Proxy) -> None:
    bob = proxy.login("bob")
    write(bob)
    (answer,) = bob.inbox
    assert answer["code"] == "readOnlyServer"
    assert answer["data"] == {"masterHost": "master.example", "masterPort": "2020"}


@pytest.mark.parametrize(
    ("message", "fields"),
    [
        ("createObject", {"object": {"name": "x", "tenantDBID": 1}}),
        ("deleteObject", {"DBID": 601}),
        ("updateObject", {"DBID": 601, "delta": {"name": "x"}}),
        ("updateObject", {"DBID": 601, "delta": {"userProperties": {}, "state": "disabled"}}),
    ],
)
def test_administrative_updates_are_refused(
    bench: Bench, writable: Proxy, message: str, fields: dict[str, Any]
) -> None:
    bob = writable.login("bob")
    assert bob.error(message, objectType="skill", **fields) == "readOnlyServer"
    assert bench.of(commands.Write) == []


def test_with_the_master_away_a_write_is_refused_at_once(writable: Proxy) -> None:
    bob = writable.login("bob")
    writable.sever()
    write(bob)
    assert (bob.inbox[0]["code"], bob.inbox[0]["permanent"]) == ("masterUnavailable", False)


def test_one_session_cannot_flood_the_master_and_others_are_not_held_for_it(
    bench: Bench, writable: Proxy
) -> None:
    bench.commit(options(proxy_writable="true", write_limit="3"))
    bob, other = writable.login("bob"), writable.login("bob")
    for _ in range(5):
        write(bob)
    codes = [message["code"] for message in bob.inbox]
    assert codes == ["tooManyWrites"] * 2
    assert 0 < bob.inbox[0]["data"]["retryAfter"] <= 61
    write(other)
    books = Books(bench)
    books.carry_out()
    assert len(books.values) == 4
    writable.tick(61.0)
    write(bob)
    books.carry_out()
    assert len(books.values) == 5


def test_a_link_that_breaks_under_way_is_mended_without_the_client_noticing(
    bench: Bench, writable: Proxy
) -> None:
    books, bob = Books(bench), writable.login("bob")
    write(bob)
    writable.sever()
    books.carry_out()
    writable.dial()
    books.carry_out()
    assert books.values == ["1"]
    assert [message["message"] for message in bob.inbox] == ["objectUpdated"]


def test_a_write_that_gets_no_answer_says_how_to_ask_again(bench: Bench, writable: Proxy) -> None:
    books, bob = Books(bench), writable.login("bob")
    write(bob, requestId="mine")
    writable.sever()
    writable.tick(PATIENCE / 2)
    assert bob.inbox == []
    writable.tick(PATIENCE)
    (answer,) = bob.inbox
    assert (answer["code"], answer["data"]["requestId"]) == ("masterUnavailable", "mine")
    books.carry_out()
    writable.dial()
    bob.inbox.clear()
    write(bob, requestId="mine")
    books.carry_out()
    assert bob.inbox[-1]["message"] == "objectUpdated"
    assert books.values == ["1"]


def test_a_client_is_no_proxy(bench: Bench) -> None:
    bob = bench.login("bob")
    fields = {"ticket": 1, "requestId": "x", "personDBID": 100, "origin": "", "objectType": "skill"}
    bob.send(json.dumps({"message": "relayWrite", "DBID": 601, "delta": {}, **fields}).encode())
    assert bob.inbox[0]["code"] == "noPermission"
    assert bench.of(commands.Write) == []


@pytest.mark.parametrize("seed", range(10))
def test_every_write_is_carried_out_once_over_fifty_cuts(seed: int) -> None:
    random, bench = Random(seed), master()
    proxy = Proxy(bench)
    proxy.start()
    bench.commit(options(proxy_writable="true", write_limit="0"))
    books, bob = Books(bench), proxy.login("bob")
    wanted: list[str] = []
    cuts = 0
    while cuts < 50:
        if proxy.line is None:
            proxy.dial()
        match random.randrange(4):
            case 0:
                wanted.append(f"{seed}.{len(wanted)}")
                write(bob, wanted[-1], requestId=wanted[-1])
            case 1:
                proxy.hold_wire = not proxy.hold_wire
                proxy.pump()
            case 2:
                books.carry_out()
            case _:
                proxy.sever()
                cuts += 1
        for answer in bob.inbox:
            assert answer["message"] != "error" or answer["code"] == "masterUnavailable"
    proxy.hold_wire = False
    if proxy.line is None:
        proxy.dial()
    proxy.pump()
    books.carry_out()
    refused = {wanted[answer["ref"] - 1] for answer in bob.inbox if answer["message"] == "error"}
    assert sorted(books.values) == sorted(set(books.values)), "nothing twice"
    assert set(wanted) - refused <= set(books.values), "nothing lost"
    answered = [answer["ref"] for answer in bob.inbox]
    assert sorted(answered) == list(range(1, len(wanted) + 1)), "each is answered once"
