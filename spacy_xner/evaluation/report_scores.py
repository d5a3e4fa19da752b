"""Sections of a report that are about scores: by language and type, baselines, speed."""

from pathlib import Path
from statistics import fmean
from typing import Any

from . import charts
from .report_parts import Inputs, Section, table_html
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
                found.setdefault(role, {})[_language(Path(path).stem)] = value
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
            found.setdefault(role, {})[_language(target)] = (mean, *bounds)
    return found


def _language(code: str) -> str:
    """Name a language for people, where `langcodes` and its data are installed."""
    try:
        import langcodes

        name = langcodes.Language.get(code).display_name()
    except (ImportError, LookupError, ValueError):
        return code
    return code if name.startswith("Unknown") else f"{name} ({code})"


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
    bounds = f" ({low:.1f} to {high:.1f})" if low is not None and high is not None else ""
    return f"{value[0]:.1f}{bounds}".replace(" ", "\N{NO-BREAK SPACE}")


def by_type(inputs: Inputs) -> Section:
    """F1 of each type of name.

    inputs (Inputs): What the report is made of.
    RETURNS (Section): The section.
    """
    section = Section("types", "By type of name", "The same, all languages together, by type.")
    series = {
        role: {
            name: (each["f1"], each.get("low"), each.get("high"))
            for name, each in result["pooled"]["forms"]["tokens"].get("per_type", {}).items()
        }
        for role, result in inputs.metrics.items()
        if "tokens" in result["pooled"]["forms"]
    }
    series = {role: each for role, each in series.items() if each}
    if not series:
        section.missing = "scores by type. `spacy xner evaluate` writes them (metrics/*.json)."
        return section
    section.parts.append(charts.dot_chart("F1 by type", "F1, %", series))
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
        "target language was seen. The chart has those measured on the most languages.",
    )
    groups: dict[tuple[str, str], dict[str, list[float]]] = {}
    for row in inputs.rows:
        if _on_tokens(row) and row.get("test_set") != "sample":
            key = (str(row["recipe"]), str(row["role"]))
            groups.setdefault(key, {}).setdefault(row["target"], []).append(row["value"])
    if not groups:
        section.missing = "rows of results. Benchmark commands write them (docs/results)."
        return section
    teaching = {t for row in inputs.rows for t in row.get("sources", [])}
    body, points = [], {}
    for (recipe, role), targets in groups.items():
        means = {t: fmean(values) for t, values in targets.items() if t not in teaching}
        if not means:
            continue
        mean = fmean(means.values())
        points[f"{recipe} ({role})"] = (mean, None, None)
        body.append([recipe, role, f"{mean:.1f}", str(len(means)), ", ".join(sorted(means))])
    body.sort(key=lambda line: (-int(line[3]), -float(line[2])))
    names = [f"{line[0]} ({line[1]})" for line in body if line[3:] == body[0][3:]]
    chart = {name: points[name] for name in names}
    section.parts.append(charts.dot_chart("Mean F1 by recipe", "mean F1, %", {"F1": chart}))
    section.parts.append(table_html(["recipe", "role", "mean F1", "languages", "which"], body))
    section.parts.append(
        '<p class="missing">Means over different languages do not compare: look at lines with the '
        "same ones.</p>"
    )
    section.source = inputs.files["rows"]
    return section


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
            name = _language(str(row.get("target")))
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
