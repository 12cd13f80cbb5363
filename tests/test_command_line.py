"""The programs in the hands of people at a terminal: one line says what is wrong, no traceback."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("sqlite:///{folder}/empty.sqlite3", "did manage.py migrate run?"),
        ("nonsense", "DATABASE_URL must begin with sqlite:/// or postgres://"),
    ],
)
def test_a_database_that_cannot_be_used_is_one_line(tmp_path: Path, url: str, said: str) -> None:
    environment = {"DATABASE_URL": url.format(folder=tmp_path), "CSPROXY_DATA": str(tmp_path)}
    ended = subprocess.run(
        [sys.executable, "manage.py", "resetadmin"],
        cwd=ROOT,
        env=os.environ | environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 1
    (line,) = ended.stderr.splitlines()
    assert line.startswith("manage.py: ")
    assert line.endswith(said)


INTERRUPTED = """
import runpy, sys
class Interrupting:
    def find_spec(self, name, path=None, target=None):
        if name == sys.argv[1]:
            raise KeyboardInterrupt
sys.meta_path.insert(0, Interrupting())
run = runpy.run_path if sys.argv[2].endswith(".py") else runpy.run_module
run(sys.argv[2], run_name="__main__")
"""


@pytest.mark.parametrize(
    ("module", "program", "said"),
    [
        ("django.core.management", "manage.py", "manage.py: interrupted\n"),
        ("confwire.cli.program", "confwire.cli", ""),
    ],
)
def test_control_c_while_modules_are_imported_gives_no_traceback(
    module: str, program: str, said: str
) -> None:
    ended = subprocess.run(
        [sys.executable, "-c", INTERRUPTED, module, program],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (ended.returncode, ended.stderr) == (130, said)
