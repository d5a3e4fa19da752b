"""Sections of a report that look at what models do: confusion, calibration, explanations."""

from collections.abc import Sequence
from html import escape

from ..analysis.explanations import Span
from ..analysis.shading import LEGEND, explanation_html
from . import charts
from .diagnosis import HardSentence
from .report_parts import Inputs, Section

__all__ = ["calibration", "confusion", "explanations", "hardest"]


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
        "measured by replacing words. They sum to the difference in log-odds.",
    )
    if inputs.diagnoses:
        section.parts.append(LEGEND)
    for role, each in inputs.diagnoses.items():
        pieces = "".join(map(explanation_html, each.explanations))
        section.parts.append(f"<h3>{escape(role.capitalize())}</h3>{pieces or '<p>No name.</p>'}")
    return _diagnosed(section, inputs)


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
    return f'<div class="hard">{gold}{found}</div>'


def _marked(words: Sequence[str], spans: Sequence[Span]) -> str:
    opens = {start: label for start, _, label in spans}
    closes = {end - 1: label for _, end, label in spans}
    pieces = []
    for i, word in enumerate(words):
        text = ("<mark>" if i in opens else "") + escape(word)
        pieces.append(text + (f"<b>{escape(closes[i])}</b></mark>" if i in closes else ""))
    return " ".join(pieces)
