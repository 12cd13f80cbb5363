"""All 100,000 objects read by one client, and how long point reads of others wait meanwhile."""

from __future__ import annotations

import statistics
import time
from typing import Any

from benchmarks import results
from benchmarks.measuring import Generator, Options, Turn, alternate
from benchmarks.processes import LOAD_CORE
from benchmarks.questions.loading import DOCUMENT
from benchmarks.site import PASSWORD, READER, Site

OBJECTS = 100_000
READERS = 32
RATE = 2_000
"""Point reads a second of the others together."""
_LEAD = 0.2
"""Seconds between the first point reads and the bulk read."""

Raw = dict[str, Any]


def run(options: Options) -> None:
    """Measure, and write the results."""
    with Site(OBJECTS, DOCUMENT) as site:
        site.master(core=LOAD_CORE)
        proxy = site.proxy()
        account = {"port": proxy.port, "user": READER, "password": PASSWORD}
        with (
            Generator("lists", **account) as bulk,
            Generator("paced", **account, sessions=READERS, first=site.first, count=site.count)
            as others,
        ):  # fmt: skip

            def alone() -> Raw:
                return bulk.ask("bulk", seconds=options.seconds)

            def idle() -> Raw:
                return others.ask("run", rate=RATE, seconds=options.seconds)

            def together() -> Raw:
                others.start("run", rate=RATE, seconds=options.seconds + 2 * _LEAD)
                time.sleep(_LEAD)
                read = alone()
                return read | {"others": others.answer()}

            size = alone()["bytes"]
            assert size > OBJECTS * DOCUMENT, size
            turns = alternate(options.rounds, {"alone": alone, "idle": idle, "both": together})
    name = f"bulk read of {OBJECTS:,} objects by one client"
    waits = f"point reads of {READERS} others, {RATE:,} a second"
    during = [raw["others"] for raw in turns["both"]]
    idles = turns["idle"]
    results.write("bulk", [
        results.alone(name, "MB/s", _rates(turns["both"])),
        results.alone(f"{name}, nobody else", "MB/s", _rates(turns["alone"])),
        results.alone(f"{name}: core of the load generator", "% busy",
                      [Turn(100 * raw["load"]) for raw in turns["alone"]]),
        results.beside(f"{waits}, p99 meanwhile", "ms", _ms(during, "p99"), "without the bulk read",
                       _ms(idles, "p99")),
        results.beside(f"{waits}, median meanwhile", "ms", _ms(during, "median"),
                       "without the bulk read", _ms(idles, "median")),
    ])  # fmt: skip


def _rates(raws: list[Raw]) -> list[Turn]:
    return [Turn(statistics.median(raw["rates"]) / 1e6, raw["load"]) for raw in raws]


def _ms(raws: list[Raw], key: str) -> list[Turn]:
    return [Turn(raw[key] * 1e3) for raw in raws]
