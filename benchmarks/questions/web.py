"""Point reads at a master while somebody reads its administration without a pause.

The web process is a child of the master's on another core. Where there are only two, it shares
the load's, and both it and its reader get only the time that the load leaves: what is asked is
whether the node suffers, not whether three programs suffer of one core. How many pages were
read and how busy the load was are rows of their own. Latencies are taken at a steady pace that
leaves the core free time; at full rate they would tell of the load itself.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from functools import partial

from benchmarks import results
from benchmarks.measuring import Generator, Options, Turn, alternate
from benchmarks.processes import LOAD_CORE, SERVER_CORE, children, http_get
from benchmarks.questions.reads import CLIENTS
from benchmarks.site import ADMINISTRATOR, PASSWORD, READER, Site, names

PACE = 5_000
"""Reads a second at which latencies are taken."""
_ALONE = "without"
_START_LIMIT = 60.0
_EDGE = 0.3
"""Seconds by which the admin is read before and after the reads that are measured."""

Take = Callable[[], dict[str, float]]


def run(options: Options) -> None:
    """Measure, and write the results."""
    with Site(options.objects) as site:
        master = site.master(web=True)
        while http_get(master.web_port, "/admin/login/")[0] != 200:
            time.sleep(0.2)
        shared = _move_web(master.pid)
        account = {"port": master.port, "user": READER, "password": PASSWORD, "sessions": CLIENTS}
        with (
            Generator("admin", port=master.web_port, user=ADMINISTRATOR, password=PASSWORD,
                      idle=shared) as admin,
            Generator("reads", **account, first=site.first, names=names(site.count)) as reads,
            Generator("paced", **account, first=site.first, count=site.count) as paced,
        ):  # fmt: skip
            rows: list[results.Row] = []
            pages: list[Turn] = []
            for depth in (1, 16):
                take = partial(reads.ask, "run", key="dbid", depth=depth, seconds=options.seconds)
                rows += _rates(depth, _beside(take, admin, options, pages))
            take = partial(paced.ask, "run", rate=PACE, seconds=options.seconds)
            rows += _latencies(_beside(take, admin, options, pages))
    rows.append(results.alone("pages of the administration read meanwhile", "pages/s", pages))
    results.write("web", rows)


def _move_web(master: int) -> bool:
    """Let the web process run on another core than the node; return whether it is the load's."""
    free = os.sched_getaffinity(0) - {SERVER_CORE, LOAD_CORE}
    for child in children(master):
        os.sched_setaffinity(child, free or {LOAD_CORE})
        if not free:
            os.sched_setscheduler(child, os.SCHED_IDLE, os.sched_param(0))
    return not free


def _beside(
    take: Take, admin: Generator, options: Options, pages: list[Turn]
) -> dict[str, list[dict[str, float]]]:
    def with_admin() -> dict[str, float]:
        admin.start("run", seconds=options.seconds + 4 * _EDGE)
        time.sleep(_EDGE)
        found = take()
        pages.append(Turn(admin.answer()["rate"]))
        return found

    return alternate(options.rounds, {"with": with_admin, _ALONE: take})


def _rates(depth: int, turns: dict[str, list[dict[str, float]]]) -> list[results.Row]:
    figure = f"point reads, {depth} in flight, while the administration is read"
    ours, alone = ([Turn(found["rate"], found["share"]) for found in turns[name]]
                   for name in ("with", _ALONE))  # fmt: skip
    return [
        results.beside(figure, "reads/s", ours, _ALONE, alone),
        results.load_row(figure, ours, _ALONE, alone),
    ]


def _latencies(turns: dict[str, list[dict[str, float]]]) -> list[results.Row]:
    figure = f"point reads, {PACE:,} a second"
    rows = []
    for part in ("p99", "median"):
        ours, alone = ([Turn(found[part] * 1e3, found["load"]) for found in turns[name]]
                       for name in ("with", _ALONE))  # fmt: skip
        rows.append(results.beside(f"{figure}, {part}", "ms", ours, _ALONE, alone))
    return [*rows, results.load_row(figure, ours, _ALONE, alone)]
