"""The primary master is killed: when has the last of its own sessions gone on at the backup?

Both are on one PostgreSQL, whose lock says who leads.
"""

from __future__ import annotations

from benchmarks.measuring import Options
from benchmarks.postgres import on_postgres
from benchmarks.site import Site
from benchmarks.survival import Raw, come, sessions_at, survive, write


def run(options: Options) -> None:
    """Measure, and write the results."""
    on_postgres("promotion", _measure, options)


def _measure(options: Options) -> None:
    with Site(options.objects) as site:
        write("promotion", "the primary master", [_killed(site) for _ in range(options.rounds)])


def _killed(site: Site) -> Raw:
    primary, backup = site.masters()
    with sessions_at(primary.port) as load:
        come(site, load)
        raw = survive(site, load, primary, backup)
    primary.stop()
    backup.stop()
    return raw
