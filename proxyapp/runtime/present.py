"""The worker of this process, for those whom the web server calls: consumers and probes.

The web server makes them itself and hands nothing down, so they ask here.
"""

from __future__ import annotations

from proxyapp.runtime.worker import Worker

_present: list[Worker] = []


def put(worker: Worker) -> None:
    """Make this the worker of the process."""
    _present[:] = [worker]


def worker() -> Worker:
    """Return the worker of the process.

    Raises:
        LookupError: this process runs no node.
    """
    if not _present:
        raise LookupError("no node runs in this process: start runmaster or runproxy")
    return _present[0]
