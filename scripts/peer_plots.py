"""The two plots of docs/peers.md."""

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
        figure, axes = plt.subplots(figsize=(5, 3.2), layout="constrained")
        for system, line in lines(of, x).items():
            axes.plot(*zip(*line, strict=True), marker="o", label=system)
        axes.set(xlabel=labels[0], ylabel=labels[1])
        if x == "words":
            axes.set(xscale="log", yscale="log")
        figure.legend(loc="outside upper center", ncols=2, frameon=False)
        # The same rows give the same file.
        with plt.rc_context({"svg.hashsalt": name}):
            figure.savefig(folder / f"{name}.svg", metadata={"Date": None})
        plt.close(figure)


def lines(rows: list[dict[str, Any]], x: str) -> dict[str, list[tuple[float, float]]]:
    """Points of each system, from left to right; of each language, where there are several."""
    several = len({row["target"] for row in rows}) > 1
    found: dict[str, list[tuple[float, float]]] = {}
    for row in rows:
        name = f"{row['system']} {row['target']}" if several else row["system"]
        found.setdefault(name, []).append((row[x], row["value"]))
    return {name: sorted(points) for name, points in found.items()}
