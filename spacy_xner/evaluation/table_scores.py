"""What tables of scores show: which rows, in which lines."""

import statistics
from collections.abc import Callable, Iterable, Mapping, Sequence

from .results import Row

__all__ = [
    "differences",
    "is_ratio",
    "is_student",
    "recipes",
    "sentiment",
    "shipped",
    "speed",
    "teacher_and_students",
]

Column = tuple[str, str]


def _zero_shot_f1(row: Row, text: str) -> bool:
    return bool(row["metric"] == "f1" and row.get("k") == 0 and row.get("text", "tokens") == text)


def shipped(text: str) -> Callable[[Row], bool]:
    def select(row: Row) -> bool:
        named = row.get("role") in ("teacher", "student") and row.get("default") is True
        return named and _zero_shot_f1(row, text)

    return select


def is_student(row: Row) -> bool:
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


def teacher_and_students(rows: list[Row]) -> list[list[str]]:
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


def recipes(rows: list[Row]) -> list[list[str]]:
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


def differences(rows: list[Row]) -> list[list[str]]:
    """What each recipe gains over the one it is beside, by target, with its p."""
    columns = sorted({(row["target"], row.get("test_set", "")) for row in rows})
    lines: dict[tuple[str, str], dict[Column, str]] = {}
    for row in rows:
        line = lines.setdefault((row["role"], row["recipe"]), {})
        cell = f"{row['value']:+.1f} (p {row['p']:.3f})"
        line[(row["target"], row.get("test_set", ""))] = cell
    header = [f"{target} ({test_set})" if test_set else target for target, test_set in columns]
    body = [
        [role, recipe, *(cells.get(column, "") for column in columns)]
        for (role, recipe), cells in sorted(lines.items(), reverse=True)
    ]
    return [["", "recipe", *header], *body]


def sentiment(rows: list[Row]) -> list[list[str]]:
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


def speed(rows: list[Row]) -> list[list[str]]:
    """Ratios with their intervals."""
    body = []
    for row in sorted(rows, key=lambda row: (str(row.get("recipe")), str(row["against"]))):
        interval = f"{row['low']:.2f} to {row['high']:.2f}" if "low" in row else ""
        name = " ".join(str(row[key]) for key in ("recipe", "system") if row.get(key))
        body.append([name, str(row["against"]), f"{row['value']:.2f}", interval])
    return [["measured", "against", "ratio", "95% interval"], *body]


def is_ratio(row: Row) -> bool:
    return row["metric"] == "ratio" and row.get("against") not in (None, "teacher")
