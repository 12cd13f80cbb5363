"""Who is seen to next of those whose sessions are not open: resumes pass before logins.

A resume costs little and brings back who was here; a login costs much more. But some logins get
through at any time, first those that have begun. One that has waited for long is turned away: its
client would give up soon, and all that is done for it would be in vain.
"""

from __future__ import annotations

import re
from collections import deque
from enum import Enum
from typing import Generic, Protocol, TypeVar

RESUMES_A_LOGIN = 8
"""Resumes that pass before one of the others does."""
PATIENCE = 5.0
"""Seconds after which a login that has not begun is turned away."""

_TOKEN = re.compile(rb'"token"\s*:\s*"[^"]')


class Standing(Enum):
    """How far somebody has come."""

    RESUME = "resume"
    BEGUN = "begun"
    NEW = "new"


class Guest(Protocol):
    """Somebody who waits."""

    standing: Standing


G = TypeVar("G", bound=Guest)


def standing_of(message: bytes) -> Standing:
    """Return the standing of who says this first. Whether a token is good is seen later."""
    return Standing.RESUME if _TOKEN.search(message) else Standing.NEW


class Anteroom(Generic[G]):
    """A queue of those whose messages wait."""

    def __init__(self) -> None:
        self._resumes: deque[G] = deque()
        self._begun: deque[G] = deque()
        self._new: deque[tuple[float, G]] = deque()
        self._passed = 0
        """Resumes that passed since one of the others did."""

    def __len__(self) -> int:
        return len(self._resumes) + len(self._begun) + len(self._new)

    def add(self, guest: G, now: float) -> None:
        """Let somebody wait."""
        if guest.standing is Standing.RESUME:
            self._resumes.append(guest)
        elif guest.standing is Standing.BEGUN:
            self._begun.append(guest)
        else:
            self._new.append((now, guest))

    def next(self, now: float) -> tuple[G, bool]:
        """Return who is next, and whether it has waited for too long.

        Raises IndexError: nobody waits.
        """
        others = self._begun or self._new
        if self._resumes and (self._passed < RESUMES_A_LOGIN or not others):
            self._passed += 1
            return self._resumes.popleft(), False
        self._passed = 0
        if self._begun:
            return self._begun.popleft(), False
        since, guest = self._new.popleft()
        return guest, now - since > PATIENCE
