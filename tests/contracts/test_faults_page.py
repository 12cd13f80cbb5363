"""docs/topics/faults.md names for each fault a test that there is."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/topics/faults.md").read_text()
ROWS = [
    [cell.strip() for cell in line.strip("|").split(" | ")]
    for line in PAGE.splitlines()
    if line.startswith("| ") and "`tests/" in line
]
NAMED = re.compile(r"`(tests/[\w/]+\.py)(?:::(\w+))?`")


def test_every_fault_has_a_test_that_exists() -> None:
    assert len(ROWS) > 20
    for row in ROWS:
        assert len(row) == 4, row
        named = NAMED.findall(row[3])
        assert named, row
        for path, name in named:
            assert f"def {name}(" in (ROOT / path).read_text() if name else (ROOT / path).exists()


def test_a_test_that_was_renamed_would_be_noticed() -> None:
    (found,) = NAMED.findall("`tests/contracts/test_faults_page.py::test_that_is_gone`")
    assert f"def {found[1]}(" not in (ROOT / found[0]).read_text()
