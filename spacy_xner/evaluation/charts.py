"""Charts as SVG that stands in a page: its text is text, its colours follow the page's theme."""

import io
import re
from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

import numpy as np

from ..analysis.extras import need
from .diagnosis import Bin

__all__ = ["calibration_chart", "confusion_chart", "curve_chart", "dot_chart", "scatter_chart"]

# matplotlib is given these, and the page's variables take their place.
INK, GRID = "#010203", "#040506"
SERIES = ("#070809", "#0a0b0c", "#0d0e0f", "#101112")
THEME = {
    INK: "var(--ink)",
    GRID: "var(--line)",
    **{color: f"var(--series-{i})" for i, color in enumerate(SERIES)},
}
MARKERS = ("o", "s", "^", "D")
WIDTH = 4.4

Interval = tuple[float, float | None, float | None]


def dot_chart(title: str, axis: str, series: Mapping[str, Mapping[str, Interval]]) -> str:
    """Draw values with intervals, a line for each name.

    title (str): What a reader who cannot see it is told.
    axis (str): Name and unit of the values.
    series (Mapping[str, Mapping[str, Interval]]): Value, lower and upper bound by series and name.
    RETURNS (str): SVG.
    """
    names = list(dict.fromkeys(name for each in series.values() for name in each))
    figure, axes = _figure(0.9 + 0.36 * len(names) + 0.1 * len(series))
    for i, (label, values) in enumerate(series.items()):
        shift = (i - (len(series) - 1) / 2) * 0.22
        known = [(k, values[name]) for k, name in enumerate(names) if name in values]
        y = [k + shift for k, _ in known]
        x = [value for _, (value, _, _) in known]
        errors = [
            [value - (low if low is not None else value) for _, (value, low, _) in known],
            [(high if high is not None else value) - value for _, (value, _, high) in known],
        ]
        axes.errorbar(
            x,
            y,
            xerr=np.maximum(errors, 0),
            fmt=MARKERS[i % 4],
            color=SERIES[i % 4],
            markersize=4.5,
            capsize=2,
            linewidth=1.2,
            label=label,
        )
    axes.set_yticks(range(len(names)), names)
    axes.set_ylim(len(names) - 0.5, -0.5)
    axes.set_xlabel(axis)
    axes.grid(axis="x", color=GRID, linewidth=0.6)
    if len(series) > 1:
        _legend(axes, len(series))
    return _svg(figure, title)


def confusion_chart(title: str, types: Sequence[str], counts: np.ndarray) -> str:
    """Draw how gold types are called, in per cent of each gold type's words.

    title (str): What a reader who cannot see it is told.
    types (Sequence[str]): Names of rows and columns.
    counts (np.ndarray): Words, gold x found.
    RETURNS (str): SVG.
    """
    shares = 100 * counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    figure, axes = _figure(1.0 + 0.42 * len(types))
    for i in range(len(types)):
        for j in range(len(types)):
            alpha = float(shares[i, j]) / 100 * 0.75
            axes.add_patch(_rectangle((j - 0.5, i - 0.5), SERIES[i == j], alpha))
            text = f"{shares[i, j]:.0f}" if counts[i].sum() else "–"
            axes.text(j, i, text, ha="center", va="center", color=INK)
    names = [f"{name} ({int(n):,})" for name, n in zip(types, counts.sum(axis=1), strict=True)]
    axes.set_xticks(range(len(types)), types)
    axes.set_yticks(range(len(types)), names)
    axes.set_xlim(-0.5, len(types) - 0.5)
    axes.set_ylim(len(types) - 0.5, -0.5)
    axes.set_xlabel("found, % of the gold words of the row")
    axes.set_ylabel("gold (words)")
    return _svg(figure, title)


def calibration_chart(title: str, bins: Mapping[str, Sequence[Bin]]) -> str:
    """Draw a reliability diagram (Niculescu-Mizil and Caruana 2005, section 4).

    title (str): What a reader who cannot see it is told.
    bins (Mapping[str, Sequence[Bin]]): Bins by series.
    RETURNS (str): SVG.
    """
    figure, axes = _figure(3.2)
    axes.plot([0, 1], [0, 1], color=GRID, linewidth=1, linestyle="--", label="as sure as right")
    for i, (label, each) in enumerate(bins.items()):
        x, y = [b.confidence for b in each], [b.accuracy for b in each]
        axes.plot(x, y, color=SERIES[i % 4], marker=MARKERS[i % 4], markersize=4, label=label)
    axes.set_xlabel("how sure the model is (mean probability)")
    axes.set_ylabel("share that is right")
    axes.set_xlim(0, 1.02)
    axes.set_ylim(0, 1.02)
    axes.grid(color=GRID, linewidth=0.5)
    _legend(axes, len(bins) + 1)
    return _svg(figure, title)


