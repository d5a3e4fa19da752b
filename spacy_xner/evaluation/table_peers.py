"""What tables of docs/results/peers.jsonl show: speed, memory, disk and start; ways to train."""

from collections.abc import Mapping

from .results import Row

__all__ = ["is_of_systems", "is_of_training", "systems", "training"]

AGAINST = "hf-pipeline"
OURS = "spacy-xner"


def is_of_systems(row: Row) -> bool:
    found_by = row.get("recipe") in ("annotate", "infer")
    of_one = row["metric"] in ("words_per_second", "peak_mb", "disk_mb", "start_seconds")
    return found_by and (of_one or (row["metric"] == "ratio" and row.get("against") == AGAINST))


def systems(rows: list[Row]) -> list[list[str]]:
    """Each system that finds entities, the fastest first."""
    kept = {(row["system"], row["metric"]): row for row in rows}
    names = sorted({row["system"] for row in rows}, key=lambda name: (-_speed(kept, name), name))
    body = []
    for name in names:
        ratio = kept.get((name, "ratio"))
        cells = (
            _number(kept.get((name, "words_per_second")), 0),
            f"{ratio['value']:.2f} ({_interval(ratio, 2)})" if ratio else "",
            *(_number(kept.get((name, metric)), 0) for metric in ("peak_mb", "disk_mb")),
            _number(kept.get((name, "start_seconds")), 1),
        )
        body.append([name, *cells])
    return [["system", "words/s", f"against {AGAINST}", "peak MB", "disk MB", "start s"], *body]


def is_of_training(row: Row) -> bool:
    shown = ("f1", "f1_difference", "words_per_second", "peak_mb")
    # The teacher, whose labels the ways are charged for, is no way to train.
    return (
        row.get("recipe") == "train" and row["metric"] in shown and row.get("system") != "teacher"
    )


def training(rows: list[Row]) -> list[list[str]]:
    """Each way to train when a half of the time, and all of it, is over; the best first.

    Languages stand one below the other, that of the most ways first.
    """
    f1 = [row for row in rows if row["metric"] == "f1"]
    if not f1:
        return [["way to train"]]
    ways: dict[str, set[str]] = {}
    for row in f1:
        ways.setdefault(row["target"], set()).add(row["system"])
    times = {row["seconds"] for row in f1}
    half = min(times, key=lambda seconds: abs(seconds - max(times) / 2))
    body = []
    for target in sorted(ways, key=lambda target: (-len(ways[target]), target)):
        body += _ways([row for row in rows if row["target"] == target], half, max(times))
    after = [f"F1 after {half:,.0f} s", f"after {max(times):,.0f} s (95%)"]
    head = ["way to train", "language", *after, f"to {OURS}", "words/s of the loop", "peak MB"]
    return [head, *body]


def _ways(rows: list[Row], half: float, end: float) -> list[list[str]]:
    f1 = {(row["system"], row["seconds"]): row for row in rows if row["metric"] == "f1"}
    behind = {
        row["against"]: row
        for row in rows
        if row["metric"] == "f1_difference" and row["system"] == OURS and row["seconds"] == end
    }
    kept = {(row["system"], row["metric"]): row for row in rows if row["metric"] != "f1"}
    ended = [row for (_, seconds), row in f1.items() if seconds == end]
    body = []
    for row in sorted(ended, key=lambda row: (-row["value"], row["system"])):
        name, difference = row["system"], behind.get(row["system"])
        body.append(
            [
                name,
                row["target"],
                _number(f1.get((name, half)), 1),
                f"{row['value']:.1f} ({_interval(row, 1)})",
                f"{-difference['value']:+.1f} (p {_p(difference['p'])})" if difference else "",
                *(_number(kept.get((name, m)), 0) for m in ("words_per_second", "peak_mb")),
            ]
        )
    return body


def _speed(kept: Mapping[tuple[str, str], Row], name: str) -> float:
    row = kept.get((name, "words_per_second"))
    return float(row["value"]) if row else 0.0


def _number(row: Row | None, digits: int) -> str:
    return f"{row['value']:,.{digits}f}" if row else ""


def _interval(row: Row, digits: int) -> str:
    return f"{row['low']:.{digits}f} to {row['high']:.{digits}f}" if "low" in row else ""


def _p(p: float) -> str:
    return "<0.001" if p < 0.001 else f"{p:.3f}"
