"""Committed text speaks of the project alone: no machine's paths, no registry's hosts."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
# Built from parts, so that this file passes its own check.
_FORBIDDEN = re.compile(
    "|".join(
        [
            "/" + r"work/",
            "/" + r"home/\w+/",
            "pypi" + r"\.org",
            "python" + "hosted",
            "npm" + r"js\.org",
        ]
    )
)


def committed_files() -> list[Path]:
    """Return the files under version control, or all files where there is no repository."""
    listing = subprocess.run(
        ["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout
    return [ROOT / name for name in listing.split("\0") if name]


@pytest.mark.parametrize("path", committed_files(), ids=lambda path: str(path.relative_to(ROOT)))
def test_it_names_no_machine_path_and_no_registry(path: Path) -> None:
    if not path.is_file() or b"\0" in (content := path.read_bytes())[:8192]:
        return
    found = [line for line in content.decode().splitlines() if _FORBIDDEN.search(line)]
    assert not found