def scatter_chart(
    title: str, x_axis: str, y_axis: str, points: Mapping[str, tuple[float, float]]
) -> str:
    """Draw named points, the first axis logarithmic.

    title (str): What a reader who cannot see it is told.
    x_axis (str): Name and unit of the first value, above 0.
    y_axis (str): Name and unit of the second.
    points (Mapping[str, tuple[float, float]]): Both values by name.
    RETURNS (str): SVG.
    """
    figure, axes = _figure(2.8)
    for i, (name, (x, y)) in enumerate(points.items()):
        axes.plot([x], [y], MARKERS[i % 4], color=SERIES[i % 4], markersize=7)
        axes.annotate(
            name, (x, y), (0, 9), textcoords="offset points", ha="center", color=INK, fontsize=9
        )
    axes.set_xscale("log")
    values = [x for x, _ in points.values()]
    axes.set_xlim(min(values) / 2.5, max(values) * 2.5)
    ticker = need("matplotlib.ticker")
    axes.xaxis.set_major_locator(ticker.LogLocator(subs=(1, 2, 5)))
    axes.xaxis.set_minor_locator(ticker.NullLocator())
    axes.xaxis.set_major_formatter(ticker.StrMethodFormatter("{x:,.0f}"))
    heights = [y for _, y in points.values()]
    axes.set_ylim(max(0, min(heights) - 8), min(104, max(heights) + 10))
    axes.set_xlabel(x_axis)
    axes.set_ylabel(y_axis)
    axes.grid(color=GRID, linewidth=0.5)
    return _svg(figure, title)


def curve_chart(
    title: str, x_axis: str, y_axis: str, curves: Mapping[str, Sequence[tuple[float, float]]]
) -> str:
    """Draw curves.

    title (str): What a reader who cannot see it is told.
    x_axis (str): Name and unit of the first value.
    y_axis (str): Name and unit of the second.
    curves (Mapping[str, Sequence[tuple[float, float]]]): Points in order, by series.
    RETURNS (str): SVG.
    """
    figure, axes = _figure(2.6)
    for i, (name, points) in enumerate(curves.items()):
        x, y = zip(*points, strict=True)
        axes.plot(x, y, color=SERIES[i % 4], marker=MARKERS[i % 4], markersize=3, label=name)
    axes.set_xlabel(x_axis)
    axes.set_ylabel(y_axis)
    axes.grid(color=GRID, linewidth=0.5)
    if len(curves) > 1:
        _legend(axes, len(curves))
    return _svg(figure, title)


def _figure(height: float) -> tuple[Any, Any]:
    # No pyplot: it keeps figures, and asks for a screen.
    figure = need("matplotlib.figure").Figure(figsize=(WIDTH, height), layout="constrained")
    axes = figure.subplots()
    for spine in axes.spines.values():
        spine.set_color(GRID)
    axes.tick_params(colors=INK, labelsize=9, color=GRID)
    axes.xaxis.label.set_color(INK)
    axes.yaxis.label.set_color(INK)
    axes.xaxis.label.set_size(9)
    axes.yaxis.label.set_size(9)
    axes.set_axisbelow(True)
    return figure, axes


def _legend(axes: Any, n: int) -> None:
    axes.legend(
        loc="lower left",
        bbox_to_anchor=(0, 1.01),
        ncols=min(n, 3),
        frameon=False,
        labelcolor=INK,
        fontsize=9,
        borderpad=0.1,
        handletextpad=0.4,
    )


def _rectangle(corner: tuple[float, float], color: str, alpha: float) -> Any:
    patches = need("matplotlib.patches")
    return patches.Rectangle(corner, 1, 1, facecolor=color, alpha=alpha, edgecolor="none")


def _svg(figure: Any, title: str) -> str:
    matplotlib = need("matplotlib")
    figure.patch.set_alpha(0)
    for axes in figure.axes:
        axes.patch.set_alpha(0)
    buffer = io.StringIO()
    # The salt keeps ids of several charts on one page apart, and one chart the same each time.
    with matplotlib.rc_context({"svg.fonttype": "none", "svg.hashsalt": title}):
        figure.savefig(buffer, format="svg", metadata={"Date": None, "Creator": None})
    text = buffer.getvalue()
    text = re.sub(r"<metadata>.*?</metadata>", "", text[text.index("<svg") :], flags=re.DOTALL)
    text = re.sub(r'(<svg[^>]*?) height="[^"]*"', r"\1", text, count=1)
    text = re.sub(r'(<svg[^>]*?) width="[^"]*"', r"\1", text, count=1)
    text = re.sub(r"(font: [^;\"']*?)'[^;\"]*(?=[;\"])", r"\1sans-serif", text)
    for color, variable in THEME.items():
        text = text.replace(color, variable)
    label = escape(title, quote=True)
    return text.replace("<svg", f'<svg class="chart" role="img" aria-label="{label}"', 1)
