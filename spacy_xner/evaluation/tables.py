"""Markdown tables of README, rendered from result rows between markers.

A table stands between `<!-- results:NAME -->` and `<!-- /results:NAME -->`, NAME a key of `TABLES`.
Rows of the sample build never reach a table.
"""

import re
import statistics
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path

from ..errors import XnerError
from .results import ResultRows, Row

__all__ = ["TABLES", "Table", "render_readme", "render_table"]

MARKER = re.compile(r"^<!-- (/?)results:(\S+) -->[ \t]*$", re.MULTILINE)
NOT_MEASURED = "*Not measured yet.*"
SHOWN_COMMANDS = 3

Column = tuple[str, str]


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


def _zero_shot_f1(row: Row, text: str) -> bool:
    return bool(row["metric"] == "f1" and row.get("k") == 0 and row.get("text", "tokens") == text)


def _default(text: str) -> Callable[[Row], bool]:
    def select(row: Row) -> bool:
        named = row.get("role") in ("teacher", "student") and row.get("default") is True
        return named and _zero_shot_f1(row, text)

    return select


def _students(row: Row) -> bool:
    return row.get("role") == "student" and _zero_shot_f1(row, "tokens")


def _means(rows: Iterable[Row]) -> dict[Column, float]:
    """Mean over the seeds of each target language and test set."""
    values: dict[Column, list[float]] = {}
    for row in rows:
        values.setdefault((row["target"], row["test_set"]), []).append(row["value"])
    return {column: statistics.fmean(each) for column, each in values.items()}


def _header(columns: Sequence[Column], first: str) -> list[str]:
    targets = [target for target, _ in columns]
    names = [
        target if targets.count(target) == 1 else f"{target} ({test_set})"
        for target, test_set in columns
    ]
    return [first, *names, "mean"]


def _cells(
    name: str,
    values: Mapping[Column, float],
    columns: Sequence[Column],
    averaged: Iterable[Column],
    digits: int,
) -> list[str]:
    """One line; the mean is left out where a column that it is over has no value."""
    over = [values.get(column) for column in averaged]
    known = [value for value in over if value is not None]
    cells = [f"{values[c]:.{digits}f}" if c in values else "" for c in columns]
    mean = f"{statistics.fmean(known):.{digits}f}" if known and len(known) == len(over) else ""
    return [name, *cells, mean]


def _teacher_and_students(rows: list[Row]) -> list[list[str]]:
    """Teacher, student and ratio by target; a second kind of student gets lines of its own."""
    teacher = _means(row for row in rows if row["role"] == "teacher")
    students = [row for row in rows if row["role"] == "student"]
    pipes = sorted({str(row.get("pipe", "ner")) for row in students})
    by_pipe = {
        pipe: _means(row for row in students if row.get("pipe", "ner") == pipe) for pipe in pipes
    }
    union = set(teacher).union(*by_pipe.values())
    columns = sorted(union, key=lambda column: (-teacher.get(column, 0.0), column))
    # The teacher's own language has no student: the mean is over the targets, for all lines.
    targets = [c for c in columns if any(c in means for means in by_pipe.values())] or columns
    body = [_cells("teacher", teacher, columns, targets, 1)]
    for pipe, means in by_pipe.items():
        name = "student" if len(pipes) == 1 else f"student ({pipe})"
        ratios = {c: means[c] / teacher[c] for c in means if teacher.get(c)}
        body.append(_cells(name, means, columns, targets, 1))
        body.append(_cells(f"{name} / teacher", ratios, columns, targets, 2))
    return [_header(columns, "F1"), *body]


