"""Frames of the server, checked against an independent parser."""

from __future__ import annotations

import pytest
from websockets.frames import Close, Frame, Opcode
from websockets.streams import StreamReader

from proxyapp.runtime import frames


def parse(data: bytes) -> list[Frame]:
    """Parse unmasked frames with the websockets library."""
    reader = StreamReader()
    reader.feed_data(data)
    reader.feed_eof()
    parsed = []
    while reader.buffer:
        steps = Frame.parse(reader.read_exact, mask=False)
        try:
            while True:
                next(steps)
        except StopIteration as end:
            parsed.append(end.value)
    return parsed


@pytest.mark.parametrize("size", [0, 1, 125, 126, 65535, 65536, 200_000])
def test_a_message_of_any_size_is_one_text_frame(size: int) -> None:
    message = b"x" * size
    (frame,) = parse(frames.frame([message]))
    assert (frame.opcode, frame.data, frame.fin) == (Opcode.TEXT, message, True)


def test_messages_are_joined_in_order() -> None:
    assert [frame.data for frame in parse(frames.frame([b"one", b"two"]))] == [b"one", b"two"]


def test_a_pong_repeats_the_payload() -> None:
    (frame,) = parse(frames.pong(b"abc"))
    assert (frame.opcode, frame.data) == (Opcode.PONG, b"abc")


def test_a_ping_is_empty() -> None:
    (frame,) = parse(frames.PING)
    assert (frame.opcode, frame.data) == (Opcode.PING, b"")


def test_a_close_frame_bears_code_and_reason() -> None:
    (frame,) = parse(frames.close(4005, "too slow"))
    assert Close.parse(frame.data) == Close(4005, "too slow")


def test_a_long_reason_is_cut_between_characters() -> None:
    (frame,) = parse(frames.close(1002, "é" * 200))
    assert Close.parse(frame.data) == Close(1002, "é" * 61)


def test_a_close_without_code_has_no_body() -> None:
    (frame,) = parse(frames.close(0, ""))
    assert frame.data == b""
