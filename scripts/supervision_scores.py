"""What scripts/benchmark_supervision.py says of recipes beside each other."""

from collections.abc import Iterator
from typing import Any

import numpy as np
from benchmark_scores import Bench, paired_tests
from wasabi import msg

from spacy_xner.evaluation.results import Row, make_row

# The languages that published systems are compared on (arXiv 2501.18750).
COMPARED = ("hau", "ibo", "swa", "yor", "zul")


def summarise_recipes(
    bench: Bench, names: list[str], targets: list[str], seeds: int, default: str, command: str
) -> None:
    """Write rows of the means of each recipe, of its share of the teacher, and of paired tests."""
    rows = [row for row in bench.rows.read() if row["metric"] == "f1" and row["text"] == "tokens"]
    found = [*means(rows, names, command), *ratios(rows, names, targets, default, command)]
    pairs = [(default, other) for other in names if other != default]
    for tested in paired_tests(bench, pairs, targets, seeds):
        found.append(make_row(benchmark="supervision", command=command, **tested))
    bench.rows.upsert(found)
    for row in found:
        p = f", p {row['p']:.4f}" if "p" in row else ""
        against = f" against {row['against']}" if "against" in row else ""
        msg.info(f"{row['recipe']} {row['target']}: {row['metric']} {row['value']:.2f}{against}{p}")


def means(rows: list[Row], names: list[str], command: str) -> Iterator[Row]:
    """Give the mean over `COMPARED` and over seeds, and its standard deviation over seeds."""
    for name in names:
        by_seed: dict[int, dict[str, float]] = {}
        for row in rows:
            if row["recipe"] == name and row["role"] == "student":
                by_seed.setdefault(row["seed"], {})[row["target"]] = row["value"]
        full = [
            np.mean([values[lang] for lang in COMPARED])
            for values in by_seed.values()
            if set(COMPARED) <= set(values)
        ]
        if full:
            spread = {"sd": float(np.std(full, ddof=1))} if len(full) > 1 else {}
            yield _row(name, "mean", "f1_mean", np.mean(full), len(full), command, **spread)


def ratios(
    rows: list[Row], names: list[str], targets: list[str], default: str, command: str
) -> Iterator[Row]:
    """Give the share of its own teacher's F1 that students with one teacher reach."""
    for name in names:
        for lang in targets:
            of = {
                role: [
                    row["value"]
                    for row in rows
                    if (row["recipe"], row["role"], row["target"]) == (name, role, lang)
                ]
                for role in ("student", "teacher")
            }
            if of["student"] and of["teacher"]:
                value = np.mean(of["student"]) / of["teacher"][0]
                yield _row(
                    name, lang, "ratio", value, len(of["student"]), command, against="teacher"
                )


def _row(
    recipe: str, target: str, metric: str, value: Any, n: int, command: str, **extra: Any
) -> Row:
    return make_row(
        benchmark="supervision",
        recipe=recipe,
        role="student",
        target=target,
        metric=metric,
        value=float(value),
        n=n,
        command=command,
        **extra,
    )
