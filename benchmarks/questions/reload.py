"""A proxy of a million objects that loads everything anew, and one that an import reaches.

One object in 250 differs from what master and proxy have: these are changed in the transaction
that begins the new epoch, as in a database that was restored. Subscribers of one folder are told
those that lie in it. A steady reader is answered throughout: how much longer does
it wait than before? The import is one transaction, far larger than what a server remembers; the
proxy must have it whole, without a load.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from benchmarks import results
from benchmarks.measuring import Generator, Options, Teller, Turn
from benchmarks.processes import LOAD_CORE
from benchmarks.questions.fanout import audience
from benchmarks.questions.loading import DOCUMENT, OBJECTS
from benchmarks.site import PASSWORD, READER, Node, Site

DIFFERING = 250
"""One object in so many: as much as a server tells as changes. Of more, clients read anew."""
SUBSCRIBERS = 100
IMPORTED = 200_000
READS = 1_000.0
"""A second."""
SESSIONS = 32
_IDLE = 10.0
_RELOAD = 15.0
"""Seconds in which reads are looked at: longer than a reload takes."""
_LOOK = 0.25
"""Seconds between looks at the status pages: each takes a millisecond, in which nothing is read."""
_LIMIT = 600.0


def run(options: Options) -> None:
    """Measure, and write the results."""
    with Site(OBJECTS, DOCUMENT) as site:
        master = site.master(core=LOAD_CORE)
        proxy = site.proxy()
        in_a_folder = site.count // DIFFERING // len(site.folders)
        differing = in_a_folder * len(site.folders)
        with (
            Generator(
                "paced", port=proxy.port, user=READER, password=PASSWORD, sessions=SESSIONS,
                first=site.first, count=site.count,
            ) as load,
            audience(site, master, proxy, {"all": (SUBSCRIBERS, 0)}) as subscribers,
            site.committer() as committer,
        ):  # fmt: skip
            idle, reloading, seconds, told = [], [], [], []
            for _ in range(options.rounds):
                idle.append(Turn(load.ask("run", rate=READS, seconds=_IDLE)["p99"] * 1e3))
                committer.ask("hold", first=site.first, count=differing)
                subscribers.start("await_changes", audience="all", changes=in_a_folder)
                load.start("run", rate=READS, seconds=_RELOAD)
                sent, took = _reload(master, proxy, committer)
                seconds.append(Turn(took))
                reloading.append(Turn(load.answer()["p99"] * 1e3))
                told.append(Turn(subscribers.answer()["last"] - sent))
            subscribers.kill()  # all that is imported lies in the folder that they asked for
            loads, objects = proxy.status()["loads"], proxy.status()["objectCount"]
            begun = time.monotonic()
            committer.ask("import_objects", count=IMPORTED, folder=site.folders[0])
            committed = time.monotonic()
            _until(lambda: _are_level(master, proxy, count=objects + IMPORTED))
            reached = time.monotonic() - committed
        status = proxy.status()
        rows = [
            results.beside(f"point reads, p99, while {OBJECTS:,} objects are loaded anew, "
                           f"{differing:,} of which differ", "ms",
                           reloading, "before it", idle),
            results.alone("a reload, from the new epoch to equal data", "s", seconds),
            results.alone(f"a reload, from the new epoch to the last of {SUBSCRIBERS} subscribers "
                          f"that {in_a_folder:,} objects differ", "s", told),
            results.alone(f"import of {IMPORTED:,} objects, the commit", "s",
                          [Turn(committed - begun)]),
            results.alone(f"import of {IMPORTED:,} objects, from the commit to equal data", "s",
                          [Turn(reached)]),
            results.alone("loads of the proxy because of it", "", [Turn(status["loads"] - loads)]),
        ]  # fmt: skip
    results.write("reload", rows)


def _reload(master: Node, proxy: Node, committer: Teller) -> tuple[float, float]:
    """Begin a new epoch.

    Return when that was, in seconds since 1970, and those until both have the same data of it.
    """
    former = proxy.status()["epoch"]
    sent: float = committer.ask("new_epoch")["sent"]
    return sent, _until(lambda: _are_level(master, proxy, former=former))


def _are_level(master: Node, proxy: Node, *, former: str = "", count: int = 0) -> bool:
    """Whether both have the same data, of another epoch than the former and of so many objects."""
    ours, theirs = proxy.status(), master.status()
    names = ("epoch", "revision", "treeHash", "objectCount")
    same = ours["source"] == "live" and all(ours[name] == theirs[name] for name in names)
    return same and ours["epoch"] != former and count in (0, ours["objectCount"])


def _until(condition: Callable[[], bool]) -> float:
    """Wait for a condition; return the seconds that it took."""
    begun = time.monotonic()
    while not condition():
        if time.monotonic() - begun > _LIMIT:
            raise TimeoutError("master and proxy did not come to equal data")
        time.sleep(_LOOK)
    return time.monotonic() - begun
