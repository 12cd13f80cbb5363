"""Resuming after 1,000 missed changes: what a client, or a proxy, waits for what it has missed.

The changes are of one object each and of the whole store, whose size must not matter.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from functools import partial
from typing import Any

from benchmarks import plots, results
from benchmarks.measuring import Generator, Options, Turn, alternate, median
from benchmarks.site import ADMINISTRATOR, PASSWORD, READER, Site

SIZES = (10_000, 100_000, 1_000_000)
DOCUMENT = 470
MISSED = 1_000
CLIENT, LOGIN, PROXY = (
    "a client, from its registration on",
    "a client, from its connection on",
    "a proxy, from its connection to its subscriber",
)

Raw = dict[str, Any]


def run(options: Options) -> None:
    """Measure, and write the results."""
    with ExitStack() as stack:
        turns: dict[str, Callable[[], Raw]] = {}
        for size in SIZES:
            load = _resumer(stack, size)
            turns[f"client {size}"] = partial(load.ask, "client_away", changes=MISSED)
            turns[f"proxy {size}"] = partial(load.ask, "proxy_away", changes=MISSED)
        found = alternate(options.rounds, turns)
    times = {
        CLIENT: {size: _times(found[f"client {size}"], "took") for size in SIZES},
        LOGIN: {size: _times(found[f"client {size}"], "with_login") for size in SIZES},
        PROXY: {size: _times(found[f"proxy {size}"], "took") for size in SIZES},
    }
    rows = []
    for who, by_size in times.items():
        smallest, largest = SIZES[0], SIZES[-1]
        figure = f"{MISSED:,} missed changes, {who}"
        rows += [
            results.alone(f"{figure}, {size:,} objects", "ms", took)
            for size, took in by_size.items()
        ]
        rows.append(
            results.beside(
                f"{figure}, growth", "ms", by_size[largest], f"{smallest:,} objects",
                by_size[smallest],
            )
        )  # fmt: skip
    results.write("resume", rows)
    plots.lines(
        "resume", f"Resuming after {MISSED:,} missed changes",
        "objects in the store (logarithmic)", "time, ms",
        {
            who.partition(",")[0]: [(size, median(took)) for size, took in times[who].items()]
            for who in (CLIENT, PROXY)
        },
    )  # fmt: skip


def _resumer(stack: ExitStack, size: int) -> Generator:
    site = stack.enter_context(Site(size, DOCUMENT))
    master = site.master()
    load = stack.enter_context(Generator("resumer", master_port=master.port))
    proxy = site.proxy(through=load.begun["port"])
    load.ask(
        "follow", port=proxy.port, reader=READER, writer=ADMINISTRATOR, password=PASSWORD,
        objects=list(range(site.first, site.first + site.count, site.count // MISSED)),
    )  # fmt: skip
    return load


def _times(raws: list[Raw], key: str) -> list[Turn]:
    return [Turn(raw[key] * 1e3, raw["load"]) for raw in raws]
