"""Running a question on a throw-away PostgreSQL cluster, which `.ci/postgres` makes."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable

import psycopg

from benchmarks import provenance
from benchmarks.measuring import Options
from benchmarks.processes import ROOT, Missing, pinned, unpinned

_CLUSTER = ".ci/postgres"
_NOT_INSTALLED = 69


def on_postgres(
    name: str, measure: Callable[[Options], None], options: Options, core: int | None = None
) -> None:
    """Measure here if the database is PostgreSQL, else in a process that has one.

    Args:
        name: of the question.
        measure: what answers it.
        options: how thorough.
        core: the only one that a throw-away cluster may use; every one unless it is named.

    Raises:
        Missing: no PostgreSQL server is installed.
    """
    url = os.environ.get("DATABASE_URL", "")
    if url.startswith("postgres"):
        with psycopg.connect(url) as connection:
            version = connection.info.parameter_status("server_version") or ""
        provenance.took_part("PostgreSQL", version.split()[0])
        measure(options)
        return
    words = [f"--rounds={options.rounds}", f"--seconds={options.seconds}"]
    words += [f"--objects={options.objects}"]
    command = [sys.executable, "-m", "benchmarks", name, *words]
    # A pinned cluster leaves what runs on it free.
    command = [_CLUSTER, *command] if core is None else pinned(core, [_CLUSTER, *unpinned(command)])
    code = subprocess.run(command, cwd=ROOT, check=False).returncode
    if code == _NOT_INSTALLED:
        raise Missing("no PostgreSQL server here: install the package postgresql-15")
    if code:
        raise SystemExit(code)
