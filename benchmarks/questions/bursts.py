"""Bursts of 50 changes to 1,000 subscribers behind a proxy, on PostgreSQL.

Ours is one transaction, as an import or an administrator's list action makes it. etcd's are put
one by one, put all at once, or put in one transaction, which is its best case.
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
from benchmarks.questions.fanout import OURS, SUBSCRIBERS, Raw, audience, rates, rows_of
from benchmarks.site import Site

BURST = 50
_HOW = ("one by one", "all at once", "transaction")


def run(options: Options) -> None:
    """Measure, and write the results."""
    on_postgres("bursts", _measure, options)


def _measure(options: Options) -> None:
    with (
        tempfile.TemporaryDirectory() as folder,
        Site(options.objects) as site,
        Peers(Path(folder)) as peers,
    ):
        master, proxy = site.master(), site.proxy()
        subscribers = peers.keep(audience(site, master, proxy, {"all": (SUBSCRIBERS, 0)}))
        writer = peers.keep(site.committer())
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
        found = alternate(options.rounds, contestants)
    figure = f"bursts of {BURST} changes to {SUBSCRIBERS:,} subscribers"
    results.write("bursts", rows_of(figure, found, BURST))
    plots.bars(
        "bursts",
        f"Deliveries a second to {SUBSCRIBERS:,} subscribers, bursts of {BURST}, one core",
        {"": {name: median(rates(raws, BURST)) for name, raws in found.items()}},
    )


def _ours(subscribers: Generator, writer: Teller, dbids: list[int]) -> Raw:
    subscribers.start("await_changes", audience="all", changes=len(dbids))
    change = writer.ask("together", dbids=dbids)
    arrived = subscribers.answer()
    return {"changes": [change | {"last": arrived["last"]}], "load": arrived["load"]}
