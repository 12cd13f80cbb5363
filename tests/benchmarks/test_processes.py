"""Cores: what is pinned stays on its core, and what runs on it can be free again."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from benchmarks.processes import Missing, pinned, unpinned

CORES = os.sched_getaffinity(0)
SHOW = [sys.executable, "-c", "import os; print(*sorted(os.sched_getaffinity(0)))"]


def cores_of(command: list[str]) -> set[int]:
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return set(map(int, done.stdout.split()))


def test_a_command_runs_on_the_core_that_is_named() -> None:
    core = max(CORES)
    assert cores_of(pinned(core, SHOW)) == {core}


def test_a_command_within_a_pinned_one_may_use_every_core() -> None:
    assert cores_of(pinned(min(CORES), unpinned(SHOW))) == CORES


def test_a_core_that_there_is_not_is_told() -> None:
    with pytest.raises(Missing, match="core 9999"):
        pinned(9999, SHOW)
