"""A mixed run with a million objects: how long do a proxy and its master stand still at worst?

Point reads, lists, full scans, reads of everything, logins and logouts, single changes, imports
in one transaction, changes of rights on a part and on all, and new epochs, for which both load
everything anew. Stalls are what the servers say of their event loops; waits are those of one
more session that reads an object every millisecond. The worst are told with their times and
with what was going on, and with how long a server waited for its core in that second, since
what others do on the machine is no pause of ours. The master shares the load's core with it.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from typing import NamedTuple, Self

from benchmarks import results
from benchmarks.measuring import Generator, Options, Teller, Turn
from benchmarks.processes import LOAD_CORE
from benchmarks.questions.loading import DOCUMENT, OBJECTS
from benchmarks.site import PASSWORD, READER, Node, Site

IMPORTED = 30_000
"""Objects of an import, all in one transaction."""
CHANGES = 20.0
READS = 1_000.0
"""A second."""
SESSIONS, FOLLOWERS = 32, 100
_LOOK = 1.0
"""Seconds between looks at the servers' stalls."""
_FORGOTTEN = 6.0
"""Seconds after which the stalls of the start are not recent any more."""
_RELOAD_LIMIT = 120.0
_WORST = 8


class Step(NamedTuple):
    """Something that was done, and when, in seconds since 1970."""

    name: str
    begun: float
    ended: float


class Pause(NamedTuple):
    """How long something stood still, within the second before `at`."""

    seconds: float
    at: float
    what: str
    delay: float
    """Seconds of that second in which the server waited for its core, which others had."""


def run(options: Options) -> None:
    """Measure, and write the results."""
    with Site(OBJECTS, DOCUMENT) as site, ExitStack() as stack:
        master = site.master(core=LOAD_CORE)
        proxy = site.proxy()
        nodes = {"proxy": proxy, "master": master}
        account = {"user": READER, "password": PASSWORD}
        mixed, paced, probers = [], [], {}
        for name, node in nodes.items():
            enter = stack.enter_context
            mixed.append(enter(Generator(
                "mixed", port=node.port, **account, folders=site.folders, followers=FOLLOWERS,
            )))  # fmt: skip
            paced.append(enter(Generator(
                "paced", port=node.port, **account, sessions=SESSIONS, first=site.first,
                count=site.count,
            )))  # fmt: skip
            probers[name] = enter(Generator("prober", port=node.port, **account, dbid=site.first))
        committer = stack.enter_context(site.committer())
        committer.ask("give_way")
        time.sleep(_FORGOTTEN)
        watch = stack.enter_context(_Watch(nodes, probers))
        begun = time.time()
        for load in mixed:
            load.start("run", seconds=options.length)
        for load in paced:
            load.start("run", rate=READS, seconds=options.length)
        steps = _commit(site, nodes, committer, options.length)
        answers = [load.answer() for load in mixed]
        latencies = [load.answer() for load in paced]
        watch.end()
    steps += [Step(*step) for answer in answers for step in answer["steps"]]
    pauses = watch.pauses
    _tell(begun, pauses, steps)
    rows = [
        results.alone(f"{what} of the {name} in {options.length:.0f} s, "
                      f"during {_during(worst, steps)}", "ms", [Turn(worst.seconds * 1e3)])
        for name in nodes
        for what in ("longest stall of the loop", "longest wait of a reader")
        for worst in [max(pause for pause in pauses if pause.what == f"{name}: {what}")]
    ]  # fmt: skip
    rows += [
        results.alone(f"point reads at the {name}, p99", "ms", [Turn(found["p99"] * 1e3)])
        for name, found in zip(nodes, latencies, strict=True)
    ]
    rows += [
        results.alone(f"the {name} without its core, in the second of its longest stall", "ms",
                      [Turn(worst.delay * 1e3)])
        for name in nodes
        for worst in [max(p for p in pauses if p.what == f"{name}: longest stall of the loop")]
    ]  # fmt: skip
    lost = sum(answer["lost"] for answer in answers)
    rows.append(results.alone("subscriptions that had to begin anew", "", [Turn(lost)]))
    results.write("pauses", rows)


# ---------------------------------------------------------------- what is done


