"""What scripts/benchmark_supervision.py says of recipes beside each other."""

from collections.abc import Iterator
from typing import Any

import numpy as np
from benchmark_scores import Bench, paired_tests
from wasabi import msg

from spacy_xner.evaluation.results import Row, make_row

TARGETS = "hau ibo swa yor zul am si"
# Under which the teachers of several languages stand in the rows.
TEACHER_RECIPE = "multi-source"
# The languages that published systems are compared on (arXiv 2501.18750).
COMPARED = ("hau", "ibo", "swa", "yor", "zul")


def mark_default(bench: Bench, default: str) -> None:
    """Mark the rows of the default recipe, and of its transformer student, and no others."""
    rows = bench.rows.find(metric="f1", role="student")
    shipped = {default, f"{default}-transformer"}
    bench.rows.upsert({**row, "default": row["recipe"] in shipped} for row in rows)


def summarise_recipes(bench: Bench, default: str, command: str) -> None:
    """Write the means of each recipe, its share of the teacher, and paired tests.

    They are over all rows that stand, whatever the run before was asked for. What is not whole, a
    mean that lacks a language, say, is left out.
    """
    rows = [row for row in bench.rows.read() if row["metric"] == "f1" and row["text"] == "tokens"]
    names = sorted({row["recipe"] for row in rows if row["role"] == "student"})
    seeds = 1 + max((row["seed"] for row in rows), default=0)
    found = [*means(rows, names, command), *ratios(rows, names, command)]
    found += [*choose(bench, command), *speeds(bench, command)]
    pairs = [(default, other) for other in names if other != default]
    for tested in paired_tests(bench, pairs, list(COMPARED), seeds):
        if tested["targets"] == list(COMPARED):
            found.append(make_row(benchmark="supervision", command=command, **tested))
    bench.rows.upsert(found)
    for row in found:
        if "stage" not in row:
            p = f", p {row['p']:.4f}" if "p" in row else ""
            against = f" against {row['against']}" if "against" in row else ""
            chosen = f" for {row['chosen']}" if "chosen" in row else ""
            what = f"{row['recipe']} {row['target']}: {row['metric']} {row['value']:.2f}"
            msg.info(what + against + chosen + p)


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


def ratios(rows: list[Row], names: list[str], command: str) -> Iterator[Row]:
    """Give the share of F1 that students without gold of the target reach of their teacher.

    That is the English one for `english`, for all others the one of several languages: the most
    that any teacher of theirs reaches alone.
    """

    def values(recipe: str, role: str, lang: str) -> list[float]:
        keys = ("recipe", "role", "target")
        return [r["value"] for r in rows if tuple(r[k] for k in keys) == (recipe, role, lang)]

    with_gold = {row["recipe"] for row in rows if row["k"]}
    for name in set(names) - with_gold:
        for lang in sorted({row["target"] for row in rows}):
            students = values(name, "student", lang)
            teacher = "english" if name == "english" else TEACHER_RECIPE
            teachers = values(teacher, "teacher", lang)
            if students and teachers:
                value = np.mean(students) / teachers[0]
                yield _row(name, lang, "ratio", value, len(students), command, against="teacher")


def choose(bench: Bench, command: str) -> Iterator[Row]:
    """Give, for each target, the recipe with the best mean dev F1 on all the other targets.

    So that no gold of a target has a say in what is chosen for it.
    """
    found: dict[str, dict[str, list[float]]] = {}
    for row in bench.rows.find(metric="f1_dev"):
        found.setdefault(row["recipe"], {}).setdefault(row["target"], []).append(row["value"])
    targets = set(TARGETS.split())
    whole = {name: f1 for name, f1 in found.items() if targets <= set(f1)}
    for lang in sorted(targets) if whole else []:
        others = targets - {lang}
        means = {
            name: float(np.mean([np.mean(f1[other]) for other in others]))
            for name, f1 in whole.items()
        }
        best = max(means, key=lambda name: means[name])
        n = len(others)
        yield _row("chosen", lang, "f1_dev_of_others", means[best], n, command, chosen=best)


def speeds(bench: Bench, command: str) -> Iterator[Row]:
    """Give the words per second of each stage of one language, by the words of its raw text.

    Of projection, by the words of the target's side of its parallel text.
    """
    for row in bench.rows.find(metric="seconds"):
        stage = row["stage"]
        lang = stage.rpartition("/")[2].partition("-")[0]
        folder = f"parallel/{lang}" if stage.startswith("soft/projection") else "corpus/raw"
        text = bench.work / folder / f"{lang}.txt"
        if text.exists() and not stage.startswith("teacher"):
            n = len(text.read_text("utf8").split())
            yield make_row(
                benchmark="supervision",
                command=command,
                stage=stage,
                metric="words_per_second",
                value=n / row["value"],
                n=n,
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
