"""Bursts of 50 changes to 1,000 subscribers behind a proxy, on PostgreSQL.

Ours is one transaction, as an import or an administrator's list action makes it. It is compared
with each of three ways of etcd's: one by one, each put when the one before is answered; all at
once, 50 puts that are sent without a wait; one transaction of 50 puts, which is its best case and
the like of ours.

As in `fanout`, ours counts from the commit as the journal has it, and a row beside from the
beginning of the transaction; etcd's from the first put. All that serves or stores is on one core:
etcd and its proxy; master, proxy, the cluster and the process that carries the transaction out.
Who listens, and who sends etcd's puts, is on the other.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path

from benchmarks import plots, results
from benchmarks.measuring import Generator, Options, Teller, alternate, median
from benchmarks.peers import Etcd, Peers
from benchmarks.postgres import on_postgres
from benchmarks.processes import SERVER_CORE
from benchmarks.questions.fanout import (
    OURS,
    SUBSCRIBERS,
    Raw,
    add_commits,
    audience,
    rates,
    rows_of,
)
from benchmarks.site import Site

BURST = 50
_HOW = ("one by one", "all at once", "transaction")


def run(options: Options) -> None:
    """Measure, and write the results."""
    on_postgres("bursts", _measure, options, core=SERVER_CORE)


def _measure(options: Options) -> None:
    with (
        tempfile.TemporaryDirectory() as folder,
        Site(options.objects) as site,
        Peers(Path(folder)) as peers,
    ):
        master, proxy = site.master(), site.proxy()
        subscribers = peers.keep(audience(site, master, proxy, {"all": (SUBSCRIBERS, 0)}))
        writer = peers.keep(site.committer(core=SERVER_CORE))
        dbids = [site.first + number * len(site.folders) for number in range(BURST)]
        contestants: dict[str, Callable[[], Raw]] = {
            OURS: partial(_ours, subscribers, writer, dbids)
        }
        if etcd := peers.start(Etcd):
            for name, port in (("etcd", etcd.port), ("grpc-proxy", etcd.proxy_port)):
                load = peers.keep(
                    Generator(
                        "watchers",
                        port=port,
                        put_port=etcd.port,
                        prefix=f"/{name}/",
                        watchers=SUBSCRIBERS,
                    )
                )
                for how in _HOW:
                    contestants[f"watchers of {name}, {how}"] = partial(
                        load.ask, "burst", changes=BURST, how=how
                    )
        start = site.revision()
        found = alternate(options.rounds, contestants)
        add_commits(found[OURS], site.commit_times(start))
    figure = f"bursts of {BURST} changes to {SUBSCRIBERS:,} subscribers"
    results.write("bursts", rows_of(figure, found, BURST))
    plots.bars(
        "bursts",
        f"Deliveries a second to {SUBSCRIBERS:,} subscribers, bursts of {BURST}, one core",
        "deliveries/s",
        {"": {name: median(rates(raws, BURST)) for name, raws in found.items()}},
    )


def _ours(subscribers: Generator, writer: Teller, dbids: list[int]) -> Raw:
    subscribers.start("await_changes", audience="all", changes=len(dbids))
    change = writer.ask("together", dbids=dbids)
    arrived = subscribers.answer()
    return {"changes": [change | {"last": arrived["last"]}], "load": arrived["load"]}
