"""What a session and a million objects take of a proxy's memory, and a reload at its peak.

A session is logged in, subscribed and idle, on a port in clear or by TLS 1.3. The objects are
compared with their JSON, all of the process counted: libraries, indexes, buffers. A reload is
that of a new epoch, with clients served meanwhile.
"""

from __future__ import annotations

import time
from dataclasses import dataclass

from benchmarks import plots, results
from benchmarks.measuring import Options, Turn, median
from benchmarks.processes import LOAD_CORE
from benchmarks.questions.fanout import audience
from benchmarks.questions.loading import DOCUMENT, OBJECTS
from benchmarks.site import Node, Site

SESSIONS = 10_000
BY_TLS = 2_000
"""Sessions by TLS: the load has to keep them, too."""
_FIRST = 100
"""Sessions that come and go before, for what is made once and kept."""
_LOOK = 0.5
_REST = 0.02
"""The part of its core that a server uses which has nothing to do."""


@dataclass(frozen=True, slots=True)
class _Full:
    """Bytes of a proxy with a million objects, and seconds."""

    loaded: int
    peak: int
    stall: float


def run(options: Options) -> None:
    """Measure, and write the results."""
    sessions, by_tls = _sessions(options), _sessions(options, by_tls=True)
    with Site(OBJECTS, DOCUMENT) as site:
        master = site.master(core=LOAD_CORE)
        _wait_for_rest(master)
        of_master = [Turn(master.memory() / 1e6)]
        full = [_full(site, master) for _ in range(options.rounds)]
    json = [Turn(OBJECTS * DOCUMENT / 1e6)] * options.rounds
    loaded = [Turn(turn.loaded / 1e6) for turn in full]
    peak = [Turn(turn.peak / 1e6) for turn in full]
    name = f"{OBJECTS:,} objects"
    rows = [
        results.alone("memory of an idle, subscribed session, in clear", "KB", sessions),
        results.alone("memory of an idle, subscribed session, by TLS", "KB", by_tls),
        results.beside(f"memory of a proxy with {name}", "MB", loaded, "JSON", json),
        results.beside(f"memory of a proxy while it reloads {name}, at the peak", "MB",
                       peak, "JSON", json),
        results.alone(f"longest stall of a proxy that loads and reloads {name}", "ms",
                      [Turn(turn.stall * 1e3) for turn in full]),
        results.beside(f"memory of a master with {name}", "MB", of_master, "JSON", json[:1]),
    ]  # fmt: skip
    results.write("memory", rows)
    plots.bars(
        "memory",
        f"Memory with {name}",
        "MB",
        {
            "": {
                "their JSON": median(json),
                "a proxy": median(loaded),
                "a proxy that reloads": median(peak),
                "a master": median(of_master),
            }
        },
    )


def _sessions(options: Options, *, by_tls: bool = False) -> list[Turn]:
    turns, count = [], BY_TLS if by_tls else SESSIONS
    with Site(options.objects) as site:
        ca = site.secure() if by_tls else ""
        master = site.master(core=LOAD_CORE)
        for _ in range(options.rounds):
            proxy = site.proxy()
            with audience(site, master, proxy, {"first": (_FIRST, 0)}, ca):
                _wait_for_rest(proxy)
            _wait_for_rest(proxy)
            before = proxy.memory()
            with audience(site, master, proxy, {"all": (count, 0)}, ca):
                _wait_for_rest(proxy)
                turns.append(Turn((proxy.memory() - before) / count / 1e3))
            proxy.stop()
    return turns


def _full(site: Site, master: Node) -> _Full:
    proxy = site.proxy()
    _wait_for_rest(proxy)
    loaded, epoch = proxy.memory(), proxy.status()["epoch"]
    proxy.forget_peak()
    site.python("from proxyapp.services import epochs; epochs.begin()")
    while proxy.status()["epoch"] == epoch:
        time.sleep(_LOOK)
    _wait_for_rest(proxy)
    full = _Full(loaded, proxy.peak_memory(), proxy.status()["runtime"]["longestStall"])
    proxy.stop()
    return full


def _wait_for_rest(node: Node) -> None:
    """Wait until a server has nothing left to do, such as indexes after a load."""
    used, busy = node.cpu(), True
    while busy:
        time.sleep(_LOOK)
        now = node.cpu()
        used, busy = now, now - used > _REST * _LOOK
