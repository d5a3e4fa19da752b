"""One page that tells a stranger what teacher and student do: `report_page` and its sections."""

from html import escape
from pathlib import Path
from statistics import fmean

from ..analysis.extras import need
from ..analysis.shading import SHADING_CSS
from . import charts
from .provenance import machine, versions
from .report_errors import calibration, confusion, explanations, gates, hardest
from .report_parts import Inputs, Section, table_html
from .report_scores import baselines, by_language, by_type, scores_of, speed

__all__ = ["Inputs", "report_page"]


def report_page(inputs: Inputs, title: str = "Teacher and student") -> str:
    """Write a report as one self-contained HTML page.

    inputs (Inputs): What it is made of.
    title (str): Its heading.
    RETURNS (str): HTML that needs no other file and no network.
    """
    jinja2 = need("jinja2")
    sections = [
        by_language(inputs),
        by_type(inputs),
        baselines(inputs),
        speed(inputs),
        _curves(inputs),
        confusion(inputs),
        calibration(inputs),
        explanations(inputs),
        gates(inputs),
        hardest(inputs),
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


def _headline(inputs: Inputs) -> list[str]:
    scores = scores_of(inputs)
    teacher, student = scores.get("teacher", {}), scores.get("student", {})
    shared = [name for name in student if name in teacher]
    if not shared or inputs.smoke_test:
        return []
    ours, theirs = (fmean(each[name][0] for name in shared) for each in (student, teacher))
    return [
        f"On {len(shared)} language{'s' * (len(shared) > 1)} the student reaches {ours:.1f} F1, "
        f"its teacher {theirs:.1f}: {100 * ours / max(theirs, 1e-9):.0f}%."
    ]


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
    # In the order, and so in the colours, of the other charts.
    curves = dict(sorted(inputs.curves.items(), key=lambda item: item[0] != "teacher"))
    chart = charts.curve_chart("Learning curves", "step", "score, %", curves)
    section.parts.append(chart)
    section.source = inputs.files["curves"]
    return section


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
    section.parts.append(table_html(["what", "where"], rows, left=True))
    return section
