"""Plots: what is drawn, and that every axis says its unit."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from benchmarks import plots, results

TEXT = re.compile(r"<text [^>]*>(.*?)</text>")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(plots, "FOLDER", tmp_path)
    return tmp_path


def test_bars_are_as_long_as_their_values_and_the_axis_has_a_unit(folder: Path) -> None:
    plots.bars("some", "A title", "reads/s", {"one": {"a": 50, "b": 100}, "two": {"a": 7}})
    svg = (folder / "some.svg").read_text()
    first, second, third = (
        float(width) for width in re.findall(r'width="([\d.]+)" height="16"', svg)
    )
    assert second == third == 2 * first
    assert TEXT.findall(svg)[-1] == "reads/s"
    height = int(re.findall(r'height="(\d+)"', svg)[0])
    assert max(map(float, re.findall(r'<text x="[\d.]+" y="([\d.]+)"', svg))) < height


def test_both_axes_of_lines_have_units(folder: Path) -> None:
    points = {"a line": [(1_000.0, 1.0), (10_000.0, 0.5)]}
    plots.lines("some", "A title", "objects", "time, ms", points)
    texts = TEXT.findall((folder / "some.svg").read_text())
    assert {"objects", "time, ms", "1,000", "10,000", "a line"} <= set(texts)


@pytest.mark.parametrize("path", sorted(results.FOLDER.glob("*.svg")), ids=lambda path: path.stem)
def test_no_label_of_a_kept_plot_is_empty(path: Path) -> None:
    assert all(text.strip() for text in TEXT.findall(path.read_text()))
