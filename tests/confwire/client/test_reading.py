"""Reads without a connection: repeated from where they were lost, and never from older data."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from typing import Any

import msgspec
import pytest

from confwire.client import reading
from confwire.client.exchange import Exchange, Exchanges
from confwire.client.failures import LinkLost, ServerBehind
from confwire.client.reading import Packet, Reads, unexpected
from confwire.errors import NotFresh, ReadInterrupted, RemoteProtocolError, WireError
from confwire.messages import (
    Bounds,
    Cursor,
    ObjectDeleted,
    ObjectsRead,
    ObjectsSent,
    ReadObjects,
    Request,
    ServerMessage,
)

pytestmark = pytest.mark.asyncio


def packet(*dbids: int, revision: int = 5, last: bool = False, **more: Any) -> ObjectsRead:
    objects = [msgspec.Raw(msgspec.json.encode({"DBID": d, "name": f"n{d}"})) for d in dbids]
    return ObjectsRead(
        ref=1, epoch="e1", revision=revision, object_type="skill", count=len(dbids),
        total=len(dbids), last=last, objects=objects, **more,
    )  # fmt: skip


class Server:
    """Answers each request with the next of its scripts."""

    def __init__(self, *scripts: Sequence[ServerMessage | WireError]) -> None:
        self.scripts = deque(map(deque, scripts))
        self.asked: list[ReadObjects] = []
        self.seen: Cursor | None = None

    async def begin(self, request: Request) -> Exchange:
        assert isinstance(request, ReadObjects)
        self.asked.append(msgspec.structs.replace(request))
        exchange = Exchange()
        for answer in self.scripts.popleft():
            if isinstance(answer, WireError):
                exchange.lost(answer)
            else:
                exchange.receive(answer)
        return exchange

    def reads(self, *, monotonic: bool = False) -> Reads:
        return Reads(
            Exchanges(), self.begin, Exchange.next, lambda: self.seen, lambda: "site-1", monotonic
        )

    async def packets(self, *, monotonic: bool = False, **more: Any) -> list[Packet]:
        options = {"limit": 0, "order": "DBID", "after": 0, "after_name": "", "freshness": False,
                   "brief": False, **more}  # fmt: skip
        packets = self.reads(monotonic=monotonic).packets("skill", {"name": "n*"}, **options)
        return [found async for found in packets]


def dbids(packets: list[Packet]) -> list[int]:
    return [document["DBID"] for found in packets for document in found.objects]


async def test_packets_are_handed_on_until_the_last() -> None:
    done = ObjectsSent(ref=1, epoch="e1", revision=5, total=3)
    server = Server([packet(1, 2), packet(3), done])
    assert dbids(await server.packets()) == [1, 2, 3]
    assert server.asked[0].filter == {"name": "n*"}


async def test_after_a_loss_it_goes_on_behind_what_came() -> None:
    server = Server([packet(1, 2), LinkLost("gone")], [packet(3, last=True)])
    assert dbids(await server.packets(limit=3, order="name")) == [1, 2, 3]
    again = server.asked[1]
    assert (again.after, again.after_name, again.limit) == (2, "n2", 1)
    assert again.ref != server.asked[0].ref


async def test_a_whole_read_that_is_interrupted_begins_anew() -> None:
    server = Server([packet(1), ReadInterrupted()], [packet(1, 2, last=True)])
    found = await server.reads().gather(
        "skill", None, limit=0, order="DBID", after=0, after_name="", freshness=False, brief=False
    )
    assert [document["DBID"] for document in found] == [1, 2]


async def test_an_answer_from_older_data_is_marked() -> None:
    server = Server([packet(1, revision=4, last=True)], [packet(1, revision=5, last=True)])
    server.seen = Cursor("e1", 5)
    (old,), (new,) = await server.packets(), await server.packets()
    assert (old.behind, new.behind) == (True, False)


async def test_a_monotonic_reader_waits_for_the_server_and_gives_up(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    old, new = packet(1, revision=4, last=True), packet(2, revision=5, last=True)
    server = Server([old], [NotFresh("behind", revision=4)], [new])
    server.seen = Cursor("e1", 5)
    assert dbids(await server.packets(monotonic=True)) == [2]
    monkeypatch.setattr(reading, "BEHIND_TIMEOUT", 0.0)
    server.scripts.append(deque([old]))
    with pytest.raises(ServerBehind, match="site-1 is behind at revision 4"):
        await server.packets(monotonic=True)


async def test_bounds_that_are_not_met_are_the_callers_to_hear_of() -> None:
    server = Server([NotFresh("too old", revision=4)])
    with pytest.raises(NotFresh):
        await server.packets(monotonic=True, freshness=Bounds(max_age=1))


async def test_age_and_source_come_with_the_packet() -> None:
    server = Server([packet(1, last=True, age=2.5, source="disk")])
    (found,) = await server.packets(freshness=True)
    assert (found.age, found.source) == (2.5, "disk")


async def test_an_answer_of_another_kind_is_a_fault_of_the_server() -> None:
    assert "answered with objectsSent" in str(
        unexpected(ObjectsSent(ref=1, epoch="e", revision=1, total=0))
    )
    other = ObjectDeleted(ref=1, epoch="e1", revision=5, object_type="skill", dbid=1)
    server = Server([packet(1), other])
    with pytest.raises(RemoteProtocolError, match="objectDeleted"):
        await server.packets()
