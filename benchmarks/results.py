"""What a benchmark found: a table for people, JSON and plots for the documentation."""

from __future__ import annotations

import json
import os
import platform
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from benchmarks import bars, provenance
from benchmarks.measuring import Turn, median, ratio
from benchmarks.processes import ROOT

FOLDER = ROOT / "benchmarks/results"
BUSY = 0.9
"""The part of its core above which a load generator is taken for what limited a rate."""


@dataclass(frozen=True, slots=True)
class Row:
    """One figure. Medians of the turns; the ratio is the median of the rounds' ratios."""

    figure: str
    ours: float
    unit: str
    runs: int
    peer: str | None = None
    peer_value: float | None = None
    ratio: float | None = None
    at_least: tuple[str, ...] = ()
    """Those of "ours" and "peer_value" that the load generator limited, and not the server."""

    def as_json(self, benchmark: str) -> dict[str, Any]:
        """Return what is kept of it, with its bar if the benchmark has one for it."""
        row: dict[str, Any] = {
            "figure": self.figure,
            "ours": _rounded(self.ours),
            "peer": self.peer,
            "peer_value": _rounded(self.peer_value),
            "ratio": _rounded(self.ratio),
            "runs": self.runs,
            "unit": self.unit,
        }
        if self.at_least:
            row["at_least"] = list(self.at_least)
        bar = bars.verdict(benchmark, row)
        return row if bar is None else row | {"bar": bar}


def alone(figure: str, unit: str, ours: Sequence[Turn]) -> Row:
    """Return the row of a figure that has no peer."""
    return Row(figure, median(ours), unit, len(ours), at_least=_limited(unit, ours=ours))


def beside(figure: str, unit: str, ours: Sequence[Turn], peer: str, theirs: Sequence[Turn]) -> Row:
    """Return the row of a figure beside that of a peer."""
    both = ratio(ours, theirs)
    limited = _limited(unit, ours=ours, peer_value=theirs)
    return Row(figure, median(ours), unit, len(ours), peer, median(theirs), both, limited)


def _limited(unit: str, **turns: Sequence[Turn]) -> tuple[str, ...]:
    """Return which of the rates are lower bounds: their load generator had no time left."""
    if not unit.endswith("/s"):
        return ()
    return tuple(
        name
        for name, taken in turns.items()
        if statistics.median(turn.load for turn in taken) > BUSY
    )


def load_row(figure: str, ours: Sequence[Turn], peer: str, theirs: Sequence[Turn]) -> Row:
    """Return the row that shows how busy the load generators were."""
    mine, other = (100 * statistics.median(turn.load for turn in turns) for turns in (ours, theirs))
    return Row(
        f"{figure}: core of the load generator",
        mine,
        "% busy",
        len(ours),
        peer,
        other,
        mine / other,
    )


def machine() -> dict[str, Any]:
    """Return what of the machine matters, and nothing that names it."""
    facts = dict(
        line.split(":", 1) for line in Path("/proc/cpuinfo").read_text().splitlines() if ":" in line
    )
    names = {name.strip(): value.strip() for name, value in facts.items()}
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return {
        "processor": names.get("model name", platform.machine()),
        "cores": len(os.sched_getaffinity(0)),
        "memory_gib": round(memory / 2**30, 1),
        "kernel": ".".join(platform.release().split("-")[0].split(".")[:2]),
        "python": platform.python_version(),
        "system": platform.system(),
    }


def write(name: str, rows: Sequence[Row]) -> None:
    """Print the table of a benchmark and keep its results."""
    FOLDER.mkdir(exist_ok=True)
    kept = [row.as_json(name) for row in rows]
    path = FOLDER / f"{name}.json"
    whole = {"rows": kept, "machine": machine(), **provenance.facts()}
    path.write_text(json.dumps(whole, indent=1, ensure_ascii=False) + "\n")
    _print(name, kept)


_VERDICTS = {True: "kept", False: "missed", None: "not proven"}


def _print(name: str, rows: Sequence[dict[str, Any]]) -> None:
    table = Table(title=name)
    table.add_column("figure")
    for column in ("ours", "peer's", "ratio", "bar", "runs"):
        table.add_column(column, justify="right")
    table.add_column("peer")
    table.add_column("unit")
    for row in rows:
        bar = row.get("bar")
        words = f"{bar['limit']} {_VERDICTS[bar['kept']]}" if bar else ""
        least = dict.fromkeys(row.get("at_least", ()), "at least ")
        table.add_row(
            row["figure"], least.get("ours", "") + _text(row["ours"]),
            least.get("peer_value", "") + _text(row["peer_value"]), _text(row["ratio"]), words,
            str(row["runs"]), row["peer"] or "", row["unit"],
        )  # fmt: skip
    Console(width=150).print(table)


def _rounded(value: float | None) -> float | None:
    """Four significant digits: more would tell of the noise alone."""
    return None if value is None else float(f"{value:.4g}")


def _text(value: float | None) -> str:
    return "" if value is None else f"{value:,g}"
