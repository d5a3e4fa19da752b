"""Markdown tables of README, rendered from result rows between markers.

A table stands between `<!-- results:NAME -->` and `<!-- /results:NAME -->`, NAME a key of `TABLES`.
Rows of the sample build never reach a table.
"""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path

from ..errors import XnerError
from .results import ResultRows, Row
from .table_analysis import (
    explanations,
    is_of_explanations,
    is_of_published,
    is_of_rankings,
    rankings,
    transfer,
)
from .table_peers import is_of_systems, is_of_training, systems, training
from .table_scores import (
    differences,
    is_ratio,
    is_student,
    recipes,
    sentiment,
    shipped,
    speed,
    teacher_and_students,
)

__all__ = ["TABLES", "Table", "render_readme", "render_table"]

MARKER = re.compile(r"^<!-- (/?)results:(\S+) -->[ \t]*$", re.MULTILINE)
NOT_MEASURED = "*Not measured yet.*"
SHOWN_COMMANDS = 3


@dataclass(frozen=True)
class Table:
    """One table.

    benchmark (str): Name of the file of rows, without `.jsonl`.
    caption (str): What the numbers are.
    select (Callable[[Row], bool]): Which rows it is made of.
    render (Callable[[list[Row]], list[list[str]]]): Header and cells from at least one row.
    """

    benchmark: str
    caption: str
    select: Callable[[Row], bool]
    render: Callable[[list[Row]], list[list[str]]]


def render_readme(readme: str, results: Path, *, shown_as: str = "docs/results") -> str:
    """Put the tables into a README's text.

    readme (str): The text, with markers.
    results (Path): The folder of the `.jsonl` files.
    shown_as (str): That folder as a reader of the README finds it.
    RETURNS (str): The text with every table rendered anew.
    RAISES: XnerError for a marker of an unknown table, or one that is not closed.
    """
    pieces, end = [], 0
    markers = list(MARKER.finditer(readme))
    for opening, closing in _pairs(markers, readme):
        pieces += [readme[end : opening.end()], "\n"]
        pieces += [render_table(opening[2], results, shown_as=shown_as), "\n"]
        end = closing.start()
    return "".join([*pieces, readme[end:]])


def render_table(name: str, results: Path, *, shown_as: str = "docs/results") -> str:
    """Render one table.

    name (str): A key of `TABLES`.
    results (Path): The folder of the `.jsonl` files.
    shown_as (str): That folder as a reader of the README finds it.
    RETURNS (str): The table in Markdown, with a line that names its rows and their command.
    """
    table = TABLES[name]
    file = f"{table.benchmark}.jsonl"
    rows = [row for row in ResultRows(results / file).read() if not _is_sample(row)]
    # Scores of the text in NFC or NFD are there to be compared with these, not to be mixed in.
    rows = [row for row in rows if not row.get("normal_form") and table.select(row)]
    if not rows:
        return NOT_MEASURED
    header, *body = table.render(rows)
    lines = [header, [":--", *["--:"] * (len(header) - 1)], *body]
    text = "\n".join("| " + " | ".join(cells) + " |" for cells in lines)
    commands = sorted({str(row["command"]) for row in rows})
    measured = " and ".join(f"`{command}`" for command in commands)
    if len(commands) > SHOWN_COMMANDS:
        measured = f"the {len(commands)} commands that the rows name"
    return f"{text}\n\n{table.caption} Rows: `{shown_as}/{file}`, measured by {measured}."


def _pairs(
    markers: Sequence[re.Match[str]], readme: str
) -> Iterable[tuple[re.Match[str], re.Match[str]]]:
    for i in range(0, len(markers), 2):
        opening, closing = markers[i], markers[i + 1] if i + 1 < len(markers) else None
        line = readme.count("\n", 0, opening.start()) + 1
        if opening[1] or closing is None or not closing[1] or closing[2] != opening[2]:
            found = opening[0].strip()
            raise XnerError(
                f"README, line {line}: {found} has no partner; expected <!-- results:NAME --> and "
                "then <!-- /results:NAME --> with the same name."
            )
        if opening[2] not in TABLES:
            near = get_close_matches(opening[2], TABLES, n=1)
            raise XnerError(
                f"README, line {line}: there is no table {opening[2]!r}; expected one of "
                f"{', '.join(TABLES)}." + (f" Did you mean {near[0]!r}?" if near else "")
            )
        yield opening, closing


