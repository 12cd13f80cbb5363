"""docs/howto/install.md names every environment variable that the servers read, and no other."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
_NAME = re.compile(r"\b(?:CSPROXY_[A-Z_]+|DATABASE_URL)\b")


def names_in_the_table() -> set[str]:
    """Return the variables of the page's table of the environment."""
    page = (ROOT / "docs/howto/install.md").read_text()
    _, _, table = page.partition("## Environment")
    return set(re.findall(r"^\| `([A-Z_]+)`", table, re.MULTILINE))


def names_in_the_code() -> set[str]:
    """Return the variables that the servers' sources name."""
    sources = [*ROOT.glob("csproxy_site/**/*.py"), *ROOT.glob("proxyapp/**/*.py")]
    return {name for source in sources for name in _NAME.findall(source.read_text())}


def test_the_table_is_complete() -> None:
    assert names_in_the_table() == names_in_the_code()
