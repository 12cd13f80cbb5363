"""`manage.py` in the hands of somebody whose database is not there: one line, no traceback."""

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
