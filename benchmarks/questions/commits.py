"""Commits on PostgreSQL: how many a second, and how long until the last subscriber has one.

The cluster trades durability for speed, as `.ci/postgres` says; it and the writers that are no
server may use every core.
"""

from __future__ import annotations

from contextlib import ExitStack
from functools import partial

from benchmarks import results
from benchmarks.measuring import Generator, Options, Teller, Turn, alternate
from benchmarks.postgres import on_postgres
from benchmarks.questions.fanout import Raw, audience
from benchmarks.site import Node, Site

SUBSCRIBERS = 100
RATE = 100
WRITERS = 4
_SETTLE_FACTOR = 2  # a turn at a steady rate is longer, so that its p99 means something


def run(options: Options) -> None:
    """Measure, and write the results."""
    on_postgres("commits", _measure, options)


def _measure(options: Options) -> None:
    with Site(options.objects) as site, ExitStack() as stack:
        master, proxy = site.master(), site.proxy()
        load = stack.enter_context(audience(site, master, proxy, {"all": (SUBSCRIBERS, 0)}))
        start = site.revision()
        steady = alternate(options.rounds, {
            "steady": partial(
                load.ask, "steady", audience="all", rate=RATE,
                seconds=options.seconds * _SETTLE_FACTOR,
            )
        })["steady"]  # fmt: skip
        committed = site.commit_times(start)
        writers = [stack.enter_context(site.committer()) for _ in range(WRITERS)]
        together = alternate(options.rounds, {
            "door": partial(_through_the_door, site, writers, options.seconds),
            "wire": partial(_over_the_wire, master, load, options.seconds),
        })  # fmt: skip
    figure = f"commit to the last of {SUBSCRIBERS} subscribers, {RATE} commits/s, PostgreSQL"
    results.write("commits", [
        results.alone(f"{figure}, p99", "ms", _part(steady, committed, 0.99)),
        results.alone(f"{figure}, median", "ms", _part(steady, committed, 0.5)),
        results.alone(f"{figure}, rate that was reached", "commits/s",
                      [Turn(raw["rate"]) for raw in steady]),
        results.alone(f"{figure}, core of the load generator", "% busy",
                      [Turn(raw["load"] * 100) for raw in steady]),
        results.alone(f"commits through the one door, PostgreSQL, {WRITERS} writers", "commits/s",
                      together["door"]),
        results.alone(f"commits over the wire, PostgreSQL, {WRITERS} sessions of a master",
                      "commits/s", together["wire"]),
    ])  # fmt: skip


def _part(turns: list[Raw], committed: dict[int, float], part: float) -> list[Turn]:
    """Return a quantile of each turn's times from the commit to the last, in milliseconds."""
    found = []
    for raw in turns:
        waits = sorted(
            1e3 * (last - committed[int(revision)]) for revision, last in raw["lasts"].items()
        )
        found.append(Turn(waits[int(part * (len(waits) - 1))], raw["load"]))
    return found


def _through_the_door(site: Site, writers: list[Teller], seconds: float) -> Turn:
    share = site.count // len(writers)
    for number, writer in enumerate(writers):
        first = site.first + number * share
        writer.start("one_by_one", dbids=list(range(first, first + share)), seconds=seconds)
    return Turn(sum(done["count"] / done["seconds"] for done in [w.answer() for w in writers]))


def _over_the_wire(master: Node, load: Generator, seconds: float) -> Turn:
    done = load.ask("write", port=master.port, writers=WRITERS, seconds=seconds)
    return Turn(done["count"] / done["passed"], done["load"])
