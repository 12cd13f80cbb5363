"""Changes on their way from the master to the last of many subscribers behind a proxy.

Ours: an update at the master, subscribers at the proxy; the time counts from the commit as the
journal has it. etcd: a put, watchers at etcd or at its grpc-proxy; the time counts from the put.
"""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks import plots, results
from benchmarks.measuring import Generator, Options, Turn, alternate, median
from benchmarks.peers import Etcd, Peers
from benchmarks.site import ADMINISTRATOR, PASSWORD, READER, Node, Site

SUBSCRIBERS = 1_000
CROWD = 10_000
FEW = 10
OBJECTS = 50
"""How many objects of its folder an audience sees change."""
_ONE_BY_ONE = 20
"""Changes of one turn."""
_WARM_UP = 20
"""Changes before those: after a pause a kernel acknowledges 16 segments of each connection at once,
and on loopback that work of the clients is done on the core of the servers."""
OURS, WATCHERS, PROXIED = "subscribers of a proxy", "watchers of etcd", "watchers of grpc-proxy"
_ALL, _SOME = 0, 1  # which of the store's folders an audience is subscribed to
_STALL_LOOK = 1.0
_AFTERWARDS = 0.005
"""Seconds in which a proxy has done all that a change gives it to do."""

Raw = dict[str, Any]


def run(options: Options) -> None:
    """Measure, and write the results."""
    rows = _beside_etcd(options) + _crowd(options)
    results.write("fanout", rows)


# ---------------------------------------------------------------- beside etcd


def _beside_etcd(options: Options) -> list[results.Row]:
    with (
        tempfile.TemporaryDirectory() as folder,
        Site(options.objects) as site,
        Peers(Path(folder)) as peers,
    ):
        master, proxy = site.master(), site.proxy()
        loads = {OURS: peers.keep(audience(site, master, proxy, {"all": (SUBSCRIBERS, _ALL)}))}
        if etcd := peers.start(Etcd):
            for name, port in ((WATCHERS, etcd.port), (PROXIED, etcd.proxy_port)):
                loads[name] = peers.keep(
                    Generator(
                        "watchers",
                        port=port,
                        put_port=etcd.port,
                        prefix=f"/{name}/",
                        watchers=SUBSCRIBERS,
                    )
                )
        start = site.revision()
        slow: dict[str, Callable[[], Raw]] = {
            name: partial(_one_by_one, load, **_who(name)) for name, load in loads.items()
        }
        one = alternate(options.rounds, slow)
        add_commits(one[OURS], site.commit_times(start))
    singles = f"one change at a time to {SUBSCRIBERS:,} subscribers"
    plots.bars(
        "fanout",
        f"Deliveries a second to {SUBSCRIBERS:,} subscribers, one change at a time, one core",
        "deliveries/s",
        {"": {name: median(rates(raws)) for name, raws in one.items()}},
    )
    return rows_of(singles, one, 1)


def _one_by_one(load: Generator, **who: str) -> Raw:
    raw = load.ask("one_by_one", changes=_WARM_UP + _ONE_BY_ONE, **who)
    return raw | {"changes": raw["changes"][_WARM_UP:]}


def _who(name: str) -> dict[str, str]:
    return {"audience": "all"} if name == OURS else {}


def audience(
    site: Site,
    master: Node,
    proxy: Node,
    audiences: dict[str, tuple[int, int]],
    trusted_ca: str = "",
) -> Generator:
    """Start subscribers; each audience is how many, and the number of the folder they ask for.

    With a file of CAs they come by TLS.
    """
    asked = {}
    for name, (sessions, number) in audiences.items():
        objects = list(range(site.first + number, site.first + site.count, len(site.folders)))
        asked[name] = {
            "sessions": sessions,
            "folder": site.folders[number],
            "objects": objects[:OBJECTS],
        }
    return Generator(
        "subscribers", port=proxy.port, master_port=master.port, reader=READER,
        writer=ADMINISTRATOR, password=PASSWORD, audiences=asked, trusted_ca=trusted_ca,
    )  # fmt: skip


def rows_of(figure: str, found: dict[str, list[Raw]], changes: int) -> list[results.Row]:
    """Return the rows of changes to `SUBSCRIBERS`: deliveries a second, and time to the last.

    Ours counts from the commit, as the bars mean it, and from the request; a peer's from the
    request.
    """
    rows = []
    ours = found[OURS]
    for peer, raws in found.items():
        if peer == OURS:
            continue
        for since, words in (("committed", "the commit"), ("sent", "the request")):
            rows.append(results.beside(
                f"{figure}, deliveries from {words} on", "deliveries/s",
                rates(ours, changes, since), peer, rates(raws, changes),
            ))  # fmt: skip
            rows.append(results.beside(
                f"{figure}, from {words} to the last", "ms",
                times(ours, since), peer, times(raws),
            ))  # fmt: skip
        rows.append(results.load_row(figure, rates(ours), peer, rates(raws)))
    return rows or [results.alone(f"{figure}, from the commit to the last", "ms", times(ours))]


