"""A server is killed under sessions that hear of changes: when has the last of them gone on?

2,000 sessions, 50 changes a second before, meanwhile and after, of which each session hears every
second one; all servers share the core. A run fails where a session is not told each of its
changes once, or logs in or registers again.
"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from typing import Any

from benchmarks import results
from benchmarks.measuring import Generator, Turn
from benchmarks.site import PASSWORD, READER, Node, Site

CLIENTS = 2_000
RATE = 50
SHARE = 2
"""A session hears one of so many changes."""
SECONDS = 8
_BEFORE = 3.0
"""Seconds of changes before the kill."""
_COUNTED = ("logins", "resumes", "registrations")

Raw = dict[str, Any]


def sessions_at(port: int) -> AbstractContextManager[Generator]:
    """Return what opens the sessions, at this port."""
    return Generator("survivors", port=port, user=READER, password=PASSWORD)


def come(site: Site, load: Generator) -> None:
    """Open all sessions."""
    load.ask("come", count=CLIENTS, folder=site.folders[0])


def survive(site: Site, load: Generator, doomed: Node, heir: Node, port: int | None = None) -> Raw:
    """Kill a server under its sessions, which go on at another one.

    Args:
        port: where the sessions look for it, if that is not its own.

    Returns the seconds from the kill until each number of sessions was restored.
    """
    status = doomed.status()
    start = {"epoch": status["epoch"], "revision": status["revision"]}
    before = heir.status()["counters"]
    count = RATE * SECONDS
    with site.committer() as committer:
        last = status["revision"] + count
        load.start("survive", port=port or heir.port, step=SHARE, last=last, **start)
        # Neighbouring objects are in neighbouring folders; the last of them is heard.
        dbids = [site.first + (number + 1) % SHARE for number in range(SHARE)]
        committer.start("repeat", dbids=dbids, rate=RATE, count=count)
        time.sleep(_BEFORE)
        os.kill(doomed.pid, signal.SIGKILL)
        killed = time.monotonic()
        raw = load.answer()
        committer.answer()
    after = heir.status()["counters"]
    counted = [after[name] - before[name] for name in _COUNTED]
    assert counted == [0, raw["restored"], 0], dict(zip(_COUNTED, counted, strict=True))
    return raw | {"last": raw["last"] - killed, "median": raw["median"] - killed}


def write(name: str, whom: str, raws: Sequence[Raw]) -> None:
    """Write the results of a question.

    Args:
        whom: who was killed.
    """

    def turns(key: str, scale: float = 1.0) -> list[Turn]:
        return [Turn(raw[key] * scale, raw["load"]) for raw in raws]

    figure = f"{CLIENTS:,} sessions, {RATE} changes/s, kill -9 of {whom}"
    rows = [
        results.alone(f"{figure}, until the last is restored", "s", turns("last")),
        results.alone(f"{figure}, until half are restored", "s", turns("median")),
        results.alone("sessions that were restored", "", turns("restored")),
        results.alone("attempts that were refused", "", turns("refused")),
        results.alone("core of the load generator", "% busy", turns("load", 100.0)),
    ]
    results.write(name, rows)


def eventually(holds: Callable[[], bool], limit: float = 30.0) -> None:
    """Wait until something holds.

    Raises:
        TimeoutError: it does not within so many seconds.
    """
    end = time.monotonic() + limit
    while not holds():
        if time.monotonic() > end:
            raise TimeoutError("the servers are not as they should be")
        time.sleep(0.05)
