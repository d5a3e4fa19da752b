"""One page that tells a stranger what teacher and student do: `report_page` and its sections."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from html import escape
from pathlib import Path
from statistics import fmean
from typing import Any

from ..analysis.explanations import Span
from ..analysis.extras import need
from ..analysis.shading import LEGEND, SHADING_CSS, explanation_html
from . import charts
from .diagnosis import Diagnosis, HardSentence
from .provenance import machine, versions
from .results import Row

__all__ = ["Inputs", "report_page"]

Scores = dict[str, Any]


@dataclass
class Inputs:
    """What a report is made of; what is not there is said to be missing.

    metrics (dict[str, Scores]): Results of `spacy xner evaluate` by role.
    rows (list[Row]): Rows of results.
    diagnoses (dict[str, Diagnosis]): By role.
    curves (dict[str, list[tuple[float, float]]]): Step and score, by name of the log.
    files (dict[str, str]): What was read, by what it holds.
    command (str): The command that makes the report.
    smoke_test (bool): The build was from sample corpora; F1 says nothing.
    """

    metrics: dict[str, Scores] = field(default_factory=dict)
    rows: list[Row] = field(default_factory=list)
    diagnoses: dict[str, Diagnosis] = field(default_factory=dict)
    curves: dict[str, list[tuple[float, float]]] = field(default_factory=dict)
    files: dict[str, str] = field(default_factory=dict)
    command: str = ""
    smoke_test: bool = False


@dataclass
class Section:
    """One section: its name and text, parts in HTML, what is missing, where numbers are from."""

    id: str
    title: str
    text: str
    parts: list[str] = field(default_factory=list)
    missing: str = ""
    source: str = ""


def report_page(inputs: Inputs, title: str = "Teacher and student") -> str:
    """Write a report as one self-contained HTML page.

    inputs (Inputs): What it is made of.
    title (str): Its heading.
    RETURNS (str): HTML that needs no other file and no network.
    """
    jinja2 = need("jinja2")
    sections = [
        _by_language(inputs),
        _by_type(inputs),
        _baselines(inputs),
        _speed(inputs),
        _curves(inputs),
        _confusion(inputs),
        _calibration(inputs),
        _explanations(inputs),
        _hardest(inputs),
        _provenance(inputs),
    ]
    warnings = []
    if inputs.smoke_test:
        warnings.append(
            "This was a smoke test on sample corpora written for this project: it shows that "
            "everything works, and its F1 says nothing about any language."
        )
    types = sorted({t for d in inputs.diagnoses.values() for t in d.types[1:]})
    named = {"LOC": "places", "ORG": "organisations", "PER": "people"}
    template = (Path(__file__).parent / "report.html").read_text("utf8")
    page: str = (
        jinja2.Environment(autoescape=True)
        .from_string(template)
        .render(
            title=title,
            headline=_headline(inputs),
            warnings=warnings,
            types=", ".join(named.get(t, t) for t in types) or "people, organisations and places",
            sections=sections,
            shading_css=SHADING_CSS,
        )
    )
    return page


def _scores(inputs: Inputs) -> dict[str, dict[str, tuple[float, float | None, float | None]]]:
    """F1 and interval by role and language, on gold tokens: from metrics, else from rows."""
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


def _headline(inputs: Inputs) -> list[str]:
    scores = _scores(inputs)
    teacher, student = scores.get("teacher", {}), scores.get("student", {})
    shared = [name for name in student if name in teacher]
    if not shared or inputs.smoke_test:
        return []
    ours, theirs = (fmean(each[name][0] for name in shared) for each in (student, teacher))
    return [
        f"On {len(shared)} language{'s' * (len(shared) > 1)} the student reaches {ours:.1f} F1, "
        f"its teacher {theirs:.1f}: {100 * ours / max(theirs, 1e-9):.0f}%."
    ]


def _by_language(inputs: Inputs) -> Section:
    section = Section(
        "languages", "By language", "How well each finds names, on gold tokens of each test set."
    )
    scores = _scores(inputs)
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
    section.parts.append(_table(["F1 (95%)", *scores], rows))
    section.source = inputs.files["metrics" if inputs.metrics else "rows"]
    return section


def _interval(value: tuple[float, float | None, float | None]) -> str:
    low, high = value[1:]
    bounds = f" ({low:.1f} to {high:.1f})" if low is not None and high is not None else ""
    return f"{value[0]:.1f}{bounds}"


def _by_type(inputs: Inputs) -> Section:
    section = Section("types", "By type of name", "The same, all languages together, by type.")
    series = {
        role: {
            name: (each["f1"], None, None)
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


def _baselines(inputs: Inputs) -> Section:
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
    section.parts.append(_table(["recipe", "role", "mean F1", "languages", "which"], body))
    section.parts.append(
        '<p class="missing">Means over different languages do not compare: look at lines with the '
        "same ones.</p>"
    )
    section.source = inputs.files["rows"]
    return section


def _speed(inputs: Inputs) -> Section:
    section = Section("speed", "Speed against F1", "Further right is faster, further up is better.")
    points = {}
    for role, result in inputs.metrics.items():
        forms = result["pooled"]["forms"]
        if "tokens" in forms and forms["tokens"].get("words_per_second"):
            points[role] = (forms["tokens"]["words_per_second"], forms["tokens"]["f1"])
    section.source = inputs.files.get("metrics", "")
    if not points:
        scores = _scores(inputs)
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


def _curves(inputs: Inputs) -> Section:
    section = Section(
        "curves",
        "Learning curves",
        "Score on held-out text while the model learned. Without gold of the target language it is "
        "agreement with the teacher, and no F1 against people.",
    )
    if not inputs.curves:
        section.missing = (
            "logs. Train with the logger spacy.ConsoleLogger.v3 and its output_file beside the "
            "model, such as training/student-log.jsonl."
        )
        return section
    chart = charts.curve_chart("Learning curves", "step", "score, %", inputs.curves)
    section.parts.append(chart)
    section.source = inputs.files["curves"]
    return section


def _confusion(inputs: Inputs) -> Section:
    section = Section(
        "confusion",
        "What is taken for what",
        "Each line is the words of one gold type, and where they went. O is no name. The diagonal "
        "is right.",
    )
    for role, each in inputs.diagnoses.items():
        chart = charts.confusion_chart(f"Confusion of the {role}", each.types, each.confusion)
        section.parts.append(f"<h3>{escape(role.capitalize())}, {each.n} sentences</h3>{chart}")
    return _diagnosed(section, inputs)


def _calibration(inputs: Inputs) -> Section:
    section = Section(
        "calibration",
        "Does it know how sure it is?",
        "Of the words that a model calls a name, by how sure it is: the share that is right. Below "
        "the dashed line it is too sure, above it too modest.",
    )
    if inputs.diagnoses:
        bins = {role: each.bins for role, each in inputs.diagnoses.items()}
        section.parts.append(charts.calibration_chart("Reliability diagram", bins))
        errors = ", ".join(
            f"{role} {each.error:.3f} ({sum(b.n for b in each.bins):,} words)"
            for role, each in inputs.diagnoses.items()
        )
        section.parts.append(f"<p>Expected calibration error, 0 is perfect: {escape(errors)}.</p>")
    return _diagnosed(section, inputs)


def _explanations(inputs: Inputs) -> Section:
    section = Section(
        "explanations",
        "Why it says so",
        "SHAP values: how much each word moves the model towards the type of the framed name, "
        "measured by replacing words. They sum to the difference in log-odds.",
    )
    if inputs.diagnoses:
        section.parts.append(LEGEND)
    for role, each in inputs.diagnoses.items():
        pieces = "".join(map(explanation_html, each.explanations))
        section.parts.append(f"<h3>{escape(role.capitalize())}</h3>{pieces or '<p>No name.</p>'}")
    if inputs.diagnoses:
        section.parts.append(
            '<p class="missing">Gate: these models see text alone, so there is no gate to show.</p>'
        )
    return _diagnosed(section, inputs)


def _hardest(inputs: Inputs) -> Section:
    section = Section(
        "hardest",
        "Hardest sentences",
        "Where the gold surprises a model most. Often the gold is doubtful: read these first.",
    )
    role = "student" if "student" in inputs.diagnoses else next(iter(inputs.diagnoses), "")
    if role:
        section.parts.append(f"<h3>{escape(role.capitalize())}</h3>")
        section.parts += [_hard(each) for each in inputs.diagnoses[role].hardest]
    return _diagnosed(section, inputs)


def _diagnosed(section: Section, inputs: Inputs) -> Section:
    if inputs.diagnoses:
        section.source = inputs.files["test"]
    else:
        section.missing = "models and gold. Give --teacher, --student and --test."
    return section


def _hard(each: HardSentence) -> str:
    gold = f'<p class="tags" dir="auto"><i>gold</i> {_marked(each.words, each.gold)}</p>'
    found = f'<p class="tags found" dir="auto"><i>found</i> {_marked(each.words, each.found)}</p>'
    return f'<div class="hard">{gold}{found}</div>'


def _marked(words: Sequence[str], spans: Sequence[Span]) -> str:
    opens = {start: label for start, _, label in spans}
    closes = {end - 1: label for _, end, label in spans}
    pieces = []
    for i, word in enumerate(words):
        text = ("<mark>" if i in opens else "") + escape(word)
        pieces.append(text + (f"<b>{escape(closes[i])}</b></mark>" if i in closes else ""))
    return " ".join(pieces)


def _provenance(inputs: Inputs) -> Section:
    section = Section("provenance", "Where the numbers are from", "This page was made by:")
    section.parts.append(f"<p><code>{escape(inputs.command)}</code></p>")
    rows = [[what, path] for what, path in inputs.files.items()]
    for role, result in inputs.metrics.items():
        rows.append([f"{role}: target gold seen", str(result.get("target_gold", "not stated"))])
    commands = sorted({str(row["command"]) for row in inputs.rows})
    rows += [["rows measured by", command] for command in commands]
    rows += [["machine", f"{machine()['cpu']}, {machine()['cores']} cores"]]
    rows += [["versions", ", ".join(f"{name} {v}" for name, v in versions().items())]]
    section.parts.append(_table(["what", "where"], rows, left=True))
    return section


def _table(header: Sequence[str], rows: Sequence[Sequence[str]], *, left: bool = False) -> str:
    style = ' style="text-align: left"' if left else ""
    head = "".join(f"<th{style}>{escape(cell)}</th>" for cell in header)
    body = "".join(
        "<tr>" + "".join(f"<td{style}>{escape(cell)}</td>" for cell in row) + "</tr>"
        for row in rows
    )
    table = f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
    return f'<div class="wide">{table}</div>'
