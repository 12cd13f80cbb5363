"""Logins a second at a proxy, each a connection, a WebSocket, SCRAM and a session that stays.

And what they cost everybody else: how long another session waits for its reads meanwhile.
"""

from __future__ import annotations

import time
from functools import partial
from typing import Any

from benchmarks import plots, results
from benchmarks.measuring import Generator, Options, Turn, alternate, median
from benchmarks.site import PASSWORD, READER, Site

RATE = 1_500
"""Logins a second that must be possible, and that others are to feel little of."""
_EDGE = 0.1
"""Seconds of logins before and after the reads that are timed."""
IDLE, STEADY, STORM = "nobody", f"{RATE:,} logins/s", "all logins that it takes"

Raw = dict[str, Any]


def run(options: Options) -> None:
    """Measure, and write the results."""
    with Site(options.objects) as site:
        site.master()
        proxy = site.proxy()
        account = {"port": proxy.port, "user": READER, "password": PASSWORD}
        with (
            Generator("logins", **account) as load,
            Generator("prober", **account, dbid=site.first) as prober,
        ):
            seconds = options.seconds
            steady = partial(_beside, load, prober, seconds, "steady", rate=RATE)
            found = alternate(options.rounds, {
                IDLE: partial(prober.ask, "run", seconds=seconds),
                STEADY: steady,
                STORM: partial(_beside, load, prober, seconds, "storm"),
            })  # fmt: skip
            stall = [Turn(proxy.status()["runtime"]["longestStall"] * 1e3)]
    storm = found[STORM]
    waits = {name: [Turn(raw["p99"] * 1e3) for raw in raws] for name, raws in found.items()}
    rows = [
        results.alone("logins", "logins/s", _turns(storm, "login rate")),
        results.alone("logins, core of the load generator", "% busy", _turns(storm, "load", 100)),
        results.alone("logins, p99 from connecting to the session", "ms",
                      _turns(storm, "login p99", 1e3)),
        results.alone(f"logins at {STEADY}, p99 from connecting to the session", "ms",
                      _turns(found[STEADY], "login p99", 1e3)),
        results.beside(f"p99 of another's point reads, {STORM}", "ms",
                       waits[STORM], IDLE, waits[IDLE]),
        results.beside(f"p99 of another's point reads, {STEADY}", "ms",
                       waits[STEADY], IDLE, waits[IDLE]),
        results.alone("sessions ended by a closing handshake, all at once", "sessions/s",
                      _turns(storm, "part rate")),
        results.alone("longest stall of the loop in the whole run", "ms", stall),
    ]  # fmt: skip
    results.write("logins", rows)
    plots.bars(
        "logins",
        "p99 of another session's point reads while others log in",
        "ms",
        {"": {name: median(turns) for name, turns in waits.items()}},
    )


def _beside(load: Generator, prober: Generator, seconds: float, call: str, **how: Any) -> Raw:
    """Read while others log in; end their sessions; return the waits and what the logins gave."""
    load.start(call, seconds=seconds + 2 * _EDGE, **how)
    time.sleep(_EDGE)
    waits = prober.ask("run", seconds=seconds)
    logins = load.answer()
    return waits | {
        "load": logins["load"],
        "login rate": logins["rate"],
        "login p99": logins["p99"],
        "part rate": load.ask("part")["rate"],
    }


def _turns(raws: list[Raw], key: str, scale: float = 1.0) -> list[Turn]:
    return [Turn(raw[key] * scale) for raw in raws]
