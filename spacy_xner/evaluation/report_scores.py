"""Sections of a report that are about scores: by language and type, baselines, speed."""

import math
from pathlib import Path
from statistics import fmean
from typing import Any

from . import charts
from .report_parts import Inputs, Section, language_name, table_html
from .results import Row

__all__ = ["baselines", "by_language", "by_type", "scores_of", "speed"]


def scores_of(inputs: Inputs) -> dict[str, dict[str, tuple[float, float | None, float | None]]]:
    """Give F1 and interval by role and language, on gold tokens: from metrics, else from rows.

    inputs (Inputs): What the report is made of.
    RETURNS (dict[str, dict[str, tuple]]): F1, and bounds where they are known, in per cent.
    """
    found: dict[str, dict[str, Any]] = {}
    for role, result in inputs.metrics.items():
        for path, each in result["files"].items():
            if "tokens" in each["forms"]:
                scores = each["forms"]["tokens"]
                value = (scores["f1"], scores.get("low"), scores.get("high"))
                found.setdefault(role, {})[language_name(Path(path).stem)] = value
    if found:
        return found
    for role in ("teacher", "student"):
        by_target: dict[str, list[Row]] = {}
        for row in inputs.rows:
            if row.get("default") is True and row.get("role") == role and _on_tokens(row):
                by_target.setdefault(row["target"], []).append(row)
        for target, rows in by_target.items():
            mean = fmean(row["value"] for row in rows)
            low, high = ([r[k] for r in rows if k in r] for k in ("low", "high"))
            bounds = (fmean(low), fmean(high)) if low and high else (None, None)
            found.setdefault(role, {})[language_name(target)] = (mean, *bounds)
    return found


def _on_tokens(row: Row) -> bool:
    return (
        row["metric"] == "f1"
        and row.get("text", "tokens") == "tokens"
        and not row.get("normal_form")
        and row.get("k") == 0
    )


def by_language(inputs: Inputs) -> Section:
    """F1 of each language, with intervals.

    inputs (Inputs): What the report is made of.
    RETURNS (Section): The section.
    """
    section = Section(
        "languages", "By language", "How well each finds names, on gold tokens of each test set."
    )
    scores = scores_of(inputs)
    if not scores:
        section.missing = "scores. `spacy xner evaluate` writes them (metrics/*.json)."
        return section
    order = sorted(
        {name for each in scores.values() for name in each},
        key=lambda name: -max(each[name][0] for each in scores.values() if name in each),
    )
    ordered = {role: {n: each[n] for n in order if n in each} for role, each in scores.items()}
    section.parts.append(charts.dot_chart("F1 by language", "F1, %", ordered))
    rows = [
        [name, *(_interval(each[name]) if name in each else "" for each in scores.values())]
        for name in order
    ]
    section.parts.append(table_html(["F1 (95%)", *scores], rows))
    section.source = inputs.files["metrics" if inputs.metrics else "rows"]
    return section


def _interval(value: tuple[float, float | None, float | None]) -> str:
    low, high = value[1:]
    if low is None or high is None:
        return f"{value[0]:.1f}"
    # On a phone a cell may break before its interval, and not within.
    return f"{value[0]:.1f} " + f"({low:.1f} to {high:.1f})".replace(" ", "\N{NO-BREAK SPACE}")


def by_type(inputs: Inputs) -> Section:
    """F1 of each type of name, in each language and in all together.

    inputs (Inputs): What the report is made of.
    RETURNS (Section): The section.
    """
    section = Section("types", "By type of name", "The same by type, for each language.")
    found: dict[str, dict[tuple[str, str], tuple[float, float | None, float | None]]] = {}
    support: dict[tuple[str, str], int] = {}
    for role, result in inputs.metrics.items():
        places = {language_name(Path(path).stem): each for path, each in result["files"].items()}
        if len(places) > 1:
            places["all together"] = result["pooled"]
        for place, each in places.items():
            for name, scores in each["forms"].get("tokens", {}).get("per_type", {}).items():
                value = (scores["f1"], scores.get("low"), scores.get("high"))
                found.setdefault(role, {})[place, name] = value
                support[place, name] = scores["support"]
    if not found:
        section.missing = "scores by type. `spacy xner evaluate` writes them (metrics/*.json)."
        return section
    section.parts.append(
        charts.dot_chart(
            "F1 by language and type",
            "F1, %",
            {
                role: {", ".join(key): each[key] for key in support if key in each}
                for role, each in found.items()
            },
        )
    )
    rows = [
        [*key, f"{n:,}", *(_interval(each[key]) if key in each else "" for each in found.values())]
        for key, n in support.items()
    ]
    section.parts.append(table_html(["F1 (95%)", "type", "gold names", *found], rows))
    section.source = inputs.files["metrics"]
    return section


