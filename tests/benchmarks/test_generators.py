"""What load generators count: frames of HTTP/2 and WebSocket, deliveries to an audience."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from benchmarks.generators import grpc, redis
from benchmarks.generators.audience import Audience, Listener
from benchmarks.generators.lists import Reader
from benchmarks.generators.session import Account, frame, messages
from benchmarks.generators.survivors import Survivor


class Wire:
    """Stands where a connection gives its bytes to a protocol."""

    def __init__(self) -> None:
        self.written = b""

    def set_protocol(self, protocol: asyncio.Protocol) -> None:
        self.protocol = protocol

    def write(self, data: bytes) -> None:
        self.written += data


def listeners(audience: Audience, count: int) -> list[tuple[Wire, Any]]:
    wires = [Wire() for _ in range(count)]
    return [(wire, Listener(audience, wire)) for wire in wires]  # type: ignore[arg-type]


def test_a_call_of_grpc_is_whole_frames() -> None:
    call = grpc.request(1, grpc.PUT, grpc.put(b"key", b"x" * 300))
    found = list(grpc.frames(call))
    assert [(kind, flags & grpc.END_STREAM) for kind, flags, _ in found] == [
        (grpc.HEADERS, 0),
        (grpc.DATA, 1),
    ]
    assert found[-1][2] == len(call)


def test_a_part_of_a_frame_is_left_for_later() -> None:
    call = grpc.request(1, grpc.PUT, grpc.put(b"key", b"value"))
    assert len(list(grpc.frames(call[:-1]))) == 1


def test_messages_of_every_size_are_told_apart() -> None:
    payloads = [b"a" * 5, b"b" * 200, b"c" * 70_000]
    heads = [b"\x81\x05", b"\x81\x7e\x00\xc8", b"\x81\x7f" + (70_000).to_bytes(8, "big")]
    stream = b"".join(head + payload for head, payload in zip(heads, payloads, strict=True))
    assert [payload for payload, _ in messages(stream + b"\x81\x05ab")] == payloads


def test_a_request_is_a_masked_frame() -> None:
    assert frame({"a": 1}) == b"\x81\x87\0\0\0\0" + b'{"a":1}'


def test_a_command_of_redis_says_the_length_of_its_words() -> None:
    assert redis.command(b"GET", redis.key(42)) == b"*2\r\n$3\r\nGET\r\n$16\r\nkey:000000000042\r\n"
    assert len({len(redis.key(number)) for number in (0, 99_999, 10**9)}) == 1


def test_the_last_delivery_ends_the_wait_however_the_bytes_are_cut() -> None:
    async def scenario() -> None:
        audience = Audience(b"<mark>")
        (_, first), (_, second) = listeners(audience, 2)
        done = audience.expect(2)
        first.data_received(b"..<mark>..<mark>..")
        second.data_received(b"..<mark>..<ma")
        assert not done.done()
        second.data_received(b"rk>..")
        assert done.done()

    asyncio.run(scenario())


def test_each_change_is_followed_to_its_last_listener() -> None:
    async def scenario() -> None:
        audience = Audience(b"<mark>")
        (_, first), (_, second) = listeners(audience, 2)
        lasts = audience.follow(2, 0)
        first.data_received(b"<mark><mark>")
        assert lasts == []
        second.data_received(b"<mark>")
        assert len(lasts) == 1
        second.data_received(b"<mark>")
        assert lasts == sorted(lasts)
        assert len(lasts) == 2

    asyncio.run(scenario())


def test_an_idle_listener_answers_a_ping() -> None:
    (wire, listener) = listeners(Audience(b"<mark>"), 1)[0]
    listener.data_received(b"\x89\0")
    assert wire.written == b"\x8a\x80\0\0\0\0"


def test_a_page_has_come_with_its_last_byte() -> None:
    async def scenario(head: bytes, size: int) -> None:
        reader = Reader(Wire())  # type: ignore[arg-type]
        async with asyncio.TaskGroup() as group:
            asked = group.create_task(reader.ask(b"?", whole=True))
            await asyncio.sleep(0)
            reader.data_received(head + b"x" * (size - 1))
            assert not reader.answered.is_set()
            reader.data_received(b"x")
        assert asked.result() >= 0
        assert reader.received == len(head) + size

    asyncio.run(scenario(b"\x81\x7e\x01\x00", 256))
    asyncio.run(scenario(b"\x81\x7f" + bytes(5) + b"\x01\0\0", 65536))


def test_a_bulk_read_ends_with_objects_sent_however_its_bytes_are_cut() -> None:
    async def scenario() -> None:
        reader = Reader(Wire())  # type: ignore[arg-type]
        async with asyncio.TaskGroup() as group:
            group.create_task(reader.ask(b"?", whole=False))
            await asyncio.sleep(0)
            reader.data_received(b"x" * 1000 + b'{"message":"obj')
            assert not reader.answered.is_set()
            reader.data_received(b'ectsSent","ref":1}')

    asyncio.run(scenario())


def test_a_survivor_goes_on_from_the_last_change_that_it_was_told() -> None:
    survivor = Survivor(Account("reader", "secret"), 9, "127.0.0.1")
    assert survivor.opening()["token"] == ""
    assert "since" not in survivor.opening()
    survivor.token = "one"
    survivor.follow(7, "epoch", 39, 2)
    survivor._take({"message": "objectsChanged", "revision": 41})
    opening = survivor.opening()
    assert (opening["token"], opening["since"]["revision"]) == ("one", 41)
    survivor._take({"message": "opened", "restored": True, "token": "two"})
    assert survivor.opened
    assert survivor.opening()["token"] == "two"
    survivor.socket.close()


@pytest.mark.parametrize(
    "message",
    [
        {"message": "objectsChanged", "revision": 42},
        {"message": "objectsChanged", "revision": 40},
        {"message": "notificationsLost"},
        {"message": "opened", "restored": False},
    ],
)
def test_a_survivor_takes_nothing_missed_twice_or_begun_anew(message: dict[str, Any]) -> None:
    survivor = Survivor(Account("reader", "secret"), 9, "127.0.0.1")
    survivor.follow(7, "epoch", 40, 1)
    with pytest.raises(AssertionError):
        survivor._take(message)
    survivor.socket.close()
