"""Point reads in stores of 1,000 … 1,000,000 objects, and among 100 … 10,000 connected sessions.

All stores are served at the same time, and asked in turn, by DBID and by name. Of the sessions
either all read, one request in flight on each, or 32 do and the others are idle.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import partial

from benchmarks import plots, results
from benchmarks.measuring import Generator, Options, Turn, alternate, median
from benchmarks.processes import LOAD_CORE
from benchmarks.questions.loading import DOCUMENT
from benchmarks.site import PASSWORD, READER, Site, filled, names

CLIENTS = 32
SIZES = (1_000, 10_000, 100_000, 1_000_000)
SESSIONS = (100, 1_000, 10_000)
DEPTHS = (1, 16)
KEYS = {"dbid": "", "name": " by name"}
"""What objects are read by -> how rows say it."""

Points = dict[int, list[Turn]]


def run(options: Options) -> None:
    """Measure, and write the results."""
    rows: list[results.Row] = []
    for size in SIZES:  # before any server runs: a store can take longer than a keep-alive
        filled(size, DOCUMENT)
    with ExitStack() as stack:
        loads = {size: stack.enter_context(_load(size, CLIENTS)) for size in SIZES}
        found = {
            (key, depth): _turns(loads, depth, options, key) for key in KEYS for depth in DEPTHS
        }
    for (key, depth), points in found.items():
        figure = f"point reads{KEYS[key]}, {depth} in flight, at {{:,}} objects"
        rows += _rows(figure, points)
    plots.lines(
        "growth",
        f"Point reads in ever larger stores, against those at {SIZES[0]:,} objects",
        "objects in the store (logarithmic)",
        f"reads/s, as a part of those at {SIZES[0]:,} objects",
        {f"{depth} in flight{KEYS[key]}": _against_the_first(points)
         for (key, depth), points in found.items()},
    )  # fmt: skip
    rows += _rows("point reads of all of {:,} sessions", _sessions(options, all_read=True))
    rows += _rows(f"point reads of {CLIENTS} among {{:,}} sessions",
                  _sessions(options, all_read=False))  # fmt: skip
    results.write("growth", rows)


def _rows(figure: str, points: Points) -> list[results.Row]:
    """Return a row for each point beside the first, with the ratio the first has to it."""
    (first, base), *others = points.items()
    rows = [
        results.beside(figure.format(first), "reads/s", base, f"at {number:,}", turns)
        for number, turns in others
    ]
    share = [Turn(100 * turn.load) for turn in base]
    return [*rows, results.alone(f"{figure.format(first)}: core of the load", "% busy", share)]


def _turns(loads: dict[int, Generator], depth: int, options: Options, key: str = "dbid") -> Points:
    contestants = {
        number: partial(_read, load, key, depth, options.seconds) for number, load in loads.items()
    }
    named = alternate(options.rounds, {str(number): take for number, take in contestants.items()})
    return {int(name): turns for name, turns in named.items()}


def _read(load: Generator, key: str, depth: int, seconds: float) -> Turn:
    answer = load.ask("run", key=key, depth=depth, seconds=seconds)
    return Turn(answer["rate"], answer["share"])


def _against_the_first(points: Points) -> list[tuple[float, float]]:
    first = median(next(iter(points.values())))
    return [(number, median(turns) / first) for number, turns in points.items()]


def _sessions(options: Options, *, all_read: bool) -> Points:
    """Measure with more and more sessions, each number on a proxy of its own."""
    with ExitStack() as stack:
        loads = {}
        for count in SESSIONS:
            readers = count if all_read else CLIENTS
            loads[count] = stack.enter_context(_load(options.objects, readers, count - readers))
        return _turns(loads, 1, options)


@contextmanager
def _load(objects: int, readers: int, idle: int = 0) -> Iterator[Generator]:
    """Serve a store, with readers and idle sessions connected."""
    account = {"user": READER, "password": PASSWORD}
    with Site(objects, DOCUMENT) as site:
        site.master(core=LOAD_CORE)
        proxy = site.proxy()
        common = {"port": proxy.port, "first": site.first, "names": names(site.count), **account}
        with Generator("reads", sessions=readers, **common) as load:
            if not idle:
                yield load
                return
            with Generator("reads", sessions=idle, **common):
                yield load
