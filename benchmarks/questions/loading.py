"""A full load of a million objects, from the start of a process to the moment it serves.

A proxy loads over the link from a master, which has the other core to itself; a master loads
from its database. A stall is how late the event loop was: of the master since its own start,
so while it loads and while it sends.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from benchmarks import plots, results
from benchmarks.measuring import Options, Turn, alternate, median
from benchmarks.processes import LOAD_CORE
from benchmarks.site import Node, Site

OBJECTS = 1_000_000
DOCUMENT = 470


@dataclass(frozen=True, slots=True)
class _Load:
    seconds: float
    cpu: float
    stall: float
    master_stall: float


def run(options: Options) -> None:
    """Measure, and write the results."""
    with Site(OBJECTS, DOCUMENT) as site:
        master_loads = [_of_master(site) for _ in range(options.rounds - 1)]
        master, seconds = _timed(lambda: site.master(core=LOAD_CORE))
        master_loads.append(_load(master, master, seconds))
        loads = alternate(options.rounds, {"proxy": lambda: _of_proxy(site, master)})["proxy"]
    name = f"load of {OBJECTS:,} objects"
    rows = [
        results.alone(f"{name} over the link, from start to ready", "s",
                      [Turn(load.seconds) for load in loads]),
        results.alone(f"{name} over the link, processor time of the proxy", "s",
                      [Turn(load.cpu) for load in loads]),
        results.alone(f"{name} over the link, longest stall of the proxy", "ms",
                      [Turn(load.stall * 1e3) for load in loads]),
        results.alone(f"{name} over the link, longest stall of the master", "ms",
                      [Turn(load.master_stall * 1e3) for load in loads]),
        results.alone(f"{name} from the database, from start to ready", "s",
                      [Turn(load.seconds) for load in master_loads]),
        results.alone(f"{name} from the database, longest stall of the master", "ms",
                      [Turn(load.stall * 1e3) for load in master_loads]),
    ]  # fmt: skip
    results.write("loading", rows)
    plots.bars(
        "loading",
        f"From start to ready with {OBJECTS:,} objects, one core",
        "s",
        {
            "": {
                "a proxy, over the link": median([Turn(load.seconds) for load in loads]),
                "a master, from SQLite": median([Turn(load.seconds) for load in master_loads]),
            }
        },
    )


def _timed(start: Callable[[], Node]) -> tuple[Node, float]:
    begun = time.monotonic()
    node = start()
    return node, time.monotonic() - begun


def _load(node: Node, master: Node, seconds: float) -> _Load:
    stall, master_stall = (n.status()["runtime"]["longestStall"] for n in (node, master))
    return _Load(seconds, node.cpu(), stall, master_stall)


def _of_master(site: Site) -> _Load:
    master, seconds = _timed(site.master)
    load = _load(master, master, seconds)
    master.stop()
    return load


def _of_proxy(site: Site, master: Node) -> _Load:
    proxy, seconds = _timed(site.proxy)
    load = _load(proxy, master, seconds)
    proxy.stop()
    return load