def _is_sample(row: Mapping[str, object]) -> bool:
    return row.get("test_set") == "sample"


TABLES: dict[str, Table] = {
    "main": Table(
        "main",
        "Zero-shot micro F1 in per cent on gold tokens, mean of the seeds.",
        shipped("tokens"),
        teacher_and_students,
    ),
    "main-raw": Table(
        "main",
        "Zero-shot micro F1 in per cent of character spans on detokenised text, mean of the seeds.",
        shipped("raw"),
        teacher_and_students,
    ),
    "recipes": Table(
        "main",
        "Zero-shot micro F1 of students in per cent on gold tokens, mean of the seeds.",
        is_student,
        recipes,
    ),
    "supervision": Table(
        "supervision",
        "Micro F1 of students in per cent on gold tokens, mean of the seeds; no target gold but in "
        "few-shot and rare, and in isiZulu, whose dev set had a say in the student's settings.",
        lambda row: row["metric"] == "f1" and row["role"] == "student" and row["text"] == "tokens",
        recipes,
    ),
    "projection": Table(
        "projection",
        "Micro F1 of students in per cent on gold tokens, mean of the seeds, by what they learned "
        "from; no target gold.",
        is_student,
        recipes,
    ),
    "views-teachers": Table(
        "multimodal",
        "Zero-shot micro F1 of teachers in per cent on gold tokens, mean of the seeds, by what "
        "they see beside the text.",
        lambda row: row["metric"] == "f1" and row["role"] == "teacher",
        recipes,
    ),
    "views-students": Table(
        "multimodal",
        "Zero-shot micro F1 of their students, which see the text alone.",
        is_student,
        recipes,
    ),
    "views": Table(
        "multimodal",
        "F1 against plain, mean of the seeds; p by paired bootstrap over sentences.",
        lambda row: row["metric"] == "f1_difference" and "test_set" not in row,
        differences,
    ),
    "sentiment": Table(
        "sentiment",
        "Weighted F1 in per cent, each language unseen by its teacher, mean of the seeds.",
        lambda row: row["metric"] == "weighted_f1",
        sentiment,
    ),
    "speed": Table(
        "main",
        "Ratios of words per second, both sides in one run.",
        is_ratio,
        speed,
    ),
    "peers": Table(
        "peers",
        "Systems took turns on fresh text, from raw strings; ratios with 95% intervals. Memory "
        "after 1,000 texts, and seconds until the first text is read, in a process of their own; "
        "disk packed.",
        is_of_systems,
        systems,
    ),
    "peers-train": Table(
        "peers",
        "F1 in per cent on gold tokens at equal time on the clock, on which the teacher's labels, "
        "word vectors and set-up are; one seed; p by paired bootstrap over sentences.",
        is_of_training,
        training,
    ),
    "transfer": Table(
        "analysis",
        "How well features that need no label of the target predict F1 of a target left out; 30 "
        "published points of XLM-R-base, features of the embedded encoder; rank correlation within "
        "targets, p from permuted languages.",
        is_of_published,
        transfer,
    ),
    "rankings": Table(
        "analysis",
        "Rankings of source languages beside published ranks, mean over the targets that all have.",
        is_of_rankings,
        rankings,
    ),
    "explanations": Table(
        "analysis",
        "What an entity's probability loses without the two words that SHAP names and without two "
        "random ones, among all words and among those outside the entity; p by Wilcoxon's signed "
        "ranks; seconds a sentence, of the processor in brackets; rank agreement with the teacher.",
        is_of_explanations,
        explanations,
    ),
}
