"""The parts of a report: what it is made of, a section, a table."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from html import escape
from typing import Any

from .diagnosis import Diagnosis
from .results import Row

__all__ = ["Inputs", "Scores", "Section", "language_name", "table_html"]

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


def table_html(header: Sequence[str], rows: Sequence[Sequence[str]], *, left: bool = False) -> str:
    """Write a table that scrolls where it is wider than the page.

    header (Sequence[str]): Names of the columns.
    rows (Sequence[Sequence[str]]): Cells, not yet escaped.
    left (bool): Whether all columns are text, and not only the first.
    RETURNS (str): HTML.
    """
    style = ' style="text-align: left"' if left else ""
    head = "".join(f"<th{style}>{escape(cell)}</th>" for cell in header)
    body = "".join(
        "<tr>" + "".join(f"<td{style}>{escape(cell)}</td>" for cell in row) + "</tr>"
        for row in rows
    )
    table = f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
    return f'<div class="wide">{table}</div>'


def language_name(code: str) -> str:
    """Name a language for people, where `langcodes` and its data are installed.

    code (str): What was said of a language, be it a code or not.
    RETURNS (str): Such as "Hausa (hau)"; the code where it has no name.
    """
    try:
        import langcodes

        name = langcodes.Language.get(code).display_name()
    except (ImportError, LookupError, ValueError):
        return code
    return code if name.startswith("Unknown") else f"{name} ({code})"
