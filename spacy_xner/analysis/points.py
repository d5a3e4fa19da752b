"""Measured transfer: tables of F1 by source and target, from rows of results or from a matrix."""

import csv
import json
import math
import re
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean
from typing import Any

from ..corpora.encoding import iter_lines, read_lines
from ..corpora.files import atomic_write
from ..errors import XnerError
from .languages import same_language

__all__ = ["Point", "read_points", "rename_points", "write_json"]


@dataclass(frozen=True)
class Point:
    """How well one model does on a target language after it learned from one source.

    model (str): What was trained; models are never fitted together.
    source (str): Source language.
    target (str): Target language.
    f1 (float): Micro F1 in per cent.
    """

    model: str
    source: str
    target: str
    f1: float


def read_points(path: Path | str) -> list[Point]:
    """Read measured transfer.

    path (Path | str): `.jsonl` rows of results (zero-shot F1 on gold tokens of systems with one
        source; the mean of the seeds), or a `.csv` matrix, sources in rows and targets in columns,
        F1 in per cent.
    RETURNS (list[Point]): The points; those where source and target are one language left out.
    RAISES: XnerError where the file is missing or of another form, or holds no such point.
    """
    path = Path(path)
    if not path.is_file():
        raise XnerError(f"{path}: no such file; expected .jsonl rows of results or a .csv matrix.")
    points = _from_matrix(path) if path.suffix == ".csv" else _from_rows(path)
    points = [point for point in points if not same_language(point.source, point.target)]
    if not points:
        raise XnerError(
            f"{path} holds no F1 of a system with one source on another language; expected rows "
            'with metric "f1", k 0 and one of `sources`.'
        )
    return points


def rename_points(
    points: list[Point], names: list[str] | tuple[str, ...]
) -> tuple[list[Point], list[str]]:
    """Name languages as the text does, and leave out those without text.

    points (list[Point]): Points.
    names (list[str]): Languages that there is text of.
    RETURNS (tuple[list[Point], list[str]]): Points of these languages; languages left out.
    """

    def own(code: str) -> str | None:
        return next((name for name in names if same_language(name, code)), None)

    kept, left = [], set()
    for point in points:
        source, target = own(point.source), own(point.target)
        left |= {c for c, n in ((point.source, source), (point.target, target)) if n is None}
        if source and target:
            kept.append(Point(point.model, source, target, point.f1))
    return kept, sorted(left)


def _from_rows(path: Path) -> list[Point]:
    groups: dict[tuple[str, str, str], list[float]] = defaultdict(list)
    for number, line in enumerate(iter_lines(path), 1):
        if not line.strip():
            continue
        try:
            row: Any = json.loads(line)
            if _wanted(row):
                model = " ".join(str(row[k]) for k in ("role", "recipe", "encoder") if k in row)
                for source in row["sources"]:
                    groups[model, source, row["target"]].append(_finite(row["value"]))
        except (ValueError, TypeError, KeyError) as error:
            raise XnerError(
                f"{path}, line {number}: no row of results ({type(error).__name__}: {error}); "
                "expected a JSON object as `spacy_xner.evaluation.results` writes."
            ) from None
    return [Point(*key, fmean(values)) for key, values in groups.items()]


def _wanted(row: Any) -> bool:
    return (
        row["metric"] == "f1"
        and row.get("k") == 0
        and row.get("text", "tokens") == "tokens"
        and not row.get("normal_form")
        and len(row["sources"]) == 1
    )


def _from_matrix(path: Path) -> list[Point]:
    header, *body = csv.reader(read_lines(path))
    targets = [_code(cell, path, 1) for cell in header[1:]]
    points = []
    for number, row in enumerate(body, 2):
        if len(row) != len(header):
            raise XnerError(
                f"{path}, line {number}: {len(row)} cells, the header has {len(header)}; expected "
                "as many."
            )
        source = _code(row[0], path, number)
        for target, cell in zip(targets, row[1:], strict=True):
            try:
                points.append(Point(path.stem, source, target, _finite(cell)))
            except ValueError:
                raise XnerError(
                    f"{path}, line {number}, column {target}: found {cell!r}; expected a number."
                ) from None
    return points


def _finite(value: Any) -> float:
    number = float(value)
    if not math.isfinite(number):
        raise ValueError(f"{value} is no F1")
    return number


def _code(cell: str, path: Path, number: int) -> str:
    match = re.match(r"[A-Za-z]{2,3}\b", cell.strip())
    if not match:
        raise XnerError(
            f"{path}, line {number}: found {cell!r}; expected a name that begins with a language "
            "code of two or three letters."
        )
    return match[0].lower()


def write_json(path: Path | str, data: Any) -> None:
    """Write an object as JSON, whole or not at all.

    path (Path | str): The file.
    data (Any): The object.
    """
    with atomic_write(Path(path)) as file:
        file.write((json.dumps(data, ensure_ascii=False, indent=1) + "\n").encode("utf8"))
