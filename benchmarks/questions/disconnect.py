"""5,000 subscribed clients of a proxy that are gone at once: how long does everybody else wait?

They say goodbye together, their connections are cut, or their process is killed.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from typing import Any

from benchmarks import plots, results
from benchmarks.measuring import Generator, Options, Turn, alternate, median
from benchmarks.site import PASSWORD, READER, Node, Site

CLIENTS = 5_000
_LOOK = 1.5
"""Seconds in which another session reads, from just before the end of the others."""
_BEFORE = 0.2
_FORGOTTEN = 5.0
"""Seconds after which the stalls of the logins are not recent any more."""
_WAYS = {
    "say goodbye": lambda load: load.ask("part"),
    "are cut off": lambda load: load.ask("drop"),
    "are killed": lambda load: load.kill(),
}

Raw = dict[str, Any]


def run(options: Options) -> None:
    """Measure, and write the results."""
    with Site(options.objects) as site:
        site.master()
        proxy = site.proxy()
        with Generator(
            "prober", port=proxy.port, user=READER, password=PASSWORD, dbid=site.first
        ) as prober:
            found = alternate(options.rounds, {
                way: partial(_end, site, proxy, prober, end) for way, end in _WAYS.items()
            })  # fmt: skip
    rows, bars = [], {}
    for way, raws in found.items():
        figure = f"{CLIENTS:,} subscribers {way}"
        waits = [Turn(raw["worst"] * 1e3) for raw in raws]
        bars[way] = median(waits)
        rows += [
            results.alone(f"{figure}, longest wait of a reader", "ms", waits),
            results.alone(f"{figure}, longest stall of the loop", "ms",
                          [Turn(raw["stall"] * 1e3) for raw in raws]),
            results.alone(f"{figure}, processor time of each end", "us",
                          [Turn(raw["cpu"] / CLIENTS * 1e6) for raw in raws]),
        ]  # fmt: skip
    results.write("disconnect", rows)
    plots.bars("disconnect", f"Longest wait of a reader when {CLIENTS:,} clients go", "ms",
               {"": bars})  # fmt: skip


def _end(site: Site, proxy: Node, prober: Generator, end: Callable[[Generator], object]) -> Raw:
    """Let subscribers come and go; return what another session and the loop felt of the end."""
    with Generator("logins", port=proxy.port, user=READER, password=PASSWORD) as load:
        load.ask("open", count=CLIENTS)
        load.ask("subscribe", folder=site.folders[0])
        time.sleep(_FORGOTTEN)
        prober.start("run", seconds=_LOOK)
        time.sleep(_BEFORE)
        used = proxy.cpu()
        end(load)
        raw = prober.answer()
        raw["cpu"] = proxy.cpu() - used
    status = proxy.status()
    assert len(status["sessions"]) == 1, "only the reader is left"
    raw["stall"] = status["runtime"]["recentStall"]
    return raw
