"""Where results come from: the commit, the time, and the versions of what else took part.

Of one run at a time: `begin` forgets the one before. Knows no peer; who starts one tells of it.
"""

from __future__ import annotations

import re
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from benchmarks.processes import ROOT

_WRITTEN = (":!benchmarks/results", ":!docs")
"""What running benchmarks writes, which makes a commit no other one."""


@dataclass(slots=True)
class _Run:
    commit: str = ""
    date: str = ""
    peers: dict[str, str] = field(default_factory=dict)


_run = _Run()


def begin() -> None:
    """Remember the commit and the time at which a run begins."""
    commit = _git("rev-parse", "--short=12", "HEAD")
    if commit and _git("status", "--porcelain", "--untracked-files=no", "--", ".", *_WRITTEN):
        commit += " with changes"
    _run.commit = commit
    _run.date = datetime.now(UTC).strftime("%Y-%m-%dT%H:%MZ")
    _run.peers = {}


def took_part(name: str, version: str) -> None:
    """Remember the version of a peer, or of what else the figures are of."""
    _run.peers[name] = version


def facts() -> dict[str, Any]:
    """Return what is known of the run: "commit", "date" (UTC) and the versions of "peers"."""
    return {"commit": _run.commit, "date": _run.date, "peers": dict(_run.peers)}


def version_of(command: Sequence[str]) -> str:
    """Return the version that a program tells of itself; empty if it tells none."""
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    found = re.search(r"\d+(\.\d+)+", done.stdout)
    return found[0] if found else ""


def _git(*words: str) -> str:
    """Return what git says, and nothing where there is no repository."""
    try:
        done = subprocess.run(
            ["git", *words], cwd=ROOT, capture_output=True, text=True, check=False
        )
    except FileNotFoundError:
        return ""
    return done.stdout.strip() if not done.returncode else ""
