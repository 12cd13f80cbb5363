"""Plots as SVG files, drawn by hand: bars in groups, and lines over a logarithmic axis."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from html import escape

from benchmarks.results import FOLDER

_COLOURS = ("#2563eb", "#60a5fa", "#f59e0b", "#10b981", "#ef4444", "#8b5cf6")
_WIDTH, _BAR, _GAP, _LEFT, _TOP, _NUMBERS = 760, 20, 26, 270, 44, 90
_STYLE = "font-family:system-ui,sans-serif;font-size:13px;fill:#1f2937"


def bars(name: str, title: str, x_label: str, groups: Mapping[str, Mapping[str, float]]) -> None:
    """Write groups of bars, each group to its own scale: {group: {bar: value}}.

    The label of the axis says the unit of the values.
    """
    parts, y = [_text(10, 24, title, "font-weight:600;font-size:15px")], _TOP
    for group, values in groups.items():
        if group:
            parts.append(_text(10, y + 16, group, "font-weight:600"))
        y += _GAP
        largest = max(values.values())
        for number, (label, value) in enumerate(values.items()):
            length = (_WIDTH - _LEFT - _NUMBERS) * value / largest
            colour = _COLOURS[number % len(_COLOURS)]
            parts.append(_text(_LEFT - 8, y + 14, label, "text-anchor:end"))
            parts.append(
                f'<rect x="{_LEFT}" y="{y}" width="{length:.1f}" height="{_BAR - 4}"'
                f' fill="{colour}"/>'
            )
            parts.append(_text(_LEFT + length + 6, y + 14, f"{value:,.4g}" if value < 100
                               else f"{value:,.0f}"))  # fmt: skip
            y += _BAR
        y += _GAP // 2
    middle = (_LEFT + _WIDTH - _NUMBERS) / 2
    parts.append(_text(middle, y + 8, x_label, "text-anchor:middle"))
    _write(name, y + _GAP, parts)


def lines(
    name: str,
    title: str,
    x_label: str,
    y_label: str,
    series: Mapping[str, Sequence[tuple[float, float]]],
) -> None:
    """Write lines through points, the x axis logarithmic: {line: [(x, y), …]}.

    The labels of the axes say the units of the points.
    """
    height, left, right, bottom = 360, 80, 560, 310
    xs = [math.log10(x) for points in series.values() for x, _ in points]
    top = max(y for points in series.values() for _, y in points) * 1.1
    low, wide = min(xs), (max(xs) - min(xs)) or 1.0

    def place(x: float, y: float) -> tuple[float, float]:
        across = left + (right - left) * (math.log10(x) - low) / wide
        return across, bottom - (bottom - _TOP) * y / top

    parts = [_text(10, 24, title, "font-weight:600;font-size:15px")]
    for step in range(5):
        value = top * step / 4
        _, y = place(10**low, value)
        parts.append(f'<path d="M{left} {y:.1f}H{right}" stroke="#e5e7eb"/>')
        parts.append(_text(left - 6, y + 4, f"{value:,.3g}", "text-anchor:end"))
    for x in sorted({x for points in series.values() for x, _ in points}):
        across, _ = place(x, 0)
        parts.append(_text(across, bottom + 18, f"{x:,.0f}", "text-anchor:middle"))
    parts.append(_text((left + right) / 2, bottom + 38, x_label, "text-anchor:middle"))
    parts.append(_text(left, _TOP - 6, y_label))
    for number, (label, points) in enumerate(series.items()):
        colour = _COLOURS[number % len(_COLOURS)]
        path = " ".join(f"{x:.1f},{y:.1f}" for x, y in (place(*point) for point in points))
        parts.append(f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"/>')
        parts.append(_text(right + 12, _TOP + 20 * number, label, f"fill:{colour}"))
    _write(name, height, parts)


def _text(x: float, y: float, text: str, style: str = "") -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" style="{_STYLE};{style}">{escape(text)}</text>'


def _write(name: str, height: int, parts: Sequence[str]) -> None:
    FOLDER.mkdir(exist_ok=True)
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {height}"'
        f' width="{_WIDTH}" height="{height}">'
    )
    ground = '<rect width="100%" height="100%" fill="#ffffff"/>'
    (FOLDER / f"{name}.svg").write_text("\n".join([head, ground, *parts, "</svg>"]) + "\n")