def _commit(site: Site, nodes: dict[str, Node], committer: Teller, length: float) -> list[Step]:
    """Change single objects all the time, and now and then do something larger."""
    begun, steps = time.time(), []
    folder = site.folders[0]
    objects = list(range(site.first, site.first + 1000))
    larger: list[tuple[float, str, Callable[[], object]]] = [
        (0.10, f"import of {IMPORTED:,}", lambda: committer.ask(
            "import_objects", count=IMPORTED, folder=folder)),
        (0.25, "rights on a folder", lambda: committer.ask("hide_and_show", folder=folder)),
        (0.35, "rights on everything", lambda: committer.ask("hide_and_show_all")),
        (0.50, "reload for a new epoch", lambda: _reload(nodes, committer)),
        (0.80, f"import of {IMPORTED:,}", lambda: committer.ask(
            "import_objects", count=IMPORTED, folder=site.folders[1])),
    ]  # fmt: skip

    def change_until(end: float) -> None:
        if (left := end - time.time()) > 0:
            start = time.time()
            committer.ask("steady", dbids=objects, rate=CHANGES, seconds=left)
            steps.append(Step("single changes", start, time.time()))

    for part, name, do in larger:
        change_until(begun + part * length)
        start = time.time()
        do()
        steps.append(Step(name, start, time.time()))
    change_until(begun + length)
    return steps


def _reload(nodes: dict[str, Node], committer: Teller) -> None:
    """Begin a new epoch, and wait until every server has it."""
    before = {node.status()["epoch"] for node in nodes.values()}
    committer.ask("new_epoch")
    deadline = time.monotonic() + _RELOAD_LIMIT
    while any(node.status()["epoch"] in before for node in nodes.values()):
        if time.monotonic() > deadline:
            raise TimeoutError("the servers did not load the new epoch")
        time.sleep(_LOOK)


# ---------------------------------------------------------------- what is felt


class _Watch:
    """Looks at stalls and waits every second, from its making to `end`; a context manager."""

    def __init__(self, nodes: dict[str, Node], probers: dict[str, Generator]) -> None:
        self.pauses: list[Pause] = []
        self._ending = threading.Event()
        self._threads = [
            *(threading.Thread(target=self._stalls, args=item) for item in nodes.items()),
            *(
                threading.Thread(target=self._waits, args=(name, nodes[name], prober))
                for name, prober in probers.items()
            ),
        ]
        for thread in self._threads:
            thread.start()

    def end(self) -> None:
        """Look no more."""
        self._ending.set()
        for thread in self._threads:
            thread.join()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.end()

    def _stalls(self, name: str, node: Node) -> None:
        last, delay = 0.0, node.delay()
        while not self._ending.wait(_LOOK):
            stall, before, delay = node.status()["runtime"]["recentStall"], delay, node.delay()
            if stall > last:  # else it is one of before, still recent
                what = f"{name}: longest stall of the loop"
                self.pauses.append(Pause(stall, time.time(), what, delay - before))
            last = stall

    def _waits(self, name: str, node: Node, prober: Generator) -> None:
        what = f"{name}: longest wait of a reader"
        while not self._ending.is_set():
            before = node.delay()
            worst = prober.ask("run", seconds=_LOOK)["worst"]
            self.pauses.append(Pause(worst, time.time(), what, node.delay() - before))


def _during(pause: Pause, steps: Sequence[Step]) -> str:
    """Return what was done in the second before; what is done all the time is left out."""
    always = ("single changes", "login and logout", "page of a list")
    names = {
        step.name
        for step in steps
        if step.name not in always and step.begun < pause.at and step.ended > pause.at - 2 * _LOOK
    }
    return ", ".join(sorted(names)) or "nothing special"


def _tell(begun: float, pauses: Sequence[Pause], steps: Sequence[Step]) -> None:
    """Print the worst, and the larger steps, with their times."""
    for step in sorted(steps, key=lambda step: step.begun):
        if step.ended - step.begun > _LOOK:
            print(f"{step.begun - begun:7.1f} … {step.ended - begun:6.1f} s  {step.name}")
    for pause in sorted(pauses, reverse=True)[: _WORST * 2]:
        print(
            f"{pause.at - begun:7.1f} s  {pause.seconds * 1e3:6.1f} ms  {pause.what} during "
            f"{_during(pause, steps)}; {pause.delay * 1e3:.0f} ms without its core"
        )
