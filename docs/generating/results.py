"""What the benchmarks have found (`benchmarks/results`), in its places of pages about speed."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from benchmarks.bars import QUESTIONS
from generating.tables import code, table

ROOT = Path(__file__).resolve().parents[2]
FILLED = (ROOT / "docs/performance.md", ROOT / "docs/topics/hot-path.md")
"""Pages with places: `<!-- results of NAME -->` or `<!-- bars -->`, to `<!-- end -->`."""
RESULTS = ROOT / "benchmarks/results"
_PLACE = re.compile(r"(<!-- (?:results of ([\w, ]+)|bars) -->\n).*?(<!-- end -->)", re.DOTALL)


def filled(text: str) -> str:
    """Return a page with the newest results in their places."""

    def fill(found: re.Match[str]) -> str:
        lines = _results(found[2].split(", ")) if found[2] else _bars()
        text = "\n".join(lines).strip()
        return f"{found[1]}\n{text}\n\n{found[3]}"

    return _PLACE.sub(fill, text)


def _kept(name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((RESULTS / f"{name}.json").read_text())
    return found


def _results(names: Sequence[str]) -> Iterator[str]:
    """Yield a table of the rows, and of what they come."""
    rows = [row for name in names for row in _kept(name)["rows"]]
    heads, cells = ["figure", "ours", "unit"], [_result(row) for row in rows]
    if any(row["peer"] for row in rows):
        heads += ["peer", "its figure", "ratio"]
        cells = [cell + _beside(row) for cell, row in zip(cells, rows, strict=True)]
    if any("bar" in row for row in rows):
        heads += ["bar"]
        cells = [[*cell, _bar(row)] for cell, row in zip(cells, rows, strict=True)]
    yield from table(heads, cells)
    yield "; ".join(_origin(name) for name in names) + "."


def _result(row: dict[str, Any]) -> list[str]:
    return [row["figure"], _bound(row, "ours"), row["unit"]]


def _beside(row: dict[str, Any]) -> list[str]:
    return [row["peer"] or "", _bound(row, "peer_value"), _ratio_of(row)]


def _bound(row: dict[str, Any], name: str) -> str:
    """Return one figure of a row, which can be the least that it is in truth."""
    return ("at least " if name in row.get("at_least", ()) else "") + _number(row[name])


def _ratio_of(row: dict[str, Any]) -> str:
    """Return the ratio, a bound where one of the two figures is one."""
    words = {("ours",): "at least ", ("peer_value",): "at most ", ("ours", "peer_value"): "about "}
    return words.get(tuple(row.get("at_least", ())), "") + _number(row["ratio"])


def _bar(row: dict[str, Any]) -> str:
    bar = row.get("bar")
    return f"{bar['limit']}: {_verdict(bar)}" if bar else ""


def _verdict(bar: dict[str, Any]) -> str:
    return {True: "kept", False: "**missed**", None: "not proven"}[bar["kept"]]


def _origin(name: str) -> str:
    """Return when the results of a benchmark were taken and of what, as far as it was kept."""
    kept = {"commit": "", "date": "", "peers": {}} | _kept(name)
    versions = [f"{peer} {version}" for peer, version in kept["peers"].items()]
    known = [kept["date"], f"commit {kept['commit']}" if kept["commit"] else "", *versions]
    return f"{code(name)}: {', '.join(filter(None, known)) or 'time and commit were not kept'}"


def _bars() -> Iterator[str]:
    """Yield a table of the questions, with what was found of all that has a bar."""
    found: dict[int, dict[str, list[tuple[float, bool | None]]]] = {n: {} for n in QUESTIONS}
    for path in sorted(RESULTS.glob("*.json")):
        for row in _kept(path.stem)["rows"]:
            bar = row.get("bar")
            if bar and bar["question"]:
                value = row["ratio"] if bar["limit"].endswith("×") else row["ours"]
                values = found[bar["question"]].setdefault(bar["limit"], [])
                values.append((value, bar["kept"]))
    yield from table(
        ("", "question", "bars: what was found"),
        [
            (str(n), words, "; ".join(_summed(*limit) for limit in found[n].items()))
            for n, words in QUESTIONS.items()
        ],
    )


def _summed(limit: str, found: Sequence[tuple[float, bool | None]]) -> str:
    """Return in words what rows of one bar have found."""
    values, verdicts = sorted({value for value, _ in found}), [kept for _, kept in found]
    among = " … ".join(_number(value) for value in dict.fromkeys((values[0], values[-1])))
    missed, open_ = verdicts.count(False), verdicts.count(None)
    words = [f"**{missed} of {len(found)} missed**"] if missed else []
    words += [f"{open_} of {len(found)} not proven"] if open_ else []
    return f"{limit}: {among}, {', '.join(words) or 'kept'}"


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:,g}"