def baselines(inputs: Inputs) -> Section:
    """F1 of recipes beside one another.

    inputs (Inputs): What the report is made of.
    RETURNS (Section): The section.
    """
    section = Section(
        "baselines",
        "Beside baselines",
        "Mean zero-shot F1 of each recipe over the languages that it was measured on: no gold of a "
        "target language was seen. The chart has those measured on the most languages. Intervals "
        "are over test sentences, and not over other languages or seeds.",
    )
    groups: dict[tuple[str, str], dict[str, list[Row]]] = {}
    for row in inputs.rows:
        if _on_tokens(row) and row.get("test_set") != "sample":
            key = (str(row["recipe"]), str(row["role"]))
            groups.setdefault(key, {}).setdefault(row["target"], []).append(row)
    if not groups:
        section.missing = "rows of results. Benchmark commands write them (docs/results)."
        return section
    teaching = {t for row in inputs.rows for t in row.get("sources", [])}
    body, points = [], {}
    for (recipe, role), targets in groups.items():
        unseen = {target: rows for target, rows in targets.items() if target not in teaching}
        if not unseen:
            continue
        point = points[f"{recipe} ({role})"] = _mean(list(unseen.values()))
        body.append([recipe, role, _interval(point), str(len(unseen)), ", ".join(sorted(unseen))])
    body.sort(key=lambda line: (-int(line[3]), -points[f"{line[0]} ({line[1]})"][0]))
    names = [f"{line[0]} ({line[1]})" for line in body if line[3:] == body[0][3:]]
    chart = {name: points[name] for name in names}
    section.parts.append(charts.dot_chart("Mean F1 by recipe", "mean F1, %", {"F1": chart}))
    section.parts.append(
        table_html(["recipe", "role", "mean F1 (95%)", "languages", "which"], body)
    )
    section.parts.append(
        '<p class="missing">Means over different languages do not compare: look at lines with the '
        "same ones.</p>"
    )
    section.source = inputs.files["rows"]
    return section


def _mean(targets: list[list[Row]]) -> tuple[float, float | None, float | None]:
    """Mean F1 over targets, and its interval: test sets are independent, so variances add."""
    value = fmean(fmean(row["value"] for row in rows) for rows in targets)
    if not all("low" in row and "high" in row for rows in targets for row in rows):
        return value, None, None
    # Seeds share a test set: the mean of their distances, which is no less than that of their mean.
    below, above = (
        [fmean(abs(row["value"] - row[bound]) for row in rows) for rows in targets]
        for bound in ("low", "high")
    )
    return value, value - math.hypot(*below) / len(below), value + math.hypot(*above) / len(above)


def speed(inputs: Inputs) -> Section:
    """Words a second against F1.

    inputs (Inputs): What the report is made of.
    RETURNS (Section): The section.
    """
    section = Section("speed", "Speed against F1", "Further right is faster, further up is better.")
    points = {}
    for role, result in inputs.metrics.items():
        forms = result["pooled"]["forms"]
        if "tokens" in forms and forms["tokens"].get("words_per_second"):
            points[role] = (forms["tokens"]["words_per_second"], forms["tokens"]["f1"])
    section.source = inputs.files.get("metrics", "")
    if not points:
        scores = scores_of(inputs)
        for row in inputs.rows:
            role = str(row.get("role"))
            name = language_name(str(row.get("target")))
            if row["metric"] != "words_per_second" or name not in scores.get(role, {}):
                continue
            if row.get("recipe") in ("annotate", "infer"):
                points[f"{role}, {name}"] = (row["value"], scores[role][name][0])
        section.source = inputs.files.get("rows", "")
    if not points:
        section.missing, section.source = "speed. `spacy xner evaluate` measures it.", ""
        return section
    section.parts.append(
        charts.scatter_chart("Speed against F1", "words a second", "F1, %", points)
    )
    return section
