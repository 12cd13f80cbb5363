"""Output goes out whole, in order, in parts of a bounded size."""

from __future__ import annotations

import random

from proxyapp.runtime.frames import frame
from proxyapp.runtime.output import PART, Output


def parts_of(output: Output) -> list[bytes]:
    parts = []
    while output.size:
        parts.append(output.take())
    return parts


def test_small_messages_go_out_as_one_part() -> None:
    output = Output()
    output.add([b"one", b"two"])
    output.add_frames(frame([b"three"]))
    assert parts_of(output) == [frame([b"one", b"two", b"three"])]


def test_no_part_is_larger_than_the_limit_and_none_is_lost() -> None:
    sizes = random.Random(7)
    messages = [bytes([n % 251]) * sizes.randrange(200_000) for n in range(40)]
    output = Output()
    for message in messages:
        output.add([message])
    parts = parts_of(output)
    assert b"".join(parts) == frame(messages)
    assert {len(part) for part in parts[:-1]} == {PART}


def test_one_message_larger_than_many_parts_is_cut() -> None:
    output = Output()
    output.add([b"m" * (5 * PART)])
    assert b"".join(parts_of(output)) == frame([b"m" * (5 * PART)])


def test_the_size_counts_what_was_not_taken() -> None:
    output = Output()
    output.add([b"m" * (2 * PART)])
    output.take()
    assert output.size == PART + len(frame([b"m" * (2 * PART)])) - 2 * PART


def test_clear_forgets_everything() -> None:
    output = Output()
    output.add([b"one"])
    output.clear()
    assert (output.size, output.take()) == (0, b"")
