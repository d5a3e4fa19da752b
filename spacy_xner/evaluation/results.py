"""Tidy rows of results: one JSON object a line, written by the command that measured."""

import datetime
import json
import math
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from numbers import Real
from pathlib import Path
from typing import Any

from ..corpora.encoding import iter_lines
from ..corpora.files import atomic_write
from ..errors import XnerError
from .provenance import command_line, config_sha, file_sha, machine, versions

__all__ = [
    "BENCHMARKS",
    "MEASURED",
    "REQUIRED",
    "REQUIRED_F1",
    "ResultRows",
    "check_row",
    "command_line",
    "config_sha",
    "file_sha",
    "identity",
    "machine",
    "make_row",
    "versions",
]

Row = dict[str, Any]

BENCHMARKS = (
    "main",
    "supervision",
    "multimodal",
    "projection",
    "analysis",
    "peers",
    "faults",
    "sentiment",
)
ROLES = ("teacher", "student", "baseline")
REQUIRED = ("benchmark", "metric", "value", "command")
REQUIRED_F1 = (
    *("recipe", "role", "sources", "target", "test_set", "k", "seed", "metric", "value"),
    "command",
)
# What a run finds out, as against what it was told: a second run of the same command replaces it.
# `config_sha` is among these: under a changed config the same command's row is replaced. So are
# what a benchmark chooses (`default`, `chosen`) and the targets that a mean is over.
MEASURED = frozenset(
    {"value", "low", "high", "p", "n", "vif", "config_sha", "versions", "machine", "date"}
    | {"default", "chosen", "targets"}
)


class ResultRows:
    """The rows of one file.

    path (str | Path): A `.jsonl` file, which need not exist yet.
    """

    def __init__(self, path: str | Path):
        self.path = Path(path)

    def read(self) -> list[Row]:
        """Read all rows.

        RETURNS (list[Row]): The rows in the order of the file; none where there is no file.
        RAISES: XnerError for a line that is no JSON object.
        """
        if not self.path.exists() or not self.path.stat().st_size:
            return []
        rows = []
        for number, line in enumerate(iter_lines(self.path), 1):
            if not line.strip():
                continue
            try:
                row = json.loads(line)
            except json.JSONDecodeError as err:
                raise XnerError(
                    f"{self.path}, line {number}: no JSON ({err}); expected one object a line. "
                    "Delete the line and run its benchmark again."
                ) from None
            if not isinstance(row, dict):
                raise XnerError(
                    f"{self.path}, line {number}: found {type(row).__name__}; expected an object."
                )
            rows.append(row)
        return rows

    def upsert(self, rows: Iterable[Mapping[str, Any]]) -> int:
        """Write rows; each takes the place of the row of the same identity, if there is one.

        The file is written anew under another name and renamed, so that whoever reads it, or kills
        the run, finds either the old file or the new one. Runs that write at once wait in turn.

        rows (Iterable[Mapping[str, Any]]): Rows, see `check_row`; none is written if one is wrong.
        RETURNS (int): How many rows were replaced.
        RAISES: XnerError for a row without the required keys.
        """
        new = [dict(row) for row in rows]
        for row in new:
            check_row(row)
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with _locked(self.path.parent):
            kept = {identity(row): row for row in self.read()}
            replaced = sum(identity(row) in kept for row in new)
            kept.update({identity(row): row for row in new})
            with atomic_write(self.path) as file:
                file.write("".join(_dump(row) + "\n" for row in kept.values()).encode("utf8"))
        return replaced

    def find(self, **keys: Any) -> list[Row]:
        """Read the rows that hold these values.

        keys (Any): Key and value, for example `target="hau", metric="f1"`.
        RETURNS (list[Row]): Matching rows in the order of the file.
        """
        return [
            row
            for row in self.read()
            if all(key in row and row[key] == value for key, value in keys.items())
        ]


def identity(row: Mapping[str, Any], ignore: Iterable[str] = ()) -> str:
    """Tell which measurement a row is: all its keys but those of `MEASURED`.

    row (Mapping[str, Any]): A row.
    ignore (Iterable[str]): Further keys to leave out.
    RETURNS (str): Canonical JSON of what identifies the row.
    """
    left_out = MEASURED | set(ignore)
    return _dump({key: value for key, value in row.items() if key not in left_out})


def check_row(row: Mapping[str, Any]) -> None:
    """Refuse a row that a reader of the results could not use.

    row (Mapping[str, Any]): A row.
    RAISES: XnerError where a required key is missing or holds something that it cannot mean.
    """
    needed = [*REQUIRED, *(REQUIRED_F1 if row.get("metric") == "f1" else ())]
    missing = sorted({key for key in needed if row.get(key) is None})
    if missing:
        raise XnerError(
            f"A result row of metric {row.get('metric')!r} lacks {', '.join(missing)}; expected "
            f"{', '.join(dict.fromkeys(needed))}. Found the keys {', '.join(sorted(row))}."
        )
    for key in ("value", "low", "high", "p"):
        number = row.get(key)
        if number is not None and not (_is_number(number) and math.isfinite(number)):
            raise XnerError(f"A result row has {key} = {number!r}; expected a finite number.")
    if row["metric"] == "f1" and not 0 <= row["value"] <= 100:
        raise XnerError(f"A result row has an f1 of {row['value']}; expected per cent, 0 to 100.")
    _check_choice(row, "benchmark", BENCHMARKS)
    _check_choice(row, "role", ROLES)
    _check_choice(row, "text", ("tokens", "raw"))
    if not isinstance(row.get("sources", []), (list, tuple)):
        raise XnerError(f"A result row has sources = {row['sources']!r}; expected a list.")
    _dump(row)


def _check_choice(row: Mapping[str, Any], key: str, choices: Sequence[str]) -> None:
    if key in row and row[key] not in choices:
        raise XnerError(
            f"A result row has {key} = {row[key]!r}; expected one of {', '.join(choices)}."
        )


def _is_number(value: Any) -> bool:
    return isinstance(value, Real) and not isinstance(value, bool)


def make_row(**keys: Any) -> Row:
    """Build a row: `versions`, `machine`, `date` and `command` are filled in unless given.

    keys (Any): The keys of the row; those that are None are left out.
    RETURNS (Row): The row, checked.
    RAISES: XnerError where a required key is missing, see `check_row`.
    """
    row = {key: value for key, value in keys.items() if value is not None}
    row.setdefault("versions", versions())
    row.setdefault("machine", machine())
    row.setdefault("date", datetime.datetime.now(datetime.timezone.utc).date().isoformat())
    row.setdefault("command", command_line())
    check_row(row)
    return row


def _dump(row: Mapping[str, Any]) -> str:
    return json.dumps(
        row, ensure_ascii=False, sort_keys=True, allow_nan=False, default=_plain_number
    )


def _plain_number(value: Any) -> Any:
    if isinstance(value, Real) and hasattr(value, "item"):
        return value.item()  # float32 of numpy
    raise XnerError(f"A result row holds {value!r}, which JSON cannot; expected plain values.")


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """Hold the folder while its files are read and written again."""
    try:
        import fcntl
    except ImportError:  # Windows: one run at a time, then.
        yield
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)
