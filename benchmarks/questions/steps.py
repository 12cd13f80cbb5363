"""What each step costs between the socket that a request or a change comes in by and the one that
its answer or notification goes out by; for `docs/topics/hot-path.md`.

Steps within the process are timed apart; what is left of the server's processor time for each
read or delivery is the kernel's and the event loop's.
"""

from __future__ import annotations

import json
import subprocess
import sys
from functools import partial

from benchmarks import results
from benchmarks.measuring import Generator, Options, Turn, alternate
from benchmarks.processes import ROOT
from benchmarks.questions.fanout import SUBSCRIBERS, audience
from benchmarks.questions.reads import CLIENTS
from benchmarks.site import PASSWORD, READER, Node, Site, names

_CHANGES = 20
_NOTIFICATION = 400
"""Bytes of a notification, about."""


def run(options: Options) -> None:
    """Measure, and write the results."""
    with Site(options.objects) as site:
        inside = [_inside(site) for _ in range(options.rounds)]
        master, proxy = site.master(), site.proxy()
        with Generator(
            "reads", port=proxy.port, user=READER, password=PASSWORD, sessions=CLIENTS,
            first=site.first, names=names(site.count),
        ) as load:  # fmt: skip
            reads = alternate(options.rounds, {
                str(depth): partial(_read, proxy, load, depth, options.seconds) for depth in (1, 16)
            })  # fmt: skip
        with audience(site, master, proxy, {"all": (SUBSCRIBERS, 0)}) as load:
            changes = [_change(master, proxy, load) for _ in range(options.rounds)]
        bare = [_bare() for _ in range(options.rounds)]
    rows = [
        results.alone(
            f"a {what}: {step}", "µs", [Turn(steps[what][step] / 1e3) for steps in inside]
        )
        for what in ("read", "change")
        for step in inside[0][what]
    ]
    rows += [
        results.alone(f"a read, {depth} in flight: all of the proxy", "µs", turns)
        for depth, turns in reads.items()
    ]
    rows += [
        results.alone(f"a change: all of the {who}", "µs", [Turn(turn[at]) for turn in changes])
        for at, who in enumerate(("master", "proxy"))
    ]
    rows.append(
        results.alone(f"{SUBSCRIBERS:,} sends by a process that does nothing else", "µs", bare)
    )
    results.write("steps", rows)


def _bare() -> Turn:
    arguments = map(str, (SUBSCRIBERS, _NOTIFICATION, 2 * _CHANGES))
    command = [sys.executable, "-m", "benchmarks.sending", *arguments]
    done = subprocess.run(command, cwd=ROOT, text=True, stdout=subprocess.PIPE, check=True)
    return Turn(float(done.stdout) * 1e6)


def _inside(site: Site) -> dict[str, dict[str, float]]:
    code = (
        "import django; django.setup(); from benchmarks import stepping; "
        f"print(stepping.measure({site.first}, {site.count}, {site.folders[0]}))"
    )
    command = [sys.executable, "-c", code]
    done = subprocess.run(
        command, env=site.environment, cwd=ROOT, text=True, stdout=subprocess.PIPE, check=True
    )
    steps: dict[str, dict[str, float]] = json.loads(done.stdout)
    return steps


def _read(proxy: Node, load: Generator, depth: int, seconds: float) -> Turn:
    used = proxy.cpu()
    answer = load.ask("run", key="dbid", depth=depth, seconds=seconds)
    return Turn((proxy.cpu() - used) / answer["answers"] * 1e6)


def _change(master: Node, proxy: Node, load: Generator) -> tuple[float, float]:
    used = master.cpu(), proxy.cpu()
    load.ask("one_by_one", audience="all", changes=_CHANGES)
    return (
        (master.cpu() - used[0]) / _CHANGES * 1e6,
        (proxy.cpu() - used[1]) / _CHANGES * 1e6,
    )
