"""Turns, medians and ratios, and the form in which results are kept."""

from __future__ import annotations

from benchmarks import results
from benchmarks.measuring import Turn, alternate, ratio


def turns(*values: float) -> list[Turn]:
    return [Turn(value) for value in values]


def test_contestants_take_turns_round_by_round() -> None:
    order: list[str] = []
    found = alternate(2, {name: lambda name=name: order.append(name) for name in ("a", "b")})
    assert order == ["a", "b", "a", "b"]
    assert {name: len(taken) for name, taken in found.items()} == {"a": 2, "b": 2}


def test_a_slow_moment_of_the_machine_does_not_change_the_ratio() -> None:
    assert ratio(turns(100, 10, 120), turns(50, 5, 60)) == 2


def test_a_row_is_kept_with_exactly_its_seven_fields() -> None:
    row = results.beside("reads", "reads/s", turns(30_123.4), "peer", turns(10_000))
    assert row.as_json("reads") == {
        "figure": "reads",
        "ours": 30120,
        "peer": "peer",
        "peer_value": 10_000,
        "ratio": 3.012,
        "runs": 1,
        "unit": "reads/s",
    }


def test_a_row_that_has_a_bar_says_whether_it_keeps_it() -> None:
    row = results.alone("logins", "logins/s", turns(1_499)).as_json("logins")
    assert row["bar"] == {"question": 11, "limit": "≥ 1,500 logins/s", "kept": False}


def test_a_rate_whose_generator_had_no_time_left_is_a_lower_bound() -> None:
    free, busy = [Turn(100, 0.5)] * 3, [Turn(200, 0.5), Turn(200, 0.97), Turn(200, 0.98)]
    figure = "point reads by DBID, 1 in flight"
    row = results.beside(figure, "reads/s", free, "Redis GET", busy).as_json("reads")
    assert row["at_least"] == ["peer_value"]
    assert row["bar"]["kept"] is False
    row = results.beside(figure, "reads/s", busy, "Redis GET", free).as_json("reads")
    assert row["at_least"] == ["ours"]
    assert row["bar"]["kept"] is True
    assert "at_least" not in results.alone("time", "ms", busy).as_json("reads")
    assert "at_least" not in results.alone("core", "% busy", busy).as_json("reads")


def test_a_row_without_a_peer_says_so() -> None:
    row = results.alone("memory", "MiB", turns(3, 1, 2)).as_json("memory")
    assert (row["ours"], row["peer"], row["peer_value"], row["ratio"]) == (2, None, None, None)


def test_the_machine_is_described_without_its_name() -> None:
    assert set(results.machine()) == {
        "processor", "cores", "memory_gib", "kernel", "python", "system",
    }  # fmt: skip
