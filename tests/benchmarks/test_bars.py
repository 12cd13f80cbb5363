"""Bars: one table, whose every line is that of a row which the benchmarks really have."""

from __future__ import annotations

import json

import pytest

from benchmarks import bars, results
from benchmarks.bars import BARS, QUESTIONS, Bar

KEPT = {path.stem: json.loads(path.read_text()) for path in results.FOLDER.glob("*.json")}


@pytest.mark.parametrize("bar", BARS, ids=lambda bar: f"{bar.benchmark}: {bar.figure}")
def test_each_bar_is_of_a_row_that_there_is_in_its_unit(bar: Bar) -> None:
    rows = [
        row
        for row in KEPT[bar.benchmark]["rows"]
        if bars.bar_of(bar.benchmark, row["figure"], row["peer"]) is bar
    ]
    assert rows
    for row in rows:
        unit = bar.limit.partition(" ")[2].partition(" ")[2]
        assert row["ratio"] is not None if bar.limit.endswith("×") else unit == row["unit"]


@pytest.mark.parametrize("name", KEPT)
def test_kept_results_say_of_their_bars_what_the_table_says(name: str) -> None:
    for row in KEPT[name]["rows"]:
        assert row.get("bar") == bars.verdict(name, row), row["figure"]


def test_every_question_has_a_bar() -> None:
    assert {bar.question for bar in BARS} - {None} == set(QUESTIONS)


@pytest.mark.parametrize(
    ("limit", "ours", "ratio", "kept"),
    [
        ("≥ 3×", 0, 3.0, True),
        ("≥ 3×", 9, 2.999, False),
        ("≤ 0.45×", 9, 0.45, True),
        ("≤ 0.45×", 0, 0.4501, False),
        ("≤ 4 ms", 4, 9.0, True),
        ("≤ 4 ms", 4.1, 0.1, False),
        ("≥ 1,500 logins/s", 1500, None, True),
        ("≥ 1,500 logins/s", 1499, None, False),
        ("≤ 0", 0, None, True),
        ("≤ 0", 1, None, False),
    ],
)
def test_a_bar_is_of_the_ratio_or_of_our_value(
    limit: str, ours: float, ratio: float | None, kept: bool
) -> None:
    assert Bar("any", "*", limit).kept(ours, ratio) is kept


@pytest.mark.parametrize(
    ("limit", "at_least", "kept"),
    [
        ("≥ 2×", "peer_value", None),
        ("≥ 2×", "ours", True),
        ("≥ 4×", "peer_value", False),
        ("≥ 4×", "ours", None),
        ("≤ 4×", "peer_value", True),
        ("≤ 4×", "ours", None),
        ("≤ 2×", "peer_value", None),
        ("≤ 2×", "ours", False),
        ("≥ 20 reads/s", "peer_value", True),
        ("≥ 40 reads/s", "ours", None),
    ],
)
def test_a_lower_bound_does_not_prove_what_it_could_undo(
    limit: str, at_least: str, kept: bool | None
) -> None:
    assert Bar("any", "*", limit).kept(30, 3.0, [at_least]) is kept


def test_the_peer_chooses_among_bars_of_one_figure() -> None:
    figure = "point reads by DBID, 1 in flight"
    found = bars.bar_of("reads", figure, "Redis GET")
    assert found is not None
    assert found.limit == "≥ 0.7×"
    assert bars.bar_of("reads", figure, "uvloop server that does nothing") is None
    assert bars.bar_of("bursts", figure, "Redis GET") is None
