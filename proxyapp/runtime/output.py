"""What one connection still has to send: joined into one write a loop turn, big data in parts.

Knows the socket only as a `write` function and a pause that the transport asks for.
"""

from __future__ import annotations

from collections.abc import Sequence

from proxyapp.runtime.frames import header

PART = 128 * 1024
"""Bytes of one write: enough for full speed, few enough that others do not wait."""

Piece = bytes | memoryview


class Output:
    """Frames in the order in which they go out."""

    __slots__ = ("_pieces", "size")

    def __init__(self) -> None:
        self._pieces: list[Piece] = []
        self.size = 0
        """Bytes that were not given to the transport yet."""

    def add(self, messages: Sequence[bytes]) -> None:
        """Append text messages."""
        pieces = self._pieces
        size = self.size
        for message in messages:
            length = len(message)
            head = header(length)
            pieces.append(head)
            pieces.append(message)
            size += length + len(head)
        self.size = size

    def add_frames(self, frames: bytes) -> None:
        """Append whole frames."""
        self._pieces.append(frames)
        self.size += len(frames)

    def take(self) -> bytes:
        """Remove and return the next bytes to write, at most PART; empty when there are none."""
        pieces = self._pieces
        if self.size <= PART:
            data = b"".join(pieces)
            pieces.clear()
            self.size = 0
            return data
        size = count = 0
        while size < PART:
            size += len(pieces[count])
            count += 1
        if surplus := size - PART:
            last = memoryview(pieces[count - 1])
            data = b"".join([*pieces[: count - 1], last[:-surplus]])
            pieces[:count] = [last[-surplus:]]
        else:
            data = b"".join(pieces[:count])
            del pieces[:count]
        self.size -= PART
        return data

    def clear(self) -> None:
        """Forget everything."""
        self._pieces.clear()
        self.size = 0
