"""The garbage collector without long passes: what has survived two is not looked at again.

Sessions, views and rows end by their reference counts; passes over thousands of them find
nothing, and stall the loop for 15 us a session. Only connections of the web server leave
circles behind, so after many of those everything is looked through once.
"""

from __future__ import annotations

import gc
from typing import Any

YOUNG, MIDDLE = 700, 2
"""New objects before a pass over them, and such passes before one over what they left: 2,000
objects are looked at in less than half a millisecond."""
CIRCLES = 1_000
"""Connections that left circles, tens of kilobytes each, before everything is looked through."""

_left = 0


def keep_short() -> None:
    """Look through everything, and from now on only at what is new; call it before data come."""
    gc.set_threshold(YOUNG, MIDDLE)
    if _freeze not in gc.callbacks:
        gc.callbacks.append(_freeze)
    gc.collect()


def left_circle() -> None:
    """Count a connection that has ended and is not gone by itself."""
    global _left
    _left += 1
    if _left >= CIRCLES:
        _left = 0
        gc.unfreeze()
        gc.collect()


def _freeze(phase: str, info: dict[str, Any]) -> None:
    if phase == "stop" and info["generation"]:
        gc.freeze()