def _recipes(rows: list[Row]) -> list[list[str]]:
    """Students by recipe and target, the best mean first; the default recipe in bold."""
    values: dict[tuple[str, str], set[str]] = {}
    keys = ("pipe", "encoder", "sources", "views")
    for row in rows:
        for key in keys:
            of = f"{row['recipe']} {row['target']}"
            values.setdefault((key, of), set()).add(str(row.get(key)))
    varying = [
        "recipe",
        *(k for k in keys if any(len(v) > 1 for (of, _), v in values.items() if of == k)),
    ]
    groups: dict[str, list[Row]] = {}
    for row in rows:
        said = [row.get(key) for key in varying]
        parts = ["+".join(v) if isinstance(v, list) else str(v) for v in said if v]
        groups.setdefault(", ".join(parts), []).append(row)
    means = {name: _means(group) for name, group in groups.items()}
    columns = sorted({column for each in means.values() for column in each})
    # Those that were measured on some of the languages only come last: their means differ.
    order = sorted(
        means,
        key=lambda name: (-len(means[name]), -statistics.fmean(means[name].values()), name),
    )
    body = []
    for name in order:
        shipped = any(row.get("default") is True for row in groups[name])
        label = f"**{name}**" if shipped else name
        body.append(_cells(label, means[name], columns, columns, 1))
    return [_header(columns, "recipe"), *body]


def _sentiment(rows: list[Row]) -> list[list[str]]:
    """Teacher and student by target, what share the student reaches, and what stands beside."""
    means = {
        name: _means(row for row in rows if (row["recipe"], row["role"]) == (recipe, role))
        for name, recipe, role in (
            ("teacher", "distillation", "teacher"),
            ("student", "balanced", "student"),
            ("teacher, categories balanced", "balanced", "teacher"),
            ("student, categories as the teacher gives them", "distillation", "student"),
            ("supervised student", "supervised", "baseline"),
            ("majority class", "majority", "baseline"),
        )
    }
    teacher, columns = means["teacher"], sorted(means["teacher"])
    ratios = {c: means["student"][c] / teacher[c] for c in means["student"] if teacher.get(c)}
    body = [_cells(name, values, columns, columns, 1) for name, values in means.items()]
    body.insert(2, _cells("student / teacher", ratios, columns, columns, 2))
    return [_header(columns, "weighted F1"), *body]


def _speed(rows: list[Row]) -> list[list[str]]:
    """Ratios with their intervals."""
    body = []
    for row in sorted(rows, key=lambda row: (str(row.get("recipe")), str(row["against"]))):
        interval = f"{row['low']:.2f} to {row['high']:.2f}" if "low" in row else ""
        name = " ".join(str(row[key]) for key in ("recipe", "system") if row.get(key))
        body.append([name, str(row["against"]), f"{row['value']:.2f}", interval])
    return [["measured", "against", "ratio", "95% interval"], *body]


def _is_ratio(row: Row) -> bool:
    return row["metric"] == "ratio" and row.get("against") not in (None, "teacher")


TABLES: dict[str, Table] = {
    "main": Table(
        "main",
        "Zero-shot micro F1 in per cent on gold tokens, mean of the seeds.",
        _default("tokens"),
        _teacher_and_students,
    ),
    "main-raw": Table(
        "main",
        "Zero-shot micro F1 in per cent of character spans on detokenised text, mean of the seeds.",
        _default("raw"),
        _teacher_and_students,
    ),
    "recipes": Table(
        "main",
        "Zero-shot micro F1 of students in per cent on gold tokens, mean of the seeds.",
        _students,
        _recipes,
    ),
    "supervision": Table(
        "supervision",
        "Micro F1 of students in per cent on gold tokens, mean of the seeds; no target gold but in "
        "few-shot and rare, and in isiZulu, whose dev set had a say in the student's settings.",
        lambda row: row["metric"] == "f1" and row["role"] == "student" and row["text"] == "tokens",
        _recipes,
    ),
    "sentiment": Table(
        "sentiment",
        "Weighted F1 in per cent, each language unseen by its teacher, mean of the seeds.",
        lambda row: row["metric"] == "weighted_f1",
        _sentiment,
    ),
    "speed": Table(
        "main",
        "Ratios of words per second, both sides in one run.",
        _is_ratio,
        _speed,
    ),
}
