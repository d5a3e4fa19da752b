"""What scripts/benchmark_supervision.py says of recipes beside each other."""

from collections.abc import Iterator
from typing import Any

import numpy as np
from benchmark_scores import Bench, counts_path
from wasabi import msg

from spacy_xner.evaluation.results import Row, make_row
from spacy_xner.evaluation.scores import paired_bootstrap_mean

# The languages that published systems are compared on (arXiv 2501.18750).
COMPARED = ("hau", "ibo", "swa", "yor", "zul")


def summarise_recipes(
    bench: Bench, names: list[str], targets: list[str], seeds: int, default: str, command: str
) -> None:
    """Write rows of the means of each recipe, of its share of the teacher, and of paired tests."""
    rows = [row for row in bench.rows.read() if row["metric"] == "f1" and row["text"] == "tokens"]
    found = [*means(rows, names, command), *ratios(rows, names, targets, default, command)]
    found += compare(bench, names, targets, seeds, default, command)
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


def compare(
    bench: Bench, names: list[str], targets: list[str], seeds: int, default: str, command: str
) -> Iterator[Row]:
    """Test the default recipe against each other one, by paired bootstrap over languages."""
    for other in names:
        if other == default:
            continue
        ours, theirs, langs = [], [], []
        for lang in targets:
            paths = [
                (
                    counts_path(bench, default, "student", lang, seed),
                    counts_path(bench, other, "student", lang, seed),
                )
                for seed in range(seeds)
            ]
            both = [(np.load(a), np.load(b)) for a, b in paths if a.exists() and b.exists()]
            if both:
                langs.append(lang)
                ours.append(np.stack([a for a, _ in both]))
                theirs.append(np.stack([b for _, b in both]))
        if langs:
            result = paired_bootstrap_mean(ours, theirs)
            extra = {key: result[key] for key in ("low", "high", "p")}
            n = sum(len(each) for each in ours)
            value = result["delta"]
            yield _row(
                default,
                "mean",
                "f1_difference",
                value,
                n,
                command,
                against=other,
                targets=langs,
                **extra,
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
