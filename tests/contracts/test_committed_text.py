"""Committed text speaks of the project alone: no machine's paths, no registry's hosts."""

from __future__ import annotations

import re
import shutil
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

# What .gitignore names, and the repository itself.
_MADE = {
    ".git", ".venv", "var", ".coverage", ".hypothesis", ".import_linter_cache", ".mypy_cache",
    ".pytest_cache", ".ruff_cache",
}  # fmt: skip


def committed_files() -> list[Path]:
    """Return the files under version control; where that cannot be asked, all but what is made."""
    command = ["git", "ls-files", "-z"]
    if shutil.which("git") and (ROOT / ".git").exists():
        listing = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
        return [ROOT / name for name in listing.stdout.split("\0") if name]
    tops = [path for path in ROOT.iterdir() if path.name not in _MADE]
    files = [file for top in tops for file in (top.rglob("*") if top.is_dir() else [top])]
    return sorted(file for file in files if file.is_file() and "__pycache__" not in file.parts)


@pytest.mark.parametrize("path", committed_files(), ids=lambda path: str(path.relative_to(ROOT)))
def test_it_names_no_machine_path_and_no_registry(path: Path) -> None:
    if not path.is_file() or b"\0" in (content := path.read_bytes())[:8192]:
        return
    found = [line for line in content.decode().splitlines() if _FORBIDDEN.search(line)]
    assert not found
