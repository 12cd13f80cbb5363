"""Entries of the history log on a proxy: how many a second, and what they cost the reads.

Reads and entries share the server's core in every turn, the thread that writes included.
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from contextlib import ExitStack
from functools import partial

from benchmarks import results
from benchmarks.measuring import Generator, Options, Teller, Turn, alternate
from benchmarks.processes import SERVER_CORE, free_port, pinned

USER, PASSWORD = "reader", "only for benchmarks"
FIRST, COUNT = 10_000, 10_000
"""The DBIDs of the objects that may be read, all of five digits: answers are of one size."""
CLIENTS = 32
BURST = 50_000
STEADY = 10_000
_CODE = "import django; django.setup(); from benchmarks import keeping; keeping.main()"
OFF, ON, SOME, MANY = "no history log", "idle", "1,000 entries/s", "10,000 entries/s"


def run(options: Options) -> None:
    """Measure, and write the results."""
    rows = []
    with ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory())
        kept = {}
        for durable in ("fast", "durable"):
            kept[durable] = stack.enter_context(_server(folder, durable, free_port()))
        bursts = alternate(
            options.rounds, {name: partial(_burst, server) for name, server in kept.items()}
        )
        rows += [
            results.alone(f"entries kept on a proxy, failsafe-store-processing {value}",
                          "entries/s", bursts[name])
            for name, value in (("fast", "false"), ("durable", "true"))
        ]  # fmt: skip
        rows += _beside(stack, folder, options)
    results.write("entries", rows)


def _server(folder: str, durable: str, port: int) -> Teller:
    environment = {
        **os.environ,
        "DJANGO_SETTINGS_MODULE": "csproxy_site.settings",
        "CSPROXY_DATA": folder,
    }
    place = os.path.join(folder, f"{durable}-{port}")
    os.mkdir(place)
    command = [sys.executable, "-c", _CODE, place, str(port), durable]
    return Teller(pinned(SERVER_CORE, command), environment)


def _burst(server: Teller) -> Turn:
    return Turn(BURST / server.ask("burst", count=BURST)["seconds"])


def _beside(stack: ExitStack, folder: str, options: Options) -> list[results.Row]:
    port = free_port()
    server = stack.enter_context(_server(folder, "fast", port))
    server.ask("feed", rate=0)  # it answers once it serves
    load = stack.enter_context(Generator(
        "reads", port=port, user=USER, password=PASSWORD, sessions=CLIENTS, first=FIRST,
        names=[f"Skill {FIRST + number}" for number in range(COUNT)],
    ))  # fmt: skip
    rows = []
    for depth in (1, 16):
        turns = alternate(options.rounds, {
            name: partial(_read, server, load, depth, options.seconds, rate, name != OFF)
            for name, rate in ((OFF, 0), (ON, 0), (SOME, 1_000), (MANY, STEADY))
        })  # fmt: skip
        for at, per, unit in ((0, "", "reads/s"), (1, " for a second of the loop", "reads")):
            parts = {name: [turn[at] for turn in found] for name, found in turns.items()}
            rows += [
                results.beside(f"point reads{per}, {depth} in flight, history log: {name}", unit,
                               parts[name], OFF, parts[OFF])
                for name in (ON, SOME, MANY)
            ]  # fmt: skip
    server.ask("feed", rate=STEADY)
    time.sleep(5 * options.seconds)
    steady = server.ask("count")
    rows.append(results.alone("entries that wait after a while at 10,000/s", "entries",
                              [Turn(steady["waiting"])]))  # fmt: skip
    rows.append(results.alone("entries that were lost", "entries", [Turn(steady["lost"])]))
    return rows


def _read(
    server: Teller, load: Generator, depth: int, seconds: float, rate: int, on: bool
) -> tuple[Turn, Turn]:
    """Return the rate of reads, and how many the loop answers in a second of processor time.

    The first is what a client sees; the second is the same on a machine that others use, too.
    """
    server.ask("switch", on=on)
    server.ask("feed", rate=rate)
    begun = server.ask("count")["busy"]
    answer = load.ask("run", key="dbid", depth=depth, seconds=seconds)
    busy = server.ask("count")["busy"] - begun
    server.ask("feed", rate=0)
    return Turn(answer["rate"], answer["share"]), Turn(answer["answers"] / busy, answer["share"])
