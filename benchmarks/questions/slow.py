"""A hundred clients of a proxy that do not read what they have asked for: who else notices?

They never read, or read a byte a second, or their process is stopped; as a half-open line is to
the server. Meanwhile others read objects at a steady pace, and objects change.
"""

from __future__ import annotations

import time
from functools import partial
from typing import Any

from benchmarks import results
from benchmarks.measuring import Generator, Options, Teller, Turn, alternate
from benchmarks.site import PASSWORD, READER, Node, Site

SLOW = 100
READS, CHANGES = 1_000.0, 50.0
"""A second."""
SESSIONS = 32
_CALM, _CALM_LIMIT = 0.5, 60.0
"""Seconds of no work after which the output of the slow ones has grown as far as it does."""
NOBODY = "nobody"

Raw = dict[str, Any]


def run(options: Options) -> None:
    """Measure, and write the results."""
    seconds = max(options.seconds, 5.0)
    account = {"user": READER, "password": PASSWORD}
    with Site(options.objects) as site:
        site.master()
        proxy = site.proxy()
        with (
            Generator("paced", port=proxy.port, **account, sessions=SESSIONS, first=site.first,
                      count=site.count) as paced,
            site.committer() as committer,
        ):  # fmt: skip
            take = partial(_turn, site, proxy, paced, committer, seconds)
            found = alternate(options.rounds, {
                NOBODY: partial(take, ""),
                "never read": partial(take, "never"),
                "read a byte a second": partial(take, "drip"),
                "are stopped": partial(take, "stop"),
            })  # fmt: skip
    rows = []
    usual = [Turn(raw["p99"] * 1e3) for raw in found.pop(NOBODY)]
    for way, raws in found.items():
        figure = f"{SLOW} clients {way}"
        rows += [
            results.beside(f"{figure}, p99 of the others' reads", "ms",
                           [Turn(raw["p99"] * 1e3) for raw in raws], "nobody is slow", usual),
            results.alone(f"{figure}, memory of each", "KB",
                          [Turn(raw["memory"] / SLOW / 1024) for raw in raws]),
        ]  # fmt: skip
    results.write("slow", rows)


def _turn(
    site: Site, proxy: Node, paced: Generator, committer: Teller, seconds: float, way: str
) -> Raw:
    if not way:
        return {**_measure(site, paced, committer, seconds), "memory": 0}
    before = proxy.memory()
    slow = Generator("stalled", port=proxy.port, user=READER, password=PASSWORD, sessions=SLOW)
    with slow:
        if way == "drip":
            slow.start("drip", seconds=seconds + _CALM_LIMIT)
        elif way == "stop":
            slow.suspend()
        _wait_until_calm(proxy)
        found = _measure(site, paced, committer, seconds)
        grown = proxy.memory() - before
        slow.kill()
    _wait_until_calm(proxy)
    return {**found, "memory": grown}


def _wait_until_calm(proxy: Node) -> None:
    end = time.monotonic() + _CALM_LIMIT
    while time.monotonic() < end:
        before = proxy.cpu()
        time.sleep(_CALM)
        if proxy.cpu() - before < 0.1 * _CALM:
            return


def _measure(site: Site, paced: Generator, committer: Teller, seconds: float) -> Raw:
    changed = list(range(site.first, site.first + 1000))
    committer.start("steady", dbids=changed, rate=CHANGES, seconds=seconds)
    found = paced.ask("run", rate=READS, seconds=seconds)
    committer.answer()
    return found
