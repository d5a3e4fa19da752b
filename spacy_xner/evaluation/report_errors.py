"""Sections of a report that look at what models do: confusion, calibration, explanations."""

import math
from collections.abc import Sequence
from html import escape

from ..analysis.explanations import Explanation, Span
from ..analysis.shading import LEGEND, explanation_html
from . import charts
from .diagnosis import HardSentence
from .gates import GateExample
from .report_parts import Inputs, Section, language_name, table_html

__all__ = ["calibration", "confusion", "explanations", "gates", "hardest"]


def confusion(inputs: Inputs) -> Section:
    """What is taken for what.

    inputs (Inputs): What the report is made of.
    RETURNS (Section): The section.
    """
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


def calibration(inputs: Inputs) -> Section:
    """Confidence against the share that is right.

    inputs (Inputs): What the report is made of.
    RETURNS (Section): The section.
    """
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


def explanations(inputs: Inputs) -> Section:
    """SHAP values of some entities.

    inputs (Inputs): What the report is made of.
    RETURNS (Section): The section.
    """
    section = Section(
        "explanations",
        "Why it says so",
        "SHAP values: how much each word moves the model towards the type of the framed name, "
        "measured by replacing words. They sum to the difference in log-odds: 0 is a probability "
        "of 50%, +2 of 88%, -2 of 12%.",
    )
    if inputs.diagnoses:
        section.parts.append(LEGEND)
    for role, each in inputs.diagnoses.items():
        pieces = "".join(map(_explained, each.explanations))
        section.parts.append(f"<h3>{escape(role.capitalize())}</h3>{pieces or '<p>No name.</p>'}")
    return _diagnosed(section, inputs)


def gates(inputs: Inputs) -> Section:
    """How far a teacher looks beside the text.

    inputs (Inputs): What the report is made of.
    RETURNS (Section): The section; one line where no model has views.
    """
    section = Section(
        "gates",
        "What it sees beside the text",
        "A teacher may have views of a word beside its spelling, such as how it sounds or whether "
        "a list of names knows it (docs/multimodal.md).",
    )
    seen = {role: each.gates for role, each in inputs.diagnoses.items() if each.gates is not None}
    if not seen and inputs.diagnoses:
        section.text += f" The {next(iter(inputs.diagnoses))} of this run has none."
    if seen:
        section.text += (
            " A gate lets each view in, word by word: 1 is open, 0 is shut, and it is shut where "
            "the view has nothing to say. An open gate is no proof of use: what comes through may "
            "be little."
        )
    for role, each in seen.items():
        means = zip(each.views, each.spoken, each.names, each.others, strict=True)
        rows = [
            [view, f"{100 * spoken:.0f}", _openness(names), _openness(others)]
            for view, spoken, names, others in means
        ]
        header = ["view", "words it tells of, %", "open at names", "open elsewhere"]
        section.parts.append(f"<h3>{escape(role.capitalize())}</h3>{table_html(header, rows)}")
        section.parts += [_gated(example, each.views) for example in each.examples]
    return _diagnosed(section, inputs)


def _openness(mean: float) -> str:
    return "–" if math.isnan(mean) else f"{mean:.2f}"


def _gated(example: GateExample, views: Sequence[str]) -> str:
    marked = _marked(example.words, example.found)
    lines = [f'{_of(example.lang)}<p class="tags" dir="auto"><i>found</i> {marked}</p>']
    for view, column in zip(views, example.openness.T, strict=True):
        words = " ".join(
            f'<span class="open" style="background: rgba(var(--for), {0.6 * float(openness):.2f})">'
            f"{escape(word)}<b>{openness:.2f}</b></span>"
            for word, openness in zip(example.words, column, strict=True)
        )
        lines.append(f'<p class="tags" dir="auto"><i>{escape(view)}</i> {words}</p>')
    return f'<div class="hard">{"".join(lines)}</div>'


def hardest(inputs: Inputs) -> Section:
    """Sentences whose gold surprises a model most.

    inputs (Inputs): What the report is made of.
    RETURNS (Section): The section.
    """
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
    return f'<div class="hard">{_of(each.lang)}{gold}{found}</div>'


def _explained(each: Explanation) -> str:
    return _of(each.lang) + explanation_html(each)


def _of(lang: str | None) -> str:
    return f'<p class="of">{escape(language_name(lang))}</p>' if lang else ""


def _marked(words: Sequence[str], spans: Sequence[Span]) -> str:
    opens = {start: label for start, _, label in spans}
    closes = {end - 1: label for _, end, label in spans}
    pieces = []
    for i, word in enumerate(words):
        text = ("<mark>" if i in opens else "") + escape(word)
        pieces.append(text + (f"<b>{escape(closes[i])}</b></mark>" if i in closes else ""))
    return " ".join(pieces)
