"""Running a question on a throw-away PostgreSQL cluster, which `.ci/postgres` makes."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable

from benchmarks.measuring import Options
from benchmarks.processes import ROOT, Missing

_NOT_INSTALLED = 69


def on_postgres(name: str, measure: Callable[[Options], None], options: Options) -> None:
    """Measure here if the database is PostgreSQL, else in a process that has one.

    Raises:
        Missing: no PostgreSQL server is installed.
    """
    if os.environ.get("DATABASE_URL", "").startswith("postgres"):
        measure(options)
        return
    words = [f"--rounds={options.rounds}", f"--seconds={options.seconds}"]
    words += [f"--objects={options.objects}"]
    command = [".ci/postgres", sys.executable, "-m", "benchmarks", name, *words]
    code = subprocess.run(command, cwd=ROOT, check=False).returncode
    if code == _NOT_INSTALLED:
        raise Missing("no PostgreSQL server here: install the package postgresql-15")
    if code:
        raise SystemExit(code)
