"""The primary of a warm-standby pair is killed: when has the last session gone on at the backup?

2,000 sessions, 50 changes a second before, meanwhile and after, of which each session hears every
second one; master, primary and backup share the core. The run fails where a session is not told
each of its changes once, or logs in or registers again.
"""

from __future__ import annotations

import os
import signal
import time
from typing import Any

from benchmarks import results
from benchmarks.measuring import Generator, Options, Turn
from benchmarks.site import PASSWORD, READER, Site

CLIENTS = 2_000
RATE = 50
SHARE = 2
"""A session hears one of so many changes."""
SECONDS = 8
_BEFORE = 3.0
"""Seconds of changes before the kill."""
TIMEOUT = 1
"""Keep-alive of the pair in seconds: the shortest, as 2 s more is the bar."""

Raw = dict[str, Any]


def run(options: Options) -> None:
    """Measure, and write the results."""
    raws = [_failover(options) for _ in range(options.rounds)]
    turns = {
        key: [Turn(raw[key] * scale, raw["load"]) for raw in raws]
        for key, scale in (("last", 1.0), ("median", 1.0), ("refused", 1.0), ("load", 100.0))
    }
    who = f"{CLIENTS:,} sessions, {RATE} changes/s, kill -9 of the primary"
    rows = [
        results.alone(f"{who}, until the last is restored", "s", turns["last"]),
        results.alone(f"{who}, until half are restored", "s", turns["median"]),
        results.alone("attempts that were refused", "", turns["refused"]),
        results.alone("core of the load generator", "% busy", turns["load"]),
    ]
    results.write("failover", rows)


def _failover(options: Options) -> Raw:
    with Site(options.objects) as site:
        site.master()
        primary, backup = site.pair(TIMEOUT)
        account = {"user": READER, "password": PASSWORD}
        with Generator("survivors", port=primary.port, **account) as load:
            load.ask("come", count=CLIENTS, folder=site.folders[0])
            status = primary.status()
            while backup.status()["pair"]["mirrored"] < CLIENTS:
                time.sleep(0.05)
            with site.committer() as committer:
                start = {"epoch": status["epoch"], "revision": status["revision"]}
                count = RATE * SECONDS
                last = status["revision"] + count
                load.start("survive", port=backup.port, step=SHARE, last=last, **start)
                # Neighbouring objects are in neighbouring folders; the last of them is heard.
                dbids = [site.first + (number + 1) % SHARE for number in range(SHARE)]
                committer.start("repeat", dbids=dbids, rate=RATE, count=count)
                time.sleep(_BEFORE)
                os.kill(primary.pid, signal.SIGKILL)
                killed = time.monotonic()
                raw = load.answer()
                committer.answer()
            counters = backup.status()["counters"]
            counted = {name: counters[name] for name in ("logins", "resumes", "registrations")}
            assert counted == {"logins": 0, "resumes": CLIENTS, "registrations": 0}, counted
    return raw | {"last": raw["last"] - killed, "median": raw["median"] - killed}
