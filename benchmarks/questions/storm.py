"""10,000 clients that lose their server at once, and are back by their tokens: when is the last?

Each has missed about ten changes, and gets them. All but the first figure are of the same storm a
while after the cut, so that what the cut itself costs does not hide what the return costs.
"""

from __future__ import annotations

import time
from typing import Any

from benchmarks import results
from benchmarks.measuring import Generator, Options, Turn
from benchmarks.site import PASSWORD, READER, Node, Site

CLIENTS = 10_000
MISSED = 10
_FORGOTTEN = 5.5
"""Seconds after which a stall is not recent any more."""

Raw = dict[str, Any]


def run(options: Options) -> None:
    """Measure, and write the results."""
    raws: list[Raw] = []
    with Site(options.objects) as site:
        master = site.master()
        proxy = site.proxy()
        for _ in range(options.rounds):
            raws.append(_storm(site, master, proxy))
    turns = {
        key: [Turn(raw[key] * scale, raw["load"]) for raw in raws]
        for key, scale in (
            ("since_cut", 1.0), ("took", 1.0), ("stall", 1e3), ("cut_stall", 1e3),
            ("waited", 1.0), ("cpu", 1e6 / CLIENTS), ("master_cpu", 1e6 / CLIENTS),
            ("load", 100.0), ("p99", 1e3),
        )
    }  # fmt: skip
    who = f"{CLIENTS:,} clients"
    rows = [
        results.alone(f"{who} cut at once, until the last is back", "s", turns["since_cut"]),
        results.alone(f"{who} come back, until the last is", "s", turns["took"]),
        results.alone("of that the server waited for its processor", "s", turns["waited"]),
        results.alone(f"{who} come back, longest stall of the loop", "ms", turns["stall"]),
        results.alone(f"{who} cut at once, longest stall of the loop", "ms", turns["cut_stall"]),
        results.alone("p99 from connecting to all that was missed", "ms", turns["p99"]),
        results.alone("processor time of each return", "us", turns["cpu"]),
        results.alone("processor time of the master for each return", "us", turns["master_cpu"]),
        results.alone("core of the load generator", "% busy", turns["load"]),
    ]
    results.write("storm", rows)


def _storm(site: Site, master: Node, proxy: Node) -> Raw:
    """Let clients come, be lost and return, twice; return what it took."""
    with Generator("returners", port=proxy.port, user=READER, password=PASSWORD) as load:
        load.ask("come", count=CLIENTS, folder=site.folders[0])
        status = proxy.status()
        with site.committer() as committer:
            committer.ask("steady", dbids=[site.first], rate=50.0, seconds=MISSED / 50)
        last = site.revision()
        while proxy.status()["revision"] < last:
            time.sleep(0.05)
        load.ask("note", epoch=status["epoch"], revision=status["revision"], last=last)
        first = load.ask("cut_and_back")
        load.ask("cut")
        time.sleep(_FORGOTTEN)
        used, used_by_master, waited = proxy.cpu(), master.cpu(), proxy.delay()
        second = load.ask("back")
        raw = {**second, "since_cut": first["since_cut"], "cpu": proxy.cpu() - used}
        raw["waited"] = proxy.delay() - waited
        raw["master_cpu"] = master.cpu() - used_by_master
        raw["stall"] = proxy.status()["runtime"]["recentStall"]
        load.ask("cut")
        time.sleep(1.0)
        raw["cut_stall"] = proxy.status()["runtime"]["recentStall"]
    return raw
