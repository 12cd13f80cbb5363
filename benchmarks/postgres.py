"""Running a question on a throw-away PostgreSQL cluster, which `.ci/postgres` makes."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable

import psycopg

from benchmarks import provenance
from benchmarks.measuring import Options
from benchmarks.processes import ROOT, Missing

_NOT_INSTALLED = 69


def on_postgres(name: str, measure: Callable[[Options], None], options: Options) -> None:
    """Measure here if the database is PostgreSQL, else in a process that has one.

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
    command = [".ci/postgres", sys.executable, "-m", "benchmarks", name, *words]
    code = subprocess.run(command, cwd=ROOT, check=False).returncode
    if code == _NOT_INSTALLED:
        raise Missing("no PostgreSQL server here: install the package postgresql-15")
    if code:
        raise SystemExit(code)
