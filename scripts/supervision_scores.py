"""What scripts/benchmark_supervision.py says of recipes beside each other."""

from collections.abc import Iterator
from typing import Any

import numpy as np
from benchmark_scores import Bench, paired_tests
from wasabi import msg

from spacy_xner.evaluation.results import Row, make_row

# Under which the teachers of several languages stand in the rows.
TEACHER_RECIPE = "multi-source"
# The languages that published systems are compared on (arXiv 2501.18750).
COMPARED = ("hau", "ibo", "swa", "yor", "zul")


def summarise_recipes(
    bench: Bench, names: list[str], targets: list[str], seeds: int, default: str, command: str
) -> None:
    """Write rows of the means of each recipe, of its share of the teacher, and of paired tests."""
    rows = [row for row in bench.rows.read() if row["metric"] == "f1" and row["text"] == "tokens"]
    found = [*means(rows, names, command), *ratios(rows, names, targets, command)]
    found += [*choose(bench, names, targets, command), *speeds(bench, command)]
    pairs = [(default, other) for other in names if other != default]
    for tested in paired_tests(bench, pairs, targets, seeds):
        found.append(make_row(benchmark="supervision", command=command, **tested))
    bench.rows.upsert(found)
    for row in found:
        if "stage" in row:
            continue
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


def ratios(rows: list[Row], names: list[str], targets: list[str], command: str) -> Iterator[Row]:
    """Give the share of F1 that students reach of the teacher: the English one, or of several."""

    def values(recipe: str, role: str, lang: str) -> list[float]:
        keys = ("recipe", "role", "target")
        return [r["value"] for r in rows if tuple(r[k] for k in keys) == (recipe, role, lang)]

    for name in names:
        for lang in targets:
            students = values(name, "student", lang)
            teachers = values("english" if name == "english" else TEACHER_RECIPE, "teacher", lang)
            if students and teachers:
                value = np.mean(students) / teachers[0]
                yield _row(name, lang, "ratio", value, len(students), command, against="teacher")


def choose(bench: Bench, names: list[str], targets: list[str], command: str) -> Iterator[Row]:
    """Give, for each target, the recipe with the best mean dev F1 on all the other targets.

    So that no gold of a target has a say in what is chosen for it.
    """
    found: dict[str, dict[str, list[float]]] = {}
    for row in bench.rows.read():
        if row["metric"] == "f1_dev" and row["recipe"] in names:
            found.setdefault(row["recipe"], {}).setdefault(row["target"], []).append(row["value"])
    whole = {name: f1 for name, f1 in found.items() if set(targets) <= set(f1)}
    for lang in targets:
        others = [other for other in targets if other != lang]
        if whole and others:
            means = {
                name: np.mean([np.mean(f1[other]) for other in others])
                for name, f1 in whole.items()
            }
            best = max(means, key=lambda name: means[name])
            yield _row(best, lang, "f1_dev_of_others", means[best], len(others), command)


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
