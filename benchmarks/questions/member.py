"""A member of a pool behind HAProxy is killed: when has the last session gone on at the other?

HAProxy runs with the shipped configuration, beside the load; the least loaded member gets the
next session, so that half of them are lost.
"""

from __future__ import annotations

from benchmarks.measuring import Options
from benchmarks.site import Site
from benchmarks.survival import Raw, come, sessions_at, survive, write


def run(options: Options) -> None:
    """Measure, and write the results."""
    write("member", "a member of a pool", [_killed(options) for _ in range(options.rounds)])


def _killed(options: Options) -> Raw:
    with Site(options.objects) as site:
        site.master()
        port, (doomed, heir) = site.pool()
        with sessions_at(port) as load:
            come(site, load)
            return survive(site, load, doomed, heir, port)
