"""The primary of a warm-standby pair is killed: when has the last session gone on at the backup?"""

from __future__ import annotations

from benchmarks.measuring import Options
from benchmarks.site import Site
from benchmarks.survival import CLIENTS, Raw, come, eventually, sessions_at, survive, write

TIMEOUT = 1
"""Keep-alive of the pair in seconds: the shortest, as 2 s more is the bar."""


def run(options: Options) -> None:
    """Measure, and write the results."""
    write("failover", "the primary", [_killed(options) for _ in range(options.rounds)])


def _killed(options: Options) -> Raw:
    with Site(options.objects) as site:
        site.master()
        primary, backup = site.pair(TIMEOUT)
        with sessions_at(primary.port) as load:
            come(site, load)
            eventually(lambda: bool(backup.status()["pair"]["mirrored"] == CLIENTS))
            return survive(site, load, primary, backup)
