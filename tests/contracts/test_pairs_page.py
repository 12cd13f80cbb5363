"""The table of docs/topics/pairs.md is that of the code."""

from __future__ import annotations

import re
from pathlib import Path

from proxyapp.engine.topology.pair import Configured, Finding, Running, next_state

PAGE = Path(__file__).parents[2] / "docs/topics/pairs.md"


def rows() -> list[list[str]]:
    """Return the cells of the table, row by row, its head first."""
    text = PAGE.read_text().partition("## The table")[2]
    found = re.findall(r"^\|(.*)\|$", text, re.MULTILINE)
    table = [[cell.strip() for cell in row.split("|")] for row in found]
    return [table[0], *table[2 : 2 + len(Finding)]]


def cell(state: Running, finding: Finding) -> str:
    """Return what the page is to say of a state and a finding."""
    following = [next_state(configured, state, finding) for configured in Configured]
    words = ["–" if next_ is state else next_.value for next_ in following]
    return words[0] if words[0] == words[1] else " / ".join(words)


def test_the_page_shows_every_state_and_finding_as_the_code_has_it() -> None:
    head, *body = rows()
    states = [Running(name.strip("`")) for name in head[1:]]
    assert set(states) == set(Running)
    assert [row[0] for row in body] == [finding.value for finding in Finding]
    for row, finding in zip(body, Finding, strict=True):
        assert row[1:] == [cell(state, finding) for state in states], finding
