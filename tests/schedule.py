"""In which order several processes take the tests: the longest first, so that none ends alone.

A file is run by one process, since its tests may share servers; those of some long files share
nothing, and are given out one by one.
"""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest
from xdist.scheduler import LoadFileScheduling

SECONDS = {
    "tests/simulation/test_simulation.py": 160,
    "tests/acceptance/test_history_kills.py": 90,
    "tests/acceptance/test_history.py": 50,
    "tests/proxyapp/admin/history/test_rights.py": 40,
    "tests/confwire/client/test_real_failures.py": 35,
    "tests/acceptance/test_backup_master.py": 30,
    "tests/acceptance/test_bad_input.py": 15,
    "tests/acceptance/test_database_failover.py": 30,
    "tests/acceptance/test_faults.py": 30,
    "tests/acceptance/test_pair.py": 30,
    "tests/browser/test_admin.py": 25,
    "tests/proxyapp/admin/test_pages_by_rights.py": 25,
    "tests/test_cold_start.py": 25,
    "tests/test_web_process.py": 25,
    "tests/test_load_balancer.py": 25,
    "tests/acceptance/test_tls.py": 20,
    "tests/acceptance/test_writable_proxy.py": 20,
    "tests/confwire/client/test_real_server.py": 20,
    "tests/proxyapp/management/commands/test_demo.py": 20,
    "tests/test_external_logins.py": 20,
    "tests/acceptance/test_master_loss.py": 15,
    "tests/acceptance/test_restore.py": 15,
    "tests/acceptance/test_rights.py": 15,
    "tests/acceptance/test_writers.py": 15,
    "tests/browser/test_demo.py": 15,
    "tests/confwire/cli/test_program.py": 15,
    "tests/proxyapp/admin/test_applications.py": 15,
    "tests/simulation/test_bugs.py": 15,
    "tests/test_pool.py": 15,
    "tests/test_processes.py": 15,
    "tests/test_starts.py": 15,
}
"""What the longest files take, about. Whatever is not here is short, and comes last."""
APART = {
    "tests/acceptance/test_history.py",
    "tests/acceptance/test_history_kills.py",
    "tests/acceptance/test_master_loss.py",
    "tests/proxyapp/admin/history/test_rights.py",
    "tests/simulation/test_simulation.py",
    "tests/test_cold_start.py",
    "tests/test_web_process.py",
}
"""Files whose tests share no server, and are long."""


class LongestFirst(LoadFileScheduling):
    """Gives out files, and the tests of some of them, in the order of the collection."""

    def __init__(self, config: pytest.Config, log: Any = None) -> None:
        config.option.loadscopereorder = False  # by number: the shortest files have many tests
        super().__init__(config, log)

    def _split_scope(self, nodeid: str) -> str:
        return nodeid if file_of(nodeid) in APART else file_of(nodeid)


def file_of(nodeid: str) -> str:
    """Return the file that a test is in."""
    return nodeid.partition("::")[0]


def longest_first(items: list[pytest.Item]) -> None:
    """Sort tests by how long what they are given out with takes."""
    counts = Counter(file_of(item.nodeid) for item in items)

    def seconds(item: pytest.Item) -> float:
        file = file_of(item.nodeid)
        return SECONDS.get(file, 0) / (counts[file] if file in APART else 1)

    items.sort(key=seconds, reverse=True)
