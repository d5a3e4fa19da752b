"""The two plots of docs/peers.md."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from wasabi import msg

from spacy_xner.evaluation.results import ResultRows

__all__ = ["plot"]


def plot(rows: ResultRows, folder: Path) -> None:
    """Draw F1 against wall time, and time against words.

    rows (ResultRows): The results.
    folder (Path): Folder for peers-train.svg and peers-growth.svg.
    """
    try:
        from matplotlib import pyplot as plt
    except ImportError:
        msg.warn("No plots: matplotlib is not installed", "pip install 'spacy-xner[peers]'")
        return
    plt.switch_backend("agg")
    found = rows.read()
    trained = [row for row in found if row["metric"] == "f1"]
    grown = [row for row in found if row["metric"] == "seconds" and "words" in row]
    for name, of, x, labels in (
        ("peers-train", trained, "seconds", ("seconds, labels and set-up included", "F1")),
        ("peers-growth", grown, "words", ("words", "seconds")),
    ):
        if not of:
            continue
        figure = draw(plt, of, x, labels)
        # The same rows give the same file.
        with plt.rc_context({"svg.hashsalt": name}):
            figure.savefig(folder / f"{name}.svg", metadata={"Date": None})
        plt.close(figure)


def draw(plt: Any, rows: list[dict[str, Any]], x: str, labels: tuple[str, str]) -> Any:
    """Draw a panel a language; a system has its colour in all of them.

    plt (module): matplotlib's pyplot.
    rows (list[dict[str, Any]]): The rows.
    x (str): Key of the horizontal axis.
    labels (tuple[str, str]): Of the axes.
    RETURNS (Figure): The figure.
    """
    languages = list(dict.fromkeys(row["target"] for row in rows))
    systems = list(dict.fromkeys(row["system"] for row in rows))
    columns = min(2, len(languages))
    height = -(-len(languages) // columns)
    size = (5 * columns, 2.7 * height + 0.5)
    figure, panels = plt.subplots(
        height, columns, figsize=size, layout="constrained", squeeze=False
    )
    for axes in panels.flat[len(languages) :]:
        axes.remove()
    for language, axes in zip(languages, panels.flat, strict=False):
        points = lines((row for row in rows if row["target"] == language), x)
        for system, line in points.items():
            colour = f"C{systems.index(system)}"
            axes.plot(*zip(*line, strict=True), marker="o", color=colour, label=system)
        axes.set(xlabel=labels[0], ylabel=labels[1], title=language)
        if x == "words":
            axes.set(xscale="log", yscale="log")
    known = {line.get_label(): line for axes in figure.axes for line in axes.get_lines()}
    figure.legend(known.values(), known, loc="outside upper center", ncols=2, frameon=False)
    return figure


def lines(rows: Iterable[dict[str, Any]], x: str) -> dict[str, list[tuple[float, float]]]:
    """Points of each system, from left to right."""
    found: dict[str, list[tuple[float, float]]] = {}
    for row in rows:
        found.setdefault(row["system"], []).append((row[x], row["value"]))
    return {name: sorted(points) for name, points in found.items()}