def times(raws: list[Raw], since: str = "sent") -> list[Turn]:
    """Return the median of each turn's times to the last, in milliseconds."""
    return [
        Turn(1e3 * statistics.median(change["last"] - change[since] for change in raw["changes"]))
        for raw in raws
    ]


def rates(raws: list[Raw], changes: int = 1, since: str = "sent") -> list[Turn]:
    """Return the deliveries a second of each turn, each of whose changes is so many."""
    return [
        Turn(SUBSCRIBERS * changes * 1e3 / wait.value, raw["load"])
        for raw, wait in zip(raws, times(raws, since), strict=True)
    ]


def add_commits(raws: list[Raw], committed: dict[int, float]) -> None:
    """Let each change know when the journal says that it was committed."""
    for raw in raws:
        for change in raw["changes"]:
            change["committed"] = committed[change["revision"]]


# ---------------------------------------------------------------- a crowd


def _crowd(options: Options) -> list[results.Row]:
    """One change to 10,000, its stall, and one that only ten of them asked for."""
    with Site(options.objects) as crowded, Site(options.objects) as empty:
        master, proxy = crowded.master(), crowded.proxy()
        other_master, other_proxy = empty.master(), empty.proxy()
        with (
            audience(crowded, master, proxy, {"all": (CROWD, _ALL), "few": (FEW, _SOME)}) as crowd,
            audience(empty, other_master, other_proxy, {"few": (FEW, _SOME)}) as few,
            Generator(
                "prober", port=proxy.port, user=READER, password=PASSWORD, dbid=crowded.first
            ) as prober,
        ):
            start, other_start = crowded.revision(), empty.revision()
            turns = alternate(options.rounds, {
                "all": partial(_one_to_all, crowd, prober),
                "few of many": partial(_costed, proxy, crowd),
                "few of few": partial(_costed, other_proxy, few),
            })  # fmt: skip
            memory = [Turn(proxy.memory() / 2**20)]
            stall = [Turn(proxy.status()["runtime"]["longestStall"] * 1e3)]
        add_commits(turns["all"] + turns["few of many"], crowded.commit_times(start))
        add_commits(turns["few of few"], empty.commit_times(other_start))
    many, none = (times(turns[name], "committed") for name in ("few of many", "few of few"))
    figure = f"one change to {CROWD:,} subscribers"
    few_name = f"a change for {FEW} of {CROWD:,} sessions"
    peer = f"{FEW} of {FEW}"
    return [
        results.alone(f"{figure}, time to the last from the commit", "ms",
                      times(turns["all"], "committed")),
        results.alone(f"{figure}, longest wait of a reader meanwhile", "ms",
                      [Turn(raw["wait"] * 1e3) for raw in turns["all"]]),
        results.alone(f"{figure}, longest stall since the start, all subscribing", "ms", stall),
        results.alone(f"{figure}, core of the load generator", "% busy",
                      [Turn(raw["load"] * 100) for raw in turns["all"]]),
        results.alone(f"{figure}, memory of the proxy", "MiB", memory),
        results.beside(f"{few_name}, processor time of the proxy", "ms", _cpu(turns["few of many"]),
                       peer, _cpu(turns["few of few"])),
        results.beside(f"{few_name}, time to the last from the commit", "ms", many, peer, none),
    ]  # fmt: skip


def _cpu(raws: list[Raw]) -> list[Turn]:
    return [Turn(raw["cpu"] * 1e3) for raw in raws]


def _one_to_all(crowd: Generator, prober: Generator) -> Raw:
    prober.start("run", seconds=_STALL_LOOK)
    raw = crowd.ask("one_by_one", audience="all", changes=1)
    return raw | {"wait": prober.answer()["worst"]}


def _costed(proxy: Node, load: Generator) -> Raw:
    """Make changes; return them with the median of the processor time that each took.

    One by one, since a beat of progress to ten thousand sessions would cost more than all.
    """
    changes, costs = [], []
    for _ in range(_ONE_BY_ONE):
        used = proxy.cpu()
        changes += load.ask("one_by_one", audience="few", changes=1)["changes"]
        time.sleep(_AFTERWARDS)
        costs.append(proxy.cpu() - used)
    return {"changes": changes, "cpu": statistics.median(costs)}
