"""What a way to check a login says, and how long it may take to say it."""

from __future__ import annotations

import os
import stat
import time
from pathlib import Path
from typing import Literal

from msgspec import Struct

Outcome = Literal["accepted", "rejected", "unavailable"]


class Verdict(Struct, frozen=True):
    """The judgement of one way."""

    outcome: Outcome
    text: str = ""
    """For the user, as the other system said it."""
    principal: str = ""
    """Of a ticket: who brought it."""
    data: str = ""
    """Of a ticket: the service's own proof."""


class Misconfigured(Exception):
    """A way cannot check anybody until its settings are mended; the text says which."""


def left(until: float) -> float:
    """Return the seconds until a time of the monotonic clock; 0 when it is over."""
    return max(0.0, until - time.monotonic())


def share(until: float, parts: int) -> float:
    """Return when the first of so many parts of the time that is left is over."""
    return time.monotonic() + left(until) / max(1, parts)


def secret_of(value: str, file: str) -> str:
    """Return a secret of the settings, or the one in a file that only its owner may read.

    Raises:
        Misconfigured: others may read the file, or nobody can.
    """
    if not file:
        return value
    path = Path(file)
    try:
        mode = stat.S_IMODE(os.stat(path).st_mode)
        if mode & 0o077:
            raise Misconfigured(f"others may read {file} (mode {mode:o}): run chmod 600 on it")
        return path.read_text(encoding="utf-8").strip()
    except OSError as error:
        raise Misconfigured(f"cannot read {file}: {error.strerror}") from error


class Standing:
    """Which of several servers is asked first, and which are left alone for a while.

    The one that answered last is asked first; one that was silent is passed over while its pause
    lasts. Used by the threads of one lane without locks: each step is one assignment.
    """

    def __init__(self) -> None:
        self._active = 0
        self._paused: dict[int, float] = {}

    def order(self, count: int) -> list[int]:
        """Return the numbers of the servers to ask, in order."""
        now = time.monotonic()
        numbers = [(self._active + step) % count for step in range(count)]
        return [number for number in numbers if self._paused.get(number, 0.0) <= now]

    def answered(self, number: int) -> None:
        """A server answered."""
        self._active = number
        self._paused.pop(number, None)

    def silent(self, number: int, seconds: float) -> None:
        """A server let somebody wait: spare the others that."""
        self._paused[number] = time.monotonic() + seconds
